"""What a study found, as types: every gap, direction and change, every verdict, everything that may explain them.

`comparison` computes these, `report` writes sentences, tables and charts from them, `gaps.json` is their JSON and
`gaps.schema.json` the JSON schema of that. A row
carries numbers and closed sets of words (`Literal`), no sentence: what a sentence says is decided in
`report/narrative/`. `low` and `high` are the two sides of a split of the languages; a difference is always the low
side minus the high side unless a row says otherwise.
"""

from __future__ import annotations

from xlreach.gaps.analysis import GapAnalysis
from xlreach.gaps.explanations import Correlation, Effect, EqualPools, PoolFigure, PoolSizes, ProfilePoint, Regression
from xlreach.gaps.file import json_schema, read_gaps, write_gaps
from xlreach.gaps.rows import (
    Caution,
    Certainty,
    Change,
    Direction,
    DirectionName,
    Factor,
    Gap,
    Interval,
    LanguageSplit,
    Measured,
    Side,
    Subject,
    rounded,
)
from xlreach.gaps.side_by_side import FactorAnalysis, FactorGap, FactorTest, RunComparison, RunDifference
from xlreach.gaps.verdicts import Answer, Claim, Cost, Verdict

__all__ = [
    "Answer",
    "Caution",
    "Certainty",
    "Change",
    "Claim",
    "Correlation",
    "Cost",
    "Direction",
    "DirectionName",
    "Effect",
    "EqualPools",
    "Factor",
    "FactorAnalysis",
    "FactorGap",
    "FactorTest",
    "Gap",
    "GapAnalysis",
    "Interval",
    "LanguageSplit",
    "Measured",
    "PoolFigure",
    "PoolSizes",
    "ProfilePoint",
    "Regression",
    "RunComparison",
    "RunDifference",
    "Side",
    "Subject",
    "Verdict",
    "json_schema",
    "read_gaps",
    "rounded",
    "write_gaps",
]
