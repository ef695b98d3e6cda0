"""What systems cost, to stand beside what they gain: from measurements of kind `cost`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from xlreach.gaps import Cost
from xlreach.measurement import Measurement
from xlreach.system import UNTREATED, System

COSTS = ("seconds", "tokens", "peak_memory_mb")


def cost_of(results: Sequence[Measurement], systems: Collection[System], aligned: bool) -> Cost | None:
    """What making these systems took, on average over them and over seeds; None where nothing was recorded.

    Only the stages that make an encoder count: measuring it costs the same for every system. `aligned` is whether the
    alignment was part of it (it is not, for tagging).

    Returns:
        None where nothing was recorded.
    """
    totals: dict[str, list[float]] = {name: [] for name in COSTS}
    for system in systems:
        for name in COSTS:
            seeds: dict[int | None, list[float]] = {}
            for row in results:
                if row.kind != "cost" or row.measure != name or row.system.base != system.base:
                    continue
                alignments = {"adapt": UNTREATED, "align": system.alignment if aligned else None}
                if row.system.recipe == system.recipe and row.system.alignment == alignments.get(row.stage or ""):
                    seeds.setdefault(row.seed, []).append(row.value)
            if seeds:
                combine = max if name == "peak_memory_mb" else sum
                totals[name].append(float(np.mean([combine(values) for values in seeds.values()])))
    means = {name: float(np.mean(values)) for name, values in totals.items() if values}
    return Cost(**means) if means else None
