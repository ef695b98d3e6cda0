"""What may explain a gap: pools of unequal size, and what goes with retrieval in each language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Certainty, Interval, Side
from xlreach.system import System


@dataclass(frozen=True, kw_only=True)
class PoolSizes:
    """How many documents are ranked, by document language.

    Attributes:
        dataset: The data set.
        setting: The retrieval setting.
        sizes: Documents by language.
        smallest: The smallest pool.
        largest: The largest pool.
    """

    dataset: str
    setting: str
    sizes: dict[str, int]
    smallest: int
    largest: int


@dataclass(frozen=True, kw_only=True)
class PoolFigure:
    """A language's value in its whole pool and at the common size: means over seeds and their standard deviations."""

    pool: float
    whole: float
    equal: float
    whole_sd: float | None = None
    equal_sd: float | None = None


@dataclass(frozen=True, kw_only=True)
class EqualPools(Certainty):
    """A system's values were every pool as small as the smallest; the certainty is of `gap_equal`.

    Attributes:
        system: The system.
        dataset: The data set.
        setting: The retrieval setting.
        measure: The measure.
        size: Documents in each pool.
        languages: Values by query language.
        gap: The gap in whole pools.
        gap_equal: The gap at equal pools.
    """

    system: System
    dataset: str
    setting: str
    measure: str
    size: int
    languages: dict[str, PoolFigure]
    gap: float | None
    gap_equal: float | None


@dataclass(frozen=True, kw_only=True)
class ProfilePoint:
    """A language under a system: its retrieval, and everything that may explain it.

    Attributes:
        system: The system.
        dataset: The retrieval data set.
        setting: The retrieval setting.
        measure: The retrieval measure.
        language: The language.
        level: Its side; None for neither.
        value: Retrieval.
        known: Predictors by name: tagging measures, diagnostics, facts of the language.
    """

    system: System
    dataset: str | None
    setting: str | None
    measure: str
    language: str
    level: Side | None
    value: float
    known: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rho of retrieval with something that may explain it.

    Attributes:
        base: The base.
        dataset: The retrieval data set.
        setting: The retrieval setting.
        measure: The retrieval measure.
        alignment: The alignment.
        predictor: What it is correlated with.
        group: What kind of thing that is.
        scope: `across` languages, or `within` a language as recipes change it.
        rho: Spearman's rho; None where one of the two does not vary.
        interval: From draws of languages.
        p: Permutation test.
        p_holm: Corrected over the rows of one scope.
        points: How many points.
        languages: How many languages.
        recipes: How many recipes.
        verdict: What may be said.
        reason: Why nothing can be told.
    """

    base: str | None
    dataset: str | None
    setting: str | None
    measure: str
    alignment: str
    predictor: str
    group: Literal["tagging", "tokenizer", "pretraining", "adaptation"]
    scope: Literal["across", "within"]
    rho: float | None = None
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    points: int = 0
    languages: int = 0
    recipes: int = 0
    verdict: Literal["together", "opposed", "cannot tell"] = "cannot tell"
    reason: Literal["constant", "few_languages", "chance"] | None = None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One effect of a mixed model.

    Attributes:
        kind: Of a predictor, or of an alignment.
        name: The predictor or the alignment.
        estimate: What the measure changes by for one standard deviation of the predictor, or for the alignment in
            place of the first one.
        interval: From Student's t.
        p: Of no effect.
        p_holm: Corrected over the effects of the model.
        verdict: Whether the measure is more or less with it.
    """

    kind: Literal["predictor", "alignment"]
    name: str
    estimate: float
    interval: Interval
    p: float
    p_holm: float | None = None
    verdict: Literal["more", "less", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class MixedModel:
    """A mixed-effects model of retrieval, with a random effect for each language.

    Attributes:
        base: The base.
        dataset: The retrieval data set.
        setting: The retrieval setting.
        measure: The retrieval measure.
        fitted: Whether there is a fit to read.
        reason: Why there is none.
        observations: How many figures it was fitted to.
        languages: How many languages.
        language_sd: Standard deviation between languages.
        residual_sd: Standard deviation of the rest.
        effects: Its effects.
    """

    base: str | None
    dataset: str | None
    setting: str | None
    measure: str
    fitted: bool
    reason: (
        Literal[
            "few_languages",
            "no_predictor",
            "few_observations",
            "collinear",
            "no_statsmodels",
            "failed",
            "not_converged",
        ]
        | None
    )
    observations: int
    languages: int
    language_sd: float | None = None
    residual_sd: float | None = None
    effects: tuple[Effect, ...] = ()
