"""A small world: people, towns and organizations, facts about them, passages that state the facts, questions.

Every entity has two passages, and each fact is stated in only one of them, so that exactly one passage answers a
question. A question often uses another verb with the same meaning. Passages and questions are meanings, which every
language expresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random

from xlreach.corpora.artificial.concepts import FACT_VERBS, NOUN_CLASSES, Inventory
from xlreach.corpora.artificial.meaning import Clause, Name, Phrase
from xlreach.corpora.artificial.names import NamePool, NameStock

_FIRST_YEAR, _LAST_YEAR = 1700, 1999


@dataclass(frozen=True)
class _Kind:
    """A kind of fact."""

    predicate: str  # of `FACT_VERBS`
    subject: str  # `it` for the entity, or a kind of name (PER, LOC, ORG)
    object: str  # the same, or a noun class, or nothing
    oblique: tuple[str, str] | None  # a relation, and a kind of name or `year`
    asks: tuple[tuple[str, str], ...]  # what a question may ask for: (part, question word)


_KINDS = {
    "PER": (
        _Kind("live", "it", "", ("in", "LOC"), (("oblique", "where"),)),
        _Kind("work", "it", "ORG", None, (("object", "what"),)),
        _Kind("sell", "it", "food", ("in", "LOC"), (("object", "what"), ("oblique", "where"))),
        _Kind("own", "it", "animal", None, (("object", "what"),)),
        _Kind("study", "it", "idea", ("in", "LOC"), (("object", "what"), ("oblique", "where"))),
        _Kind("meet", "it", "human", ("in", "year"), (("object", "who"), ("oblique", "when"))),
    ),
    "LOC": (
        _Kind("lie", "it", "", ("near", "LOC"), (("oblique", "where"),)),
        _Kind("grow", "it", "food", None, (("object", "what"),)),
        _Kind("lead", "PER", "it", None, (("subject", "who"),)),
        _Kind("build", "it", "thing", ("in", "year"), (("object", "what"), ("oblique", "when"))),
        _Kind("own", "it", "place", None, (("object", "what"),)),
    ),
    "ORG": (
        _Kind("found", "PER", "it", ("in", "year"), (("subject", "who"), ("oblique", "when"))),
        _Kind("make", "it", "thing", None, (("object", "what"),)),
        _Kind("lie", "it", "", ("in", "LOC"), (("oblique", "where"),)),
        _Kind("lead", "PER", "it", None, (("subject", "who"),)),
        _Kind("sell", "it", "food", ("in", "LOC"), (("object", "what"), ("oblique", "where"))),
    ),
}  # fmt: skip
_CLASS = {"PER": "human", "LOC": "place", "ORG": "house"}


@dataclass(frozen=True)
class Fact:
    """A fact about an entity, as a clause that names the entity."""

    kind: _Kind
    clause: Clause

    def question(self, rng: Random) -> Clause:
        """A question for one part of the fact, naming the entity."""
        part, word = self.kind.asks[rng.randrange(len(self.kind.asks))]
        asked = replace(self.clause, verb=FACT_VERBS[self.kind.predicate][rng.randrange(2)], mood="?")
        if part == "oblique":
            relation, phrase = self.clause.obliques[0]
            asked.obliques = ((relation, Phrase(phrase.key, question=word)),)
        else:
            asked.obliques = ()
            setattr(asked, part, Phrase(getattr(self.clause, part).key, question=word))
        return asked

    def mentioning(self, phrase: Phrase) -> Clause:
        """The fact with a phrase in place of the entity's name."""
        if self.kind.subject == "it":
            return replace(self.clause, subject=phrase)
        return replace(self.clause, object=phrase)


@dataclass(frozen=True)
class Passage:
    """Two to four sentences about one entity, and the facts that they state."""

    sentences: tuple[Clause, ...]
    facts: tuple[Fact, ...]


