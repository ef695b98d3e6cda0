"""The rows of a gap analysis as dictionaries, for readers that do not read the types yet. To be deleted with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from xlreach.gaps import Answer, Caution, Correlation, FactorAnalysis, GapAnalysis, MixedModel, Verdict
from xlreach.system import System

Row = dict[str, Any]
_WHY = {
    None: "",
    "not_measured": "it was not measured",
    "one_seed": "one seed and no per-query values: nothing to tell chance by",
    "exact": "nothing here was left to chance",
    "chance": "the difference could be chance",
    "other_way": "the difference goes the other way",
}


def as_dicts(analysis: GapAnalysis | Mapping[str, Any]) -> Row:
    """The dictionaries that `gaps.json` held before there were types."""
    if isinstance(analysis, Mapping):
        return dict(analysis)
    whole: Row = {name: getattr(analysis, name) for name in ("study", "seed", "resamples", "permutations", "headline")}
    whole["cuts"] = [asdict(split) for split in analysis.splits]
    whole["gaps"] = [_row(gap) | {"warnings": [caution_text(c) for c in gap.cautions]} for gap in analysis.gaps]
    whole["directions"] = [_row(row) for row in analysis.directions]
    whole["changes"] = [_row(row) | {"against": _names(row.against)} for row in analysis.changes]
    whole["hypotheses"] = [_verdict(row) for row in analysis.verdicts]
    whole["pools"] = [asdict(row) for row in analysis.pools]
    whole["equal_pools"] = [_row(row) for row in analysis.equal_pools]
    whole["profiles"] = [_row(row) for row in analysis.profiles]
    whole["correlations"] = [_correlation(row) for row in analysis.correlations]
    whole["models"] = [_model(row) for row in analysis.models]
    whole["warnings"] = [study_caution(caution) for caution in analysis.cautions]
    from xlreach.comparison.sentences import sentences

    whole["answer"] = [_answer(row) | {"sentences": sentences(whole, row)} for row in analysis.answers]
    return whole


def factor_dict(analysis: FactorAnalysis) -> Row:
    """The same for an experiment."""
    from xlreach.comparison.sentences import factor_sentences

    whole = asdict(analysis)
    whole["rows"] = [
        _row(row) | dict(zip(("lower", "upper"), row.interval or (None, None), strict=True)) for row in analysis.rows
    ]
    whole["tests"] = [_row(row) for row in analysis.tests]
    whole["sentences"] = factor_sentences(analysis.factor, whole["tests"])
    return whole


def _names(system: System) -> Row:
    return {"recipe": system.recipe, "alignment": system.alignment if system.is_dense else system.retriever}


def _row(row: Any) -> Row:
    fields = asdict(row)
    del fields["system"]
    if "split" in fields:
        fields["cut"] = fields.pop("split")
    return fields | {"base": row.system.base or None} | _names(row.system)


def _answer(row: Answer) -> Row:
    return {"base": row.base, "dataset": row.dataset} | _names(row.system)


def _verdict(row: Verdict) -> Row:
    cost = None if row.effect is None else {"left": _cost(row.cost_left), "right": _cost(row.cost_right)}
    return asdict(row) | {"why": _WHY[row.reason], "cost": cost}


def _cost(cost: Any) -> Row | None:
    return None if cost is None else {name: value for name, value in asdict(cost).items() if value is not None}


def _some(count: int) -> str:
    return "1 language" if count == 1 else f"{count} languages"


def _correlation(row: Correlation) -> Row:
    why = {
        None: "",
        "constant": "one of the two does not vary",
        "few_languages": f"{_some(row.languages)}; 5 are the least",
        "chance": "could be chance",
    }
    return asdict(row) | {"why": why[row.reason]}


def _model(row: MixedModel) -> Row:
    why = {
        None: "",
        "few_languages": f"{_some(row.languages)}; 6 are the least",
        "no_predictor": "nothing that may explain it varies",
        "few_observations": f"{row.observations} observations for its effects",
        "collinear": "its effects cannot be told apart",
        "no_statsmodels": "statsmodels is not installed (pip install statsmodels)",
        "failed": "the fit failed",
        "not_converged": "the fit did not converge",
    }
    effects = [
        asdict(effect) | {"name": effect.name if effect.kind == "predictor" else f"alignment {effect.name}"}
        for effect in row.effects
    ]
    return asdict(row) | {
        "verdict": "fitted" if row.fitted else "cannot tell",
        "why": why[row.reason],
        "effects": effects,
    }


def caution_text(caution: Caution) -> str:
    """A caution in words."""
    if caution.kind == "few_languages":
        some = _some(caution.languages or 0)
        return f"{some} on the {caution.side}-resource side: too few for a claim about languages like these"
    return {
        "borrowed": f"tagged with the unadapted base, not under the recipe: {', '.join(caution.codes)}",
        "one_seed": "one seed: no interval covers the chance of training",
        "no_queries": "no per-query values: no interval covers the chance of the queries",
        "left_out": f"on neither side, so in no gap: {', '.join(caution.codes)}",
        "no_gap": "no gap could be computed: no measure covers both a low- and a high-resource language",
    }[caution.kind]


def study_caution(caution: Caution) -> str:
    """A caution of a study as a sentence."""
    from xlreach.comparison.words import listed

    text = caution_text(caution)
    share = "" if caution.rows is None else f" ({caution.rows[0]} of {caution.rows[1]} gaps: {listed(caution.where)})"
    return f"{text[0].upper()}{text[1:]}{share}."
