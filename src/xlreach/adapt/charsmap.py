"""A table of replacements as few normalizers of `tokenizer.json`, so that it costs next to nothing.

One `Replace` per entry goes through the text as often as the table has entries. `Precompiled`, which SentencePiece's
tokenizers carry anyway, looks up all characters in one pass. It goes by grapheme, though: a letter that carries a mark
is replaced together with its mark, and a key of several letters is never met. So a character that `Precompiled` drops
is put before all marks first (looking at one character is much cheaper than asking for the bounds of graphemes), and
keys of several letters keep their `Replace`, but for the last ones where all that they do is to drop a first letter:
that letter becomes such a character too, by the same regular expression.

The format of `precompiled_charsmap` is SentencePiece's: the size of a trie in bytes, the trie as a double array in
Darts-clone's layout (Yata et al. 2007), and the replacements, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from tokenizers import Regex, normalizers

_BETWEEN = "\ufff9"  # breaks graphemes; text has no business holding it
# What may join the letter before it: marks, joiners, Thai and Lao AM, voiced marks of half width, skin tones, tags.
_MARKS = r"\p{M}\x{200c}\x{200d}\x{e33}\x{eb3}\x{ff9e}\x{ff9f}\x{1f3fb}-\x{1f3ff}\x{e0020}-\x{e007f}"
_AFTER = ("a", "\n", "\u1161", "\u11a8")  # what is no mark, and yet makes a grapheme with some character before it
_LEAF, _VALUE = 1 << 8, 1 << 31


def replacing_normalizers(table: Mapping[str, str]) -> list[dict[str, Any]]:
    """Normalizers that together do what replacing one key after the other does, longest first.

    Args:
        table: No replacement holds a key that comes after its own.
    """
    order = sorted((key for key in table if table[key] != key), key=lambda key: (-len(key), key))
    several = [key for key in order if len(key) > 1]
    single = {key: table[key] for key in order if len(key) == 1}
    dropped = _first_letter_dropped(several, table)
    steps = [_replace({"String": key}, table[key]) for key in several[: len(several) - len(dropped)]]
    places = [f"{_one_of(dropped[0][0])}(?={_one_of(key[1] for key in dropped)})"] if dropped else []
    if single:
        # Not at the beginning: what is put there is not seen by the normalizers that follow.
        places.append(rf"(?=[{_MARKS}])(?!\A)")
        if joining := [key for key in single if _joins(key)]:
            places.append(rf"(?<={_one_of(joining)})\Y")
    if len(places) == 2 and dropped:  # most characters are neither: one look tells
        places = [rf"(?=[\x{{{ord(dropped[0][0]):x}}}{_MARKS}])(?:{'|'.join(places)})"]
    if places:
        steps.append(_replace({"Regex": "|".join(places)}, _BETWEEN if single else ""))
    if single:
        steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap({**single, _BETWEEN: ""})})
    return steps


def charsmap(table: Mapping[str, str]) -> str:
    """Replacements in the form of `precompiled_charsmap`, in base64; no key or value holds a zero byte."""
    blob, starts = bytearray(), {}
    for value in sorted(set(table.values())):
        starts[value] = len(blob)
        blob += value.encode() + b"\0"
    trie = _double_array({key.encode(): starts[value] for key, value in table.items()})
    packed = struct.pack(f"<I{len(trie)}I", 4 * len(trie), *trie)
    return base64.b64encode(packed + bytes(blob)).decode("ascii")


def _first_letter_dropped(several: list[str], table: Mapping[str, str]) -> list[str]:
    """The last of the keys, if they are one and the same letter before letters that come out the same without it."""
    dropped: list[str] = []
    for key in reversed(several):
        alike = len(key) == 2 and key[0] == several[-1][0] and table.get(key[1]) == table[key]
        if not alike:
            break
        dropped.append(key)
    return dropped


def _joins(character: str) -> bool:
    """Whether it makes a grapheme with something behind it that is no mark: parts of Hangul, flags, prepended signs."""
    show = normalizers.Replace(Regex(r"\Y"), "|")
    return any("|" in show.normalize_str(character + after) for after in (*_AFTER, character))


def _replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _one_of(characters: Any) -> str:
    return "[" + "".join(rf"\x{{{ord(character):x}}}" for character in characters) + "]"


def _double_array(keys: Mapping[bytes, int]) -> list[int]:
    """A trie in which the child by byte `b` of a node with base `B` is unit `B ^ b`, and its value is unit `B`.

    A unit holds the byte that leads to it, whether a key ends there, and how its own place differs from its base. A
    child tells its parent by that byte alone, so no two nodes may have one base.
    """
    tree: dict[Any, Any] = {}
    for key, value in keys.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    units: dict[int, int] = {0: 0}
    taken: set[int] = set()
    waiting = [(0, tree)]
    while waiting:
        place, node = waiting.pop(0)
        labels = [0 if byte is None else byte for byte in node]
        base = 1
        while base in taken or any(base ^ label in units for label in labels):
            base += 1
        taken.add(base)
        units[place] |= (place ^ base) << 10 | (_LEAF if None in node else 0)
        for byte, below in node.items():
            if byte is None:
                units[base] = _VALUE | below
            else:
                units[base ^ byte] = byte
                waiting.append((base ^ byte, below))
    size = (max([*units, *taken]) | 0xFF) + 1  # whatever byte comes next, its unit is there
    return [units.get(place, 0) for place in range(size)]