class World:
    """Draws facts and passages."""

    def __init__(self, inventory: Inventory, rng: Random, names: NamePool, filler: Callable[[], Clause]) -> None:
        self._inventory, self.rng, self._names, self._filler = inventory, rng, names, filler
        # Keys of the filler's words count up from 0.
        self._keys = count(1 << 40, 16)

    def passages(self, entities: list[Name]) -> Iterator[Passage]:
        """Two passages for each entity."""
        for entity in entities:
            facts = [self._fact(kind, entity) for kind in self.rng.sample(_KINDS[entity.kind], 4)]
            for start in (0, 2):
                yield self._passage(entity, facts[start : start + 2], introduced=start == 0)

    def statement(self) -> Clause:
        """A fact about a random entity, or a question about one, for plain text."""
        rng = self.rng
        entity = self._names.draw(rng, ("PER", "PER", "LOC", "ORG")[rng.randrange(4)])
        fact = self._fact(rng.sample(_KINDS[entity.kind], 1)[0], entity)
        return fact.question(rng) if rng.random() < 0.25 else fact.clause

    def _passage(self, entity: Name, facts: list[Fact], introduced: bool) -> Passage:
        rng = self.rng
        named = Phrase(next(self._keys), name=entity)
        again = Phrase(next(self._keys), noun=f"{_CLASS[entity.kind]}:0", article="this")
        if entity.kind == "PER":
            again = Phrase(again.key, pronoun="3s")
        sentences: list[Clause] = []
        if introduced:
            category = Phrase(next(self._keys), noun=self._noun(_CLASS[entity.kind]), article="a")
            if rng.random() < 0.5:
                category.adjectives = (self._inventory.modifier(rng, "adjective"),)
            sentences.append(Clause(next(self._keys), predicate=category, subject=named))
        for fact in facts:
            sentences.append(fact.mentioning(again) if sentences else fact.clause)
        if rng.random() < 0.35:
            sentences.append(self._filler())
        return Passage(tuple(sentences), tuple(facts))

    def _fact(self, kind: _Kind, entity: Name) -> Fact:
        rng = self.rng
        clause = Clause(next(self._keys), FACT_VERBS[kind.predicate][rng.randrange(2)], front=rng.random())
        clause.subject = self._part(kind.subject, entity)
        if kind.object:
            clause.object = self._part(kind.object, entity)
        if kind.oblique:
            clause.obliques = ((kind.oblique[0], self._part(kind.oblique[1], entity)),)
        clause.tense = "Past" if (kind.oblique and kind.oblique[1] == "year") or rng.random() < 0.2 else "Pres"
        return Fact(kind, clause)

    def _part(self, what: str, entity: Name) -> Phrase:
        rng = self.rng
        phrase = Phrase(next(self._keys))
        if what == "it":
            phrase.name = entity
        elif what in _CLASS:
            phrase.name = self._names.draw(rng, what)
        elif what == "year":
            phrase.number = rng.randint(_FIRST_YEAR, _LAST_YEAR)
        else:
            phrase.noun = self._noun(what)
            phrase.plural = rng.random() < 0.4
            phrase.article = "" if phrase.plural else "a"
            if rng.random() < 0.4:
                phrase.adjectives = (self._inventory.modifier(rng, "adjective"),)
        return phrase

    def _noun(self, kind: str) -> str:
        # All nouns of the class are equally likely, so that facts differ.
        return f"{kind}:{self.rng.randrange(NOUN_CLASSES[kind])}"


def entities(stock: NameStock, rng: Random, quarters: tuple[int, ...], number: int) -> list[Name]:
    """Distinct entities: half are people, a quarter towns, a quarter organizations; names are from some quarters."""
    towns, companies = stock.part("town", quarters), stock.part("company", quarters)
    rng.shuffle(towns)
    rng.shuffle(companies)
    drawn = [Name("LOC", (town,)) for town in towns[: number // 4]]
    for company in companies[: number // 4]:
        house = f"house:{rng.randrange(NOUN_CLASSES['house'])}"
        drawn.append(Name("ORG", (house, company) if rng.random() < 0.5 else (company,)))
    given, families = stock.part("given", quarters), stock.part("family", quarters)
    people: dict[Name, None] = {}
    while len(drawn) + len(people) < number:
        people[Name("PER", (rng.choice(given), rng.choice(families)))] = None
    drawn += people
    rng.shuffle(drawn)
    return drawn
