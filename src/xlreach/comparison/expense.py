"""What systems cost, to stand beside what they gain: from measurements of kind `cost`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from xlreach.comparison.panel import CellKey
from xlreach.measurement import Measurement

COSTS = ("seconds", "tokens", "peak_memory_mb")
_MAKING = ("adapt", "align")  # stages that make an encoder; measuring it costs every system the same


def expense(
    results: Sequence[Measurement], base: str | None, systems: Collection[CellKey], aligned: bool
) -> dict[str, float] | None:
    """What making these systems took, on average over them and over seeds.

    Args:
        results: The measurements.
        base: Of the systems.
        systems: Recipes and alignments.
        aligned: Whether the alignment was part of it (it is not, for tagging).

    Returns:
        `{seconds, tokens, peak_memory_mb}`: added up over languages and stages, memory the largest; None where nothing
        was recorded.
    """
    totals: dict[str, list[float]] = {}
    for system in systems:
        parts: dict[str, dict[int | None, list[float]]] = {}
        for row in results:
            stage, _, name = row.measure.rpartition(":")
            if row.kind != "cost" or row.base != base or row.recipe != system.recipe or stage not in _MAKING:
                continue
            own = row.alignment is None if stage == "adapt" else aligned and row.alignment == system.alignment
            if own and name in COSTS:
                parts.setdefault(name, {}).setdefault(row.seed, []).append(row.value)
        for name, seeds in parts.items():
            combine = max if name == "peak_memory_mb" else sum
            totals.setdefault(name, []).append(float(np.mean([combine(values) for values in seeds.values()])))
    return {name: round(float(np.mean(values)), 3) for name, values in totals.items()} or None
