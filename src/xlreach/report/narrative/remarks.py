"""What is said beside a figure: verdicts on hypotheses, reasons why nothing can be told, cautions, sizes of pools."""

from __future__ import annotations

from xlreach.gaps import Caution, Correlation, GapAnalysis, Regression, Verdict
from xlreach.report.narrative.summary import listed
from xlreach.report.wording import after_holm, counted, with_interval

_REASONS = {
    "not_measured": "it was not measured",
    "one_seed": "a system was trained once, so the chance of training is unknown",
    "no_queries": "no values by query or sentence, so their chance is unknown",
    "exact": "nothing is random here, so no test is needed",
    "chance": "it could be chance",
    "other_way": "the difference goes the other way",
    "constant": "one of the two does not vary",
    "no_predictor": "nothing that could explain it varies",
}


def verdict_sentences(analysis: GapAnalysis) -> list[str]:
    """Each hypothesis with its verdict, effect, interval and corrected p."""
    sentences = []
    for row in analysis.verdicts:
        where = " on ".join(name for name in (row.base, row.dataset) if name)
        text = f"{row.claim}{f' ({where})' if where else ''}: {row.verdict}"
        if row.effect is not None:
            text += f"; left minus right {with_interval(row.effect, row.interval)}"
        reason = f"; {reason_text(row)}" if row.reason else ""
        sentences.append(f"{text}{after_holm(row.p_holm)}{reason}.")
    return sentences


def reason_text(row: Verdict | Correlation | Regression) -> str:
    """Why nothing can be told, or why no test was needed; empty where the test speaks for itself."""
    if not isinstance(row, Verdict) and row.reason in ("few_languages", "few_recipes"):
        what = "families of languages" if row.reason == "few_languages" else "recipes"
        return f"too few {what}: {row.families if row.reason == 'few_languages' else row.recipes}"
    return _REASONS[row.reason] if row.reason else ""


def caution_text(row: Caution) -> str:
    """A caution, as a sentence."""
    codes = ", ".join(row.codes)
    text = {
        "few_languages": f"Only {counted(row.languages or 0, 'language')} on the {row.side}-resource side: too few "
        "for a claim about languages like these",
        "borrowed": f"Tagged with the unadapted base, not with the recipe: {codes}",
        "one_seed": "Trained once: nothing is claimed about methods, and intervals are of this very training",
        "no_queries": "No values by query or sentence: nothing is claimed about these very languages",
        "left_out": f"On neither side, and so in no gap: {codes}",
        "no_gap": "No gap could be computed: no measure covers both a low- and a high-resource language",
    }[row.kind]
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
