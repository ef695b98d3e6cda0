"""From means of language pairs to the numbers that are compared: a language's value, a level's, the gap, a direction.

A language's value is its mean as a query language: over its own documents (mono), over all other document languages
(cross) or over the pool of all (multi). The gap is the mean over low-resource languages minus the mean over
high-resource ones. The weak side is the query, not the passage, hence by query language; the four directions
(low→high, high→low, low→low, high→high) say what each side costs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlreach.comparison.levels import Cut
from xlreach.comparison.panel import Pair

DIRECTIONS = (("low", "high"), ("high", "low"), ("low", "low"), ("high", "high"))


class ByLanguage:
    """Averages pairs into languages, and languages into levels.

    Args:
        pairs: The family's pairs.
        setting: In `cross` a pair of a language with itself does not count.
    """

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

    def side(self, cut: Cut, level: str) -> list[int]:
        """The places of a level's languages."""
        return [place for place, code in enumerate(self.languages) if cut.level(code) == level]


def level_mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over languages, (resamples,), of (resamples, languages); unmeasured ones do not count."""
    there = np.isfinite(values)
    shares = there.astype(np.float64) if weights is None else there * weights
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(there, values, 0) * shares).sum(-1) / shares.sum(-1)


class ByDirection:
    """Averages pairs of two languages into the four directions between levels."""

    def __init__(self, pairs: Sequence[Pair], cut: Cut) -> None:
        self.members: dict[tuple[str, str], np.ndarray] = {}
        self.pairs = list(pairs)
        for direction in DIRECTIONS:
            rows = [
                row
                for row, pair in enumerate(pairs)
                if pair.query != pair.document and (cut.level(pair.query), cut.level(pair.document)) == direction
            ]
            if rows:
                self.members[direction] = np.array(rows)
        used = sorted({row for rows in self.members.values() for row in rows})
        self.languages = tuple(dict.fromkeys(code for row in used for code in self.pairs[row][:2] if code is not None))

    def nodes(self, direction: tuple[str, str]) -> int:
        """The smaller number of languages on a side of a direction."""
        sides = zip(*(self.pairs[row][:2] for row in self.members[direction]), strict=True)
        return min(len(set(side)) for side in sides)

    def values(self, means: np.ndarray, weights: np.ndarray | None = None) -> dict[tuple[str, str], np.ndarray]:
        """Mean of each direction, (resamples,); a pair weighs as often as both its languages were drawn together.

        Args:
            means: Pairs' means, (resamples, pairs).
            weights: How often each of `languages` was drawn, (resamples, languages); None for once each.
        """
        place = {code: number for number, code in enumerate(self.languages)}
        found = {}
        for direction, rows in self.members.items():
            here = means[:, rows]
            there = np.isfinite(here)
            shares = there.astype(np.float64)
            if weights is not None:
                asked, answered = (
                    [place[code] for code in side] for side in zip(*(self.pairs[row][:2] for row in rows), strict=True)
                )
                shares *= weights[:, asked].astype(np.float64) * weights[:, answered]
            with np.errstate(invalid="ignore", divide="ignore"):
                found[direction] = (np.where(there, here, 0) * shares).sum(1) / shares.sum(1)
        return found


def over_seeds(means: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what was measured; NaN where nothing was."""
    there = np.isfinite(means)
    with np.errstate(invalid="ignore"):
        return np.where(there, means, 0).sum(1) / np.where(there.any(1), there.sum(1), np.nan)
