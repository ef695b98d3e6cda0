"""Meanings of sentences: clauses and phrases that every language expresses in its own words, and their sampler.

A meaning says who does what to whom, where and when. Where languages differ in how often they do something (begin with
an adverbial, move a relative clause to the end), the meaning holds a random number, which each language compares with
its rate; so all languages express the same meanings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Literal

from xlreach.corpora.artificial.concepts import FRAMES, NUMERALS, TOPICS, Inventory

_BLOCK = 16  # keys reserved for a phrase or clause: one for its head, then those of its modifiers


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a person, place or organization."""

    kind: Literal["PER", "LOC", "ORG"]
    parts: tuple[str, ...]  # its words: proto-forms of names, or a noun meaning (`house:3`) that is part of it


@dataclass(slots=True)
class Phrase:
    """A noun phrase, of exactly one of noun, name, pronoun and question word."""

    key: int  # identifies its words across languages; the head has `key`, its modifiers the numbers after it
    noun: str = ""
    name: Name | None = None
    pronoun: str = ""
    question: str = ""  # `who`, `what`, `where` or `when`
    plural: bool = False
    article: Literal["", "the", "a", "this"] = ""
    degree: str = ""
    adjectives: tuple[str, ...] = ()
    number: int = 0  # a numeral or a year; a phrase with a number other than 1 is plural
    possessor: Phrase | None = None
    relative: Clause | None = None
    also: Phrase | None = None
    shift: float = 0.0  # drawn from 0 to 1; a relative clause moves where this is below a language's rate

    @property
    def person(self) -> str:
        """Person and number of a verb that agrees with it."""
        return self.pronoun or ("3p" if self.plural or self.also else "3s")


@dataclass(slots=True)
class Clause:
    """A clause: a verb, or a predicate (noun phrase or adjective) with a copula."""

    key: int
    verb: str = ""
    predicate: Phrase | str = ""
    subject: Phrase | None = None  # None in a relative clause whose subject is the noun it modifies
    object: Phrase | None = None  # None also where it is the noun that the relative clause modifies
    obliques: tuple[tuple[str, Phrase], ...] = ()
    adverb: str = ""
    time: str = ""
    tense: Literal["Pres", "Past", "Fut"] = "Pres"
    negative: bool = False
    mood: Literal[".", "?", "!"] = "."
    gap: Literal["", "subject", "object"] = ""  # the part of a relative clause that its noun stands for
    complement: Clause | None = None
    adverbial: tuple[str, Clause] | None = None  # a subordinator and its clause
    also: tuple[str, Clause] | None = None  # a conjunction and a second clause
    # Drawn from 0 to 1; the first adverbial opens the clause where this is below a language's rate
    front: float = 1.0
    trace: tuple[str, ...] = ()  # its content words, by which sentences are compared


Draw = Callable[[Random, str], Name]  # draws a name of a kind: PER, LOC or ORG


