"""Hybrid batches: which pairs go into each batch of a training run (Elmahdy, Lin and Ahmad 2024, §2.1 of the paper).

A batch is mono with probability alpha: a language is drawn uniformly, then a data set with pairs in this language, in
proportion to their number. Otherwise it is cross: a data set is drawn in proportion to its size, and then, for each
pair, a pair of languages uniformly from those of the data set. With `sampling` T, every such draw is in proportion to
size^(1/T) instead. Within a pool, all pairs are seen once before any is seen again.

Two pairs that mean the same must not be in one batch, where the passage of one would be a negative of the other. Pairs
that share a text, directly or through others, form a group (all translations of a sentence, all questions to a
passage). A batch takes at most one pair of a group, and none whose passage is a hard negative of another pair. A batch
is divided among the devices only after it is drawn, so this also holds for negatives gathered over devices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler

from xlreach.errors import DataError
from xlreach.retrieval.pair_sources import PairSource

Rows = Sequence[int]


@dataclass
class PairTable:
    """All pairs of a run as rows: `groups` numbers each row's group, `by_dataset` holds the rows of each pool.

    A pool is a data set and (query language, passage language). `given` are the hard negatives of the source, by row;
    `negatives` those in use, the same number for every row, and `against` their groups.
    """

    queries: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    by_dataset: dict[str, dict[tuple[str, str], Rows]] = field(default_factory=dict)
    given: dict[int, tuple[str, ...]] = field(default_factory=dict)
    negatives: list[tuple[str, ...]] = field(default_factory=list)
    against: dict[int, frozenset[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    def pools(self) -> list[tuple[str, str, str, Rows]]:
        """(data set, query language, passage language, rows) of each pool, those of one language first."""
        pools = [(name, a, b, rows) for name, by in self.by_dataset.items() for (a, b), rows in by.items()]
        return sorted(pools, key=lambda pool: pool[1] != pool[2])


def gather_pairs(
    sources: Sequence[PairSource],
    languages: Sequence[str],
    *,
    mono: bool,
    cross: bool,
    seed: int,
    query_language: str | None = None,
) -> PairTable:
    """Reads every pair that a run can draw; with `query_language`, only those with queries in that language.

    Raises:
        DataError: A kind of batch is asked for and no source has pairs for it, or no two pairs tell each other apart.
    """
    table, nodes = PairTable(), _Groups()
    for source in sources:
        codes = [code for code in languages if code in source.languages]
        for a, b in product(codes, repeat=2):
            if not (mono if a == b else cross) or query_language not in (None, a):
                continue
            start = len(table)
            for query, passage, *negatives in source.pairs(a, b, seed):
                if negatives:
                    table.given[len(table)] = tuple(negatives)
                table.queries.append(query)
                table.passages.append(passage)
                nodes.join(query, passage)
            if len(table) > start:
                table.by_dataset.setdefault(source.name, {})[a, b] = range(start, len(table))
    table.groups = nodes.numbers()
    is_mono = {a == b for _, a, b, _ in table.pools()}
    for wanted, present, kind, what in (
        (mono, True in is_mono, "mono", "of one language: a retrieval collection, or crops of its text"),
        (cross, False in is_mono, "cross", "across two languages: parallel text, or a multilingual collection"),
    ):
        if wanted and not present:
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
        self.table, self.alpha, self.batch, self.steps = table, alpha, batch, steps
        self.seed, self.sampling = seed, sampling

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng(self.seed)
        table = self.table
        mono: dict[str, dict[str, _Pool]] = {}  # by language and data set
        cross: dict[str, list[_Pool]] = {}  # by data set
        for name, a, b, rows in table.pools():
            if a == b:
                mono.setdefault(a, {})[name] = _Pool(rows, generator)
            else:
                cross.setdefault(name, []).append(_Pool(rows, generator))
        for _ in range(self.steps):
            if generator.random() < self.alpha:
                if self.sampling is None:
                    language = sorted(mono)[generator.integers(len(mono))]
                else:
                    language = self._draw({code: [*by.values()] for code, by in mono.items()}, generator)
                name = self._draw({name: [pool] for name, pool in mono[language].items()}, generator)
                yield self._fill([mono[language][name]], generator)
            else:
                yield self._fill(cross[self._draw(cross, generator)], generator)

    def _draw(self, pools: dict[str, list[_Pool]], generator: np.random.Generator) -> str:
        """One of the names, by the number of pairs in its pools."""
        names = sorted(pools)
        sizes = [sum(map(len, pools[name])) for name in names]
        return names[int(generator.choice(len(names), p=_shares(sizes, self.sampling or 1)))]

    def _fill(self, pools: list[_Pool], generator: np.random.Generator) -> list[int]:
        table, rows, exhausted = self.table, list[int](), set[int]()
        taken: set[int] = set()  # groups of the batch's pairs
        barred: set[int] = set()  # groups of its hard negatives
        shares = None if self.sampling is None else _shares([len(pool) for pool in pools], self.sampling)

        def fits(row: int) -> bool:
            group = int(table.groups[row])
            return group not in taken and group not in barred and taken.isdisjoint(table.against.get(row, ()))

        while len(rows) < self.batch and len(exhausted) < len(pools):
            at = int(generator.integers(len(pools)) if shares is None else generator.choice(len(pools), p=shares))
            row = None if at in exhausted else pools[at].draw(fits)
            if row is None:
                exhausted.add(at)
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
    """Rows in a random order, each once a round; rows that do not fit into the current batch wait for the next."""

    def __init__(self, rows: Rows, generator: np.random.Generator) -> None:
        self._rows, self._generator = rows, generator
        self._left: deque[int] = deque()
        self._waiting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, fits: Callable[[int], bool]) -> int | None:
        """A row that fits; None if there is none in this pool."""
        row = self._first(self._waiting, len(self._waiting), fits)
        if row is None:
            row = self._first(self._left, len(self._left), fits)
        if row is None:
            waiting = set(self._waiting)
            order = self._generator.permutation(len(self._rows))
            self._left.extend(self._rows[at] for at in order if self._rows[at] not in waiting)
            row = self._first(self._left, len(self._left), fits)
        return row

    def _first(self, rows: deque[int], count: int, fits: Callable[[int], bool]) -> int | None:
        """The first of `count` rows that fits; rows before it go to the end of the waiting ones."""
        for _ in range(count):
            row = rows.popleft()
            if fits(row):
                return row
            self._waiting.append(row)
        return None


class _Groups:
    """Rows that share a text are joined into groups, in any language (union-find)."""

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
