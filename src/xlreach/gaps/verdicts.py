"""What the tests allow to be said: of each hypothesis, and of the question of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Interval
from xlreach.system import System


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What making systems took, averaged over seeds.

    Attributes:
        seconds: Added up over languages and stages.
        tokens: Tokens trained on, added up likewise.
        peak_memory_mb: The largest of any stage, in MB.
    """

    seconds: float | None = None
    tokens: float | None = None
    peak_memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A hypothesis of the study, checked on one base and data set.

    Attributes:
        claim: As the study wrote it.
        base: The base it was checked on.
        dataset: The data set, for retrieval.
        effect: Left minus right; None where it was not measured.
        interval: Its interval, for these languages.
        p: Two-sided, for these languages.
        p_holm: Corrected over all hypotheses.
        languages: How many languages it rests on.
        seeds: How many seeds.
        verdict: What may be said.
        reason: Why nothing can be told, or why no test was needed.
        cost_left: What making the systems on the left took.
        cost_right: What making those on the right took.
    """

    claim: str
    base: str | None
    dataset: str | None
    effect: float | None = None
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    languages: int | None = None
    seeds: int | None = None
    verdict: Literal["supported", "refuted", "cannot tell"] = "cannot tell"
    reason: Literal["not_measured", "one_seed", "exact", "chance", "other_way"] | None = None
    cost_left: Cost | None = None
    cost_right: Cost | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One comparison behind the answer to the study's question.

    Attributes:
        kind: `gap`, `query side`, `document side`; `recipe`, `alignment` and `retriever` compare the answer's system
            with another.
        setting: The retrieval setting.
        against: The system compared with, for `recipe`, `alignment` and `retriever`.
        form: Whether the low-resource value is compared, or the gap.
        estimate: The difference.
        interval: For these languages.
        p: For these languages.
        p_holm: Corrected over all claims of the answer.
        claimed: Whether the test allows a claim.
    """

    kind: Literal["gap", "query side", "document side", "recipe", "alignment", "retriever"]
    setting: str
    against: System | None = None
    form: Literal["value", "gap"] | None = None
    estimate: float = 0.0
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    claimed: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The claims behind the study's answer, for one base and data set.

    Attributes:
        base: The base.
        dataset: The data set.
        system: The system that the answer is about.
        setting: The retrieval setting that contrasts are taken in.
        claims: Every comparison made, corrected together.
    """

    base: str | None
    dataset: str
    system: System
    setting: str
    claims: tuple[Claim, ...]
