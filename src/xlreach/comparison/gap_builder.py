"""Computes the gaps, directions and changes of a study, a family of measurements at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xlreach.comparison.groups.contrasts import Contrast, find_contrasts
from xlreach.comparison.groups.families import Cell, Family
from xlreach.comparison.resampling.language_means import (
    LanguageValues,
    Statistic,
    difference,
    directions,
    language_values,
)
from xlreach.comparison.resampling.variance import certainty, combined, point, query_influence, size_p
from xlreach.comparison.tests.correction import hedges_g, holm
from xlreach.gaps import Caution, Certainty, Change, Direction, Gap, LanguageSplit, Side, Subject
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import System

FEWEST_LANGUAGES = 5
_TESTS = ("p", "p_these_languages", "p_low", "p_narrower")


class GapBuilder:
    """Collects gaps, directions and changes, a family at a time."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.directions: list[Direction] = []
        self._changes: list[Change] = []

    def add(self, family: Family, splits: Sequence[LanguageSplit]) -> None:
        """Computes every statistic of a family."""
        influence = [query_influence(cell, family.strata) for cell in family.cells]
        sides: dict[tuple[str, bytes], _Sides] = {}

        def sides_of(split: LanguageSplit, measured: np.ndarray) -> _Sides:
            key = split.name, measured.tobytes()
            if key not in sides:
                sides[key] = _Sides(family, split, measured)
            return sides[key]

        for split in splits:
            for cell, of_cell in zip(family.cells, influence, strict=True):
                self._gap(family, split, cell, of_cell, sides_of(split, cell.measured))
            for contrast in find_contrasts(family):
                pair = family.cells[contrast.cell], family.cells[contrast.against]
                both = sides_of(split, pair[0].measured & pair[1].measured)
                self._change(family, split, contrast, influence, both)

    def changes(self) -> list[Change]:
        """The changes, with Holm's correction over each split, data set, setting and measure."""
        families: dict[tuple[Any, ...], list[int]] = {}
        for index, row in enumerate(self._changes):
            families.setdefault((row.split, row.kind, row.dataset, row.setting, row.measure), []).append(index)
        corrected = list(self._changes)
        for indexes in families.values():
            for test in _TESTS:
                tested = holm([getattr(corrected[index], test) for index in indexes])
                for index, p in zip(indexes, tested, strict=True):
                    holm_fields: dict[str, Any] = {f"{test}_holm": p, "holm_family": len(indexes)}
                    corrected[index] = replace(corrected[index], **holm_fields)
        return corrected

    def _gap(self, family: Family, split: LanguageSplit, cell: Cell, influence: np.ndarray, sides: _Sides) -> None:
        blocks = combined([cell], [1.0], [influence])
        subject, means = vars(_subject(family, split, cell.system)), point(blocks)
        for name, (statistic, pairs) in sides.directions.items():
            value = float(statistic.weights @ np.nan_to_num(means))
            sure = certainty(statistic, blocks, sampled=family.has_queries)
            self.directions.append(Direction(**subject, **vars(sure), direction=name, value=value, pairs=pairs))
        if sides.gap is None:
            return
        low, high = sides.values(means, split.low), sides.values(means, split.high)
        row = Gap(
            **subject,
            **vars(certainty(sides.gap, blocks, sampled=family.has_queries)),
            low=_mean(low),
            high=_mean(high),
            gap=_mean(low) - _mean(high),
            hedges_g=hedges_g([*low.values()], [*high.values()]),
            values=low | high,
            documents=sides.languages.documents,
            languages_low=len(low),
            languages_high=len(high),
            seeds=len(cell.seeds),
            query_groups=cell.sums.shape[0] if family.has_queries else 0,
            cautions=tuple(_cautions(family, (len(low), len(high)), cell)),
        )
        self.gaps.append(row)

    def _change(
        self, family: Family, split: LanguageSplit, contrast: Contrast, influence: Sequence[np.ndarray], sides: _Sides
    ) -> None:
        pair = contrast.cell, contrast.against
        cell, against = (family.cells[number] for number in pair)
        if sides.gap is None:
            return
        gained, total = (
            combined((cell, against), (1.0, sign), [influence[number] for number in pair]) for sign in (-1.0, 1.0)
        )
        low, high = (sides.values(point(gained), codes) for codes in (split.low, split.high))
        after, before = (
            float(sides.gap.weights @ np.nan_to_num(point(combined([of], [1.0], [influence[number]]))))
            for of, number in zip((cell, against), pair, strict=True)
        )
        change, size, gain = Certainty(), Certainty(), Certainty()
        if cell.repeated and against.repeated:  # what one training gave is no property of the method
            change, size = (certainty(sides.gap, of, sampled=family.has_queries) for of in (gained, total))
            gain = certainty(Statistic(sides.gap.parts[0].mean(1)), gained, sampled=family.has_queries)
        row = Change(
            **vars(_subject(family, split, cell.system)),
            **vars(change),
            factor=contrast.factor,
            against=against.system,
            change=after - before,
            low_gain=_mean(low),
            high_gain=_mean(high),
            gap_before=before,
            gap_after=after,
            gains=low | high,
            hedges_g=hedges_g([*low.values()], [*high.values()]),
            languages_low=len(low),
            languages_high=len(high),
            seeds=len(cell.seeds),
            p_low=gain.p_these_languages,
            p_narrower=size_p(change, size),
        )
        self._changes.append(row)


class _Sides:
    """The two sides of a split in a family, for the pairs that are measured."""

    def __init__(self, family: Family, split: LanguageSplit, measured: np.ndarray) -> None:
        self.languages: LanguageValues = language_values(family.pairs, family.key.setting, split, measured)
        self.gap = difference(self.languages, split.low, split.high)
        crossed = family.key.setting == "cross"
        self.directions = directions(family.pairs, split, measured) if crossed else {}

    def values(self, means: np.ndarray, codes: Sequence[str]) -> dict[str, float]:
        """The value of each language of a side that has one."""
        values = self.languages.values(means)
        return {self.languages.languages[column]: float(values[column]) for column in self.languages.columns(codes)}


def _mean(values: dict[str, float]) -> float:
    return float(np.mean([*values.values()]))


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


def _cautions(family: Family, languages: tuple[int, int], cell: Cell) -> list[Caution]:
    sides: tuple[Side, Side] = ("low", "high")
    cautions = [
        Caution(kind="few_languages", side=side, languages=count)
        for side, count in zip(sides, languages, strict=True)
        if count < FEWEST_LANGUAGES
    ]
    if cell.borrowed:
        cautions.append(Caution(kind="borrowed", codes=cell.borrowed))
    if not cell.repeated:
        cautions.append(Caution(kind="one_seed"))
    if not family.has_queries:
        cautions.append(Caution(kind="no_queries"))
    return cautions
