"""Sounds and letters: seeded random streams, syllables, sound laws, and scripts that write a sound by one letter.

A word is kept as a string of sounds, one character each, written as the Latin orthography of the family writes it; so
Latin is the identity, and any other script is a one-to-one table. A table applied backwards gives the Latin spelling
exactly: a word's script can be changed without changing the word.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

SOUNDS = "abcčdefghijklmnoprsštuvyzž"
VOWELS = "aeiouy"
FRONT = "eiy"
VOICELESS = "pftksščch"

# Order of the letters: as in SOUNDS.
_LETTERS = {
    "Latn": SOUNDS,
    "Cyrl": "абцчдефгхијклмнопрсштувызж".replace("ј", "й"),
    "Armn": "աբցչդեֆգհիյկլմնոպրսշտւվըզժ",
    "Geor": "აბცჩდეფგჰიჯკლმნოპრსშტუვყზჟ",
    "Glag": "ⰰⰱⱌⱍⰴⰵⱇⰳⱈⰻⰹⰽⰾⰿⱀⱁⱂⱃⱄⱎⱅⱆⰲⱏⰸⰶ",
}
_WITHOUT_CASE = ("Geor",)


def stream(seed: int, *names: object) -> random.Random:
    """A random stream of its own for every purpose, so that drawing more from one changes no other."""
    return random.Random("/".join(map(str, (seed, *names))))


class Script:
    """A script by its ISO 15924 code."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.cased = code not in _WITHOUT_CASE
        self._table = str.maketrans(SOUNDS, _LETTERS[code])

    def write(self, sounds: str) -> str:
        """A word in this script, in small letters."""
        return sounds.translate(self._table)

    def capital(self, form: str) -> str:
        """A written word with a capital, in a script that has them."""
        return form[:1].upper() + form[1:] if self.cased else form

    def romanisation(self) -> dict[str, str]:
        """Each letter, capitals too, with the Latin letter for the same sound."""
        table = dict(zip(_LETTERS[self.code], SOUNDS, strict=True))
        if self.cased:
            table |= {letter.upper(): sound.upper() for letter, sound in table.items()}
        return table


@dataclass(frozen=True)
class Phonotactics:
    """What the words of one stock sound like; an element that occurs twice is twice as frequent."""

    onsets: tuple[str, ...]  # beginnings of syllables
    nuclei: str  # vowels
    codas: tuple[str, ...]  # ends of syllables; the empty one makes them open
    closed: bool = True  # whether the last syllable of a content word tends to be closed

    def word(self, rng: random.Random, syllables: int) -> str:
        """A word of so many syllables."""
        parts = []
        for position in range(syllables):
            last = position == syllables - 1
            coda = rng.choice(self.codas) if last or rng.random() < 0.3 else ""
            if last and self.closed and not coda and rng.random() < 0.5:
                coda = rng.choice(self.codas)
            parts.append(rng.choice(self.onsets) + rng.choice(self.nuclei) + coda)
        return _without_doubles("".join(parts))


class SoundLaws:
    """Regular sound change: pairs of (regular expression, replacement), applied in order to every word."""

    def __init__(self, laws: tuple[tuple[str, str], ...]) -> None:
        self._laws = tuple((re.compile(pattern), replacement) for pattern, replacement in laws)

    def __call__(self, sounds: str) -> str:
        """The word as the daughter language has it; never empty."""
        changed = sounds
        for pattern, replacement in self._laws:
            changed = pattern.sub(replacement, changed)
        return _without_doubles(changed) or sounds


def slip(sounds: str, rng: random.Random) -> str:
    """The word with one sporadic change: a sound replaced by one of its own kind."""
    at = rng.randrange(len(sounds))
    if sounds[at] not in SOUNDS:
        return sounds
    kind = VOWELS if sounds[at] in VOWELS else "".join(s for s in SOUNDS if s not in VOWELS)
    return _without_doubles(sounds[:at] + rng.choice(kind.replace(sounds[at], "")) + sounds[at + 1 :])


def _without_doubles(sounds: str) -> str:
    return re.sub(r"(.)\1+", r"\1", sounds)