class Sampler:
    """Draws meanings."""

    def __init__(self, inventory: Inventory, rng: Random, names: Draw, named: float = 0.15) -> None:
        self._inventory, self.rng, self._names, self._named = inventory, rng, names, named
        self._keys = count(0, _BLOCK)
        self._topic = 0
        self._trace: list[str] = []

    def sentence(self) -> Clause:
        """One sentence; several sentences in a row share a topic."""
        rng = self.rng
        if rng.random() < 0.2:
            self._topic = rng.randrange(TOPICS)
        self._trace = []
        clause = self._main()
        chance = rng.random()
        if chance < 0.10:
            clause.also = ("and" if rng.random() < 0.7 else "but", self._main(plain=True))
        elif chance < 0.22:
            word = ("because", "if", "while", "before_clause")[int(rng.random() * 4)]
            clause.adverbial = (word, self._main(plain=True))
        chance = rng.random()
        clause.mood = "?" if chance < 0.06 else "!" if chance < 0.09 else "."
        clause.trace = tuple(self._trace)
        return clause

    def _main(self, plain: bool = False) -> Clause:
        rng = self.rng
        if rng.random() < 0.12:
            return self._copular()
        clause = self._verbal(0 if plain else 1)
        if not plain and rng.random() < 0.15:
            clause.time = self._modifier("time")
        return clause

    def _copular(self) -> Clause:
        rng = self.rng
        clause = Clause(next(self._keys), front=rng.random(), tense="Past" if rng.random() < 0.3 else "Pres")
        clause.negative = rng.random() < 0.1
        kind = ("human", "animal", "thing", "place")[int(rng.random() * 4)]
        clause.subject = self._phrase((kind,), 1)
        if rng.random() < 0.5:
            clause.predicate = self._modifier("adjective")
        else:
            clause.predicate = Phrase(
                next(self._keys), noun=self._noun(kind), plural=clause.subject.person == "3p", article="a"
            )
            self._decorate(clause.predicate)
        return clause

    def _verbal(self, depth: int, gap: Literal["", "subject", "object"] = "", frame: str = "") -> Clause:
        rng = self.rng
        frame = frame or self._inventory.frame(rng)
        if frame == "say" and depth == 0:
            frame = "see"
        takes = FRAMES[frame]
        clause = Clause(next(self._keys), self._mark(self._inventory.verb(rng, frame)), gap=gap, front=rng.random())
        chance = rng.random()
        clause.tense = "Pres" if chance < 0.45 else "Past" if chance < 0.85 else "Fut"
        clause.negative = rng.random() < 0.12
        if gap != "subject":
            clause.subject = self._phrase(takes.subject, depth)
        if takes.object and gap != "object":
            clause.object = self._phrase(takes.object, depth)
        likely = 0.75 if not takes.object and not takes.clause else 0.3
        obliques = []
        for relation, kinds in takes.obliques:
            if rng.random() < likely:
                obliques.append((relation, self._phrase(kinds, depth)))
                likely /= 3
        clause.obliques = tuple(obliques)
        if takes.clause:
            clause.complement = self._verbal(0)
        if rng.random() < 0.2:
            clause.adverb = self._modifier("adverb")
        return clause

    def _phrase(self, kinds: Sequence[str], depth: int) -> Phrase:
        rng = self.rng
        kind = kinds[int(rng.random() * len(kinds))]
        chance = rng.random()
        named = {"human": "PER", "place": "LOC", "house": "ORG"}.get(kind)
        phrase = Phrase(next(self._keys), shift=rng.random())
        if named and chance < self._named:
            phrase.name = self._names(rng, "ORG" if named == "PER" and rng.random() < 0.2 else named)
            self._trace.extend(phrase.name.parts)
        elif kind == "human" and chance < self._named + 0.2:
            phrase.pronoun = ("1s", "2s", "3s", "3s", "1p", "3p")[int(rng.random() * 6)]
        else:
            phrase.noun = self._noun(kind)
            phrase.plural = rng.random() < 0.28
            chance = rng.random()
            phrase.article = "the" if chance < 0.5 else "this" if chance < 0.58 else "" if phrase.plural else "a"
            self._decorate(phrase)
            if rng.random() < 0.07:
                phrase.number = rng.randint(1, NUMERALS) if rng.random() < 0.8 else rng.randint(13, 99)
                phrase.plural = phrase.number > 1
            if depth and rng.random() < 0.1:
                phrase.possessor = self._phrase(("human", "human", "place"), 0)
            if depth and rng.random() < 0.1:
                phrase.relative = self._relative(kind)
        if depth and rng.random() < 0.08:
            phrase.also = self._phrase(kinds, 0)
        return phrase

    def _decorate(self, phrase: Phrase) -> None:
        rng = self.rng
        if rng.random() < 0.28:
            adjectives = [self._modifier("adjective")]
            if rng.random() < 0.15:
                adjectives.append(self._modifier("adjective"))
            phrase.adjectives = tuple(adjectives)
            if rng.random() < 0.15:
                phrase.degree = self._inventory.modifier(rng, "degree")

    def _relative(self, kind: str) -> Clause | None:
        """A relative clause in which a noun of this class is the subject or the object."""
        rng = self.rng
        subjects = [name for name, takes in FRAMES.items() if kind in takes.subject and not takes.clause]
        objects = [name for name, takes in FRAMES.items() if kind in takes.object]
        if subjects and (not objects or rng.random() < 0.6):
            return self._verbal(0, "subject", rng.choice(subjects))
        return self._verbal(0, "object", rng.choice(objects)) if objects else None

    def _noun(self, kind: str) -> str:
        return self._mark(self._inventory.noun(self.rng, kind, self._topic))

    def _modifier(self, kind: str) -> str:
        return self._mark(self._inventory.modifier(self.rng, kind))

    def _mark(self, meaning: str) -> str:
        self._trace.append(meaning)
        return meaning
