"""What the tests allow to be said: of each hypothesis, and of the question of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Interval
from xlreach.system import System


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What making systems took, averaged over seeds; the peak is the largest of any stage, the rest is added up."""

    seconds: float | None = None
    tokens: float | None = None  # trained on
    peak_memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A hypothesis of the study, checked on one base and data set, for these very languages."""

    claim: str  # as the study wrote it
    base: str | None
    dataset: str | None
    effect: float | None = None  # left minus right; None where it was not measured
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None  # corrected over all hypotheses
    languages: int | None = None
    seeds: int | None = None
    verdict: Literal["supported", "refuted", "cannot tell"] = "cannot tell"
    reason: Literal["not_measured", "one_seed", "no_queries", "exact", "chance", "other_way"] | None = (
        None  # why nothing can be told, or why no test was needed
    )
    cost_left: Cost | None = None
    cost_right: Cost | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One comparison behind the answer to the study's question, for these very languages.

    Of the kinds, `recipe`, `alignment` and `retriever` compare the answer's system with another, `against`.
    """

    kind: Literal["gap", "query side", "document side", "recipe", "alignment", "retriever"]
    setting: str
    against: System | None = None
    form: Literal["value", "gap"] | None = None  # whether the low-resource value is compared, or the gap
    estimate: float = 0.0
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None  # corrected over all claims of the answer
    claimed: bool = False  # whether the test allows the claim


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The claims behind the study's answer, for one base and data set; all are corrected together."""

    base: str | None
    dataset: str
    system: System
    setting: str  # the retrieval setting of the contrasts
    claims: tuple[Claim, ...]
