from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, normalizers

from xlreach.adapt import Provenance, Recipe
from xlreach.adapt import transliterate as module
from xlreach.adapt.transliterate import built_in_tables, read_table, transliterating
from xlreach.errors import DataError

# Worked by hand from the published table.
UYGHUR = {
    "ئۇيغۇر تىلى": "uyğur tili",
    "ئالما، ئانا؟": "alma, ana?",
    "مەكتەپ ۱۲": "mektep 12",
    "\ufee3\ufeea": "mە".replace("ە", "ه"),  # presentation forms come under NFKC; U+0647 stays, as published
    "دېڭىز": "dëngiz",
    "چۈش": "çüş",
}
MARI = {"Марий Эл": "Marij El", "йӱд": "jӱd", "щука": "schuka", "Юл": "Jul", "объект": "ob'ekt"}


def _normalized(tokenizer: dict, text: str) -> str:
    return Tokenizer.from_str(json.dumps(tokenizer)).normalizer.normalize_str(text)


@pytest.mark.parametrize(("code", "golden"), [("ug", UYGHUR), ("mhr", MARI)])
def test_built_in_tables(code: str, golden: dict[str, str]) -> None:
    language, table = read_table(built_in_tables()[code])
    assert language == code
    tokenizer = transliterating({"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]",
        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}, "added_tokens": []}, table)  # fmt: skip
    for native, latin in golden.items():
        assert _normalized(tokenizer, native) == latin


