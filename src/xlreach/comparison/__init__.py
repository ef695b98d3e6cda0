"""Low versus high: gaps with their uncertainty, tests of what changes them, and the figures of every table.

Reads measurements and per-query values; writes `gaps.json`. No models and no data sets here, no HTML either: the
report shows what this room computed and computes nothing itself.
"""

from __future__ import annotations

from xlreach.comparison.claims import Hypothesis, parse_hypothesis
from xlreach.comparison.gap import compare
from xlreach.comparison.runs import compare_runs
from xlreach.gaps import read_gaps, write_gaps

__all__ = ["Hypothesis", "compare", "compare_runs", "parse_hypothesis", "read_gaps", "write_gaps"]
