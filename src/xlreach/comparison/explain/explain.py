"""What may explain that retrieval differs between languages: profiles, correlations and regressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xlreach.comparison.explain.correlation import correlations
from xlreach.comparison.explain.profile import Profile, profiles
from xlreach.comparison.explain.regression import regressions
from xlreach.gaps import GapAnalysis, LanguageSplit, ProfilePoint
from xlreach.measurement import Measurement
from xlreach.system import System


def explain(analysis: GapAnalysis, results: Sequence[Measurement]) -> GapAnalysis:
    """The analysis with profiles, correlations and models of its headline measure."""
    grids = list(profiles(results, analysis.headline, analysis.split))
    rng = np.random.default_rng(analysis.seed)
    draws = {"resamples": analysis.resamples, "permutations": analysis.permutations}
    return replace(
        analysis,
        profiles=tuple(point for grid in grids for point in _points(grid, analysis.split)),
        correlations=tuple(row for grid in grids for row in correlations(grid, rng, **draws)),
        models=tuple(regressions(grids)),
    )


def _points(profile: Profile, split: LanguageSplit) -> Iterator[ProfilePoint]:
    for row, code in enumerate(profile.languages):
        for column, recipe in enumerate(profile.recipes):
            yield ProfilePoint(
                system=System(profile.base or "", recipe, profile.alignment),
                dataset=profile.dataset,
                setting=profile.setting,
                measure=profile.measure,
                language=code,
                level=split.level(code),
                value=float(profile.scores[row, column]),
                known={predictor.name: float(predictor.values[row, column]) for predictor in profile.predictors},
            )
