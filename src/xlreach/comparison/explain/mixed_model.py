"""A mixed-effects model: retrieval on the tokenizer, tagging, resources and alignment, with a random effect a language.

Where correlations take one thing at a time, the model weighs them against each other. It needs more languages than
most studies have; where there are too few, or the fit fails, there is a reason in place of a fit. statsmodels
fits it (Linear Mixed Models by REML) and is optional. Few languages make Wald intervals too narrow, so they are read
against Student's t with as many degrees of freedom as languages leave.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from xlreach.comparison.explain.profile import Profile
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Effect, Interval, MixedModel
from xlreach.system import UNTREATED

FEWEST = 6
_PER_PREDICTOR = 3
_PER_EFFECT = 5
_ALIKE = 0.95
_ALPHA = 0.05
_LOGARITHMIC = ("CC-100 tokens (M)",)
_Term = tuple[Literal["predictor", "alignment"], str]
_ORDER = ("fertility", "unk_words", "CC-100 tokens (M)", "LAS", "accuracy", "F1", "unk_pieces", "UAS")


def mixed_models(profiles: Sequence[Profile]) -> list[MixedModel]:
    """One model a base, data set and setting, over all its alignments."""
    groups: dict[tuple[str | None, str | None, str | None, str], list[Profile]] = {}
    for profile in profiles:
        groups.setdefault((profile.base, profile.dataset, profile.setting, profile.measure), []).append(profile)
    return [_model(members) for members in groups.values()]


def _model(members: Sequence[Profile]) -> MixedModel:
    languages = sorted({code for profile in members for code in profile.languages})
    model = MixedModel(
        base=members[0].base,
        dataset=members[0].dataset,
        setting=members[0].setting,
        measure=members[0].measure,
        fitted=False,
        reason=None,
        observations=sum(profile.scores.size for profile in members),
        languages=len(languages),
    )
    if len(languages) < FEWEST:
        return replace(model, reason="few_languages")
    terms, columns = _design(members, len(languages) // _PER_PREDICTOR)
    if not terms:
        return replace(model, reason="no_predictor")
    if model.observations < _PER_EFFECT * (len(terms) + 1):
        return replace(model, reason="few_observations")
    y = np.concatenate([profile.scores.ravel() for profile in members])
    units = [code for profile in members for code in profile.languages for _ in profile.recipes]
    exog = np.column_stack([np.ones(len(y)), columns])
    if np.linalg.matrix_rank(exog) < exog.shape[1] or not np.ptp(y) > 0:
        return replace(model, reason="collinear")
    fit = _fit(y, exog, units)
    if not isinstance(fit, _Fit):
        return replace(model, reason=fit)
    df = max(len(languages) - 1 - sum(kind == "predictor" for kind, _ in terms), 1)
    reach = float(stats.t.ppf(0.975, df))
    p_values = [float(2 * stats.t.sf(abs(b / se), df)) for b, se in zip(fit.params[1:], fit.se[1:], strict=True)]
    effects = []
    for (kind, name), b, se, p, p_holm in zip(terms, fit.params[1:], fit.se[1:], p_values, holm(p_values), strict=True):
        ends = Interval(float(b - reach * se), float(b + reach * se))
        effect = Effect(kind=kind, name=name, estimate=float(b), interval=ends, p=p, p_holm=p_holm)
        if p_holm is not None and p_holm < _ALPHA:
            effect = replace(effect, verdict="more" if b > 0 else "less")
        effects.append(effect)
    return replace(model, fitted=True, effects=tuple(effects), language_sd=fit.language_sd, residual_sd=fit.residual_sd)


def _design(members: Sequence[Profile], most: int) -> tuple[list[_Term], np.ndarray]:
    """Standardised predictors, as many as the languages carry, none that repeats another; dummies of alignments."""
    terms: list[_Term] = []
    columns: list[np.ndarray] = []
    values = [{predictor.name: predictor.values.ravel() for predictor in profile.predictors} for profile in members]
    for name in _ORDER:
        if len(terms) == most or not all(name in of_profile for of_profile in values):
            continue
        whole = np.concatenate([of_profile[name] for of_profile in values])
        if name in _LOGARITHMIC:
            name, whole = f"log10 {name}", np.log10(1 + whole)
        if not np.isfinite(whole).all() or not whole.std() > 1e-9:
            continue
        scaled = (whole - whole.mean()) / whole.std()
        if all(abs(float(np.mean(scaled * other))) < _ALIKE for other in columns):
            terms.append(("predictor", name))
            columns.append(scaled)
    alignments = list(dict.fromkeys(profile.alignment for profile in members))
    first = UNTREATED if UNTREATED in alignments else alignments[0]
    for alignment in alignments:
        if alignment != first:
            dummy = [np.full(profile.scores.size, float(profile.alignment == alignment)) for profile in members]
            terms.append(("alignment", alignment))
            columns.append(np.concatenate(dummy))
    return terms, np.column_stack(columns) if columns else np.empty((0, 0))


class _Fit(NamedTuple):
    params: np.ndarray
    se: np.ndarray
    language_sd: float
    residual_sd: float


def _fit(
    y: np.ndarray, exog: np.ndarray, units: Sequence[str]
) -> _Fit | Literal["no_statsmodels", "failed", "not_converged"]:
    try:
        module = importlib.import_module("statsmodels.regression.mixed_linear_model")
    except ImportError:
        return "no_statsmodels"
    codes = np.unique(np.asarray(units, dtype=object).astype(str), return_inverse=True)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is asked of the result below
        try:
            result = module.MixedLM(y, exog, groups=codes).fit(reml=True, method=["lbfgs", "bfgs", "powell"])
        except (np.linalg.LinAlgError, ValueError):
            return "failed"
    se = np.asarray(result.bse_fe, float)
    if not result.converged or not np.isfinite(se).all() or not (se > 0).all():
        return "not_converged"
    between = float(np.sqrt(max(float(np.asarray(result.cov_re)[0, 0]), 0.0)))
    return _Fit(np.asarray(result.fe_params, float), se, between, float(np.sqrt(result.scale)))
