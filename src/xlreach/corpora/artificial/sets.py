"""The meanings of the labelled sets, the same for every language.

Treebanks, entity corpora, parallel text and retrieval collections have the same content in all languages, so that a
difference between two languages never comes from different samples. Every set is drawn from a separate random stream;
no two sentences of different sets or splits have the same content words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from xlreach.corpora.artificial.concepts import Inventory, conversions
from xlreach.corpora.artificial.design import Artificial
from xlreach.corpora.artificial.meaning import Clause, Sampler
from xlreach.corpora.artificial.names import TEST, TRAINING, NamePool, NameStock
from xlreach.corpora.artificial.scripts import stream
from xlreach.corpora.artificial.world import Passage, World, entities

SPLITS = ("test", "dev", "train")
_SHORTEST = 3  # content words of a sentence of a labelled set
_HELD_OUT = 0.35  # share of the names in dev and test of the entity corpora that do not occur in training


@dataclass(frozen=True)
class Question:
    """A question and the number of the passage that answers it."""

    meaning: Clause
    passage: int


@dataclass(frozen=True)
class Retrieval:
    """The meanings of a retrieval collection."""

    first: int  # the number of its first passage and question, counted over both collections
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class LabelledSets:
    """The meanings of all sets, which every language expresses."""

    treebank: dict[str, list[Clause]]
    entities: dict[str, list[Clause]]
    parallel: list[Clause]
    test: Retrieval
    train: Retrieval


def labelled_sets(spec: Artificial, inventory: Inventory, stock: NameStock) -> LabelledSets:
    """Draws all sets, evaluation first, so that more training data changes no test set."""
    same_root, drawn = conversions(), set[tuple[str, ...]]()

    def distinct(sampler: Sampler) -> Clause:
        """A sentence that differs from all others in its content words; words of the same root count as one."""
        while True:
            clause = sampler.sentence()
            roots = tuple(sorted(same_root.get(meaning, meaning) for meaning in clause.trace))
            if len(roots) >= _SHORTEST and roots not in drawn:
                drawn.add(roots)
                return clause

    plain, mixed = NamePool(stock), NamePool(stock, _HELD_OUT)

    def draw(name: str, split: str, number: int, names: NamePool, named: float) -> list[Clause]:
        sampler = Sampler(inventory, stream(spec.seed, name, split), names.draw, named)
        return [distinct(sampler) for _ in range(number)]

    trees: dict[str, list[Clause]] = {}
    named: dict[str, list[Clause]] = {}
    sizes = {"test": (spec.test, spec.test), "dev": (spec.treebank // 4, spec.entities // 4)}
    sizes["train"] = (spec.treebank, spec.entities)
    retrieval = {}
    first = 0
    for split in SPLITS:
        trees[split] = draw("treebank", split, sizes[split][0], plain, 0.15)
        named[split] = draw("entities", split, sizes[split][1], plain if split == "train" else mixed, 0.55)
        if split != "dev":
            questions = spec.questions if split == "test" else spec.train_questions
            filler = Sampler(inventory, stream(spec.seed, "filler", split), plain.draw, 0.0)
            world = World(inventory, stream(spec.seed, "world", split), plain, partial(distinct, filler))
            retrieval[split] = _retrieval(spec, split, first, questions, stock, world)
            first += spec.passages
    parallel = draw("parallel", "train", spec.parallel, plain, 0.15)
    return LabelledSets(trees, named, parallel, retrieval["test"], retrieval["train"])


def _retrieval(spec: Artificial, split: str, first: int, number: int, stock: NameStock, world: World) -> Retrieval:
    subjects = entities(stock, world.rng, TEST if split == "test" else TRAINING, (spec.passages + 1) // 2)
    passages = list(world.passages(subjects))[: spec.passages]
    world.rng.shuffle(passages)
    stated = [(number_in_set, fact) for number_in_set, passage in enumerate(passages) for fact in passage.facts]
    rng = stream(spec.seed, "questions", split)
    rng.shuffle(stated)
    questions = [Question(fact.question(rng), first + number_in_set) for number_in_set, fact in stated[:number]]
    return Retrieval(first, tuple(passages), tuple(questions))
