"""A regression: retrieval on the tokenizer, tagging and resources together, with families as the units of chance.

Where correlations take one thing at a time, the regression weighs them against each other. What a recipe (one training
for all languages) and what a family do to retrieval is taken out of every value first, so that neither is mistaken for
the effect of a predictor: predictors that recipes change are regressed within families and recipes, facts of languages
between families. An effect may be another one in each family (random slopes), so its standard error is the jackknife
over families, with Student's t on families - 2 degrees of freedom. Languages of a family are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from xlreach.comparison.explain.correlation import FEWEST, by_family
from xlreach.comparison.explain.profile import Profile
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Effect, Interval, Regression

_PER_PREDICTOR = 3  # families
_ALIKE = 0.95
_ALPHA = 0.05
_LOGARITHMIC = ("CC-100 tokens (M)",)
_ORDER = ("fertility", "unk_words", "CC-100 tokens (M)", "LAS", "accuracy", "F1", "unk_pieces", "UAS")


def regressions(profiles: Sequence[Profile]) -> list[Regression]:
    """One regression a base, data set and setting, over all its alignments."""
    groups: dict[tuple[str | None, str | None, str | None, str], list[Profile]] = {}
    for profile in profiles:
        groups.setdefault((profile.base, profile.dataset, profile.setting, profile.measure), []).append(profile)
    return [_regression(members) for members in groups.values()]


def _regression(members: Sequence[Profile]) -> Regression:
    shared = [code for code in members[0].languages if all(code in profile.languages for profile in members)]

    def grid(of: Sequence[np.ndarray]) -> np.ndarray:
        rows = [[profile.languages.index(code) for code in shared] for profile in members]
        return by_family(shared, np.hstack([values[row] for values, row in zip(of, rows, strict=True)]))

    y = grid([profile.scores for profile in members])
    families, recipes = len(y), min(len(profile.recipes) for profile in members)
    model = Regression(
        base=members[0].base,
        dataset=members[0].dataset,
        setting=members[0].setting,
        measure=members[0].measure,
        fitted=False,
        reason=None,
        observations=y.size,
        languages=len(shared),
        families=families,
        recipes=recipes,
    )
    if families < FEWEST["across"]:
        return replace(model, reason="few_languages")
    if recipes < FEWEST["within"]:
        return replace(model, reason="few_recipes")
    within: dict[str, np.ndarray] = {}
    between: dict[str, np.ndarray] = {}
    for name in _ORDER:
        of = [next((p.values for p in profile.predictors if p.name == name), None) for profile in members]
        known = [values for values in of if values is not None]
        if len(known) < len(of) or len(within) + len(between) == families // _PER_PREDICTOR:
            continue
        x = grid([np.log10(1 + values) if name in _LOGARITHMIC else values for values in known])
        chosen, label = (within, name) if (np.ptp(x, axis=1) > 0).any() else (between, name)
        x = _centered(x if chosen is within else x[:, :1])
        alike = [abs(np.sum(x * other)) / np.linalg.norm(other) for other in chosen.values()]
        size = float(np.linalg.norm(x))
        if size > 1e-9 and np.isfinite(size) and all(share < _ALIKE * size for share in alike):
            chosen[f"log10 {label}" if name in _LOGARITHMIC else label] = x * np.sqrt(x.size) / size
    fits = _effects(within, y) | _effects(between, y.mean(1, keepdims=True))
    if not fits:
        return replace(model, reason="no_predictor")
    reach = float(stats.t.ppf(1 - _ALPHA / 2, families - 2))
    p_values = [float(2 * stats.t.sf(abs(b / se), families - 2)) for b, se in fits.values()]
    effects = []
    for (name, (b, se)), p, p_holm in zip(fits.items(), p_values, holm(p_values), strict=True):
        effect = Effect(name=name, estimate=b, interval=Interval(b - reach * se, b + reach * se), p=p, p_holm=p_holm)
        if p_holm is not None and p_holm < _ALPHA:
            effect = replace(effect, verdict="more" if b > 0 else "less")
        effects.append(effect)
    return replace(model, fitted=True, effects=tuple(effects))


def _centered(grid: np.ndarray) -> np.ndarray:
    """What is left without the means of families (rows) and of recipes (columns); one column keeps its spread."""
    rows = grid.mean(1, keepdims=True) if grid.shape[1] > 1 else np.zeros((len(grid), 1))
    inner = grid - rows
    return np.asarray(inner - inner.mean(0))


def _effects(predictors: dict[str, np.ndarray], y: np.ndarray) -> dict[str, tuple[float, float]]:
    """Least squares: each predictor's coefficient and its standard error, from leaving out each family in turn."""
    if not predictors:
        return {}

    def fit(rows: np.ndarray) -> np.ndarray:
        columns = np.column_stack([_centered(grid[rows]).ravel() for grid in predictors.values()])
        return np.asarray(np.linalg.lstsq(columns, _centered(y[rows]).ravel(), rcond=None)[0])

    families = np.arange(len(y))
    whole, left = fit(families), np.array([fit(families[families != family]) for family in families])
    se = np.sqrt((len(y) - 1) / len(y) * ((left - whole) ** 2).sum(0))
    return {name: (float(b), float(e)) for name, b, e in zip(predictors, whole, se, strict=True) if e > 1e-9}
