"""Sounds and letters: random streams, syllables, sound laws, and scripts with one letter for each sound.

A word is stored as its Latin spelling, one letter for each sound. Every other script is a one-to-one table from it,
which can be inverted: changing a language's script changes nothing else.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

SOUNDS = "abcčdefghijklmnoprsštuvyzž"
VOWELS = "aeiouy"
FRONT = "eiy"
VOICELESS = "pftksščch"

# The letters of each script, in the order of SOUNDS
_LETTERS = {
    "Latn": SOUNDS,
    "Cyrl": "абцчдефгхијклмнопрсштувызж".replace("ј", "й"),
    "Armn": "աբցչդեֆգհիյկլմնոպրսշտւվըզժ",
    "Geor": "აბცჩდეფგჰიჯკლმნოპრსშტუვყზჟ",
    "Glag": "ⰰⰱⱌⱍⰴⰵⱇⰳⱈⰻⰹⰽⰾⰿⱀⱁⱂⱃⱄⱎⱅⱆⰲⱏⰸⰶ",
}
_WITHOUT_CASE = ("Geor",)


def stream(seed: int, *names: object) -> random.Random:
    """An independent random stream for each purpose, so that drawing more from one does not change the others."""
    return random.Random("/".join(map(str, (seed, *names))))


class Script:
    """A script by its ISO 15924 code."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.cased = code not in _WITHOUT_CASE
        self._table = str.maketrans(SOUNDS, _LETTERS[code])

    def write(self, sounds: str) -> str:
        """A word in this script, in lowercase."""
        return sounds.translate(self._table)

    def capital(self, form: str) -> str:
        """A written word with a capital letter, if the script has them."""
        return form[:1].upper() + form[1:] if self.cased else form

    def romanization(self) -> dict[str, str]:
        """The Latin letter for each letter, also for capitals."""
        table = dict(zip(_LETTERS[self.code], SOUNDS, strict=True))
        if self.cased:
            table |= {letter.upper(): sound.upper() for letter, sound in table.items()}
        return table


@dataclass(frozen=True)
class Phonotactics:
    """The sounds of the words of one stock; an element that is listed twice is drawn twice as often."""

    onsets: tuple[str, ...]  # beginnings of syllables
    nuclei: str  # vowels
    codas: tuple[str, ...]  # ends of syllables; "" for open syllables
    closed: bool = True  # whether the last syllable tends to end in a consonant

    def word(self, rng: random.Random, syllables: int) -> str:
        """A word with the given number of syllables."""
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
        """The word after all changes; the word itself where nothing would remain."""
        changed = sounds
        for pattern, replacement in self._laws:
            changed = pattern.sub(replacement, changed)
        return _without_doubles(changed) or sounds


def slip(sounds: str, rng: random.Random) -> str:
    """The word with one irregular change: a vowel replaced by a vowel, or a consonant by a consonant."""
    at = rng.randrange(len(sounds))
    if sounds[at] not in SOUNDS:
        return sounds
    kind = VOWELS if sounds[at] in VOWELS else "".join(s for s in SOUNDS if s not in VOWELS)
    return _without_doubles(sounds[:at] + rng.choice(kind.replace(sounds[at], "")) + sounds[at + 1 :])


def _without_doubles(sounds: str) -> str:
    return re.sub(r"(.)\1+", r"\1", sounds)
