"""The inventory of meanings; every language of the family has a word for each.

Nouns belong to classes, and verbs to frames, which give the noun classes of their arguments. Within a class the
frequency of meanings follows Zipf's law. Nouns also belong to topics, so that nouns that occur together are related.
Nothing here depends on a language.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from random import Random

TOPICS = 6
NOUN_CLASSES = {"human": 80, "animal": 50, "food": 60, "thing": 90, "place": 60, "nature": 50, "idea": 70, "house": 8}
CONCRETE = ("human", "animal", "thing", "food")


@dataclass(frozen=True)
class Frame:
    """The arguments of a group of verbs."""

    count: int  # the number of verbs
    subject: tuple[str, ...]  # noun classes of its subject
    object: tuple[str, ...] = ()  # noun classes of its object; () for intransitive verbs
    # Pairs of (relation, noun classes), each optional
    obliques: tuple[tuple[str, tuple[str, ...]], ...] = ()
    clause: bool = False  # whether it takes a complement clause
    weight: float = 1.0  # share of the clauses


FRAMES = {
    "act": Frame(40, ("human",), ("thing",), (("with", ("thing",)), ("in", ("place",)), ("for", ("human",))), weight=3),
    "eat": Frame(12, ("human", "animal"), ("food",), (("with", ("human",)), ("in", ("place", "house")))),
    "see": Frame(30, ("human", "animal"), (*CONCRETE, "nature"), (("in", ("place", "nature")),), weight=2.5),
    "go": Frame(20, CONCRETE[:2], (), (("to", ("place",)), ("from", ("place",)), ("with", ("human",))), weight=2),
    "stand": Frame(
        25, CONCRETE, (), (("in", ("place",)), ("under", ("nature", "thing")), ("near", ("nature", "house")))
    ),
    "give": Frame(15, ("human",), ("thing", "food"), (("to", ("human",)), ("from", ("human",)), ("for", ("idea",)))),
    "say": Frame(12, ("human",), (), (("to", ("human",)),), clause=True),
    "think": Frame(20, ("human",), ("idea",), (("about", ("human", "nature")), ("in", ("place",)))),
    "happen": Frame(15, ("idea", "nature"), (), (("in", ("place",)), ("after", ("idea",)), ("near", ("place",)))),
}  # fmt: skip

# The predicates of facts, each with two verbs of the same meaning
FACT_VERBS = {
    predicate: (f"{predicate}:0", f"{predicate}:1")
    for predicate in ("live", "work", "sell", "found", "own", "study", "lie", "make", "lead", "grow", "meet", "build")
}
ADJECTIVES, ADVERBS, DEGREES, TIMES = 90, 25, 5, 10
NUMERALS = 12

ADPOSITIONS = ("in", "to", "from", "with", "for", "about", "under", "near", "after", "of")
# Function words; where two meanings share a word in every language, the second is looked up as the first.
FUNCTION_WORDS = (
    *ADPOSITIONS, "the", "this", "not", "and", "but", "that", "because", "if", "who", "what", "where", "when", "polar",
    "plural", "past", "future", "be", *(f"numeral:{n}" for n in range(1, NUMERALS + 1)),
    *(f"pronoun:{person}{number}" for number in "sp" for person in "123"),
)  # fmt: skip
SAME_WORD = {"relative": "that", "a": "numeral:1", "before_clause": "after", "while": "when"}


def verbs() -> list[str]:
    """All verbs, by frame and rank, those of the facts first."""
    facts = [verb for pair in FACT_VERBS.values() for verb in pair]
    return facts + [f"{frame}:{rank}" for frame, declared in FRAMES.items() for rank in range(declared.count)]


def nouns() -> list[str]:
    """All nouns, by class and rank."""
    return [f"{kind}:{rank}" for kind, count in NOUN_CLASSES.items() for rank in range(count)]


def modifiers() -> list[str]:
    """Adjectives, adverbs of manner, degree and time."""
    sizes = {"adjective": ADJECTIVES, "adverb": ADVERBS, "degree": DEGREES, "time": TIMES}
    return [f"{kind}:{rank}" for kind, count in sizes.items() for rank in range(count)]


def conversions() -> dict[str, str]:
    """Verbs and adverbs that share the root of a noun or adjective in every language, with that noun or adjective."""
    sources = {f"act:{rank}": f"thing:{2 * rank}" for rank in range(0, 40, 3)}
    sources |= {f"see:{rank}": f"idea:{rank}" for rank in range(1, 30, 4)}
    sources |= {f"think:{rank}": f"idea:{rank + 1}" for rank in range(1, 20, 4)}
    sources |= {f"eat:{rank}": f"food:{rank}" for rank in range(1, 12, 3)}
    sources |= {f"adverb:{rank}": f"adjective:{3 * rank}" for rank in range(0, ADVERBS, 2)}
    return sources


class Ranked:
    """Draws items by Zipf's law, the first most often."""

    def __init__(self, items: list[str], offset: float = 2.7) -> None:
        self._items = items
        self._edges = list(accumulate(1 / (rank + offset) for rank in range(1, len(items) + 1)))

    def draw(self, rng: Random) -> str:
        return self._items[bisect(self._edges, rng.random() * self._edges[-1])]


class Inventory:
    """Draws meanings by class and topic."""

    def __init__(self) -> None:
        self._nouns = {}
        for kind, count in NOUN_CLASSES.items():
            ranked = [f"{kind}:{rank}" for rank in range(count)]
            self._nouns[kind] = [Ranked(ranked)] + [Ranked(ranked[topic::TOPICS]) for topic in range(TOPICS)]
        self._verbs = {
            name: Ranked([f"{name}:{rank}" for rank in range(declared.count)]) for name, declared in FRAMES.items()
        }
        self._modifiers = {
            kind: Ranked([meaning for meaning in modifiers() if meaning.startswith(kind + ":")])
            for kind in ("adjective", "adverb", "degree", "time")
        }
        self._frame_edges = list(accumulate(declared.weight for declared in FRAMES.values()))

    def frame(self, rng: Random) -> str:
        return list(FRAMES)[bisect(self._frame_edges, rng.random() * self._frame_edges[-1])]

    def verb(self, rng: Random, frame: str) -> str:
        return self._verbs[frame].draw(rng)

    def noun(self, rng: Random, kind: str, topic: int) -> str:
        """A noun of a class, usually one of the topic."""
        return self._nouns[kind][topic + 1 if rng.random() < 0.65 else 0].draw(rng)

    def modifier(self, rng: Random, kind: str) -> str:
        return self._modifiers[kind].draw(rng)
