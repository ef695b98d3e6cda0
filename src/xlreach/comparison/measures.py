"""What the comparison must know of a measure: which way is better."""

from __future__ import annotations

from xlreach.scoring.measures import MeasureInfo


def lower_is_better(measure: str) -> bool:
    """Whether a smaller value is the better one."""
    return MeasureInfo.of(measure).lower_is_better
