"""A mixed-effects model: retrieval on the tokenizer, tagging, resources and alignment, with a random effect a language.

Where correlations take one thing at a time, the model weighs them against each other. It needs more languages than
most studies have; where there are too few, or the fit fails, the answer is `cannot tell` with the reason. statsmodels
fits it (Linear Mixed Models by REML) and is optional. Few languages make Wald intervals too narrow, so they are read
against Student's t with as many degrees of freedom as languages leave.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from xlreach.comparison.change import BASELINE
from xlreach.comparison.permutation import holm
from xlreach.comparison.profile import Predictor, Profile

FEWEST = 6
_PER_PREDICTOR = 3
_PER_EFFECT = 5
_ALIKE = 0.95
_ALPHA = 0.05
_ORDER = ("fertility", "unk_words", "CC-100 tokens (M)", "LAS", "accuracy", "F1", "unk_pieces", "UAS")


def mixed_models(profiles: Sequence[Profile], *, confidence: float = 0.95) -> list[dict[str, Any]]:
    """One model a base, data set and setting, over all its alignments.

    Args:
        profiles: The grids of a study.
        confidence: The level of the intervals.

    Returns:
        Rows `{base, dataset, setting, measure, verdict, why, observations, languages, language_sd, residual_sd,
        effects}`; `verdict` is `fitted` or `cannot tell`. An effect is `{name, estimate, interval, p, p_holm,
        verdict}`, its estimate what the measure changes by for one standard deviation of a predictor, or for an
        alignment against `none`.
    """
    groups: dict[tuple[str | None, ...], list[Profile]] = {}
    for one in profiles:
        groups.setdefault((one.base, one.dataset, one.setting, one.measure), []).append(one)
    rows = []
    for key, members in groups.items():
        about = dict(zip(("base", "dataset", "setting", "measure"), key, strict=True))
        rows.append(about | _model(members, confidence))
    return rows


def _model(members: Sequence[Profile], confidence: float) -> dict[str, Any]:
    languages = sorted({code for one in members for code in one.languages})
    observations = sum(one.scores.size for one in members)
    known: dict[str, Any] = {"observations": observations, "languages": len(languages), "effects": []}
    known |= {"language_sd": None, "residual_sd": None}
    if len(languages) < FEWEST:
        why = f"{len(languages)} language{'s' if len(languages) != 1 else ''}; {FEWEST} are the least"
        return known | {"verdict": "cannot tell", "why": why}
    names, columns = _design(members, len(languages) // _PER_PREDICTOR)
    if not names:
        return known | {"verdict": "cannot tell", "why": "nothing that may explain it varies"}
    if observations < _PER_EFFECT * (len(names) + 1):
        return known | {"verdict": "cannot tell", "why": f"{observations} observations for {len(names)} effects"}
    y = np.concatenate([one.scores.ravel() for one in members])
    units = [code for one in members for code in one.languages for _ in one.recipes]
    exog = np.column_stack([np.ones(len(y)), columns])
    if np.linalg.matrix_rank(exog) < exog.shape[1] or not np.ptp(y) > 0:
        return known | {"verdict": "cannot tell", "why": "its effects cannot be told apart"}
    fitted, why = _fit(y, exog, units)
    if fitted is None:
        return known | {"verdict": "cannot tell", "why": why}
    df = max(len(languages) - 1 - sum(not name.startswith("alignment ") for name in names), 1)
    reach = float(stats.t.ppf((1 + confidence) / 2, df))
    effects: list[dict[str, Any]] = []
    for name, estimate, se in zip(names, fitted["params"][1:], fitted["se"][1:], strict=True):
        p = float(2 * stats.t.sf(abs(estimate / se), df))
        ends = [float(estimate - reach * se), float(estimate + reach * se)]
        effects.append({"name": name, "estimate": float(estimate), "interval": ends, "p": p})
    for effect, corrected in zip(effects, holm([effect["p"] for effect in effects]), strict=True):
        sign = "more" if effect["estimate"] > 0 else "less"
        certain = corrected is not None and corrected < _ALPHA
        effect |= {"p_holm": corrected, "verdict": sign if certain else "cannot tell"}
    spread = {"language_sd": fitted["language_sd"], "residual_sd": fitted["residual_sd"]}
    return known | {"verdict": "fitted", "why": "", "effects": effects} | spread


def _design(members: Sequence[Profile], most: int) -> tuple[list[str], np.ndarray]:
    """Standardised predictors, as many as the languages carry, none that repeats another; dummies of alignments."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    for name in _ORDER:
        parts = [_column(one, name) for one in members]
        if len(names) == most or any(part is None for part in parts):
            continue
        whole = np.concatenate([part for part in parts if part is not None])
        if name.startswith("CC-100"):
            name, whole = f"log10 {name}", np.log10(1 + whole)
        if not np.isfinite(whole).all() or not whole.std() > 1e-9:
            continue
        scaled = (whole - whole.mean()) / whole.std()
        if all(abs(float(np.mean(scaled * other))) < _ALIKE for other in columns):
            names.append(name)
            columns.append(scaled)
    alignments = list(dict.fromkeys(one.alignment or BASELINE for one in members))
    first = BASELINE if BASELINE in alignments else alignments[0]
    for alignment in alignments:
        if alignment != first:
            dummy = [np.full(one.scores.size, float((one.alignment or BASELINE) == alignment)) for one in members]
            names.append(f"alignment {alignment}")
            columns.append(np.concatenate(dummy))
    return names, np.column_stack(columns) if columns else np.empty((0, 0))


def _column(profile: Profile, name: str) -> np.ndarray | None:
    found: Predictor | None = next((one for one in profile.predictors if one.name == name), None)
    return None if found is None else found.values.ravel()


def _fit(y: np.ndarray, exog: np.ndarray, units: Sequence[str]) -> tuple[dict[str, Any] | None, str]:
    try:
        module = importlib.import_module("statsmodels.regression.mixed_linear_model")
    except ImportError:
        return None, "statsmodels is not installed (pip install statsmodels)"
    codes = np.unique(np.asarray(units, dtype=object).astype(str), return_inverse=True)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say of convergence is asked of the result below
        try:
            result = module.MixedLM(y, exog, groups=codes).fit(reml=True, method=["lbfgs", "bfgs", "powell"])
        except (np.linalg.LinAlgError, ValueError) as error:
            return None, f"the fit failed ({error})"
    se = np.asarray(result.bse_fe, float)
    if not result.converged or not np.isfinite(se).all() or not (se > 0).all():
        return None, "the fit did not converge"
    between = float(np.sqrt(max(float(np.asarray(result.cov_re)[0, 0]), 0.0)))
    spread = {"language_sd": between, "residual_sd": float(np.sqrt(result.scale))}
    return {"params": np.asarray(result.fe_params, float), "se": se} | spread, ""
