"""Two runs compared, and the studies of a controlled experiment compared, in sentences."""

from __future__ import annotations

from xlreach.gaps import FactorAnalysis, FactorTest, RunComparison, RunDifference
from xlreach.report.wording import after_holm, counted, is_percentage, signed, system_name, unsigned, with_interval

_TESTS = {
    "paired_queries": ("paired by query or sentence", "unit"),
    "unpaired_queries": ("queries or sentences, not paired", "unit"),
}


def run_sentences(comparison: RunComparison) -> list[str]:
    """How much is better and worse in run B, then each difference that a test can tell from chance."""
    rows = comparison.rows
    better, worse = ([row for row in rows if row.verdict == verdict] for verdict in ("better", "worse"))
    sentences = [
        f"{comparison.b} compared with {comparison.a}: {len(better)} better, {len(worse)} worse, "
        f"{len(rows) - len(better) - len(worse)} of {len(rows)} cannot be told (p < .05 after Holm)."
    ]
    for part in (better, worse):
        ordered = sorted(part, key=lambda row: -abs(row.difference))
        sentences += [_difference(row, with_system=not comparison.one_system) for row in ordered]
    untested = sum(row.p is None for row in rows)
    if untested:
        sentences.append(
            f"{untested} have no test, because a system was trained once, or has no values by query or sentence."
        )
    return sentences


def factor_sentences(analysis: FactorAnalysis) -> list[str]:
    """Each gap that depends on the factor of an experiment, and how many cannot be told to."""
    tests, factor = analysis.tests, analysis.factor
    if not tests:
        return ["The studies have no gap in common."]
    differing = sorted((row for row in tests if row.verdict == "differs"), key=lambda row: row.p or 0.0)
    sentences = [_dependence(row, factor) for row in differing]
    rest, untested = len(tests) - len(differing), sum(row.p is None for row in tests)
    if rest:
        which = f"Of {len(tests)} gaps, {rest} cannot" if differing else f"None of {len(tests)} gaps can"
        no_test = f"; {untested} have no interval, and so no test" if untested else ""
        sentences.append(f"{which} be told to depend on {factor}{no_test}.")
    return sentences


def _difference(row: RunDifference, with_system: bool) -> str:
    sides = {"low": "low-resource languages", "high": "high-resource languages", "gap": "gap"}
    where = " ".join(part for part in (row.measure, row.setting, row.dataset) if part)
    system = f", {system_name(row.system)}" if with_system else ""
    test, unit = _TESTS[row.test] if row.test else ("", "")
    tested = f" ({test}; {counted(row.units, unit)})" if row.test else ""
    return (
        f"{row.verdict}: {sides.get(row.scope, str(row.language))}, {where}{system}: {unsigned(row.a)} to "
        f"{unsigned(row.b)}, {with_interval(row.difference, row.interval, is_percentage(row.a, row.b))}"
        f"{after_holm(row.p_holm)}{tested}"
    )


def _dependence(row: FactorTest, factor: str) -> str:
    percentage = is_percentage(row.least, row.most)
    where = " ".join(part for part in (row.setting, row.measure) if part)
    within = "" if row.df_within is None else f" and {row.df_within:.1f}"
    return (
        f"The gap in {where} of {system_name(row.system, within_sentence=True)} depends on {factor}: "
        f"from {signed(row.least, percentage)} ({row.at_least}) to {signed(row.most, percentage)} ({row.at_most}); "
        f"F = {row.f:.1f} with {row.df}{within} degrees of freedom{after_holm(row.p_holm)}."
    )
