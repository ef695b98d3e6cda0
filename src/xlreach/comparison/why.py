"""Why retrieval differs between languages: the parts of `gaps.json` that set it beside everything else measured.

profiles        one row a base, data set, setting, alignment, recipe and language: the headline measure (`value`)
                and every predictor known of it (`known`)
correlations    Spearman's rho of the measure with each predictor (`correlation.py`)
models          a mixed-effects model a base, data set and setting (`mixed.py`)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xlreach.comparison.correlation import correlations
from xlreach.comparison.levels import Cut
from xlreach.comparison.mixed import mixed_models
from xlreach.comparison.profile import Profile, profiles
from xlreach.measurement import Measurement


def explain(
    results: Sequence[Measurement],
    measure: str | None,
    cut: Cut,
    *,
    seed: int = 0,
    resamples: int = 10_000,
    permutations: int = 10_000,
) -> dict[str, list[dict[str, Any]]]:
    """Profiles, correlations and models of a study.

    Args:
        results: Its measurements.
        measure: The retrieval measure to explain.
        cut: The study's own division, to name each language's side.
        seed: Of the resampling.
        resamples: Draws of languages.
        permutations: For the tests.
    """
    found = list(profiles(results, measure))
    rng = np.random.default_rng(seed)
    return {
        "profiles": [row for one in found for row in _points(one, cut)],
        "correlations": [
            row for one in found for row in correlations(one, rng, resamples=resamples, permutations=permutations)
        ],
        "models": mixed_models(found),
    }


def _points(profile: Profile, cut: Cut) -> list[dict[str, Any]]:
    about = {"base": profile.base, "dataset": profile.dataset, "setting": profile.setting, "measure": profile.measure}
    return [
        about
        | {
            "alignment": profile.alignment,
            "recipe": recipe,
            "language": code,
            "level": cut.level(code),
            "value": profile.scores[row, column],
            "known": {one.name: one.values[row, column] for one in profile.predictors},
        }
        for row, code in enumerate(profile.languages)
        for column, recipe in enumerate(profile.recipes)
    ]
