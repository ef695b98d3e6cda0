"""Tagging beyond one language and its whole data: learning curves, zero-shot transfer, parts of a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xlreach.comparison.tables.results import Figure, SeedValues, Table, collect, figure_of, mark_best, ordered
from xlreach.measurement import Measurement


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
    rows = [row for row in results if row.kind == "tagging" and row.setting is None and row.part is None]
    curved = {(row.base, row.measure) for row in rows if row.sentences is not None}
    sizes = {
        (row.system, row.language, row.seed, row.dataset, row.task, row.sentences): row.value
        for row in results
        if row.kind == "cost" and row.measure == "examples" and row.trained_on is None
    }
    cells: dict[tuple[str, str, str, str, int | None], dict[int | None, list[tuple[float, float]]]] = {}
    for row in rows:
        if (row.base, row.measure) not in curved:
            continue
        training = (row.system, row.language, row.seed, row.dataset, row.task, row.sentences)
        size = sizes.get(training, row.sentences)
        if size is not None:
            key = (row.system.base, row.measure, str(row.language), row.system.recipe, row.sentences)
            cells.setdefault(key, {}).setdefault(row.seed, []).append((size, row.value))
    points = []
    for (base, measure, language, recipe, _), by_seed in cells.items():
        learnt = [size for pairs in by_seed.values() for size, _ in pairs]
        figure = figure_of({seed: [value for _, value in pairs] for seed, pairs in by_seed.items()})
        size = sum(learnt) / len(learnt)
        points.append(Point(base, measure, language, recipe, size, figure.mean, figure.sd, figure.seeds))
    order = {key: number for number, key in enumerate(dict.fromkeys(point[:4] for point in points))}
    return sorted(points, key=lambda point: (order[point[:4]], point.sentences))


def transfer_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and measure: recipes and training data by the language tested.

    What was learnt in the language itself stands below, but for parts of speech: those are its own tags there and
    universal ones across languages.
    """
    rows = [row for row in results if row.kind == "tagging" and row.part is None]
    transferred = [row for row in rows if row.setting == "transfer"]
    targets = {str(row.language) for row in transferred}
    at_home = [row for row in rows if row.setting is None and row.sentences is None and str(row.language) in targets]
    tables = []
    for base, measure in dict.fromkeys((row.base, row.measure) for row in transferred):
        cells = collect(
            ((str(row.trained_on) if row.setting else "the language itself", row.system.recipe), str(row.language), row)
            for row in (*transferred, *(at_home if measure != "accuracy" else ()))
            if (row.base, row.measure) == (base, measure)
        )
        title = f"{measure} without a training sentence of the language, {base}"
        about = {"base": base, "measure": measure}
        name = f"transfer {measure} {base}"
        tables.append(_table(name, title, ("trained on", "recipe"), cells, ordered(targets, levels), about))
    return tables


def part_tables(results: Sequence[Measurement]) -> list[Table]:
    """One table a base and measure that was asked for in parts: languages and recipes by part; nothing is marked."""
    rows = [row for row in results if row.kind == "tagging" and row.setting is None and row.part is not None]
    tables = []
    for base, measure in dict.fromkeys((row.base, row.measure) for row in rows):
        members = [row for row in rows if (row.base, row.measure) == (base, measure)]
        by_system = collect(((str(row.language), row.system.recipe), str(row.part), row) for row in members)
        parts = list(dict.fromkeys(part for columns in by_system.values() for part in columns))
        name, title, about = f"parts {measure} {base}", f"{measure} in parts, {base}", {"base": base, "measure": None}
        tables.append(_table(name, title, ("language", "recipe"), by_system, parts, about))
    return tables


def _table(
    name: str,
    title: str,
    heads: tuple[str, ...],
    cells: Mapping[tuple[str, str], Mapping[str, SeedValues]],
    columns: Sequence[str],
    about: Mapping[str, str | None],
) -> Table:
    figures: dict[str, dict[tuple[str, str], Figure | None]] = {}
    measure = about["measure"]
    for column in columns:
        shown = {key: figure_of(values[column]) if column in values else None for key, values in cells.items()}
        figures[column] = dict(shown)
        for first in {key[0] for key in shown} if measure else ():
            # the best of those that share what stands first: of one training set
            group = {key: figure for key, figure in shown.items() if key[0] == first}
            figures[column] |= mark_best(group, measure or "")
    rows = tuple((key, tuple(figures[column][key] for column in columns)) for key in cells)
    return Table(name, title, heads, tuple(columns), rows, about)
