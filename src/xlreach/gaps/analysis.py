"""All of it together: the content of `gaps.json`."""

from __future__ import annotations

from dataclasses import dataclass

from xlreach.gaps.explanations import Correlation, EqualPools, PoolSizes, ProfilePoint, Regression
from xlreach.gaps.rows import Caution, Change, Direction, Gap, LanguageSplit
from xlreach.gaps.verdicts import Answer, Verdict


@dataclass(frozen=True, kw_only=True)
class GapAnalysis:
    """Everything that comparing the low- with the high-resource languages of a study gave."""

    study: str | None
    seed: int  # of the resampling
    resamples: int
    permutations: int
    headline: str | None  # the measure to show first
    splits: tuple[LanguageSplit, ...]  # the first is the study's own
    confidence: float = 0.95  # the level of every interval
    gaps: tuple[Gap, ...] = ()
    directions: tuple[Direction, ...] = ()
    changes: tuple[Change, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    answers: tuple[Answer, ...] = ()
    pools: tuple[PoolSizes, ...] = ()
    equal_pools: tuple[EqualPools, ...] = ()
    profiles: tuple[ProfilePoint, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    models: tuple[Regression, ...] = ()
    cautions: tuple[Caution, ...] = ()  # of the study as a whole

    @property
    def split(self) -> LanguageSplit:
        """The study's own split."""
        return self.splits[0]
