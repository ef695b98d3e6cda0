"""A cut applied to a family: which languages are drawn, the statistics of every draw, and the intervals of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xlreach.comparison.bootstrap import Component, Interval, interval, multinomial, spread_of_mean, two_sided
from xlreach.comparison.levels import Cut
from xlreach.comparison.panel import Cell
from xlreach.comparison.statistic import ByDirection, ByLanguage, level_mean, over_seeds


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
        self.direction_draws: dict[tuple[int, str, bool], np.ndarray] = {}
        if directions is not None:
            self.drawn_nodes = np.zeros((resamples, len(directions.languages)), np.uint8)
            for level in ("low", "high"):
                nodes = [place for place, code in enumerate(directions.languages) if cut.level(code) == level]
                self.drawn_nodes[:, nodes] = multinomial(len(nodes), resamples, rng)

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
            for whole, weights in ((True, self.drawn_nodes[chunk]), (False, None)):
                for name, drawn in _named(self.directions.values(means, weights)).items():
                    place = (number, name, whole)
                    if place not in self.direction_draws:
                        self.direction_draws[place] = np.full(self.resamples, np.nan, np.float32)
                    self.direction_draws[place][chunk] = drawn

    def point(self, values: np.ndarray) -> dict[str, Any] | None:
        sides = [[float(values[p]) for p in side if np.isfinite(values[p])] for side in (self.low, self.high)]
        if not sides[0] or not sides[1]:
            return None
        names = self.by_language.languages
        shown = {names[p]: float(values[p]) for p in (*self.low, *self.high) if np.isfinite(values[p])}
        return {"low": float(np.mean(sides[0])), "high": float(np.mean(sides[1])), "sides": sides, "values": shown}

    def intervals(self, number: int, estimate: float, values: np.ndarray, by_seed: np.ndarray) -> dict[str, Any]:
        seeds = spread_of_mean(level_mean(by_seed[:, self.low]) - level_mean(by_seed[:, self.high]))
        low, high = spread_of_mean(values[self.low]), spread_of_mean(values[self.high])
        these = interval(estimate, self.these[number], [seeds])
        whole = interval(estimate, self.whole[number], [low, high, seeds]) if min(low.units, high.units) > 1 else None
        return {
            "interval": None if whole is None else [whole.low, whole.high],
            "interval_these_languages": None if these is None else [these.low, these.high],
            "df": None if whole is None else whole.df,
            "p": None if whole is None else two_sided(estimate, whole),
            "p_these_languages": None if these is None else two_sided(estimate, these),
        }

    def direction_rows(self, number: int, cell: Cell) -> list[tuple[str, float, int, Interval | None, Interval | None]]:
        if self.directions is None:
            return []
        point = _named(self.directions.values(over_seeds(cell.means())[None]))
        seeds = _named(self.directions.values(cell.means().T))
        nodes = {"→".join(d): self.directions.nodes(d) for d in self.directions.members}
        pairs = {"→".join(d): len(rows) for d, rows in self.directions.members.items()}
        rows = []
        for name, value in point.items():
            if not np.isfinite(value[0]):
                continue
            parts = {"query side": ("low→high", "high→high"), "document side": ("high→low", "high→high")}.get(
                name, (name,)
            )
            units = min(nodes[part] for part in parts)
            drawn = self.direction_draws[number, name, True]
            spread = float(np.nanvar(drawn)) if np.isfinite(drawn).any() else 0.0
            known = spread_of_mean(seeds[name])
            # every language is drawn on both sides of many pairs: the fewest languages of a side set the degrees
            whole = interval(float(value[0]), drawn, [Component(spread, units)]) if units > 1 else None
            these = interval(float(value[0]), self.direction_draws[number, name, False], [known])
            rows.append((name, float(value[0]), sum(pairs[part] for part in parts), whole, these))
        return rows


def _named(directions: Mapping[tuple[str, str], np.ndarray]) -> dict[str, np.ndarray]:
    named = {"→".join(direction): values for direction, values in directions.items()}
    for name, one in (("query side", "low→high"), ("document side", "high→low")):
        if one in named and "high→high" in named:
            named[name] = named[one] - named["high→high"]
    return named
