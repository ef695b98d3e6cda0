"""The words of a language: those of its own stock, or those of a related language changed by sound laws and noise.

Cognates are chosen by a low-discrepancy sequence over the ranked meanings: their share is the same among frequent and
rare words, and raising it only adds cognates. Affixes are words here too. Names are the same in all languages, up to
each language's sound laws. Forms are sounds; `morphology` writes them in a script.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from xlreach.corpora.artificial.concepts import FUNCTION_WORDS, SAME_WORD, conversions, modifiers, nouns, verbs
from xlreach.corpora.artificial.design import STOCKS, LanguageDesign
from xlreach.corpora.artificial.scripts import VOWELS, SoundLaws, slip, stream

_GOLDEN = 0.6180339887498949
_SLIPS = 0.15  # share of the cognates with one sporadic change

CASES = ("Nom", "Acc", "Gen", "Loc")
TENSES = ("Pres", "Past", "Fut")
AGGLUTINATIVE = (
    "Plur", "Acc", "Gen", "Dat", "Loc", "Abl", "Ins", "Past", "Fut", "Neg", "Part", "1s", "2s", "1p", "2p", "3p",
)  # fmt: skip


@lru_cache(maxsize=4)
def content_words() -> tuple[str, ...]:
    """The meanings of the open classes."""
    return (*verbs(), *nouns(), *modifiers())


@lru_cache(maxsize=64)
def stock(seed: int, name: str) -> dict[str, str]:
    """All words and affixes of a stock, by meaning, as sounds."""
    sounds, rng = STOCKS[name], stream(seed, "stock", name)
    taken: set[str] = set()

    def coin(shortest: int, longest: int) -> str:
        for attempt in range(1000):
            word = sounds.word(rng, rng.randint(shortest, longest) + attempt // 20)
            if len(word) > 1 and word not in taken:
                break
        taken.add(word)
        return word

    words = {meaning: coin(1, 1) for meaning in FUNCTION_WORDS}
    made_from = conversions()
    for meaning in content_words():
        kind, _, rank = meaning.partition(":")
        rare = int(rank) > 12 or kind in ("human", "place")
        if meaning not in made_from:
            words[meaning] = coin(2, 3) if rare else coin(1, 2)
    words |= {meaning: words[source] for meaning, source in made_from.items()}
    words |= {meaning: words[source] for meaning, source in SAME_WORD.items()}
    return words | dict(_endings(seed, name)) | dict(_suffixes(seed, name))


@dataclass(frozen=True)
class Lexicon:
    """The words of one language."""

    words: dict[str, str]  # sounds by meaning; affixes too (`ag.Plur`, `fu.0.Acc.s`, `fu.v0.Past.3s`)
    origin: dict[str, str]  # `cognate` or `own`, by meaning
    name: SoundLaws  # from the common form of a name to its form in this language


def lexicon(seed: int, design: LanguageDesign, kin: Lexicon | None) -> Lexicon:
    """The lexicon of a language."""
    stocked, laws = stock(seed, design.stock), SoundLaws(design.laws)
    names = SoundLaws(design.names)
    if kin is None:
        return Lexicon({meaning: laws(word) for meaning, word in stocked.items()}, dict.fromkeys(stocked, "own"), names)
    rng = stream(seed, "cognates", design.code)
    start = rng.random()
    words, origin = {}, {}
    for position, (meaning, word) in enumerate(stocked.items()):
        noise = stream(seed, "slip", design.code, meaning)
        if (start + position * _GOLDEN) % 1.0 < design.cognates:
            origin[meaning] = "cognate"
            words[meaning] = _inherit(meaning, kin.words[meaning], laws, noise.random() < _SLIPS, noise)
        else:
            origin[meaning] = "own"
            words[meaning] = word
    for meaning, source in (conversions() | SAME_WORD).items():
        words[meaning], origin[meaning] = words[source], origin[source]
    return Lexicon(words, origin, names)


def _inherit(meaning: str, word: str, laws: SoundLaws, slips: bool, noise: Random) -> str:
    if meaning.startswith(("ag.", "fu.")):
        # An affix follows a stem, so sound laws about the beginning of a word must not apply.
        return laws("-" + word)[1:] if word else ""
    changed = laws(word)
    return slip(changed, noise) if slips else changed


def _endings(seed: int, name: str) -> Iterator[tuple[str, str]]:
    """Fusional endings; there are fewer forms than categories, so that a form is ambiguous."""
    sounds, rng = STOCKS[name], stream(seed, "endings", name)
    vowels = sorted(set(sounds.nuclei))
    consonants = [coda for coda in sorted(set(sounds.codas)) if len(coda) == 1 and coda not in VOWELS]
    simple = [v for v in vowels if v != "y"]
    pool = simple[:4] + [rng.choice(vowels) + rng.choice(consonants) for _ in range(6)]
    cells = [(case, number) for number in "sp" for case in CASES]
    for declension in "01":
        paradigm = dict(zip(cells, rng.sample(pool, len(cells)), strict=True))
        paradigm["Nom", "s"] = ""
        for (case, number), ending in paradigm.items():
            yield f"fu.{declension}.{case}.{number}", ending
    for conjugation in "01":
        persons = rng.sample(pool, 6)
        marks = ["", *rng.sample(consonants, 2)]
        for tense, mark in zip(TENSES, marks, strict=True):
            vowel = rng.choice(simple) if mark else ""
            for index, person in enumerate(("1s", "2s", "3s", "1p", "2p", "3p")):
                yield f"fu.v{conjugation}.{tense}.{person}", vowel + mark + persons[index]


def _suffixes(seed: int, name: str) -> Iterator[tuple[str, str]]:
    """Agglutinative suffixes; A is a or e and I is u or i, by the vowel before; D is t or d, by the sound before."""
    sounds, rng = STOCKS[name], stream(seed, "suffixes", name)
    onsets = [sound for sound in sorted(set(sounds.onsets)) if len(sound) == 1 and sound not in "td"] + ["D", "D", ""]
    codas = ["", "", *(sound for sound in sorted(set(sounds.codas)) if len(sound) == 1 and sound not in VOWELS)]
    taken = {""}
    for affix in AGGLUTINATIVE:
        shape = ""
        while shape in taken:
            shape = rng.choice(onsets) + rng.choice("AI") + rng.choice(codas)
        taken.add(shape)
        yield f"ag.{affix}", shape
