"""Which systems are compared with which, and what each query adds to a change of the gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlreach.comparison.panel import Family

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
            alike = [other for other in places if (other.recipe, other.alignment) == (recipe, alignment)]
            # an encoder that was specialised for nothing stands against every specialised one
            same = [other for other in alike if other.language == key.language] or (alike if len(alike) == 1 else [])
            if same:
                found.append(Change(factor, number, places[same[0]]))
    return found


def query_contributions(family: Family, change: Change, sides: tuple[Sequence[str], Sequence[str]]) -> np.ndarray:
    """What each query group adds to low gain - high gain, shape (groups,); sums to the change, seeds averaged.

    Args:
        family: With per-query values.
        change: The two systems.
        sides: The low- and the high-resource languages.
    """
    shares, pairs = [], family.pairs
    for number in (change.cell, change.against):
        cell = family.cells[number]
        totals = cell.counts.sum(0)
        there = totals > 0
        seeds = np.maximum(there.sum(1), 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            per_seed = np.where(there, cell.sums / totals, 0)
        shares.append((per_seed.sum(2) / seeds, there.any(1)))
    difference = shares[0][0] - shares[1][0]
    common = shares[0][1] & shares[1][1]
    weights = np.zeros(len(pairs))
    measured = [[code for code in side if any(common[row] for row in _rows(family, code))] for side in sides]
    for sign, side in zip((1.0, -1.0), measured, strict=True):
        for code in side:
            rows = [row for row in _rows(family, code) if common[row]]
            weights[rows] = sign / len(side) / len(rows)
    return np.asarray(difference[:, weights != 0] @ weights[weights != 0], np.float64)


def _rows(family: Family, code: str) -> list[int]:
    cross = family.key.setting == "cross"
    return [
        row for row, (asked, answered) in enumerate(family.pairs) if asked == code and not (cross and answered == code)
    ]
