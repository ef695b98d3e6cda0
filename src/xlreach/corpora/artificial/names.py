"""Names of people, towns and organizations; each language changes them by its sound laws.

A quarter of the names occurs in evaluation data only. Some family names are also names of towns, so that the spelling
of a name does not always give its kind. Two names differ in every language.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from xlreach.corpora.artificial.concepts import NOUN_CLASSES, Ranked
from xlreach.corpora.artificial.design import STOCKS
from xlreach.corpora.artificial.lexicon import Lexicon
from xlreach.corpora.artificial.meaning import Name
from xlreach.corpora.artificial.scripts import stream

_KINDS = ("given", "family", "town", "company")
_HELD_OUT = 3  # of the quarters 0 to 3
OPEN, TRAINING, TEST = (0, 1, 2), (0, 1), (2, _HELD_OUT)


class NameStock:
    """All names, by kind, the most frequent first."""

    def __init__(self, seed: int, size: int, lexicons: Iterable[Lexicon]) -> None:
        self._names: dict[str, list[str]] = {}
        taken: list[tuple[Lexicon, set[str]]] = [(lexicon, set()) for lexicon in lexicons]
        for kind in _KINDS:
            rng = stream(seed, "names", kind)
            names: list[str] = []
            while len(names) < size:
                if kind == "town" and len(names) % 9 == 4:
                    names.append(self._names["family"][len(names)])
                    continue
                proto = STOCKS["names"].word(rng, 2 if rng.random() < 0.6 else 3)
                forms = [lexicon.name(proto) for lexicon, _ in taken]
                if len(proto) < 4 or any(form in seen for form, (_, seen) in zip(forms, taken, strict=True)):
                    continue
                for form, (_, seen) in zip(forms, taken, strict=True):
                    seen.add(form)
                names.append(proto)
            self._names[kind] = names

    def part(self, kind: str, quarters: tuple[int, ...]) -> list[str]:
        """The names of a kind in some quarters, the most frequent first."""
        return [name for rank, name in enumerate(self._names[kind]) if rank % 4 in quarters]


class NamePool:
    """Draws names by frequency, a share of them from those that are held out."""

    def __init__(self, stock: NameStock, held_out: float = 0.0) -> None:
        self._open = {kind: Ranked(stock.part(kind, OPEN), 12) for kind in _KINDS}
        self._held = {kind: Ranked(stock.part(kind, (_HELD_OUT,)), 12) for kind in _KINDS}
        self._share = held_out

    def draw(self, rng: Random, kind: str) -> Name:
        """A name of a kind: PER, LOC or ORG."""
        names = self._held if self._share and rng.random() < self._share else self._open
        chance = rng.random()
        if kind == "PER":
            given, family = names["given"].draw(rng), names["family"].draw(rng)
            return Name("PER", (given, family) if chance < 0.6 else (given,) if chance < 0.8 else (family,))
        if kind == "LOC":
            return Name("LOC", (names["town"].draw(rng),))
        if chance < 0.4:
            return Name("ORG", (names["company"].draw(rng),))
        house = f"house:{rng.randrange(NOUN_CLASSES['house'])}"
        return Name("ORG", (house, names["company" if chance < 0.6 else "town"].draw(rng)))
