"""From means of language pairs to the numbers that are compared: a language's value, the gap, a direction.

A language's value is its mean as a query language: over its own documents (mono), over the pool of all (multi), or over
the documents of other languages (cross). In `cross` two languages are compared over the same documents: a document
language counts where queries of both sides search it, and low- and high-resource documents count equally. A mean over
"all other" languages would not do: a low-resource query searches one low-resource collection fewer than a high-resource
one, so that documents alone would make a gap. With one language on a side only the documents of the other side have
queries of both, and the gap is what a low-resource query costs there.

Every statistic is a weighted sum of pair means, so its variance follows from theirs (`variance.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlreach.comparison.groups.families import Pair
from xlreach.gaps import DirectionName, LanguageSplit, Side
from xlreach.measurement import Measurement

SIDES: tuple[Side, Side] = ("low", "high")


@dataclass(frozen=True)
class LanguageValues:
    """The value of each language as weights of pair means, shape (pairs, languages); NaN for one that has none."""

    languages: tuple[str, ...]
    weights: np.ndarray
    documents: tuple[Side, ...] = ()  # the sides of the documents that count, in `cross`

    def values(self, means: np.ndarray) -> np.ndarray:
        """Languages' values, shape (..., languages), of pairs' means, shape (..., pairs)."""
        return np.asarray(np.nan_to_num(means) @ self.weights)

    def columns(self, codes: Sequence[str]) -> list[int]:
        """The columns of those languages that have a value."""
        there = np.isfinite(self.weights).all(0)
        return [column for column, code in enumerate(self.languages) if code in codes and there[column]]


@dataclass(frozen=True)
class Statistic:
    """A weighted sum of pair means.

    `parts` say what each language of a side contributes, shape (pairs, languages of the side): the spread of these over
    their number is the variance of having drawn these languages and not others.
    """

    weights: np.ndarray  # shape (pairs,)
    parts: tuple[np.ndarray, ...] = ()


def language_values(
    pairs: Sequence[Pair], setting: str | None, split: LanguageSplit, measured: np.ndarray
) -> LanguageValues:
    """The value of each query language, of the measured pairs (a mask)."""
    return _balanced(pairs, split, measured, 0, SIDES) if setting == "cross" else _plain(pairs, measured)


def difference(values: LanguageValues, low: Sequence[str], high: Sequence[str]) -> Statistic | None:
    """The mean of some languages minus that of others; None where one of them is empty."""
    parts = tuple(values.weights[:, values.columns(side)] for side in (low, high))
    if not all(part.shape[1] for part in parts):
        return None
    return Statistic(parts[0].mean(1) - parts[1].mean(1), parts)


def directions(
    pairs: Sequence[Pair], split: LanguageSplit, measured: np.ndarray
) -> dict[DirectionName, tuple[Statistic, int]]:
    """The mean of each direction, and what each side costs where the other is high-resource; with their pairs."""
    found: dict[DirectionName, tuple[Statistic, int]] = {}
    names: dict[tuple[Side, Side], DirectionName] = {
        ("low", "high"): "low→high",
        ("high", "low"): "high→low",
        ("low", "low"): "low→low",
        ("high", "high"): "high→high",
    }
    for levels, name in names.items():
        rows = [
            row for row in _crossed(pairs, measured) if tuple(split.level(code) for code in pairs[row][:2]) == levels
        ]
        if rows:
            weights = np.zeros(len(pairs))
            weights[rows] = 1 / len(rows)
            found[name] = Statistic(weights, _roles(pairs, rows, same_side=levels[0] == levels[1])), len(rows)
    sides: tuple[tuple[DirectionName, int], ...] = (("query side", 0), ("document side", 1))
    for name, role in sides:
        values = _balanced(pairs, split, measured, role, ("high",))
        if (cost := difference(values, split.low, split.high)) is not None:
            found[name] = cost, int(np.count_nonzero(cost.weights))
    return found


def balanced(rows: Sequence[Measurement], split: LanguageSplit) -> list[Measurement]:
    """The rows with those of `cross` averaged over documents as the gap is: a row for each query language and seed.

    Where no documents are searched by both sides there is no gap, and a language keeps the mean over all documents.
    """
    kept, crossed = [], dict[tuple[object, ...], list[Measurement]]()
    for row in rows:
        if row.setting == "cross" and row.document_language is not None:
            crossed.setdefault((row.system, row.dataset, row.measure), []).append(row)
        else:
            kept.append(row)
    for members in crossed.values():
        pairs = [Pair(str(row.query_language), row.document_language, row.language) for row in members]
        shares = shown_values(pairs, "cross", split)
        for column in shares.columns(shares.languages):
            by_seed: dict[int | None, list[int]] = {}
            for number in np.flatnonzero(shares.weights[:, column]):
                by_seed.setdefault(members[number].seed, []).append(int(number))
            for numbers in by_seed.values():
                value = np.average([members[n].value for n in numbers], weights=shares.weights[numbers, column])
                kept.append(replace(members[numbers[0]], document_language=None, value=float(value)))
    return kept


def shown_values(pairs: Sequence[Pair], setting: str | None, split: LanguageSplit) -> LanguageValues:
    """The value of each language for tables: where documents allow no comparison across sides, the mean over all."""
    values = language_values(pairs, setting, split, np.ones(len(pairs), bool))
    if setting != "cross" or values.documents:
        return values
    return _plain(pairs, np.array([pair.query != pair.document for pair in pairs]))


def _crossed(pairs: Sequence[Pair], measured: np.ndarray) -> list[int]:
    return [row for row, pair in enumerate(pairs) if measured[row] and pair.query != pair.document]


def _plain(pairs: Sequence[Pair], measured: np.ndarray) -> LanguageValues:
    languages = tuple(dict.fromkeys(pair.query for pair in pairs))
    counted = np.array([[pair.query == code for code in languages] for pair in pairs]) & measured[:, None]
    totals = counted.sum(0)
    return LanguageValues(languages, counted / np.where(totals > 0, totals, np.nan))


def _balanced(
    pairs: Sequence[Pair], split: LanguageSplit, measured: np.ndarray, role: int, partners: Sequence[Side]
) -> LanguageValues:
    """The mean of each language as query (`role` 0) or document (1) language over partners that both sides have."""
    rows = _crossed(pairs, measured)
    seen: dict[str, set[Side | None]] = {}  # by partner, the sides of the languages that it is paired with
    for row in rows:
        seen.setdefault(str(pairs[row][1 - role]), set()).add(split.level(pairs[row][role]))
    shared: dict[str, Side] = {}
    for code, with_sides in seen.items():
        side = split.level(code)
        if side is not None and side in partners and with_sides >= {*SIDES}:
            shared[code] = side
    sides = tuple(side for side in SIDES if side in shared.values())
    languages = tuple(dict.fromkeys(str(pair[role]) for pair in pairs))
    weights = np.full((len(pairs), len(languages)), np.nan)
    for column, code in enumerate(languages):
        mine: dict[str, list[int]] = {}  # rows by partner
        for row in rows:
            if pairs[row][role] == code and pairs[row][1 - role] in shared:
                mine.setdefault(str(pairs[row][1 - role]), []).append(row)
        counts = {side: sum(shared[partner] == side for partner in mine) for side in SIDES}
        if sides and all(counts[side] for side in sides):
            weights[:, column] = 0.0
            for partner, numbers in mine.items():
                weights[numbers, column] = 1 / len(sides) / counts[shared[partner]] / len(numbers)
    return LanguageValues(languages, weights, sides)


def _roles(pairs: Sequence[Pair], rows: Sequence[int], *, same_side: bool) -> tuple[np.ndarray, ...]:
    """What each language contributes to a mean over pairs, as query and as document language."""
    parts = []
    for role in (0, 1):
        codes = sorted({str(pairs[row][role]) for row in rows})
        part = np.zeros((len(pairs), len(codes)))
        for row in rows:
            part[row, codes.index(str(pairs[row][role]))] = 1
        parts.append((codes, part / part.sum(0)))
    (queries, by_query), (documents, by_document) = parts
    if not same_side:
        return by_query, by_document
    if queries != documents or len(queries) < 3:
        return (np.zeros((len(pairs), 1)),)  # too few to tell
    # without pairs of a language with itself, its own effect is in the mean of the others as well
    return ((by_query + by_document) * (len(queries) - 1) / (len(queries) - 2),)
