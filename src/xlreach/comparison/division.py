"""A cut applied to a family: which languages are drawn, the statistics of every draw, and the intervals of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xlreach.comparison.bootstrap import Component, Interval, interval, multinomial, spread_of_mean, two_sided
from xlreach.comparison.levels import Cut
from xlreach.comparison.panel import Cell
from xlreach.comparison.statistic import ByDirection, ByLanguage, level_mean, over_seeds
from xlreach.comparison.variance import Noise, noise


class Division:
    """One cut of one family: its draws of languages, and what was read off them.

    Args:
        cut: The two sides.
        by_language: Averages the family's pairs.
        directions: Averages them by direction, in the cross-lingual setting.
        systems: How many systems and differences of systems are drawn.
        resamples: How many draws.
        rng: Where they come from.
    """

    def __init__(
        self,
        cut: Cut,
        by_language: ByLanguage,
        directions: ByDirection | None,
        systems: int,
        resamples: int,
        rng: np.random.Generator,
    ) -> None:
        self.cut, self.by_language, self.directions, self.resamples = cut, by_language, directions, resamples
        self.low, self.high = by_language.side(cut, "low"), by_language.side(cut, "high")
        self.drawn_low = multinomial(len(self.low), resamples, rng)
        self.drawn_high = multinomial(len(self.high), resamples, rng)
        self.whole = np.full((systems, resamples), np.nan)
        self.these = np.full((systems, resamples), np.nan)
        self.direction_draws: dict[tuple[int, str], np.ndarray] = {}

    def sides(self) -> tuple[list[str], list[str]]:
        names = self.by_language.languages
        return [names[place] for place in self.low], [names[place] for place in self.high]

    def draw(self, number: int, chunk: slice, values: np.ndarray, means: np.ndarray | None) -> None:
        if not self.low or not self.high:
            return
        low, high = values[:, self.low], values[:, self.high]
        self.these[number, chunk] = level_mean(low) - level_mean(high)
        self.whole[number, chunk] = level_mean(low, self.drawn_low[chunk]) - level_mean(high, self.drawn_high[chunk])
        if self.directions is not None and means is not None:
            for name, drawn in self.directions.values(means).items():
                if (number, name) not in self.direction_draws:
                    self.direction_draws[number, name] = np.full(self.resamples, np.nan, np.float32)
                self.direction_draws[number, name][chunk] = drawn

    def point(self, values: np.ndarray) -> dict[str, Any] | None:
        sides = [[float(values[p]) for p in side if np.isfinite(values[p])] for side in (self.low, self.high)]
        if not sides[0] or not sides[1]:
            return None
        names = self.by_language.languages
        shown = {names[p]: float(values[p]) for p in (*self.low, *self.high) if np.isfinite(values[p])}
        return {"low": float(np.mean(sides[0])), "high": float(np.mean(sides[1])), "sides": sides, "values": shown}

    def intervals(
        self, number: int, estimate: float, values: np.ndarray, by_seed: np.ndarray, moved: np.ndarray
    ) -> dict[str, Any]:
        """The two intervals of a gap or of its change.

        Args:
            number: The place of the system.
            estimate: The gap.
            values: By language.
            by_seed: By seed and language, shape (seeds, languages).
            moved: What each query group contributes to them, shape (groups, languages, seeds).
        """
        sides = [[place for place in side if np.isfinite(values[place])] for side in (self.low, self.high)]
        gaps = level_mean(by_seed[:, sides[0]]) - level_mean(by_seed[:, sides[1]])
        both = noise((moved[:, sides[0]].mean(1) - moved[:, sides[1]].mean(1))[:, None], gaps[:, None])
        each = noise(moved, by_seed)
        these = interval(estimate, self.these[number], both.seed_components(), twice=float(both.twice[0]))
        parts = [spread_of_mean(values[side]) for side in sides]
        whole = None
        if min(one.units for one in parts) > 1:
            # a language's own chance is in the spread of languages, and drawn with them
            weights = [(each.drawn[side].sum() / len(side) ** 2, len(side)) for side in sides]
            again = sum((2 - 1 / units) * drawn for drawn, units in weights)
            shared = both.seed_components(sum(_per_language(each, side) for side in sides))
            whole = interval(estimate, self.whole[number], [*parts, *shared], twice=float(again))
        return {
            "interval": None if whole is None else [whole.low, whole.high],
            "interval_these_languages": None if these is None else [these.low, these.high],
            "df": None if whole is None else whole.df,
            "df_these_languages": None if these is None else these.df,
            "p": None if whole is None else two_sided(estimate, whole),
            "p_these_languages": None if these is None else two_sided(estimate, these),
        }

    def mean_p(
        self, level: str, estimate: float, values: np.ndarray, by_seed: np.ndarray, moved: np.ndarray
    ) -> float | None:
        """Two-sided p of no difference in the mean of one side's languages, these very ones.

        Args:
            level: `low` or `high`.
            estimate: The difference.
            values: By language.
            by_seed: By seed and language, shape (seeds, languages).
            moved: What each query group contributes to them, shape (groups, languages, seeds).
        """
        side = [place for place in (self.low if level == "low" else self.high) if np.isfinite(values[place])]
        parts = noise(moved[:, side].mean(1)[:, None], level_mean(by_seed[:, side])[:, None])
        found = interval(estimate, np.array([]), parts.seed_components(), rest=float(parts.queries[0]))
        return None if found is None else two_sided(estimate, found)

    def direction_rows(
        self, number: int, cell: Cell, moved: np.ndarray
    ) -> list[tuple[str, float, int, Interval | None, Interval | None]]:
        """Name, value, pairs and the two intervals of each direction.

        Drawing languages that ask and answer at once repeats pairs and overstates what they vary by (Owen 2007, "The
        pigeonhole bootstrap"): how far each language moves the mean is read off its pairs instead.

        Args:
            number: The place of the system.
            cell: Its values.
            moved: What each query group contributes to its pairs, shape (groups, pairs, seeds).
        """
        if self.directions is None:
            return []
        means = cell.means()
        exact, by_seed = over_seeds(means), means.T
        point, seeds = self.directions.values(exact[None]), self.directions.values(by_seed)
        rows = []
        for name, parts in self.directions.parts().items():
            value = float(point[name][0])
            if not np.isfinite(value):
                continue
            rests = np.stack([moved[:, self.directions.members[part]].mean(1) for part in parts])
            alone = rests[0] if len(parts) == 1 else rests[0] - rests[1]
            both = noise(alone[:, None], seeds[name][:, None])
            drawn = self.direction_draws[number, name]
            these = interval(value, drawn, both.seed_components(), twice=float(both.twice[0]))
            matrix = self.directions.influences(parts, np.isfinite(exact))
            pairs = sum(len(self.directions.members[part]) for part in parts)
            rows.append(
                (name, value, pairs, self._like_these(value, drawn, both, matrix, exact, by_seed, moved), these)
            )
        return rows

    def _like_these(
        self,
        value: float,
        drawn: np.ndarray,
        both: Noise,
        matrix: np.ndarray,
        exact: np.ndarray,
        by_seed: np.ndarray,
        moved: np.ndarray,
    ) -> Interval | None:
        assert self.directions is not None
        if not np.isfinite(matrix).all():
            return None
        pulls, components, again, own = np.nan_to_num(exact) @ matrix, [], 0.0, 0.0
        each = noise(np.einsum("gps,pl->gls", moved, matrix), np.nan_to_num(by_seed) @ matrix)
        for level in ("low", "high"):
            side = [
                place for place, one in enumerate(self.directions.levels) if one == level and matrix[:, place].any()
            ]
            if len(side) == 1:
                return None
            if side:
                among = float(pulls[side].var(ddof=1)) / len(side)
                components.append(Component(0.0, len(side), among))
                again += float(each.drawn[side].sum()) / len(side) ** 2
                own += _per_language(each, side)
        return interval(value, drawn, [*components, *both.seed_components(own)], twice=again)


def _per_language(each: Noise, side: Sequence[int]) -> float:
    return float(each.trained[list(side)].sum()) / len(side) ** 2
