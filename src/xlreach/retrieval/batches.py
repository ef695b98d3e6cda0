"""Hybrid batches: which pairs go into each batch of a training run (Elmahdy, Lin and Ahmad 2024, §2.1 of the paper).

A batch is mono with probability alpha: a language is drawn uniformly, then a data set that has pairs in it, in
proportion to its number of pairs there. Otherwise it is cross: a data set is drawn in proportion to its size, and each
pair's two languages uniformly from those it has. Within a pool of pairs, all are seen once before any is seen again.

Two pairs that mean the same must not meet in a batch, where one's passage would be the other's negative. Pairs that
share a text, directly or through others, are one group (all translations of a sentence, all questions
to a passage), and a batch takes at most one pair of a group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler

from xlreach.errors import DataError
from xlreach.retrieval.pairs import PairSource

LanguagePair = tuple[str, str]


@dataclass
class PairTable:
    """All pairs of a run as rows, with the pool (data set, query language, passage language) that each is of.

    Attributes:
        queries: Query text of each row.
        passages: Passage text of each row.
        groups: Group of each row, as a number.
        mono: Rows by data set and language.
        cross: Rows by data set and ordered pair of different languages.
    """

    queries: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    mono: dict[str, dict[str, range]] = field(default_factory=dict)
    cross: dict[str, dict[LanguagePair, range]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)


def gather_pairs(
    sources: Sequence[PairSource],
    languages: Sequence[str],
    *,
    mono: bool,
    cross: bool,
    seed: int,
    query_language: str | None = None,
) -> PairTable:
    """Reads every pair that a run can draw.

    Args:
        sources: The data sets.
        languages: Those of the run.
        mono: Whether mono batches occur.
        cross: Whether cross batches occur.
        seed: For sources that draw.
        query_language: The only language of queries; None takes all.

    Raises:
        DataError: A kind of batch is asked for and no source has pairs for it, or no two pairs tell each other apart.
    """
    table, nodes = PairTable(), _Groups()
    for source in sources:
        known = [code for code in languages if code in source.languages]
        name = str(source)
        for a in known:
            for b in known:
                if not (mono if a == b else cross) or query_language not in (None, a):
                    continue
                start = len(table)
                for query, passage in source.pairs(a, b, seed):
                    table.queries.append(query)
                    table.passages.append(passage)
                    nodes.join(query, passage)
                rows = range(start, len(table))
                if rows and a == b:
                    table.mono.setdefault(name, {})[a] = rows
                elif rows:
                    table.cross.setdefault(name, {})[a, b] = rows
    table.groups = nodes.numbers()
    for wanted, found, kind, what in (
        (mono, table.mono, "mono", "of one language: a retrieval collection, or crops of its text"),
        (cross, table.cross, "cross", "across two languages: parallel text, or a multilingual collection"),
    ):
        if wanted and not found:
            raise DataError(
                f"No pairs for {kind} batches: {', '.join(languages)} in {', '.join(map(str, sources)) or 'nothing'}.",
                expected=f"Expected pairs {what}.",
            )
    if len(np.unique(table.groups)) < 2:
        raise DataError("All training pairs mean the same: none can be a negative of another.")
    return table


class HybridBatches:
    """The batches of a run, the same for the same seed.

    Args:
        table: The pairs.
        alpha: Probability of a mono batch.
        batch: Pairs a batch; fewer where the groups of a pool do not suffice.
        steps: Number of batches.
        seed: For every draw.
    """

    def __init__(self, table: PairTable, alpha: float, batch: int, steps: int, seed: int) -> None:
        self.table, self.alpha, self.batch, self.steps, self.seed = table, alpha, batch, steps, seed

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng(self.seed)
        pools = {
            rows: _Pool(rows, generator)
            for kind in (self.table.mono, self.table.cross)
            for by in kind.values()
            for rows in by.values()
        }
        mono_languages = sorted({code for by in self.table.mono.values() for code in by})
        for _ in range(self.steps):
            if generator.random() < self.alpha:
                language = mono_languages[generator.integers(len(mono_languages))]
                having = {name: by[language] for name, by in self.table.mono.items() if language in by}
                name = _in_proportion({name: len(rows) for name, rows in having.items()}, generator)
                choices = [pools[having[name]]]
            else:
                sizes = {name: sum(map(len, by.values())) for name, by in self.table.cross.items()}
                name = _in_proportion(sizes, generator)
                choices = [pools[rows] for rows in self.table.cross[name].values()]
            yield self._fill(choices, generator)

    def _fill(self, pools: list[_Pool], generator: np.random.Generator) -> list[int]:
        rows: list[int] = []
        groups: set[int] = set()
        dry: set[int] = set()
        while len(rows) < self.batch and len(dry) < len(pools):
            at = int(generator.integers(len(pools)))
            row = None if at in dry else pools[at].draw(groups, self.table.groups)
            if row is None:
                dry.add(at)
                continue
            rows.append(row)
            groups.add(int(self.table.groups[row]))
        return rows


def trainer_sampler(batches: HybridBatches) -> type[DefaultBatchSampler]:
    """`batches` as the class that a sentence-transformers trainer asks for as its `batch_sampler`."""

    class Sampler(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            return iter(batches)

        def __len__(self) -> int:
            return len(batches)

    return Sampler


class _Pool:
    """Rows in a random order, each once a round; those that do not fit the batch at hand wait for the next."""

    def __init__(self, rows: range, generator: np.random.Generator) -> None:
        self._rows, self._generator = rows, generator
        self._left: deque[int] = deque()
        self._waiting: deque[int] = deque()

    def draw(self, taken: set[int], groups: NDArray[np.int64]) -> int | None:
        """A row whose group is not taken; None if there is none in this pool."""
        for _ in range(len(self._waiting)):
            row = self._waiting.popleft()
            if int(groups[row]) not in taken:
                return row
            self._waiting.append(row)
        fresh = 0
        while True:
            if not self._left:
                if fresh:
                    return None
                waiting = set(self._waiting)
                order = self._generator.permutation(len(self._rows))
                self._left.extend(self._rows[at] for at in order if self._rows[at] not in waiting)
                fresh += 1
                if not self._left:
                    return None
            row = self._left.popleft()
            if int(groups[row]) not in taken:
                return row
            self._waiting.append(row)


class _Groups:
    """Unions of rows that share a text, in whatever language."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._parents: list[int] = []
        self._rows: list[int] = []

    def join(self, one: str, other: str) -> None:
        a, b = self._root(self._node(one)), self._root(self._node(other))
        self._parents[b] = a
        self._rows.append(a)

    def numbers(self) -> NDArray[np.int64]:
        """The group of each row, in the order of `join`."""
        return np.array([self._root(node) for node in self._rows], dtype=np.int64)

    def _node(self, key: str) -> int:
        number = self._numbers.setdefault(key, len(self._parents))
        if number == len(self._parents):
            self._parents.append(number)
        return number

    def _root(self, node: int) -> int:
        while self._parents[node] != node:
            self._parents[node] = self._parents[self._parents[node]]
            node = self._parents[node]
        return node


def _in_proportion(sizes: dict[str, int], generator: np.random.Generator) -> str:
    names = sorted(sizes)
    weights = np.array([sizes[name] for name in names], dtype=np.float64)
    return names[int(generator.choice(len(names), p=weights / weights.sum()))]