@pytest.fixture
def georgian(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "transliteration"
    folder.mkdir(parents=True)
    letters = dict(zip("გადმებისულორთ", "gadmebisulort", strict=True))
    path = folder / "ka.yaml"
    path.write_text(json.dumps({"language": "ka", "table": letters}), "utf-8")
    return path


@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_plain_libraries_transliterate(family: str, georgian: Path, job, request: pytest.FixtureRequest) -> None:
    from sentence_transformers import SentenceTransformer
    from transformers import AutoTokenizer

    base = request.getfixturevalue(family)
    work = job("ka", "mt", tables={read_table(georgian)[0]: georgian})
    Recipe.parse("translit").steps[0].apply(base, work)
    plain, before = AutoTokenizer.from_pretrained(work.out), AutoTokenizer.from_pretrained(base)
    native, latin = ["გადა მებისუ.", "ლორა"], ["gada mebisu.", "lora"]
    assert plain(native)["input_ids"] == plain(latin)["input_ids"]
    assert plain(native)["input_ids"] != before(native)["input_ids"]
    encoder = SentenceTransformer(str(work.out), device="cpu")
    np.testing.assert_allclose(encoder.encode(native), encoder.encode(latin), atol=1e-6)
    reference = SentenceTransformer(str(base), device="cpu")  # for a base without modules: plain mean pooling
    reference_vectors = reference.encode(latin, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(native), reference_vectors, atol=1e-5)
    told = Provenance.read(work.out)
    assert told.transliterated == ("ka",) and any("mt is already written in Latin" in w for w in told.warnings)
    assert (work.out / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()


def test_then_new_pieces_are_latin(xlmr: Path, georgian: Path, job) -> None:
    first, second = job("ka", tables={"ka": georgian}), job("ka")
    Recipe.parse("translit(ka)").steps[0].apply(xlmr, first)
    Recipe.parse("va(20)").steps[0].apply(first.out, second)
    told = Provenance.read(second.out)
    assert told.recipe == ("translit(ka)", "va(20)") and told.transliterated == ("ka",)
    assert all(piece.isascii() for piece in "".join(told.new_pieces).split("▁"))


def test_a_table_by_path(xlmr: Path, georgian: Path, job) -> None:
    step = Recipe.parse(f'translit("{georgian}")').steps[0]
    assert step.files() == (georgian,)
    work = job("ka")
    step.apply(xlmr, work)
    assert Provenance.read(work.out).transliterated == ("ka",)


def test_a_script_without_table_is_refused(xlmr: Path, job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"'ka'.*xlreach\[uroman\]"):
        Recipe.parse("translit").steps[0].apply(xlmr, job("ka"))
    with pytest.raises(DataError, match="no transliteration table 'kaa'"):
        Recipe.parse("translit(kaa)").steps[0].apply(xlmr, job("ka"))


SAMPLES = {
    "ru": "Съешь ещё этих мягких булок.\n",
    "ur": "ارریلے کا اعلان کیا گیا ہے۔\n",
    "mt": "Il-ħabbar żgħir.\n",
    "mhr": "Марий калык.\n",
    "ka": "გადა მებისუ.\n",
}


@pytest.mark.parametrize(
    ("languages", "said", "transliterated", "wanted"),
    [
        (["ru", "mt"], ["mt is already written in Latin script", "ru by the table of the script Cyrl"], ("Cyrl",), ""),
        (["ur"], ["ur by the table of the script Arab"], ("Arab",), ""),
        (["mhr"], ["mhr by its table"], ("mhr",), ""),
        (["ka", "mt"], ["ka by uroman", "mt is already written in Latin", "uroman is used for all"], (), "uroman:word"),
    ],
)
def test_auto_picks_by_language_and_says_what(
    xlmr: Path, job, tmp_path: Path, languages: list[str], said: list[str], transliterated: tuple, wanted: str
) -> None:
    work = job()
    for code in languages:
        (tmp_path / f"{code}.txt").write_text(SAMPLES[code], "utf-8")
    work.text = {code: tmp_path / f"{code}.txt" for code in languages}
    Recipe.parse("translit(auto)").steps[0].apply(xlmr, work)
    told = Provenance.read(work.out)
    assert told.transliterated == transliterated and told.input == wanted
    assert all(any(one in warning for warning in told.warnings) for one in said)
    if transliterated:
        normal = _normalized(json.loads((work.out / "tokenizer.json").read_text("utf-8")), SAMPLES[languages[0]])
        assert all(unicodedata.name(c).startswith("LATIN") for c in normal if c.isalpha())


@pytest.mark.parametrize("script", ["Cyrl", "Arab"])
def test_script_tables_leave_no_common_letter(script: str) -> None:
    _, table = read_table(built_in_tables()[script])
    common = {
        "Cyrl": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
        "Arab": "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىآأإؤئءپچژگیکےںٹڈڑھہ۔،؟",
    }[script]
    assert not [letter for letter in common if letter not in table]
    assert all(not value or value.isascii() or value.isalpha() for value in table.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "Not a transliteration table"),
        ("{language: xx, table: {a: 1}}", "Not a transliteration table"),
        ("{language: xx, table: {a: b, b: c}}", "by 'C'"),
        ("{language: xx, table: {ﻣ: m, م: n}}", "twice"),
        ("{language: xx, table: [", "Not YAML"),
    ],
)
def test_wrong_tables(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "xx.yaml"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        read_table(path)


def test_longest_first_and_capitals(tmp_path: Path) -> None:
    path = tmp_path / "xx.yaml"
    path.write_text("{language: xx, table: {ш: sh, шч: šč}}", "utf-8")
    _, table = read_table(path)
    tokenizer = transliterating({"normalizer": json.loads(_lower())}, table)
    steps = tokenizer["normalizer"]["normalizers"]
    assert [s["pattern"].get("String") for s in steps if s["type"] == "Replace"] == ["Шч", "шч", None]
    assert steps[0] == {"type": "NFKC"} and steps[-1] == {"type": "Lowercase"}
    del steps[-1]
    tokenizer |= {"model": {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 0}, "added_tokens": []}
    assert _normalized(tokenizer, "шчШЧ ШчшШ") == "ščShЧ ŠčshSh"


def _lower() -> str:
    return json.dumps({"type": "Sequence", "normalizers": [{"type": type(normalizers.Lowercase()).__name__}]})


def test_auto_spares_an_encoder_only_where_all_text_is_in_latin_script_and_has_no_table(tmp_path: Path) -> None:
    def lines(*languages: str) -> dict[str, list[str]]:
        return {code: SAMPLES[code].splitlines() for code in languages}

    auto, named = (Recipe.parse(text).steps[0] for text in ("translit(auto)", "translit(Cyrl)"))
    assert auto.spares(lines("mt"), {})
    assert not auto.spares(lines("mt", "ru"), {})
    assert not auto.spares(lines("mhr"), {})
    assert not auto.spares(lines("mt"), {"mt": tmp_path / "mt.yaml"}), "the data bring a table for it"
    assert not named.spares(lines("mt"), {})
