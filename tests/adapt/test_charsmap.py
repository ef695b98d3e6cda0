from __future__ import annotations

import json
import random
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from xlreach.adapt.charsmap import replacing_normalizers
from xlreach.adapt.transliterate import built_in_tables, read_table, transliterating

# Letters of one to four bytes, marks that join them, and what else makes graphemes.
ALPHABET = [*"abcdшчéئابە𐐀𐐁", *"\u0301\u064e\u200d\u0308", " ", "\n", "가", "😀", "\U0001f3fb", "\u0600"]
ALPHABET += [*"\r\u1100\u1161\u0e33\u0915\u094d\u200c\U0001f1e6"]
KEYS = [*(c for c in ALPHABET if c.isalpha()), *"\r\u064e\u0600\u094d\u200d\U0001f1e6"]


def _by_python(table: dict[str, str], text: str) -> str:
    for key in sorted(table, key=lambda key: (-len(key), key)):
        text = text.replace(key, table[key])
    return text


def _normalizer(table: dict[str, str]):
    steps = {"type": "Sequence", "normalizers": replacing_normalizers(table)}
    model = {"type": "WordPiece", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    model |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    return Tokenizer.from_str(json.dumps({"model": model, "added_tokens": [], "normalizer": steps})).normalizer


@pytest.mark.parametrize("seed", range(60))
def test_random_tables(seed: int) -> None:
    rng = random.Random(seed)
    outputs = ["", "x", "yz", "ö", "ng", "𝄞", "q'"]
    table = {key: rng.choice(outputs) for key in rng.sample(KEYS, rng.randint(1, 9))}
    for _ in range(rng.randint(0, 4)):
        key = "".join(rng.choices(KEYS, k=rng.randint(2, 3)))
        table[key] = rng.choice([*outputs, table.get(key[1:], "x")])
    if seed % 2:  # a letter that is dropped before others, as the carrier of hamza is
        first = rng.choice(KEYS)
        table |= {first + key: table[key] for key in list(table) if len(key) == 1 and rng.random() < 0.7}
    normalizer = _normalizer(table)
    for _ in range(50):
        text = "".join(rng.choices(ALPHABET, k=rng.randint(0, 20)))
        assert normalizer.normalize_str(text) == _by_python(table, text), (table, ascii(text))


def test_keys_of_one_dropped_letter_are_one_step() -> None:
    table = {"ئا": "a", "ئە": "e", "ا": "a", "ە": "e", "ب": "b"}
    assert [step["type"] for step in replacing_normalizers(table)] == ["Replace", "Precompiled"]
    normalizer = _normalizer(table)
    assert normalizer.normalize_str("ئابئئەئب") == "abئeئb"
    assert replacing_normalizers({"a": "a"}) == []


def test_large_tables_and_hostile_letters() -> None:
    table = {chr(0x4E00 + i): f"<{i}>" for i in range(700)} | dict.fromkeys(r"[]^-\&.*", "!")
    text = "".join(table) + "丁\u0301^\u0301 z"
    assert _normalizer(table).normalize_str(text) == _by_python(table, text)


@pytest.mark.parametrize(("code", "native", "again"), [("ug", "ug", False), ("mhr", "bg", True)])
@pytest.mark.corpora
def test_the_built_in_tables_on_text(code: str, native: str, again: bool, corpora_root: Path) -> None:
    """All of the text: the native script, and others that the tables must leave alone."""
    _, table = read_table(built_in_tables()[code])
    own, ours = _xlmr(corpora_root, table)
    for line in (corpora_root / "raw" / "lapt9" / f"{native}.txt").read_text("utf-8").splitlines():
        as_published = _by_python(table, unicodedata.normalize("NFKC", line))
        assert ours.normalize_str(line) == own.normalize_str(as_published)
    folder, letters = corpora_root / "parallel" / "ntrex128" / "NTREX-128", set("".join(table))
    for other in ("uig", "rus", "arb", "urd", "hin", "deu", "vie", "yor"):
        for line in (folder / f"newstest2019-ref.{other}.txt").read_text("utf-8-sig").splitlines()[:500]:
            base = own.normalize_str(line)
            expected = _by_python(table, base)
            assert ours.normalize_str(line) == (own.normalize_str(expected) if again else expected)
            assert not letters.isdisjoint(base) or ours.normalize_str(line) == base


@pytest.mark.corpora
def test_marks_join_with_replacements_where_the_script_has_such_marks(corpora_root: Path) -> None:
    """A stressed Cyrillic letter has no code point of its own; its transliteration has."""
    hidden = ("ug", "\ufe81\ufb57\u064a\u0654", "\u0622p\u0626")  # in presentation forms, and a letter and its mark
    for code, text, expected in (("Cyrl", "ма\u0301ма", "m\u00e1ma"), hidden):
        _, table = read_table(built_in_tables()[code])
        assert _xlmr(corpora_root, table)[1].normalize_str(text) == expected


@pytest.mark.corpora
def test_a_table_of_what_sentencepiece_rewrites_comes_after_nfkc(corpora_root: Path) -> None:
    """XLM-R's rules turn a line separator into a blank, which NFKC does not."""
    assert _xlmr(corpora_root, {"\u2028": "|"})[1].normalize_str("a\u2028b") == "a|b"


def _xlmr(root: Path, table: dict[str, str]):
    """The normalizers of XLM-R's tokenizer without and with the table."""
    path = root / "tokenizer" / "xlmr" / "tokenizer.rebuilt.json"
    base = json.loads(path.read_text("utf-8"))
    return [Tokenizer.from_str(json.dumps(one)).normalizer for one in (base, transliterating(base, table))]
