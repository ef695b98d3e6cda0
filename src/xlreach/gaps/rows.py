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


_DECIMALS = 6


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LanguageSplit:
    """One way of putting the languages on two sides.

    Attributes:
        name: `config` for the study's own, `joshi`, `cc100`, `wikipedia`, `script`, `seen`, `seen script`, or the name
            that the study gave.
        rule: What puts a language on the low side, in words.
        low: The low-resource languages.
        high: The high-resource languages.
        left_out: Languages measured but on neither side.
        base: The base it holds for, where it depends on one (`seen`, `seen script`).
    """

    name: str
    rule: str
    low: tuple[str, ...]
    high: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    base: str | None = None

    def level(self, language: str | None) -> Side | None:
        """The side of a language; None for one on neither."""
        return "low" if language in self.low else "high" if language in self.high else None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a row is about.

    Attributes:
        split: The name of the language split.
        kind: Retrieval or tagging.
        system: The system measured.
        dataset: The retrieval data set; None for tagging, whose data sets differ by language.
        datasets: All data sets that went in.
        setting: `mono`, `cross` or `multi`; None for tagging.
        measure: The measure.
        lower_is_better: Whether a lower value of it is better.
    """

    split: str
    kind: Literal["retrieval", "tagging"]
    system: System
    dataset: str | None
    datasets: tuple[str, ...]
    setting: str | None
    measure: str
    lower_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How sure a difference is: for these very languages, and for languages like these.

    Attributes:
        interval: For languages like these (languages, queries and seeds drawn); None where that cannot be told.
        interval_these_languages: For these very languages (queries and seeds drawn).
        p: Of no difference, for languages like these; not corrected.
        p_these_languages: Of no difference, for these languages; not corrected.
        df: Degrees of freedom of `interval`; None where they are not limited.
        df_these_languages: Degrees of freedom of `interval_these_languages`.
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

    Attributes:
        kind: `few_languages` (too few on a side), `borrowed` (languages measured with the unadapted base only),
            `one_seed` (no interval covers the chance of training), `no_queries` (no per-query values), `left_out`
            (languages on neither side), `no_gap` (nothing was measured on both sides).
        side: The side, for `few_languages`.
        languages: How many languages, for `few_languages`.
        codes: Which languages, for `borrowed` and `left_out`.
        where: Data sets or measures that it concerns, where not all rows are.
        rows: How many rows it concerns, and of how many.
    """

    kind: Literal["few_languages", "borrowed", "one_seed", "no_queries", "left_out", "no_gap"]
    side: Side | None = None
    languages: int | None = None
    codes: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    rows: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Gap(Subject, Certainty):
    """A gap between the sides.

    Attributes:
        low: Mean over the low-resource languages.
        high: Mean over the high-resource languages.
        gap: `low - high`.
        hedges_g: The standardised gap.
        values: The value of each language.
        languages_low: How many languages are on the low side.
        languages_high: How many are on the high side.
        seeds: How many seeds it rests on.
        query_groups: How many groups of queries it rests on; 0 where per-query values are unknown.
        cautions: What keeps it from being a claim.
    """

    low: float
    high: float
    gap: float
    hedges_g: float | None
    values: dict[str, float]
    languages_low: int
    languages_high: int
    seeds: int
    query_groups: int
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Direction(Subject, Certainty):
    """A cross-lingual mean by direction, or what the weak side costs.

    Attributes:
        direction: `low→high` is a low-resource query over high-resource documents; `query side` is low→high minus
            high→high, `document side` is high→low minus high→high.
        value: The mean, or the difference.
        pairs: How many pairs of languages it rests on.
    """

    direction: DirectionName
    value: float
    pairs: int


@dataclass(frozen=True, kw_only=True)
class Change(Subject, Certainty):
    """How much more the low-resource languages gained than the high-resource ones (difference in differences).

    Attributes:
        factor: What differs from `against`: the recipe; the alignment (`against` has none and is dense); the retriever
            only (`against` is dense); the recipe and one of the other two.
        against: The system compared with.
        change: `low_gain - high_gain`.
        low_gain: Mean gain of the low-resource languages.
        high_gain: Mean gain of the high-resource languages.
        gap_before: The gap of `against`, over the languages that both systems have.
        gap_after: The gap of `system`, over the same languages.
        gains: The gain of each language.
        hedges_g: The standardised change.
        languages_low: How many languages are on the low side.
        languages_high: How many are on the high side.
        seeds: How many seeds it rests on.
        p_low: Of no gain for the low-resource languages.
        p_queries: Paired permutation test over queries.
        p_languages: Permutation test over languages.
        p_low_holm: Corrected over all changes of one split, data set, setting and measure; so are the next two.
        p_queries_holm: See `p_low_holm`.
        p_languages_holm: See `p_low_holm`.
        holm_family: How many changes were corrected together.
    """

    factor: Factor
    against: System
    change: float
    low_gain: float
    high_gain: float
    gap_before: float
    gap_after: float
    gains: dict[str, float]
    hedges_g: float | None
    languages_low: int
    languages_high: int
    seeds: int
    p_low: float | None = None
    p_queries: float | None = None
    p_languages: float | None = None
    p_low_holm: float | None = None
    p_queries_holm: float | None = None
    p_languages_holm: float | None = None
    holm_family: int = 0


def rounded(value: T) -> T:
    """The same row, or any value of one, with numbers of six decimals; None for a number that is not finite."""
    return cast(T, _rounded(value))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(float(value), _DECIMALS) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, Interval):
        return Interval(*map(_rounded, value))
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{name: _rounded(part) for name, part in vars(value).items()})
    return value
