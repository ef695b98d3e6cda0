"""What every gap, direction and change of a study carries."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar, cast

from xlreach.system import System

Side = Literal["low", "high"]
DirectionName = Literal["low→low", "low→high", "high→low", "high→high", "query side", "document side"]
T = TypeVar("T")
Factor = Literal["recipe", "alignment", "retriever", "both"]


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LanguageSplit:
    """One way of putting the languages on two sides."""

    name: str  # `config` for the study's own; see `comparison.groups.splits.SPLITS`
    rule: str  # what puts a language on the low side, in words
    low: tuple[str, ...]
    high: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # languages measured but on neither side
    base: str | None = None  # the base it holds for, where it depends on one

    def level(self, language: str | None) -> Side | None:
        """The side of a language; None for one on neither."""
        return "low" if language in self.low else "high" if language in self.high else None


@dataclass(frozen=True)
class Measured:
    """What was measured of a system; `dataset` and `setting` (`mono`, `cross`, `multi`) are None for tagging."""

    kind: Literal["retrieval", "tagging"]
    system: System
    dataset: str | None
    setting: str | None
    measure: str


@dataclass(frozen=True, kw_only=True)
class Subject(Measured):
    """What a row of a gap analysis is about, under one split of the languages."""

    split: str
    datasets: tuple[str, ...]  # all that went in: tagging has one or more for each language
    lower_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How sure a difference is, for languages like these (`interval`, `p`, `df`) and for these very languages.

    Languages like these: languages, queries and seeds are drawn; None where that cannot be told. These very languages:
    only queries and seeds are. No p is corrected. Degrees of freedom are None where they are not limited.
    """

    interval: Interval | None = None
    interval_these_languages: Interval | None = None
    p: float | None = None
    p_these_languages: float | None = None
    df: float | None = None
    df_these_languages: float | None = None


@dataclass(frozen=True, kw_only=True)
class Caution:
    """Something that keeps a figure from being a claim.

    `few_languages` (too few on a side), `borrowed` (languages measured with the unadapted base only), `one_seed` (no
    interval covers the chance of training), `no_queries` (no per-query values), `left_out` (languages on neither side),
    `no_gap` (nothing was measured on both sides).
    """

    kind: Literal["few_languages", "borrowed", "one_seed", "no_queries", "left_out", "no_gap"]
    side: Side | None = None  # for `few_languages`
    languages: int | None = None  # how many, for `few_languages`
    codes: tuple[str, ...] = ()  # which, for `borrowed` and `left_out`
    where: tuple[str, ...] = ()  # data sets or measures that it concerns, where not all rows are
    rows: tuple[int, int] | None = None  # how many rows it concerns, and of how many


@dataclass(frozen=True, kw_only=True)
class Gap(Subject, Certainty):
    """A gap between the sides: the mean of the low-resource languages minus that of the high-resource ones."""

    low: float
    high: float
    gap: float
    hedges_g: float | None  # the standardised gap
    values: dict[str, float]  # by language
    documents: tuple[Side, ...]  # the sides of the documents that both sides search, for `cross`
    languages_low: int
    languages_high: int
    seeds: int
    query_groups: int  # 0 where per-query values are unknown
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Direction(Subject, Certainty):
    """A cross-lingual mean by direction, or what the weak side costs.

    `low→high` is a low-resource query over high-resource documents; `query side` is low→high minus high→high,
    `document side` is high→low minus high→high.
    """

    direction: DirectionName
    value: float
    pairs: int  # how many pairs of languages it rests on


@dataclass(frozen=True, kw_only=True)
class Change(Subject, Certainty):
    """How much more the low-resource languages gained than the high-resource ones (difference in differences).

    Systems that were trained once have no test. `factor` says what `system` has and `against` lacks; where it is the
    alignment, `against` is dense as well. Both gaps are over the languages that both systems have. Holm's correction is
    over all changes of one split, data set, setting and measure.
    """

    factor: Factor
    against: System
    change: float  # `low_gain - high_gain`
    low_gain: float
    high_gain: float
    gap_before: float
    gap_after: float
    gains: dict[str, float]  # by language
    hedges_g: float | None  # the standardised change
    languages_low: int
    languages_high: int
    seeds: int
    p_low: float | None = None  # of no gain for the low-resource languages
    p_narrower: float | None = None  # of the gap being as large as before, whichever side is ahead
    p_holm: float | None = None
    p_these_languages_holm: float | None = None
    p_low_holm: float | None = None
    p_narrower_holm: float | None = None
    holm_family: int = 0  # how many changes were corrected together


def rounded(value: T) -> T:
    """The same row, or any value of one, with numbers of six decimals; None for a number that is not finite."""
    return cast(T, _rounded(value))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(float(value), 6) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, Interval):
        return Interval(*map(_rounded, value))
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{name: _rounded(part) for name, part in vars(value).items()})
    return value
