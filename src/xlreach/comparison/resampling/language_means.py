"""From means of language pairs to the numbers that are compared: a language's value, a level's, the gap, a direction.

A language's value is its mean as a query language: over its own documents (mono), over all other document languages
(cross) or over the pool of all (multi). The gap is the mean over low-resource languages minus the mean over
high-resource ones. The weak side is the query, not the passage, hence by query language; the four directions
(low→high, high→low, low→low, high→high) say what each side costs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlreach.comparison.groups.families import Cell, Pair
from xlreach.gaps import DirectionName, LanguageSplit, Side

_Levels = tuple[Side, Side]  # of the query language and the document language
DIRECTIONS: dict[_Levels, DirectionName] = {
    ("low", "high"): "low→high",
    ("high", "low"): "high→low",
    ("low", "low"): "low→low",
    ("high", "high"): "high→high",
}
_COSTS: dict[DirectionName, _Levels] = {"query side": ("low", "high"), "document side": ("high", "low")}


class ByLanguage:
    """Averages pairs into languages; in `cross` a pair of a language with itself does not count."""

    def __init__(self, pairs: Sequence[Pair], setting: str | None) -> None:
        self.languages = tuple(dict.fromkeys(pair.query for pair in pairs))
        self.indicator = np.zeros((len(pairs), len(self.languages)), np.float32)
        for row, pair in enumerate(pairs):
            if setting != "cross" or pair.query != pair.document:
                self.indicator[row, self.languages.index(pair.query)] = 1

    def values(self, means: np.ndarray) -> np.ndarray:
        """Languages' values, (resamples, languages), from pairs' means, (resamples, pairs); NaN where unmeasured."""
        there = np.isfinite(means)
        if there.all():
            totals, counts = means @ self.indicator, self.indicator.sum(0)
        else:
            totals, counts = np.where(there, means, 0) @ self.indicator, there.astype(np.float32) @ self.indicator
        with np.errstate(invalid="ignore", divide="ignore"):
            return totals / np.where(counts > 0, counts, np.nan)

    def of_cell(self, cell: Cell) -> np.ndarray:
        """Languages' values, means over seeds, shape (languages,)."""
        return self.values(mean_of_measured(cell.means())[None])[0]

    def shares(self, cell: Cell) -> np.ndarray:
        """The weight of each measured pair in its language's value, shape (pairs, languages)."""
        counted = self.indicator * (cell.counts.sum((0, 2)) > 0)[:, None]
        return np.asarray(counted / np.maximum(counted.sum(0), 1), np.float32)

    def side(self, split: LanguageSplit, level: Side) -> list[int]:
        """The columns of the languages of a side."""
        return [column for column, code in enumerate(self.languages) if split.level(code) == level]


def mean_of_measured(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over the last axis (languages or seeds) of what was measured; NaN where nothing was."""
    there = np.isfinite(values)
    shares = there.astype(np.float64) if weights is None else there * weights
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(there, values, 0) * shares).sum(-1) / shares.sum(-1)


class ByDirection:
    """Averages pairs of two languages into the four directions between levels, and into what the weak side costs.

    A statistic is a mean over pairs, or a difference of two; its `influences` say what each language has to do with
    it, as the language of the queries, of the documents, or of both.
    """

    def __init__(self, pairs: Sequence[Pair], split: LanguageSplit) -> None:
        self.members: dict[_Levels, np.ndarray] = {}
        self.pairs = list(pairs)
        for direction in DIRECTIONS:
            rows = [
                row
                for row, pair in enumerate(pairs)
                if pair.query != pair.document and (split.level(pair.query), split.level(pair.document)) == direction
            ]
            if rows:
                self.members[direction] = np.array(rows)
        used = sorted({row for rows in self.members.values() for row in rows})
        self.languages = tuple(dict.fromkeys(code for row in used for code in self.pairs[row][:2] if code is not None))
        self.levels = tuple(split.level(code) for code in self.languages)

    def parts(self) -> dict[DirectionName, tuple[_Levels, ...]]:
        """The directions that each statistic is made of: one, or one minus another."""
        parts: dict[DirectionName, tuple[_Levels, ...]] = {DIRECTIONS[levels]: (levels,) for levels in self.members}
        top: _Levels = ("high", "high")
        for name, levels in _COSTS.items():
            if levels in self.members and top in self.members:
                parts[name] = (levels, top)
        return parts

    def values(self, means: np.ndarray) -> dict[DirectionName, np.ndarray]:
        """Each statistic, (resamples,), of pairs' means, (resamples, pairs)."""
        of = {}
        for direction, rows in self.members.items():
            here = means[:, rows]
            there = np.isfinite(here)
            with np.errstate(invalid="ignore", divide="ignore"):
                of[direction] = np.where(there, here, 0).sum(1) / there.sum(1)
        return {
            name: of[part[0]] - of[part[1]] if len(part) > 1 else of[part[0]] for name, part in self.parts().items()
        }

    def influences(self, parts: Sequence[_Levels], measured: np.ndarray) -> np.ndarray:
        """From pairs' means to what each language contributes to a statistic of `parts`, shape (pairs, languages)."""
        matrix = np.zeros((len(self.pairs), len(self.languages)))
        for sign, direction in zip((1.0, -1.0), parts, strict=False):
            rows = [row for row in self.members[direction] if measured[row]]
            sides = [[self.languages.index(str(self.pairs[row][side])) for row in rows] for side in (0, 1)]
            both = len(set(sides[0]) & set(sides[1]))
            # without pairs of a language with itself, its own effect is in the mean of the others as well
            scale = (both - 1) / (both - 2) if both > 2 else np.nan if both else 1.0
            for side in sides:
                counts = np.bincount(side, minlength=len(self.languages))
                for row, column in zip(rows, side, strict=True):
                    matrix[row, column] += sign * scale / counts[column]
        return matrix
