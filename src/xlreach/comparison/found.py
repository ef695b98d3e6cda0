"""The rows of `gaps.json`: every gap, direction and change of a family, from one set of draws."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlreach.comparison.bootstrap import group_weights, multinomial, resampled_means, two_sided
from xlreach.comparison.change import Change, find_changes, query_contributions
from xlreach.comparison.division import Division
from xlreach.comparison.levels import Cut
from xlreach.comparison.measures import lower_is_better
from xlreach.comparison.panel import Cell, CellKey, Family
from xlreach.comparison.permutation import hedges_g, holm, relabel, sign_flip
from xlreach.comparison.statistic import ByDirection, ByLanguage, over_seeds
from xlreach.comparison.variance import contributions

FEWEST_LANGUAGES = 5


class Found:
    """Collects the rows of `gaps.json`, a family at a time.

    Args:
        seed: Of the resampling.
        resamples: Bootstrap resamples.
        permutations: Permutations drawn for a test.
    """

    def __init__(self, seed: int, resamples: int, permutations: int) -> None:
        self.seed, self.resamples, self.permutations = seed, resamples, permutations
        self.gaps: list[dict[str, Any]] = []
        self.directions: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []

    def add(self, family: Family, divisions: Sequence[Cut]) -> None:
        """Draws once for the whole family, then reads every statistic off the same draws."""
        key, cells, changes = family.key, family.cells, find_changes(family)
        by_language = ByLanguage(family.pairs, key.setting)
        groups = group_weights(family.strata, self.resamples, self._rng(key.dataset, key.setting, "queries"))
        seeds = [multinomial(len(c.seeds), self.resamples, self._rng(key.dataset, "seeds", c.seeds)) for c in cells]
        by_seed = [by_language.values(cell.means().T) for cell in cells]  # (seeds, languages)
        exact = [by_language.values(over_seeds(cell.means())[None])[0] for cell in cells]
        moved = [contributions(cell, family.strata) for cell in cells]
        by_cell = [
            np.einsum("gps,pl->gls", one, by_language.shares(cell)) for one, cell in zip(moved, cells, strict=True)
        ]
        systems = [(number, None) for number in range(len(cells))] + [(c.cell, c.against) for c in changes]
        jobs = [self._division(family, by_language, cut, len(systems)) for cut in divisions]
        for chunk, means in resampled_means(cells, groups, seeds):
            for number, (cell, against) in enumerate(systems):
                values = by_language.values(means[cell])
                if against is not None:
                    values = values - by_language.values(means[against])
                for job in jobs:
                    job.draw(number, chunk, values, means[cell] if against is None else None)
        for job in jobs:
            for number, (cell, against) in enumerate(systems):
                if against is None:
                    self._gap(family, job, number, exact[cell], by_seed[cell], by_cell[cell], moved[cell])
                else:
                    paired = cells[cell].seeds == cells[against].seeds
                    per_seed = by_seed[cell] - (by_seed[against] if paired else exact[against])
                    change = changes[number - len(cells)]
                    other = by_cell[against] if paired else by_cell[against].mean(2, keepdims=True)
                    parts = exact[cell], exact[against], per_seed, by_cell[cell] - other
                    self._change(family, job, number, change, *parts)

    def correct(self) -> None:
        """Holm over every family of changes: one cut, data set, setting and measure."""
        rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in self.changes:
            rows.setdefault(tuple(row[name] for name in ("cut", "kind", "dataset", "setting", "measure")), []).append(
                row
            )
        for members in rows.values():
            for name in ("p_queries", "p_languages", "p_low"):
                for row, p in zip(members, holm([row[name] for row in members]), strict=True):
                    row[f"{name}_holm"] = _round(p)
                    row["holm_family"] = len(members)

    def _division(self, family: Family, by_language: ByLanguage, cut: Cut, systems: int) -> Division:
        directions = ByDirection(family.pairs, cut) if family.key.setting == "cross" else None
        rng = self._rng(family.key.dataset, cut.name, "languages")
        return Division(cut, by_language, directions, systems, self.resamples, rng)

    def _gap(
        self,
        family: Family,
        job: Division,
        number: int,
        exact: np.ndarray,
        per_seed: np.ndarray,
        by_language: np.ndarray,
        moved: np.ndarray,
    ) -> None:
        point = job.point(exact)
        if point is None:
            return
        cell = family.cells[number]
        row = _head(family, job.cut, cell.key)
        row |= {"low": point["low"], "high": point["high"], "gap": point["low"] - point["high"]}
        row |= job.intervals(number, row["gap"], exact, per_seed, by_language)
        row |= {
            "hedges_g": hedges_g(*point["sides"]),
            "values": point["values"],
            "languages_low": len(point["sides"][0]),
            "languages_high": len(point["sides"][1]),
            "seeds": len(cell.seeds),
            "query_groups": cell.sums.shape[0] if family.has_queries else 0,
            "warnings": _row_warnings(family, point, cell),
        }
        self.gaps.append(plain(row))
        for name, value, pairs, whole, these in job.direction_rows(number, cell, moved):
            row = _head(family, job.cut, cell.key)
            row |= {"direction": name, "value": value, "pairs": pairs}
            for suffix, found in (("", whole), ("_these_languages", these)):
                row[f"interval{suffix}"] = None if found is None else [found.low, found.high]
                row[f"p{suffix}"] = None if found is None else two_sided(value, found)
            self.directions.append(plain(row))

    def _change(
        self,
        family: Family,
        job: Division,
        number: int,
        change: Change,
        after: np.ndarray,
        before: np.ndarray,
        per_seed: np.ndarray,
        moved: np.ndarray,
    ) -> None:
        common = np.isfinite(after) & np.isfinite(before)
        after, before = np.where(common, after, np.nan), np.where(common, before, np.nan)
        gain, then, now = job.point(after - before), job.point(before), job.point(after)
        if gain is None or then is None or now is None:
            return
        cell, against = family.cells[change.cell], family.cells[change.against]
        row = _head(family, job.cut, cell.key)
        row |= {
            "factor": change.factor,
            "against": {"recipe": against.key.recipe, "alignment": against.key.alignment},
            "change": gain["low"] - gain["high"],
            "low_gain": gain["low"],
            "high_gain": gain["high"],
            "gap_before": then["low"] - then["high"],
            "gap_after": now["low"] - now["high"],
        }
        row |= job.intervals(number, row["change"], after - before, per_seed, moved)
        row["p_low"] = job.mean_p("low", gain["low"], after - before, per_seed, moved)
        rng = self._rng(family.key, job.cut.name, change.factor, *cell.key, *against.key)
        parts = query_contributions(family, change, job.sides()) if family.has_queries else None
        row |= {
            "p_queries": None if parts is None else sign_flip(parts, self.permutations, rng),
            "p_languages": relabel(gain["sides"][0], gain["sides"][1], self.permutations, rng),
            "hedges_g": hedges_g(*gain["sides"]),
            "gains": gain["values"],
            "languages_low": len(gain["sides"][0]),
            "languages_high": len(gain["sides"][1]),
            "seeds": len(cell.seeds),
        }
        self.changes.append(plain(row))

    def _rng(self, *parts: Any) -> np.random.Generator:
        key = hashlib.sha256(repr((self.seed, *parts)).encode("utf-8", "surrogatepass")).digest()
        return np.random.default_rng(np.frombuffer(key, np.uint32))


def _head(family: Family, cut: Cut, system: CellKey) -> dict[str, Any]:
    key = family.key
    return {
        "cut": cut.name,
        "kind": key.kind,
        "base": key.base,
        "recipe": system.recipe,
        "alignment": system.alignment,
        "dataset": key.dataset,
        "datasets": list(family.datasets),
        "setting": key.setting,
        "measure": key.measure,
        "lower_is_better": lower_is_better(key.measure),
    }


def _row_warnings(family: Family, point: Mapping[str, Any], cell: Cell) -> list[str]:
    warnings = []
    for level, side in zip(("low", "high"), point["sides"], strict=True):
        if len(side) < FEWEST_LANGUAGES:
            some = "1 language" if len(side) == 1 else f"{len(side)} languages"
            warnings.append(f"{some} on the {level}-resource side: too few for a claim about languages like these")
    if cell.borrowed:
        warnings.append(f"tagged with the unadapted base, not under the recipe: {', '.join(cell.borrowed)}")
    if len(cell.seeds) == 1:
        warnings.append("one seed: no interval covers the chance of training")
    if family.key.kind == "retrieval" and not family.has_queries:
        warnings.append("no per-query values: no interval covers the chance of the queries")
    return warnings


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def plain(value: Any) -> Any:
    """JSON without NaN; six decimals."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return _round(float(value)) if np.isfinite(value) else None
    return value
