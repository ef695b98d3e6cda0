"""Tagging beyond one language and its whole data: learning curves, zero-shot transfer, parts of a measure.

Reads the measurements that say so: `LAS@50` was learnt from 50 sentences, the setting `transfer` was learnt in another
language (`TRAIN>TEST` names both data sets), `LAS[nsubj]` is the part of LAS that falls to one relation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from xlreach.comparison.tables import Figure, Table, figure_of, mark_best, ordered
from xlreach.measurement import Measurement

_SHOTS = re.compile(r"(?P<measure>.+)@(?P<sentences>\d+)")
_PART = re.compile(r"(?P<measure>.+)\[(?P<part>.+)\]")
_COST = re.compile(r"tag (?P<task>\w+)(?:\((?P<parameters>.*?)\))? on (?P<dataset>.+):examples")
_LIMIT = re.compile(r"(?:^|,)limit=(\d+)")
_TASKS = {"accuracy": "pos", "UAS": "parse", "LAS": "parse", "F1": "ner"}


class Point(NamedTuple):
    """A point of a learning curve: what was learnt from so many sentences, mean over seeds."""

    base: str
    measure: str
    language: str
    recipe: str
    sentences: float
    mean: float
    sd: float | None
    seeds: int


def learning_curves(results: Sequence[Measurement]) -> list[Point]:
    """The curves of every task that a study learnt from several numbers of sentences, each by rising number.

    How many sentences there were is taken from the costs (`examples`), as a corpus may have fewer than were asked for.
    """
    rows = [row for row in results if row.kind == "tagging" and row.setting is None and not row.measure.endswith("]")]
    curved = {(row.base, found["measure"]) for row in rows if (found := _SHOTS.fullmatch(row.measure))}
    sizes = _sizes(results)
    cells: dict[tuple[str, ...], dict[int | None, list[tuple[float, float]]]] = {}
    for row in rows:
        found = _SHOTS.fullmatch(row.measure)
        measure, limit = (found["measure"], int(found["sentences"])) if found else (row.measure, None)
        if (row.base, measure) not in curved:
            continue
        task = _TASKS.get(measure)
        size = sizes.get((row.base, row.recipe, row.language, row.seed, row.dataset, task, limit), limit)
        if size is not None:
            key = (str(row.base), measure, str(row.language), str(row.recipe), str(limit))
            cells.setdefault(key, {}).setdefault(row.seed, []).append((size, row.value))
    points = []
    for (base, measure, language, recipe, _), by_seed in cells.items():
        known = [one for pairs in by_seed.values() for one in pairs]
        figure = figure_of({seed: [value for _, value in pairs] for seed, pairs in by_seed.items()})
        size = sum(size for size, _ in known) / len(known)
        points.append(Point(base, measure, language, recipe, size, figure.mean, figure.sd, figure.seeds))
    place = {key: at for at, key in enumerate(dict.fromkeys(point[:4] for point in points))}
    return sorted(points, key=lambda point: (place[point[:4]], point.sentences))


def transfer_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and measure: recipes and training data by the language tested.

    What was learnt in the language itself stands below, but for parts of speech: those are its own tags there and
    universal ones across languages.
    """
    moved = [row for row in results if row.kind == "tagging" and row.setting == "transfer" and row.dataset]
    tables = []
    for base, measure in dict.fromkeys((row.base, row.measure) for row in moved):
        cells: dict[tuple[str, ...], dict[str, dict[int | None, list[float]]]] = {}
        targets = {str(row.language) for row in moved}
        at_home = [
            row
            for row in results
            if row.kind == "tagging" and row.setting is None and row.language in targets and measure != "accuracy"
        ]
        for row in (*moved, *at_home):
            if (row.base, row.measure) == (base, measure):
                source = str(row.dataset).partition(">")[0] if row.setting else "the language itself"
                values = cells.setdefault((source, str(row.recipe)), {}).setdefault(str(row.language), {})
                values.setdefault(row.seed, []).append(row.value)
        title = f"{measure} without a training sentence of the language, {base}"
        about = {"base": base, "measure": measure}
        name = f"transfer {measure} {base}"
        tables.append(_table(name, title, ("trained on", "recipe"), cells, ordered(targets, levels), about))
    return tables


def part_tables(results: Sequence[Measurement]) -> list[Table]:
    """One table a base and measure that was asked for in parts: languages and recipes by part; nothing is marked."""
    cells: dict[tuple[str, str], dict[tuple[str, ...], dict[str, dict[int | None, list[float]]]]] = {}
    for row in results:
        if row.kind == "tagging" and row.setting is None and (found := _PART.fullmatch(row.measure)):
            own = cells.setdefault((str(row.base), found["measure"]), {})
            values = own.setdefault((str(row.language), str(row.recipe)), {}).setdefault(found["part"], {})
            values.setdefault(row.seed, []).append(row.value)
    return [
        _table(
            f"parts {measure} {base}", f"{measure} in parts, {base}", ("language", "recipe"), own,
            list(dict.fromkeys(part for columns in own.values() for part in columns)),
            {"base": base, "measure": None},
        )
        for (base, measure), own in cells.items()
    ]  # fmt: skip


def _table(
    name: str,
    title: str,
    heads: tuple[str, ...],
    cells: Mapping[tuple[str, ...], Mapping[str, Mapping[int | None, list[float]]]],
    columns: Sequence[str],
    about: Mapping[str, Any],
) -> Table:
    figures: dict[str, dict[tuple[str, ...], Figure | None]] = {}
    for column in columns:
        own = {key: figure_of(values[column]) if column in values else None for key, values in cells.items()}
        figures[column] = own
        for first in {key[0] for key in own} if about["measure"] else ():
            # The best of those that share what stands first: of one training set.
            figures[column] |= mark_best({key: one for key, one in own.items() if key[0] == first}, about["measure"])
    rows = tuple((key, tuple(figures[column][key] for column in columns)) for key in cells)
    return Table(name, title, heads, tuple(columns), rows, about)


def _sizes(results: Iterable[Measurement]) -> dict[tuple[Any, ...], float]:
    """How many sentences were learnt from, by base, recipe, language, seed, data set, task and limit."""
    sizes = {}
    for row in results:
        found = _COST.fullmatch(row.measure) if row.kind == "cost" else None
        if found:
            limit = _LIMIT.search(found["parameters"] or "")
            about = (row.base, row.recipe, row.language, row.seed, found["dataset"], found["task"])
            sizes[*about, int(limit[1]) if limit else None] = row.value
    return sizes
