"""A controlled experiment: the gap as a function of one factor, from studies that differ in nothing else.

Whether the gap differs between the values of the factor is asked with Cochran's Q, on the standard errors of each
study's own interval (these languages; queries and seeds drawn); Holm over all systems, settings and measures. The
studies are of different languages, so nothing is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from xlreach.comparison import words
from xlreach.comparison.permutation import holm

_ALPHA = 0.05
_SAME = ("kind", "base", "recipe", "alignment", "dataset", "setting", "measure")


def compare_factor(
    name: str, factor: str, studies: Sequence[tuple[str, Mapping[str, Any]]], about: str = ""
) -> dict[str, Any]:
    """Sets the gaps of several studies over the values of a factor.

    Args:
        name: The experiment.
        factor: What varies, in words.
        studies: The value of the factor and the content of `gaps.json`, in order.
        about: What is asked, a sentence.

    Returns:
        `{experiment, factor, about, measure, values, rows, tests, sentences}`. Rows: `{value, kind, base, recipe,
        alignment, dataset, setting, measure, low, high, gap, lower, upper}` for the headline measure and for tagging;
        tests: one for each that all values have, `{…, first, last, q, df, p, p_holm, verdict}`, `verdict` being
        `differs` or `cannot tell`.
    """
    rows = []
    for value, gaps in studies:
        for row in words.own(gaps, "gaps"):
            if row["kind"] == "tagging" or row["measure"] == gaps["headline"]:
                ends = row["interval_these_languages"] or (None, None)
                kept = {part: row[part] for part in (*_SAME, "low", "high", "gap", "lower_is_better")}
                rows.append({"value": value} | kept | {"lower": ends[0], "upper": ends[1]})
    tests = _tests(rows, [value for value, _ in studies])
    return {
        "experiment": name,
        "factor": factor,
        "about": about,
        "measure": studies[0][1]["headline"] if studies else None,
        "values": [value for value, _ in studies],
        "rows": rows,
        "tests": tests,
        "sentences": _sentences(factor, tests),
    }


def _tests(rows: Sequence[dict[str, Any]], values: Sequence[str]) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in _SAME), {})[row["value"]] = row
    tests = []
    for key, members in groups.items():
        if len(members) < len(values) or len(values) < 2:
            continue
        ordered = [members[value] for value in values]
        found: dict[str, Any] = dict(zip(_SAME, key, strict=True))
        found |= {"first": ordered[0]["gap"], "last": ordered[-1]["gap"], "q": None, "df": len(values) - 1, "p": None}
        if all(row["lower"] is not None for row in ordered):
            errors = np.array([(row["upper"] - row["lower"]) / 2 / stats.norm.ppf(0.975) for row in ordered])
            gaps, weights = np.array([row["gap"] for row in ordered]), 1 / errors**2
            q = float((weights * (gaps - (weights * gaps).sum() / weights.sum()) ** 2).sum())
            found |= {"q": q, "p": float(stats.chi2.sf(q, len(values) - 1))}
        tests.append(found)
    for one, p in zip(tests, holm([one["p"] for one in tests]), strict=True):
        one["p_holm"] = p
        one["verdict"] = "differs" if p is not None and p < _ALPHA else "cannot tell"
    return tests


def _sentences(factor: str, tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the experiment shows, a sentence for each that differs; how many do not."""
    told = [one for one in tests if one["verdict"] == "differs"]
    said = []
    for one in sorted(told, key=lambda one: one["p"]):
        points = max(abs(one["first"]), abs(one["last"])) > 1.5
        where = " ".join(str(part) for part in (one["setting"] or "", one["measure"]) if part)
        said.append(
            f"The gap in {where} with {words.system(one)} depends on {factor}: {words.signed(one['first'], points)} at "
            f"the first value, {words.signed(one['last'], points)} at the last (Q = {one['q']:.1f}, {one['df']} "
            f"degrees of freedom, {words.p_text(one['p_holm'])} after Holm)."
        )
    rest = len(tests) - len(told)
    if rest:
        untested = sum(one["p"] is None for one in tests)
        none = f", {untested} of them for want of an interval" if untested else ""
        said.append(f"Of {len(tests)} gaps, {rest} cannot be told to depend on {factor}{none}.")
    return said or ["The studies have no gap in common."]
