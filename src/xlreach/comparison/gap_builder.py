"""Computes the gaps, directions and changes of a study, a family of measurements at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xlreach.comparison.groups.contrasts import Contrast, find_contrasts, query_contributions
from xlreach.comparison.groups.families import Cell, Family
from xlreach.comparison.resampling.bootstrap import group_weights, multinomial, resampled_means
from xlreach.comparison.resampling.language_means import ByDirection, ByLanguage, over_seeds
from xlreach.comparison.resampling.split_draws import SideMeans, SplitDraws
from xlreach.comparison.resampling.variance import query_influence
from xlreach.comparison.tests.permutation import hedges_g, holm, relabel, sign_flip
from xlreach.gaps import Caution, Change, Direction, Gap, LanguageSplit, Side, Subject
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import System

FEWEST_LANGUAGES = 5


class GapBuilder:
    """Collects gaps, directions and changes, a family at a time."""

    def __init__(self, seed: int, resamples: int, permutations: int) -> None:
        self.seed, self.resamples, self.permutations = seed, resamples, permutations
        self.gaps: list[Gap] = []
        self.directions: list[Direction] = []
        self._changes: list[Change] = []

    def add(self, family: Family, splits: Sequence[LanguageSplit]) -> None:
        """Draws once for the whole family, then computes every statistic from the same draws."""
        key, cells, contrasts = family.key, family.cells, find_contrasts(family)
        by_language = ByLanguage(family.pairs, key.setting)
        groups = group_weights(family.strata, self.resamples, self._rng(key.dataset, key.setting, "queries"))
        seeds = [multinomial(len(c.seeds), self.resamples, self._rng(key.dataset, "seeds", c.seeds)) for c in cells]
        by_seed = [by_language.values(cell.means().T) for cell in cells]  # (seeds, languages)
        exact = [by_language.values(over_seeds(cell.means())[None])[0] for cell in cells]
        influence = [query_influence(cell, family.strata) for cell in cells]  # (groups, pairs, seeds)
        on_languages = [
            np.einsum("gps,pl->gls", of_pairs, by_language.shares(cell))
            for of_pairs, cell in zip(influence, cells, strict=True)
        ]
        systems = [(number, None) for number in range(len(cells))] + [(c.cell, c.against) for c in contrasts]
        jobs = [self._draws(family, by_language, split, len(systems)) for split in splits]
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
                    self._gap(family, job, number, exact[cell], by_seed[cell], on_languages[cell], influence[cell])
                else:
                    paired = cells[cell].seeds == cells[against].seeds
                    per_seed = by_seed[cell] - (by_seed[against] if paired else exact[against])
                    contrast = contrasts[number - len(cells)]
                    other = on_languages[against] if paired else on_languages[against].mean(2, keepdims=True)
                    parts = exact[cell], exact[against], per_seed, on_languages[cell] - other
                    self._change(family, job, number, contrast, *parts)

    def changes(self) -> list[Change]:
        """The changes, with Holm's correction over each split, data set, setting and measure."""
        families: dict[tuple[Any, ...], list[int]] = {}
        for index, row in enumerate(self._changes):
            families.setdefault((row.split, row.kind, row.dataset, row.setting, row.measure), []).append(index)
        corrected = list(self._changes)
        for indexes in families.values():
            members = [self._changes[index] for index in indexes]
            tests = zip(
                *(holm([getattr(row, name) for row in members]) for name in ("p_queries", "p_languages", "p_low")),
                strict=True,
            )
            for index, row, (queries, languages, low) in zip(indexes, members, tests, strict=True):
                corrected[index] = replace(
                    row,
                    p_queries_holm=queries,
                    p_languages_holm=languages,
                    p_low_holm=low,
                    holm_family=len(members),
                )
        return corrected

    def _draws(self, family: Family, by_language: ByLanguage, split: LanguageSplit, systems: int) -> SplitDraws:
        directions = ByDirection(family.pairs, split) if family.key.setting == "cross" else None
        rng = self._rng(family.key.dataset, split.name, "languages")
        return SplitDraws(split, by_language, directions, systems, self.resamples, rng)

    def _gap(
        self,
        family: Family,
        job: SplitDraws,
        number: int,
        exact: np.ndarray,
        per_seed: np.ndarray,
        on_languages: np.ndarray,
        influence: np.ndarray,
    ) -> None:
        point = job.point(exact)
        if point is None:
            return
        cell = family.cells[number]
        subject = vars(_subject(family, job.split, cell.system))
        certainty = job.certainty(number, point.difference, exact, per_seed, on_languages)
        row = Gap(
            **subject,
            **vars(certainty),
            low=point.low,
            high=point.high,
            gap=point.difference,
            hedges_g=hedges_g(point.low_values, point.high_values),
            values=point.values,
            languages_low=len(point.low_values),
            languages_high=len(point.high_values),
            seeds=len(cell.seeds),
            query_groups=cell.sums.shape[0] if family.has_queries else 0,
            cautions=tuple(_cautions(family, point, cell)),
        )
        self.gaps.append(row)
        for name, value, pairs, certainty in job.directions_of(number, cell, influence):
            self.directions.append(Direction(**subject, **vars(certainty), direction=name, value=value, pairs=pairs))

    def _change(
        self,
        family: Family,
        job: SplitDraws,
        number: int,
        contrast: Contrast,
        after: np.ndarray,
        before: np.ndarray,
        per_seed: np.ndarray,
        influence: np.ndarray,
    ) -> None:
        common = np.isfinite(after) & np.isfinite(before)
        after, before = np.where(common, after, np.nan), np.where(common, before, np.nan)
        gain, then, now = job.point(after - before), job.point(before), job.point(after)
        if gain is None or then is None or now is None:
            return
        cell, against = family.cells[contrast.cell], family.cells[contrast.against]
        names = [getattr(side.system, name) for side in (cell, against) for name in ("recipe", "alignment")]
        rng = self._rng(family.key, job.split.name, contrast.factor, *names)
        parts = query_contributions(family, contrast, job.sides()) if family.has_queries else None
        certainty = job.certainty(number, gain.difference, after - before, per_seed, influence)
        row = Change(
            **vars(_subject(family, job.split, cell.system)),
            **vars(certainty),
            factor=contrast.factor,
            against=against.system,
            change=gain.difference,
            low_gain=gain.low,
            high_gain=gain.high,
            gap_before=then.difference,
            gap_after=now.difference,
            gains=gain.values,
            hedges_g=hedges_g(gain.low_values, gain.high_values),
            languages_low=len(gain.low_values),
            languages_high=len(gain.high_values),
            seeds=len(cell.seeds),
            p_low=job.mean_p("low", gain.low, after - before, per_seed, influence),
            p_queries=None if parts is None else sign_flip(parts, self.permutations, rng),
            p_languages=relabel(gain.low_values, gain.high_values, self.permutations, rng),
        )
        self._changes.append(row)

    def _rng(self, *parts: Any) -> np.random.Generator:
        key = hashlib.sha256(repr((self.seed, *parts)).encode("utf-8", "surrogatepass")).digest()
        return np.random.default_rng(np.frombuffer(key, np.uint32))


def _subject(family: Family, split: LanguageSplit, system: System) -> Subject:
    key = family.key
    return Subject(
        split=split.name,
        kind=key.kind,
        system=system,
        dataset=key.dataset,
        datasets=family.datasets,
        setting=key.setting,
        measure=key.measure,
        lower_is_better=MeasureInfo.of(key.measure).lower_is_better,
    )


def _cautions(family: Family, point: SideMeans, cell: Cell) -> list[Caution]:
    sides: tuple[tuple[Side, list[float]], ...] = (("low", point.low_values), ("high", point.high_values))
    cautions = [
        Caution(kind="few_languages", side=side, languages=len(values))
        for side, values in sides
        if len(values) < FEWEST_LANGUAGES
    ]
    if cell.borrowed:
        cautions.append(Caution(kind="borrowed", codes=cell.borrowed))
    if len(cell.seeds) == 1:
        cautions.append(Caution(kind="one_seed"))
    if family.key.kind == "retrieval" and not family.has_queries:
        cautions.append(Caution(kind="no_queries"))
    return cautions
