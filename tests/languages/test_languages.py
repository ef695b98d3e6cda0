from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.errors import DataError, XLReachError
from xlreach.languages import canonical_code, extend_languages, get_language, known_languages, table


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "_extended", dict(table._extended))
    yield
    get_language.cache_clear()


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *[(code, "mt") for code in ("mt", "mlt", "MLT", "mlt_Latn", "mt-Latn", " mt ")],
        *[(code, "ar") for code in ("arb", "ara", "ar", "arb_Arab")],
        *[(code, "sw") for code in ("swh", "swa", "sw", "swh_Latn")],
        *[(code, "zh") for code in ("cmn", "zh", "zho", "zho-CN", "zh-CN", "zho_Hans", "zh-Hans")],
        *[(code, "zh-Hant") for code in ("zho-TW", "zho_Hant", "zh_TW")],
        *[(code, "yue") for code in ("yue", "zh-yue")],
        *[(code, "nb") for code in ("no", "nor", "nob", "nb")],
        *[(code, "tl") for code in ("tl", "tgl", "fil")],
        ("nno", "nn"), ("kmr", "ku"), ("ckb-Arab", "ckb"), ("arz", "arz"), ("mhr", "mhr"), ("twi", "tw"),
        ("srp-Latn", "sr-Latn"), ("srp-Cyrl", "sr"), ("aze-Latn", "az"), ("por-BR", "pt-BR"), ("eng-US", "en-US"),
        ("hin_Latn", "hi-Latn"), ("iw", "he"), ("npi", "ne"), ("gsw-ZH", "gsw-ZH"), ("qaa", "qaa"),
        ("xyz", None), ("en_ewt_x", None), ("", None), ("README", None), ("qaa-Latn", None), ("e", None),
    ],
)  # fmt: skip
def test_code(written, code):
    assert canonical_code(written) == code


@pytest.mark.corpora
def test_codes_of_ntrex_stay_apart(corpora_root):
    names = (corpora_root / "parallel/ntrex128/LANGUAGES.tsv").read_text("utf-8").split("\n")
    codes = [canonical_code(line.split()[0]) for line in names if line.strip()]
    assert None not in codes
    assert len(set(codes)) == len(codes) == 129


def test_facts_of_the_seed_languages():
    # Joshi class, CC-100 tokens (M), Wikipedia tokens, mBERT: papers by Joshi, Conneau; mayhewsw's tables.
    expected = {
        "be": (3, 362, 34_304_304, True), "bg": (3, 5487, 71_857_586, True), "ga": (2, 86, 6_182_079, True),
        "mhr": (1, 0, 708_616, False), "mt": (2, 0, 1_754_341, False), "ug": (1, 27, 2_864_792, False),
        "ur": (3, 730, 22_157_310, True), "vi": (4, 24757, 180_247_477, True), "wo": (2, 0, 615_141, False),
    }  # fmt: skip
    for code, facts in expected.items():
        one = get_language(code)
        assert (one.joshi_class, one.cc100_tokens_m, one.wikipedia_tokens, one.in_mbert) == facts
        assert one.in_xlmr == (facts[1] > 0)
    assert get_language("ug").script == "Arab" and get_language("ug").name == "Uyghur"
    assert get_language("zh").cc100_tokens_m == 259 + 176 and get_language("zho-TW").cc100_tokens_m == 176


def test_joshi_classes_are_complete():
    # Without the made-up languages that other tests of this process may have added.
    rows = [one for one in known_languages() if len(one.code) <= 3 and not "qaa" <= one.code <= "qtz"]
    sizes = [sum(one.joshi_class == level for one in rows) for level in range(6)]
    # 201 in the list of class 1; `eml` among them is retired from ISO 639-3.
    assert sizes[1:] == [200, 18, 28, 18, 7]


def test_unlisted_language_is_class_0_and_absent():
    one = get_language("zza")
    assert (one.joshi_class, one.cc100_tokens_m, one.in_mbert, one.in_xlmr) == (0, 0, False, False)


def test_other_script_is_unknown_not_inherited():
    one = get_language("srp-Latn")
    assert one.joshi_class == 4
    assert one.cc100_tokens_m is None and one.in_xlmr is None and one.in_mbert is None


def test_english_name():
    assert get_language("Urdu").code == "ur"


@pytest.mark.parametrize(("written", "hint"), [("Maltesse", "'mt' (Maltese)"), ("mlz_Latn2", "'mlt'"), ("qbb", "YAML")])
def test_unknown_names_the_nearest(written, hint):
    with pytest.raises(XLReachError, match=r"Unknown language") as caught:
        get_language(written)
    assert hint in str(caught.value)


def test_extend(tmp_path: Path):
    path = tmp_path / "languages.yaml"
    path.write_text(
        "qaa: {name: Avelan, script: Latn, joshi_class: 1, cc100_tokens_m: 0}\n"
        "wo: {wikipedia_tokens: 5}\n"
        "no: {name: N}\n",
        "utf-8",
    )
    assert [one.code for one in extend_languages(path)] == ["qaa", "wo", "nb"]
    assert get_language("qaa").name == "Avelan"
    assert get_language("qaa").in_xlmr is False and get_language("qaa").in_mbert is None
    assert get_language("wol").wikipedia_tokens == 5 and get_language("wol").joshi_class == 2
    assert "qaa" in [one.code for one in known_languages()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- mt\n", "mapping of codes"),
        ("", "mapping of codes"),
        ("a: [", "Not YAML"),
        ("qaa: {name: X}\n", "lacks script"),
        ("zz: {name: X}\n", "no language code"),
        ("mt: 3\n", "Expected a mapping"),
        ("mt: {speakers: 3}\n", "unknown fact 'speakers'"),
        ("mt: {joshi_class: two}\n", "whole number"),
        ("mt: {joshi_class: 6}\n", "Out of range"),
        ("mt: {in_mbert: 1}\n", "true or false"),
        ("mt: {wikipedia_tokens: true}\n", "whole number"),
    ],
)
def test_bad_extension(tmp_path: Path, text, message):
    path = tmp_path / "languages.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=message) as caught:
        extend_languages(path)
    assert caught.value.path == path


def test_missing_extension(tmp_path: Path):
    with pytest.raises(DataError, match="Cannot be read"):
        extend_languages(tmp_path / "no.yaml")
