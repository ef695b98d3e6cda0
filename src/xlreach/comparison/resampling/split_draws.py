"""A split of the languages applied to a family: which languages are drawn, every statistic's draws and intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.bootstrap import (
    Component,
    ConfidenceInterval,
    interval,
    multinomial,
    spread_of_mean,
    two_sided,
)
from xlreach.comparison.resampling.language_means import ByDirection, ByLanguage, mean_of_measured
from xlreach.comparison.resampling.variance import VarianceComponents, variance_components
from xlreach.gaps import Certainty, DirectionName, LanguageSplit


@dataclass(frozen=True)
class SideMeans:
    """Each language's value, and the means of both sides."""

    low: float
    high: float
    low_values: list[float]
    high_values: list[float]
    values: dict[str, float]  # by language

    @property
    def difference(self) -> float:
        """Low minus high."""
        return self.low - self.high


@dataclass(frozen=True)
class LanguageValues:
    """A statistic of each language, of a system or of a difference of two systems."""

    exact: np.ndarray  # shape (languages,)
    by_seed: np.ndarray  # shape (seeds, languages)
    influence: np.ndarray  # what each query group contributes, shape (groups, languages, seeds)


class SplitDraws:
    """The draws of one split in one family, and the statistics of each draw."""

    def __init__(
        self,
        split: LanguageSplit,
        by_language: ByLanguage,
        directions: ByDirection | None,
        systems: int,
        resamples: int,
        rng: np.random.Generator,
    ) -> None:
        self.split, self.by_language, self.directions, self.resamples = split, by_language, directions, resamples
        self.low, self.high = by_language.side(split, "low"), by_language.side(split, "high")
        self.drawn_low = multinomial(len(self.low), resamples, rng)
        self.drawn_high = multinomial(len(self.high), resamples, rng)
        self.with_languages = np.full((systems, resamples), np.nan)
        self.these_languages = np.full((systems, resamples), np.nan)
        self.direction_draws: dict[tuple[int, DirectionName], np.ndarray] = {}

    def sides(self) -> tuple[list[str], list[str]]:
        """The low- and the high-resource languages of the family."""
        names = self.by_language.languages
        return [names[column] for column in self.low], [names[column] for column in self.high]

    def draw(self, number: int, chunk: slice, values: np.ndarray, means: np.ndarray | None) -> None:
        """Keeps the gap, and for a system each direction, of a chunk of resamples.

        `values` are by language, shape (resamples, languages); `means` by pair, shape (resamples, pairs), None for a
        difference of systems.
        """
        if not self.low or not self.high:
            return
        low, high = values[:, self.low], values[:, self.high]
        self.these_languages[number, chunk] = mean_of_measured(low) - mean_of_measured(high)
        self.with_languages[number, chunk] = mean_of_measured(low, self.drawn_low[chunk]) - mean_of_measured(
            high, self.drawn_high[chunk]
        )
        if self.directions is not None and means is not None:
            for name, drawn in self.directions.values(means).items():
                if (number, name) not in self.direction_draws:
                    self.direction_draws[number, name] = np.full(self.resamples, np.nan, np.float32)
                self.direction_draws[number, name][chunk] = drawn

    def point(self, values: np.ndarray) -> SideMeans | None:
        """The means of both sides, of values by language; None where a side has none."""
        low, high = ([float(values[c]) for c in side if np.isfinite(values[c])] for side in (self.low, self.high))
        if not low or not high:
            return None
        names = self.by_language.languages
        shown = {names[c]: float(values[c]) for c in (*self.low, *self.high) if np.isfinite(values[c])}
        return SideMeans(float(np.mean(low)), float(np.mean(high)), low, high, shown)

    def certainty(self, number: int, estimate: float, values: LanguageValues) -> Certainty:
        """The two intervals of a gap or of its change."""
        exact, by_seed, influence = values.exact, values.by_seed, values.influence
        sides = [[column for column in side if np.isfinite(exact[column])] for side in (self.low, self.high)]
        gaps = mean_of_measured(by_seed[:, sides[0]]) - mean_of_measured(by_seed[:, sides[1]])
        of_gap = influence[:, sides[0]].mean(1) - influence[:, sides[1]].mean(1)
        both = variance_components(of_gap[:, None], gaps[:, None])
        each = variance_components(influence, by_seed)
        these = interval(
            estimate,
            self.these_languages[number],
            both.seed_components(),
            double_counted=float(both.double_counted[0]),
        )
        spreads = [spread_of_mean(exact[side]) for side in sides]
        whole = None
        if min(spread.units for spread in spreads) > 1:
            # a language's own chance is in the spread of languages, and drawn with them
            weights = [(each.drawn[side].sum() / len(side) ** 2, len(side)) for side in sides]
            again = sum((2 - 1 / units) * drawn for drawn, units in weights)
            shared = both.seed_components(sum(_per_language(each, side) for side in sides))
            whole = interval(estimate, self.with_languages[number], [*spreads, *shared], double_counted=float(again))
        return _certainty(estimate, whole, these)

    def low_p(self, estimate: float, values: LanguageValues) -> float | None:
        """Two-sided p of no difference in the mean of these very low-resource languages."""
        side = [column for column in self.low if np.isfinite(values.exact[column])]
        of_mean, by_seed = values.influence[:, side].mean(1), mean_of_measured(values.by_seed[:, side])
        parts = variance_components(of_mean[:, None], by_seed[:, None])
        rest = float(parts.queries[0])
        return two_sided(estimate, interval(estimate, np.array([]), parts.seed_components(), rest=rest))

    def directions_of(
        self, number: int, cell: Cell, influence: np.ndarray
    ) -> Iterator[tuple[DirectionName, float, int, Certainty]]:
        """Each direction of a system: its name, its value, the number of its pairs and its certainty.

        Drawing languages that are both query and document language repeats pairs and overstates their variance (Owen
        2007, "The pigeonhole bootstrap"): each language's influence on the mean is computed from its pairs instead.
        `influence` is what each query group contributes to its pairs, shape (groups, pairs, seeds).
        """
        if self.directions is None:
            return
        means = cell.means()
        exact, by_seed = mean_of_measured(means), means.T
        point, seeds = self.directions.values(exact[None]), self.directions.values(by_seed)
        for name, parts in self.directions.parts().items():
            value = float(point[name][0])
            if not np.isfinite(value):
                continue
            of_parts = np.stack([influence[:, self.directions.members[part]].mean(1) for part in parts])
            of_value = of_parts[0] if len(parts) == 1 else of_parts[0] - of_parts[1]
            both = variance_components(of_value[:, None], seeds[name][:, None])
            drawn = self.direction_draws[number, name]
            these = interval(value, drawn, both.seed_components(), double_counted=float(both.double_counted[0]))
            matrix = self.directions.influences(parts, np.isfinite(exact))
            whole = self._over_languages(value, drawn, both, matrix, exact, by_seed, influence)
            pairs = sum(len(self.directions.members[part]) for part in parts)
            yield name, value, pairs, _certainty(value, whole, these)

    def _over_languages(
        self,
        value: float,
        drawn: np.ndarray,
        both: VarianceComponents,
        matrix: np.ndarray,
        exact: np.ndarray,
        by_seed: np.ndarray,
        influence: np.ndarray,
    ) -> ConfidenceInterval | None:
        """The interval of a direction for languages like these; None where a side has one language."""
        assert self.directions is not None
        if not np.isfinite(matrix).all():
            return None
        pulls, components, again, own = np.nan_to_num(exact) @ matrix, [], 0.0, 0.0
        each = variance_components(np.einsum("gps,pl->gls", influence, matrix), np.nan_to_num(by_seed) @ matrix)
        for level in ("low", "high"):
            side = [
                column
                for column, its_level in enumerate(self.directions.levels)
                if its_level == level and matrix[:, column].any()
            ]
            if len(side) == 1:
                return None
            if side:
                among = float(pulls[side].var(ddof=1)) / len(side)
                components.append(Component(0.0, len(side), among))
                again += float(each.drawn[side].sum()) / len(side) ** 2
                own += _per_language(each, side)
        return interval(value, drawn, [*components, *both.seed_components(own)], double_counted=again)


def _certainty(estimate: float, whole: ConfidenceInterval | None, these: ConfidenceInterval | None) -> Certainty:
    return Certainty(
        interval=None if whole is None else whole.ends,
        interval_these_languages=None if these is None else these.ends,
        p=two_sided(estimate, whole),
        p_these_languages=two_sided(estimate, these),
        df=None if whole is None else whole.df,
        df_these_languages=None if these is None else these.df,
    )


def _per_language(each: VarianceComponents, side: Sequence[int]) -> float:
    return float(each.trained[list(side)].sum()) / len(side) ** 2
