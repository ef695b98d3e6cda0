"""What may explain a gap: pools of unequal size, and what goes with retrieval in each language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps.rows import Certainty, Interval, Side
from xlreach.system import System


@dataclass(frozen=True, kw_only=True)
class PoolSizes:
    """How many documents are ranked, by document language."""

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
    """A system's values if every pool held only `size` documents, as many as the smallest one.

    The certainty is that of `gap_equal`; `gap` is in whole pools.
    """

    system: System
    dataset: str
    setting: str
    measure: str
    size: int
    languages: dict[str, PoolFigure]  # by query language
    gap: float | None
    gap_equal: float | None


@dataclass(frozen=True, kw_only=True)
class ProfilePoint:
    """A language under a system: what retrieval measures, and everything that may explain it."""

    system: System
    dataset: str | None
    setting: str | None
    measure: str
    language: str
    level: Side | None  # None for a language on neither side
    value: float
    known: dict[str, float | None]  # predictors by name: tagging measures, diagnostics, facts of the language


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rho of retrieval with something that may explain it.

    It is taken `across` languages, or `within` a language as recipes change it. Its test is a permutation test.
    """

    base: str | None
    dataset: str | None
    setting: str | None
    measure: str
    alignment: str
    predictor: str
    group: Literal["tagging", "tokenizer", "pretraining", "adaptation"]
    scope: Literal["across", "within"]
    rho: float | None = None  # None where one of the two does not vary
    interval: Interval | None = None  # from draws of families, or of recipes
    p: float | None = None
    p_holm: float | None = None  # corrected over the rows of one scope
    points: int = 0
    languages: int = 0
    families: int = 0  # the units of `across`
    recipes: int = 0  # the units of `within`
    verdict: Literal["together", "opposed", "cannot tell"] = "cannot tell"
    reason: Literal["constant", "few_languages", "few_recipes", "chance"] | None = None  # why nothing can be told


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One effect of a regression: what the measure changes by for one standard deviation of the predictor."""

    name: str
    estimate: float
    interval: Interval
    p: float
    p_holm: float | None = None  # corrected over the effects of the regression
    verdict: Literal["more", "less", "cannot tell"] = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A regression of retrieval, with families of languages as the units; a `reason` where there is no fit."""

    base: str | None
    dataset: str | None
    setting: str | None
    measure: str
    fitted: bool
    reason: Literal["few_languages", "few_recipes", "no_predictor"] | None
    observations: int  # how many values it was fitted to
    languages: int
    families: int
    recipes: int
    effects: tuple[Effect, ...] = ()
