"""All of it together: the content of `gaps.json`."""

from __future__ import annotations

from dataclasses import dataclass

from xlreach.gaps.explanations import Correlation, EqualPools, MixedModel, PoolSizes, ProfilePoint
from xlreach.gaps.rows import Caution, Change, Direction, Gap, LanguageSplit
from xlreach.gaps.verdicts import Answer, Verdict


@dataclass(frozen=True, kw_only=True)
class GapAnalysis:
    """Everything that comparing the low- with the high-resource languages of a study gave.

    Attributes:
        study: The study's name.
        seed: Of the resampling.
        resamples: Bootstrap resamples.
        permutations: Permutations drawn for a test.
        confidence: The level of every interval.
        headline: The measure to show first.
        splits: The splits of the languages; the first is the study's own.
        gaps: One row a split, system, data set, setting and measure.
        directions: Cross-lingual means by direction.
        changes: What recipes and alignments change.
        verdicts: The study's hypotheses.
        answers: The claims behind the answer to the study's question.
        pools: Pool sizes.
        equal_pools: Figures at one pool size, where pools differ.
        profiles: Each language side by side.
        correlations: What goes with retrieval.
        models: Mixed-effects models of retrieval.
        cautions: What holds for the study as a whole.
    """

    study: str | None
    seed: int
    resamples: int
    permutations: int
    headline: str | None
    splits: tuple[LanguageSplit, ...]
    confidence: float = 0.95
    gaps: tuple[Gap, ...] = ()
    directions: tuple[Direction, ...] = ()
    changes: tuple[Change, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    answers: tuple[Answer, ...] = ()
    pools: tuple[PoolSizes, ...] = ()
    equal_pools: tuple[EqualPools, ...] = ()
    profiles: tuple[ProfilePoint, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    models: tuple[MixedModel, ...] = ()
    cautions: tuple[Caution, ...] = ()

    @property
    def split(self) -> LanguageSplit:
        """The study's own split."""
        return self.splits[0]
