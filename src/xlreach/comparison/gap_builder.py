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
from xlreach.comparison.resampling.language_means import ByDirection, ByLanguage
from xlreach.comparison.resampling.split_draws import LanguageValues, SideMeans, SplitDraws
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
        influence = [query_influence(cell, family.strata) for cell in cells]  # (groups, pairs, seeds)
        values_of = [
            LanguageValues(
                exact=by_language.of_cell(cell),
                by_seed=by_language.values(cell.means().T),
                influence=np.einsum("gps,pl->gls", of_pairs, by_language.shares(cell)),
            )
            for of_pairs, cell in zip(influence, cells, strict=True)
        ]
        systems = [(number, None) for number in range(len(cells))] + [(c.cell, c.against) for c in contrasts]
        jobs = []
        for split in splits:
            directions = ByDirection(family.pairs, split) if key.setting == "cross" else None
            rng = self._rng(key.dataset, split.name, "languages")
            jobs.append(SplitDraws(split, by_language, directions, len(systems), self.resamples, rng))
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
                    self._gap(family, job, number, values_of[cell], influence[cell])
                else:
                    contrast = contrasts[number - len(cells)]
                    self._change(family, job, number, contrast, values_of[cell], values_of[against])

    def changes(self) -> list[Change]:
        """The changes, with Holm's correction over each split, data set, setting and measure."""
        families: dict[tuple[Any, ...], list[int]] = {}
        for index, row in enumerate(self._changes):
            families.setdefault((row.split, row.kind, row.dataset, row.setting, row.measure), []).append(index)
        corrected = list(self._changes)
        for indexes in families.values():
            for test in ("p_queries", "p_languages", "p_low"):
                tested = holm([getattr(corrected[index], test) for index in indexes])
                for index, p in zip(indexes, tested, strict=True):
                    holm_fields: dict[str, Any] = {f"{test}_holm": p, "holm_family": len(indexes)}
                    corrected[index] = replace(corrected[index], **holm_fields)
        return corrected

    def _gap(
        self,
        family: Family,
        job: SplitDraws,
        number: int,
        values: LanguageValues,
        influence: np.ndarray,
    ) -> None:
        point = job.point(values.exact)
        if point is None:
            return
        cell = family.cells[number]
        subject = vars(_subject(family, job.split, cell.system))
        certainty = job.certainty(number, point.difference, values)
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
        after: LanguageValues,
        before: LanguageValues,
    ) -> None:
        gained = after.exact - before.exact
        then, now = (job.point(np.where(np.isfinite(gained), of.exact, np.nan)) for of in (before, after))
        gain = job.point(gained)
        if gain is None or then is None or now is None:
            return
        cell, against = family.cells[contrast.cell], family.cells[contrast.against]
        paired = cell.seeds == against.seeds
        gains = LanguageValues(
            exact=gained,
            by_seed=after.by_seed - (before.by_seed if paired else before.exact),
            influence=after.influence - (before.influence if paired else before.influence.mean(2, keepdims=True)),
        )
        names = [getattr(side.system, name) for side in (cell, against) for name in ("recipe", "alignment")]
        rng = self._rng(family.key, job.split.name, contrast.factor, *names)
        parts = query_contributions(family, contrast, job.sides()) if family.has_queries else None
        certainty = job.certainty(number, gain.difference, gains)
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
            p_low=job.low_p(gain.low, gains),
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
