"""Hybrid batches: which pairs go into each batch of a training run (Elmahdy, Lin and Ahmad 2024, §2.1 of the paper).

A batch is mono with probability alpha: a language is drawn uniformly, then a data set that has pairs in it, in
proportion to its number of pairs there. Otherwise it is cross: a data set is drawn in proportion to its size, and each
pair's two languages uniformly from those it has. With `sampling` T, every such draw is in proportion to size^(1/T)
instead. Within a pool of pairs, all are seen once before any is seen again.

Two pairs that mean the same must not meet in a batch, where one's passage would be the other's negative. Pairs that
share a text, directly or through others, are one group (all translations of a sentence, all questions to a passage),
and a batch takes at most one pair of a group, and none whose passage is another's hard negative. A batch is divided
among the devices only after it is drawn, so this holds for negatives gathered over them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler

from xlreach.errors import DataError
from xlreach.retrieval.pair_sources import PairSource

LanguagePair = tuple[str, str]
Rows = Sequence[int]


@dataclass
class PairTable:
    """All pairs of a run as rows, with the pool (data set, query language, passage language) that each is of.

    Attributes:
        groups: Group of each row, as a number.
        cross: Rows by data set and ordered pair of different languages.
        given: Hard negatives that the source brought along, by row.
        negatives: Hard negatives of each row, all the same number; empty for none.
        against: Groups that a row's hard negatives are of, by row.
    """

    queries: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    mono: dict[str, dict[str, Rows]] = field(default_factory=dict)
    cross: dict[str, dict[LanguagePair, Rows]] = field(default_factory=dict)
    given: dict[int, tuple[str, ...]] = field(default_factory=dict)
    negatives: list[tuple[str, ...]] = field(default_factory=list)
    against: dict[int, frozenset[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    def pools(self) -> Iterator[tuple[str, str, str, Rows]]:
        """Each data set with query language, passage language and rows."""
        for name, by_language in self.mono.items():
            yield from ((name, code, code, rows) for code, rows in by_language.items())
        for name, by_pair in self.cross.items():
            yield from ((name, a, b, rows) for (a, b), rows in by_pair.items())


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
                for query, passage, *negatives in source.pairs(a, b, seed):
                    if negatives:
                        table.given[len(table)] = tuple(negatives)
                    table.queries.append(query)
                    table.passages.append(passage)
                    nodes.join(query, passage)
                rows = range(start, len(table))
                if rows and a == b:
                    table.mono.setdefault(name, {})[a] = rows
                elif rows:
                    table.cross.setdefault(name, {})[a, b] = rows
    table.groups = nodes.numbers()
    for wanted, pools, kind, what in (
        (mono, table.mono, "mono", "of one language: a retrieval collection, or crops of its text"),
        (cross, table.cross, "cross", "across two languages: parallel text, or a multilingual collection"),
    ):
        if wanted and not pools:
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
        batch: Pairs a batch; fewer where the groups of a pool do not suffice.
        sampling: Draws in proportion to size^(1/sampling); None draws as the paper does.
    """

    def __init__(
        self, table: PairTable, alpha: float, batch: int, steps: int, seed: int, sampling: float | None = None
    ) -> None:
        self.table, self.alpha, self.batch, self.steps, self.seed = table, alpha, batch, steps, seed
        self.sampling = sampling

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng(self.seed)
        table = self.table
        pools = {(name, a, b): _Pool(rows, generator) for name, a, b, rows in table.pools()}
        languages = sorted({code for by in table.mono.values() for code in by})
        in_language = {c: {name: len(by[c]) for name, by in table.mono.items() if c in by} for c in languages}
        sizes = {name: sum(map(len, by.values())) for name, by in table.cross.items()}
        for _ in range(self.steps):
            if generator.random() < self.alpha:
                language = self._one_of({code: sum(in_language[code].values()) for code in languages}, generator)
                name = self._by_size(in_language[language], generator)
                yield self._fill([pools[name, language, language]], generator)
            else:
                name = self._by_size(sizes, generator)
                yield self._fill([pools[name, a, b] for a, b in table.cross[name]], generator)

    def _one_of(self, sizes: dict[str, int], generator: np.random.Generator) -> str:
        """Uniformly, unless a temperature is given."""
        if self.sampling is None:
            return list(sizes)[generator.integers(len(sizes))]
        return self._by_size(sizes, generator)

    def _by_size(self, sizes: dict[str, int], generator: np.random.Generator) -> str:
        names = sorted(sizes)
        return names[int(generator.choice(len(names), p=_shares([sizes[name] for name in names], self.sampling or 1)))]

    def _fill(self, pools: list[_Pool], generator: np.random.Generator) -> list[int]:
        table, rows, dry = self.table, list[int](), set[int]()
        taken: set[int] = set()  # groups of the batch's pairs
        barred: set[int] = set()  # groups of its hard negatives
        shares = None if self.sampling is None else _shares([len(pool) for pool in pools], self.sampling)

        def fits(row: int) -> bool:
            group = int(table.groups[row])
            return group not in taken and group not in barred and taken.isdisjoint(table.against.get(row, ()))

        while len(rows) < self.batch and len(dry) < len(pools):
            at = int(generator.integers(len(pools)) if shares is None else generator.choice(len(pools), p=shares))
            row = None if at in dry else pools[at].draw(fits)
            if row is None:
                dry.add(at)
                continue
            rows.append(row)
            taken.add(int(table.groups[row]))
            barred |= table.against.get(row, frozenset())
        return rows


def trainer_sampler(batches: HybridBatches, devices: int) -> type[DefaultBatchSampler]:
    """`batches` as the class that a sentence-transformers trainer asks for as its `batch_sampler`.

    Args:
        devices: How many processes train together. Each batch is given out as so many equal parts, one after the other,
            which is how accelerate hands them to the processes.
    """

    class Sampler(DefaultBatchSampler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.batch_size: Any = None  # batches may be smaller; accelerate would leave those out

        def __iter__(self) -> Iterator[list[int]]:
            for rows in batches:
                whole = rows[: len(rows) - len(rows) % devices] or rows[:1] * devices
                share = len(whole) // devices
                yield from (whole[at * share : (at + 1) * share] for at in range(devices))

        def __len__(self) -> int:
            return len(batches) * devices

    return Sampler


class _Pool:
    """Rows in a random order, each once a round; those that do not fit the batch at hand wait for the next."""

    def __init__(self, rows: Rows, generator: np.random.Generator) -> None:
        self._rows, self._generator = rows, generator
        self._left: deque[int] = deque()
        self._waiting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, fits: Callable[[int], bool]) -> int | None:
        """A row that fits; None if there is none in this pool."""
        for _ in range(len(self._waiting)):
            row = self._waiting.popleft()
            if fits(row):
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
            if fits(row):
                return row
            self._waiting.append(row)


class _Groups:
    """Unions of rows that share a text, in whatever language."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._parents: list[int] = []
        self._rows: list[int] = []

    def join(self, query: str, passage: str) -> None:
        a, b = self._root(self._node(query)), self._root(self._node(passage))
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


def _shares(sizes: Sequence[int], temperature: float) -> NDArray[np.float64]:
    weights = np.array(sizes, dtype=np.float64) ** (1 / temperature)
    return weights / weights.sum()
