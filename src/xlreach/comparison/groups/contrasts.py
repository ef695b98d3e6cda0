"""Which systems are compared with which."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xlreach.comparison.groups.families import Family
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
