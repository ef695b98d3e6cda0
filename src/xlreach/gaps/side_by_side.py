"""Several studies or two runs side by side: a controlled experiment over one factor; what another run does better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Interval, Measured


@dataclass(frozen=True, kw_only=True)
class FactorGap(Measured):
    """A gap under one value of the factor; the interval is for these very languages."""

    value: str
    low: float
    high: float
    gap: float
    interval: Interval | None
    df: float | None  # degrees of freedom of the interval; None where they are not limited
    lower_is_better: bool


@dataclass(frozen=True, kw_only=True)
class FactorTest(Measured):
    """Whether a gap depends on the factor: Welch's analysis of variance."""

    least: float  # the smallest gap
    at_least: str  # the value of the factor that it is at
    most: float
    at_most: str
    df: int  # degrees of freedom between the values of the factor
    f: float | None = None  # None where a gap has no interval
    df_within: float | None = None  # those within them; None where they are not limited
    p: float | None = None
    p_holm: float | None = None  # corrected over all tests of the experiment
    verdict: Literal["differs", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class FactorAnalysis:
    """The content of `factor.json`: the gaps of several studies over the values of one factor."""

    experiment: str
    factor: str  # what varies, in words
    about: str  # what is asked, a sentence
    measure: str | None
    values: tuple[str, ...]
    rows: tuple[FactorGap, ...]
    tests: tuple[FactorTest, ...]  # of each gap that all values have and the factor changes


@dataclass(frozen=True, kw_only=True)
class RunDifference(Measured):
    """A value of run B minus that of run A: of one language, the mean of a side, or the gap (low minus high).

    The system goes by its names in run A.
    """

    lower_is_better: bool
    scope: Literal["language", "low", "high", "gap"]
    language: str | None
    a: float
    b: float
    difference: float
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None  # corrected over everything that was compared
    test: Literal["paired_queries", "unpaired_queries"] | None = None
    units: int = 0  # how many query groups or sentences the test rests on
    verdict: Literal["better", "worse", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Run B compared with run A, or a system of B with one of A."""

    a: str  # the name of the run, or of its system
    b: str
    one_system: bool  # whether two systems were named: then every row is about these
    rows: tuple[RunDifference, ...]
