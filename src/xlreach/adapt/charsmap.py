"""A table of replacements as a few normalizers of `tokenizer.json`, so that it costs almost no time.

One `Replace` per entry reads the text as often as the table has entries. `Precompiled`, which SentencePiece's
tokenizers use anyway, looks up all characters in one pass. But it works on graphemes: it replaces a letter with its
marks, and never finds a key of several letters. So a character that `Precompiled` deletes is inserted before all marks
first (testing one character is much cheaper than finding the bounds of graphemes). Keys of several letters keep their
`Replace`, except the last ones if they only delete a first letter: that letter becomes such a character too, by the
same regular expression.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece.sentencepiece_model_pb2 import NormalizerSpec  # type: ignore[attr-defined]  # built on import
from tokenizers import Regex, normalizers

_BETWEEN = "\ufff9"  # separates graphemes; never occurs in text
# What may join the letter before it: marks, joiners, Thai and Lao AM, voiced marks of half width, skin tones, tags.
_MARKS = r"\p{M}\x{200c}\x{200d}\x{e33}\x{eb3}\x{ff9e}\x{ff9f}\x{1f3fb}-\x{1f3ff}\x{e0020}-\x{e007f}"
_AFTER = ("a", "\n", "\u1161", "\u11a8")  # not marks, but one grapheme with some character before them


def replacing_normalizers(table: Mapping[str, str]) -> list[dict[str, Any]]:
    """Normalizers that together replace one key after the other, the longest first.

    Args:
        table: No replacement may contain a key that comes after its own.
    """
    order = replacement_order(table)
    several = [key for key in order if len(key) > 1]
    single = {key: table[key] for key in order if len(key) == 1}
    dropped = _first_letter_dropped(several, table)
    steps = [_replace({"String": key}, table[key]) for key in several[: len(several) - len(dropped)]]
    patterns = [f"{_any_of(dropped[0][0])}(?={_any_of(key[1] for key in dropped)})"] if dropped else []
    if single:
        # Not at the beginning: later normalizers do not see what is inserted there.
        patterns.append(rf"(?=[{_MARKS}])(?!\A)")
        if joining := [key for key in single if _joins(key)]:
            patterns.append(rf"(?<={_any_of(joining)})\Y")
    if len(patterns) == 2 and dropped:  # one test excludes most characters
        patterns = [rf"(?=[\x{{{ord(dropped[0][0]):x}}}{_MARKS}])(?:{'|'.join(patterns)})"]
    if patterns:
        steps.append(_replace({"Regex": "|".join(patterns)}, _BETWEEN if single else ""))
    if single:
        steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap({**single, _BETWEEN: ""})})
    return steps


def replacement_order(table: Mapping[str, str]) -> list[str]:
    """The keys in the order in which they are replaced: the longest first."""
    return sorted((key for key in table if table[key] != key), key=lambda key: (-len(key), key))


def charsmap(table: Mapping[str, str]) -> str:
    """Encodes replacements of single characters as `precompiled_charsmap`, in base64; SentencePiece compiles them."""
    rules = ((" ".join(f"{ord(character):X}" for character in side) for side in entry) for entry in table.items())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.tsv"
        file.write_text("".join("\t".join(rule) + "\n" for rule in rules), "utf-8")
        sentencepiece.set_min_log_level(2)  # it would report each step
        normalizer = sentencepiece.SentencePieceNormalizer(rule_tsv=str(file))
    spec = NormalizerSpec.FromString(normalizer.serialized_normalizer_spec())
    return base64.b64encode(spec.precompiled_charsmap).decode("ascii")


def _first_letter_dropped(several: list[str], table: Mapping[str, str]) -> list[str]:
    """The last keys, as far as they are one same letter followed by a letter that is replaced the same without it."""
    dropped: list[str] = []
    for key in reversed(several):
        only_drops = len(key) == 2 and key[0] == several[-1][0] and table.get(key[1]) == table[key]
        if not only_drops:
            break
        dropped.append(key)
    return dropped


def _joins(character: str) -> bool:
    """Whether it forms a grapheme with a following character that is not a mark (Hangul, flags, prepended signs)."""
    show = normalizers.Replace(Regex(r"\Y"), "|")
    return any("|" in show.normalize_str(character + after) for after in (*_AFTER, character))


def _replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _any_of(characters: Any) -> str:
    return "[" + "".join(rf"\x{{{ord(character):x}}}" for character in characters) + "]"
