"""Several studies or two runs side by side: a controlled experiment over one factor; what another run does better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Interval
from xlreach.system import System


@dataclass(frozen=True, kw_only=True)
class FactorSubject:
    """What is set over the values of a factor.

    Attributes:
        kind: Retrieval or tagging.
        system: The system.
        dataset: The retrieval data set; None for tagging.
        setting: `mono`, `cross` or `multi`; None for tagging.
        measure: The measure.
    """

    kind: Literal["retrieval", "tagging"]
    system: System
    dataset: str | None
    setting: str | None
    measure: str


@dataclass(frozen=True, kw_only=True)
class FactorGap(FactorSubject):
    """A gap under one value of the factor.

    Attributes:
        value: The value of the factor.
        low: Mean over the low-resource languages.
        high: Mean over the high-resource languages.
        gap: `low - high`.
        interval: For these very languages.
        df: Its degrees of freedom; None where they are not limited.
        lower_is_better: Whether a lower value of the measure is better.
    """

    value: str
    low: float
    high: float
    gap: float
    interval: Interval | None
    df: float | None
    lower_is_better: bool


@dataclass(frozen=True, kw_only=True)
class FactorTest(FactorSubject):
    """Whether a gap depends on the factor: Welch's analysis of variance.

    Attributes:
        least: The smallest gap.
        at_least: The value of the factor that it is at.
        most: The largest gap.
        at_most: The value of the factor that it is at.
        f: Welch's F; None where a gap has no interval.
        df: Its degrees of freedom between the values.
        df_within: Its degrees of freedom within them; None where they are not limited.
        p: Of no dependence.
        p_holm: Corrected over all tests of the experiment.
        verdict: What may be said.
    """

    least: float
    at_least: str
    most: float
    at_most: str
    df: int
    f: float | None = None
    df_within: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: Literal["differs", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class FactorAnalysis:
    """The content of `factor.json`: the gaps of several studies over the values of one factor.

    Attributes:
        experiment: Its name.
        factor: What varies, in words.
        about: What is asked, a sentence.
        measure: The retrieval measure.
        values: The values of the factor, in order.
        rows: The gaps.
        tests: One for each gap that all values have and the factor changes.
    """

    experiment: str
    factor: str
    about: str
    measure: str | None
    values: tuple[str, ...]
    rows: tuple[FactorGap, ...]
    tests: tuple[FactorTest, ...]


@dataclass(frozen=True, kw_only=True)
class RunDifference:
    """A value of run B minus that of run A.

    Attributes:
        system: By its names in run A.
        kind: Retrieval or tagging.
        dataset: The data set; None for means over tagging data sets.
        setting: The retrieval setting.
        measure: The measure.
        lower_is_better: Whether a lower value of it is better.
        scope: The value of one language, the mean of a side, or the gap (low minus high).
        language: Which language; None for a side or the gap.
        a: The value in run A.
        b: The value in run B.
        difference: `b - a`.
        interval: Of the difference.
        p: Of no difference.
        p_holm: Corrected over everything that was compared.
        test: What was tested; None where there was nothing to test with.
        units: How many queries or seeds the test rests on.
        verdict: Whether B is better.
    """

    system: System
    kind: Literal["retrieval", "tagging"]
    dataset: str | None
    setting: str | None
    measure: str
    lower_is_better: bool
    scope: Literal["language", "low", "high", "gap"]
    language: str | None
    a: float
    b: float
    difference: float
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    test: Literal["paired_queries", "unpaired_queries", "seeds"] | None = None
    units: int = 0
    verdict: Literal["better", "worse", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Run B compared with run A, or a system of B with one of A.

    Attributes:
        a: The name of run A, or of the system of A.
        b: The name of run B, or of the system of B.
        one_system: Whether two systems were named, so that every row is about these.
        rows: Every difference.
    """

    a: str
    b: str
    one_system: bool
    rows: tuple[RunDifference, ...]
