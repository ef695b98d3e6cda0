"""A controlled experiment: the gap as a function of one factor, from studies that differ in nothing else.

Whether the gap differs between the values of the factor is asked with Welch's analysis of variance, on the standard
errors of each study's own interval (these languages; queries and seeds drawn) and their degrees of freedom: with few
seeds an error is itself uncertain. Holm over all systems, settings and measures. The studies are of different
languages, so nothing is paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from scipy import stats

from xlreach.comparison.groups.splits import CONFIG
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Caution, FactorAnalysis, FactorGap, FactorTest, GapAnalysis, Measured

_ALPHA = 0.05


def compare_factor(
    name: str, factor: str, studies: Sequence[tuple[str, GapAnalysis]], about: str = ""
) -> FactorAnalysis:
    """Sets the gaps of several studies over the values of a factor: those of the headline measure and of tagging.

    `studies` are the value of the factor and the gaps of its study, in order.
    """
    rows = [
        FactorGap(
            **_measured(gap),
            value=value,
            low=gap.low,
            high=gap.high,
            gap=gap.gap,
            interval=None if Caution(kind="one_seed") in gap.cautions else gap.interval_these_languages,
            df=gap.df_these_languages,
            lower_is_better=gap.lower_is_better,
        )
        for value, analysis in studies
        for gap in analysis.gaps
        if gap.split == CONFIG and (gap.kind == "tagging" or gap.measure == analysis.headline)
    ]
    values = tuple(value for value, _ in studies)
    return FactorAnalysis(
        experiment=name,
        factor=factor,
        about=about,
        measure=studies[0][1].headline if studies else None,
        values=values,
        rows=tuple(rows),
        tests=tuple(_tests(rows, values)),
    )


def _measured(row: Measured) -> dict[str, Any]:
    """What the row was measured of."""
    return {field.name: getattr(row, field.name) for field in fields(Measured)}


def _tests(rows: Sequence[FactorGap], values: Sequence[str]) -> list[FactorTest]:
    groups: dict[tuple[object, ...], dict[str, FactorGap]] = {}
    for row in rows:
        groups.setdefault(tuple(_measured(row).values()), {})[row.value] = row
    tests = []
    for members in groups.values():
        if len(members) < len(values) or len(values) < 2:
            continue
        ordered = [members[value] for value in values]
        if len({row.gap for row in ordered}) == 1:
            continue  # the factor does not change this system, as text does not change the unadapted base
        least, most = (extreme(ordered, key=lambda row: row.gap) for extreme in (min, max))
        test = FactorTest(
            **_measured(least),
            least=least.gap,
            at_least=least.value,
            most=most.gap,
            at_most=most.value,
            df=len(values) - 1,
        )
        intervals = [row.interval for row in ordered if row.interval is not None]
        if len(intervals) == len(ordered):
            free = [np.inf if row.df is None else float(row.df) for row in ordered]
            reach = [float(stats.t.ppf(0.975, df)) for df in free]
            errors = [(ends.high - ends.low) / 2 / far for ends, far in zip(intervals, reach, strict=True)]
            f, df_within, p = welch([row.gap for row in ordered], errors, free)
            test = replace(test, f=f, df_within=df_within, p=p)
        tests.append(test)
    return [
        replace(test, p_holm=p, verdict="differs" if p is not None and p < _ALPHA else "cannot tell")
        for test, p in zip(tests, holm([test.p for test in tests]), strict=True)
    ]


def welch(
    estimates: Sequence[float], errors: Sequence[float], free: Sequence[float]
) -> tuple[float, float | None, float]:
    """Welch's analysis of variance (1951, Biometrika 38) of estimates with unlike standard errors.

    `free` are the degrees of freedom of the errors; infinite where the errors are known.

    Returns:
        F, its degrees of freedom within (None where infinite: F is then Cochran's Q by its degrees of freedom), and p.
    """
    values, weights = np.asarray(estimates, float), 1 / np.asarray(errors, float) ** 2
    k, share = len(values), weights / weights.sum()
    between = float((weights * (values - (share * values).sum()) ** 2).sum()) / (k - 1)
    doubt = float(((1 - share) ** 2 / np.asarray(free, float)).sum())
    f = between / (1 + 2 * (k - 2) / (k**2 - 1) * doubt)
    if doubt == 0:
        return f, None, float(stats.chi2.sf(f * (k - 1), k - 1))
    within = (k**2 - 1) / (3 * doubt)
    return f, within, float(stats.f.sf(f, k - 1, within))
