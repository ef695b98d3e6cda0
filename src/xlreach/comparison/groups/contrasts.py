"""Which systems are compared with which, and what each query adds to a change of the gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlreach.comparison.groups.families import Family
from xlreach.comparison.resampling.language_means import ByLanguage
from xlreach.gaps import Factor
from xlreach.system import UNTREATED, System


@dataclass(frozen=True)
class Contrast:
    """A system and the one it is compared with, as indexes of their family's cells."""

    factor: Factor
    cell: int
    against: int


def find_contrasts(family: Family) -> list[Contrast]:
    """Each system against the one without its recipe, without its alignment and retriever, and without all of them."""
    index = {cell.system: number for number, cell in enumerate(family.cells)}
    contrasts = []
    for system, number in index.items():
        ranked = system.is_aligned or not system.is_dense
        wanted: list[tuple[Factor, System]] = []
        if system.is_adapted:
            wanted.append(("recipe", replace(system, recipe=UNTREATED)))
        if ranked:
            factor: Factor = "alignment" if system.is_aligned else "retriever"
            wanted.append((factor, System(system.base, system.recipe)))
        if system.is_adapted and ranked:
            wanted.append(("both", System(system.base)))
        contrasts += [Contrast(factor, number, index[against]) for factor, against in wanted if against in index]
    return contrasts


def query_contributions(family: Family, contrast: Contrast, sides: tuple[Sequence[str], Sequence[str]]) -> np.ndarray:
    """What each query group adds to low gain - high gain, shape (groups,); sums to the change, seeds averaged."""
    by_language = ByLanguage(family.pairs, family.key.setting)
    weighted, measured = [], []
    for number in (contrast.cell, contrast.against):
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
        columns = [number for number, code in enumerate(by_language.languages) if code in side and both[number]]
        parts += sign * difference[:, columns].mean(1)
    return np.asarray(parts, np.float64)
