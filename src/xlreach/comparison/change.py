"""Which systems are compared with which, and what each query adds to a change of the gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlreach.comparison.panel import CellKey, Family
from xlreach.comparison.statistic import ByLanguage

BASELINE = "none"


@dataclass(frozen=True)
class Change:
    """A system and the one it is compared with.

    Attributes:
        factor: `recipe`, `alignment` or `both`: what differs.
        cell: The place of the system in its family.
        against: The place of the one without.
    """

    factor: str
    cell: int
    against: int


def find_changes(family: Family) -> list[Change]:
    """Every recipe against `none` under the same alignment, every alignment against `none` under the same recipe,
    and both against neither."""
    places = {cell.key: number for number, cell in enumerate(family.cells)}
    found = []
    for key, number in places.items():
        adapted, aligned = key.recipe not in (None, BASELINE), key.alignment not in (None, BASELINE)
        wanted: list[tuple[str, str | None, str | None]] = []
        if adapted:
            wanted.append(("recipe", BASELINE, key.alignment))
        if aligned:
            wanted.append(("alignment", key.recipe, BASELINE))
        if adapted and aligned:
            wanted.append(("both", BASELINE, BASELINE))
        for factor, recipe, alignment in wanted:
            if CellKey(recipe, alignment) in places:
                found.append(Change(factor, number, places[CellKey(recipe, alignment)]))
    return found


def query_contributions(family: Family, change: Change, sides: tuple[Sequence[str], Sequence[str]]) -> np.ndarray:
    """What each query group adds to low gain - high gain, shape (groups,); sums to the change, seeds averaged.

    Args:
        family: With per-query values.
        change: The two systems.
        sides: The low- and the high-resource languages.
    """
    by_language = ByLanguage(family.pairs, family.key.setting)
    weighted, measured = [], []
    for number in (change.cell, change.against):
        cell = family.cells[number]
        totals = cell.counts.sum(0)
        there = totals > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(there, cell.sums / totals, 0).sum(2) / np.maximum(there.sum(1), 1)
        counted = there.any(1)[:, None] * by_language.indicator
        measured.append(counted.sum(0))
        weighted.append(share @ (counted / np.maximum(measured[-1], 1)))
    difference, both = weighted[0] - weighted[1], (measured[0] > 0) & (measured[1] > 0)
    parts = np.zeros(len(difference))
    for sign, side in zip((1.0, -1.0), sides, strict=True):
        places = [place for place, code in enumerate(by_language.languages) if code in side and both[place]]
        parts += sign * difference[:, places].mean(1)
    return np.asarray(parts, np.float64)
