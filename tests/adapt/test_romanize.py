from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from xlreach.adapt import Provenance, Recipe, check_encoder, fingerprint, input_transform
from xlreach.adapt import romanize as module
from xlreach.adapt.diagnostics import diagnose
from xlreach.adapt.pipeline import apply_step
from xlreach.errors import MissingExtraError, ModelError, SpecError

pytest.importorskip("uroman")

# Lines with numbers, punctuation and names, of languages in which a word is romanised without its neighbours.
BY_WORD = {
    "ug": "ئۇيغۇر تىلى 2019-يىلى، «مەكتەپ» دېگەن سۆز.",
    "ru": "Объект Юрия Щукина, 12 ёлок — съел!",
    "ar": "اللغة العربية في المدرسة، ١٢ كتابا.",
    "hi": "हिन्दी भाषा का विद्यालय, १२ पुस्तकें।",
    "ur": "اردو زبان کا مدرسہ، ۱۲ کتابیں۔",
    "mt": "Il-ħabbar qal li jieħdu ż-żgħir.",
}


@pytest.fixture(scope="module")
def uroman():
    return module._romanizer()


@pytest.mark.parametrize("language", BY_WORD)
def test_word_by_word_is_exact(language: str, uroman) -> None:
    line = BY_WORD[language]
    assert module.by_word(line) == module.by_line(line) == uroman.romanize_string(line)
    assert module.words_suffice([line])


def test_where_words_depend_on_neighbours_it_is_noticed(uroman) -> None:
    line = "你好。 世界"  # the space that the full stop becomes is not doubled before another
    assert not module.words_suffice([line])
    assert module.by_line(line) == uroman.romanize_string(line)


@pytest.mark.corpora
@pytest.mark.parametrize("code", ["uig", "rus", "arb", "hin", "urd", "mlt"])
def test_word_by_word_is_exact_on_text(code: str, corpora_root: Path) -> None:
    path = corpora_root / "parallel" / "ntrex128" / "NTREX-128" / f"newstest2019-ref.{code}.txt"
    assert module.words_suffice(path.read_text("utf-8-sig").splitlines()[:60])


def test_the_recipe_reads_romanised_text_throughout(xlmr: Path, job, texts: dict[str, Path]) -> None:
    source, jobs = xlmr, []
    for step in Recipe.parse("translit(uroman)+va(20)+lapt(epochs=1,batch=8,max_length=32)").steps:
        jobs.append(job("ka"))
        apply_step(step, source, jobs[-1])
        source = jobs[-1].out
    told = Provenance.read(source)
    assert told.input == "uroman:word" and told.steps[0]["exact_by_word"] == {"ka": True}
    assert all(piece.lstrip("▁").isascii() for piece in told.new_pieces)
    transform = input_transform(source)
    assert transform("გადა მებისუ.") == "gada mebisu."
    lines = texts["ka"].read_text("utf-8").splitlines()
    assert diagnose(source, lines)["unk_words"] == 0
    plain = Tokenizer.from_file(str(source / "tokenizer.json"))
    assert plain.encode(transform("გადა")).ids != plain.encode("გადა").ids
    assert "transliterated first" in (source / "README.md").read_text("utf-8")


def test_who_does_not_romanise_is_refused(xlmr: Path, job) -> None:
    work = job("ka")
    apply_step(Recipe.parse("translit(uroman)").steps[0], xlmr, work)
    with pytest.raises(ModelError, match="uroman"):
        check_encoder(work.out)
    check_encoder(work.out, transforms=True)
    plain = job("ka")
    apply_step(Recipe.parse("none").steps[0], xlmr, plain)
    check_encoder(plain.out)
    assert fingerprint(work.out) != fingerprint(plain.out)
    assert input_transform(plain.out)("გადა") == "გადა"


def test_without_uroman_the_extra_is_named(xlmr: Path, job, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    module._romanizer.cache_clear()
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(MissingExtraError, match=r"xlreach\[uroman\]"):
        apply_step(Recipe.parse("translit(uroman)").steps[0], xlmr, job("ka"))


def test_it_prints_back() -> None:
    assert str(Recipe.parse("translit(table=uroman)")) == "translit(uroman)"
    with pytest.raises(SpecError):
        Recipe.parse("translit(uroman,1)")


def test_icu_rules(xlmr: Path, job) -> None:
    icu = pytest.importorskip("icu")
    work, after = job("ka"), job("ka")
    apply_step(Recipe.parse("translit(icu:Any-Latin)").steps[0], xlmr, work)
    assert Provenance.read(work.out).input == "icu:Any-Latin"
    rules = icu.Transliterator.createInstance("Any-Latin")
    for text in ("გადა მებისუ.", "Привет", "ascii", ""):
        assert input_transform(work.out)(text) == rules.transliterate(text)
    with pytest.raises(ModelError, match="icu:Any-Latin"):
        check_encoder(work.out)
    apply_step(Recipe.parse("va(20)").steps[0], work.out, after)
    assert any(piece.lstrip("▁").isascii() for piece in Provenance.read(after.out).new_pieces)
    with pytest.raises(ModelError, match=r"no transliterator 'Any-Latinn'.*Any-Latin"):
        apply_step(Recipe.parse("translit(icu:Any-Latinn)").steps[0], xlmr, job("ka"))
    with pytest.raises(ModelError, match="already"):
        apply_step(Recipe.parse("translit(icu:Cyrillic-Latin)").steps[0], work.out, job("ka"))


def test_without_icu_the_extra_is_named(xlmr: Path, job, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    module._icu_rules.cache_clear()
    monkeypatch.setitem(sys.modules, "icu", None)
    with pytest.raises(MissingExtraError, match=r"libicu-dev.*xlreach\[icu\]"):
        apply_step(Recipe.parse("translit(icu:Any-Latin)").steps[0], xlmr, job("ka"))


def test_the_text_itself_stays(xlmr: Path, job, texts: dict[str, Path]) -> None:
    before = texts["ka"].read_bytes()
    work, after = job("ka"), job("ka")
    apply_step(Recipe.parse("translit(uroman)").steps[0], xlmr, work)
    read = module.with_input_of(work.out, after).text["ka"]
    assert read.read_text("utf-8").isascii() and read.is_relative_to(after.checkpoint)
    assert texts["ka"].read_bytes() == before
