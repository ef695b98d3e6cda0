"""What is said beside a figure: verdicts on hypotheses, reasons why nothing can be told, cautions, sizes of pools."""

from __future__ import annotations

from xlreach.gaps import Caution, Correlation, GapAnalysis, MixedModel, Verdict
from xlreach.report.narrative.summary import listed
from xlreach.report.narrative.systems import counted
from xlreach.report.numbers import p_text, with_interval

_VERDICT_REASONS = {
    "not_measured": "it was not measured",
    "one_seed": "one seed and no values by query, so chance cannot be estimated",
    "exact": "nothing is random here, so no test is needed",
    "chance": "the difference could be chance",
    "other_way": "the difference goes the other way",
}
_CORRELATION_REASONS = {
    "constant": "one of the two does not vary",
    "chance": "could be chance",
}
_MODEL_REASONS = {
    "no_predictor": "nothing that could explain it varies",
    "collinear": "its effects cannot be told apart",
    "no_statsmodels": "statsmodels is not installed; pip install statsmodels",
    "failed": "the fit failed",
    "not_converged": "the fit did not converge",
}


def verdict_sentences(analysis: GapAnalysis) -> list[str]:
    """Each hypothesis with its verdict, effect, interval and corrected p."""
    sentences = []
    for row in analysis.verdicts:
        where = " on ".join(name for name in (row.base, row.dataset) if name)
        text = f"{row.claim}{f' ({where})' if where else ''}: {row.verdict}"
        if row.effect is not None:
            text += f"; left minus right {with_interval(row.effect, row.interval)}"
        if row.p_holm is not None:
            text += f", {p_text(row.p_holm)} after Holm"
        reason = verdict_reason(row)
        sentences.append(f"{text}; {reason}." if reason else f"{text}.")
    return sentences


def verdict_reason(row: Verdict) -> str:
    """Why nothing can be told of a hypothesis, or why no test was needed; empty where the test speaks for itself."""
    return _VERDICT_REASONS[row.reason] if row.reason else ""


def correlation_reason(row: Correlation) -> str:
    """Why nothing can be told of a correlation; empty where something can."""
    if row.reason == "few_languages":
        return f"too few languages: {row.languages}"
    return _CORRELATION_REASONS[row.reason] if row.reason else ""


def model_reason(row: MixedModel) -> str:
    """Why a mixed-effects model was not fitted; empty where it was."""
    if row.reason == "few_languages":
        return f"too few languages: {row.languages}"
    if row.reason == "few_observations":
        return f"{counted(row.observations, 'observation')} are too few for its effects"
    return _MODEL_REASONS[row.reason] if row.reason else ""


def caution_texts(analysis: GapAnalysis) -> list[str]:
    """What keeps the study's figures from being claims, a sentence each."""
    return [caution_text(row) for row in analysis.cautions]


def caution_text(row: Caution) -> str:
    """A caution, as a sentence."""
    codes = ", ".join(row.codes)
    if row.kind == "few_languages":
        languages = counted(row.languages or 0, "language")
        text = f"Only {languages} on the {row.side}-resource side: too few for a claim about languages like these"
    elif row.kind == "borrowed":
        text = f"Tagged with the unadapted base, not with the recipe: {codes}"
    elif row.kind == "one_seed":
        text = "One seed: the intervals do not include the randomness of training"
    elif row.kind == "no_queries":
        text = "No values by query: the intervals do not include the choice of queries"
    elif row.kind == "left_out":
        text = f"On neither side, and so in no gap: {codes}"
    else:
        text = "No gap could be computed: no measure covers both a low- and a high-resource language"
    if row.rows is None or row.rows[0] == row.rows[1]:
        return f"{text}."
    return f"{text} ({row.rows[0]} of {row.rows[1]} gaps: {listed(row.where)})."


def pool_sentences(analysis: GapAnalysis) -> list[str]:
    """For each data set, how large its pools are and whether they had to be made equal."""
    datasets: dict[str, dict[str, int]] = {}
    for row in analysis.pools:
        datasets.setdefault(row.dataset, {}).update(row.sizes)
    sentences = []
    for dataset, sizes in datasets.items():
        smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
        documents = f"{sizes[smallest]:,} documents"
        if len(sizes) == 1:
            sentences.append(f"{dataset}: all queries search the same pool, {documents} in {smallest}.")
        elif sizes[smallest] == sizes[largest]:
            sentences.append(f"{dataset}: the pools are equal, {documents} in each language.")
        else:
            sentences.append(
                f"{dataset}: the pools hold from {documents} ({smallest}) to {sizes[largest]:,} ({largest}); equal "
                f"pools hold {documents} in every language."
            )
    return sentences
