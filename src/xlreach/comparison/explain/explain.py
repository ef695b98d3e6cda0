"""What may explain that retrieval differs between languages: profiles, correlations and mixed-effects models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xlreach.comparison.explain.correlation import correlations
from xlreach.comparison.explain.mixed_model import mixed_models
from xlreach.comparison.explain.profile import Profile, profiles
from xlreach.gaps import Correlation, LanguageSplit, MixedModel, ProfilePoint
from xlreach.measurement import Measurement
from xlreach.system import System


@dataclass(frozen=True)
class Explanations:
    """What `explain` gives: see the fields of the same names of `GapAnalysis`."""

    profiles: tuple[ProfilePoint, ...]
    correlations: tuple[Correlation, ...]
    models: tuple[MixedModel, ...]


def explain(
    results: Sequence[Measurement],
    measure: str | None,
    split: LanguageSplit,
    *,
    seed: int = 0,
    resamples: int = 10_000,
    permutations: int = 10_000,
) -> Explanations:
    """Profiles, correlations and models of a study."""
    grids = list(profiles(results, measure))
    rng = np.random.default_rng(seed)
    return Explanations(
        profiles=tuple(point for grid in grids for point in _points(grid, split)),
        correlations=tuple(
            row for grid in grids for row in correlations(grid, rng, resamples=resamples, permutations=permutations)
        ),
        models=tuple(mixed_models(grids)),
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
