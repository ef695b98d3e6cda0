"""A controlled experiment: the gap as a function of one factor, from studies that differ in nothing else.

Whether the gap differs between the values of the factor is asked with Welch's analysis of variance, on the standard
errors of each study's own interval (these languages; queries and seeds drawn) and their degrees of freedom: with few
seeds an error is itself uncertain. Holm over all systems, settings and measures. The studies are of different
languages, so nothing is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from xlreach.comparison import words
from xlreach.comparison.names import shortener
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
        alignment, dataset, setting, measure, low, high, gap, lower, upper, df}` for the headline measure and for
        tagging; tests: one for each that all values have and the factor reaches, `{…, least, at_least, most, at_most,
        f, df, df_within, p, p_holm, verdict}`: the extreme gaps and the values where they are, Welch's F with its
        degrees of freedom; `verdict` is `differs` or `cannot tell`.
    """
    rows = []
    for value, gaps in studies:
        for row in words.own(gaps, "gaps"):
            if row["kind"] == "tagging" or row["measure"] == gaps["headline"]:
                ends = row["interval_these_languages"] or (None, None)
                kept = {part: row[part] for part in (*_SAME, "low", "high", "gap", "lower_is_better")}
                free = row.get("df_these_languages")
                rows.append({"value": value} | kept | {"lower": ends[0], "upper": ends[1], "df": free})
    tests = _tests(rows, [value for value, _ in studies])
    short = shortener(name for row in rows for name in (row["recipe"], row["alignment"]) if name)
    return {
        "experiment": name,
        "factor": factor,
        "about": about,
        "measure": studies[0][1]["headline"] if studies else None,
        "values": [value for value, _ in studies],
        "rows": rows,
        "tests": tests,
        "sentences": [short(sentence) for sentence in _sentences(factor, tests)],
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
        if len({row["gap"] for row in ordered}) == 1:
            continue  # the factor does not reach this system, as text does not reach the unadapted base
        least, most = (chosen(ordered, key=lambda row: row["gap"]) for chosen in (min, max))
        found: dict[str, Any] = dict(zip(_SAME, key, strict=True))
        found |= {"least": least["gap"], "at_least": least["value"], "most": most["gap"], "at_most": most["value"]}
        found |= {"f": None, "df": len(values) - 1, "df_within": None, "p": None}
        if all(row["lower"] is not None for row in ordered):
            free = [np.inf if row["df"] is None else float(row["df"]) for row in ordered]
            reach = [float(stats.t.ppf(0.975, one)) for one in free]
            errors = [(row["upper"] - row["lower"]) / 2 / far for row, far in zip(ordered, reach, strict=True)]
            found["f"], found["df_within"], found["p"] = welch([row["gap"] for row in ordered], errors, free)
        tests.append(found)
    for one, p in zip(tests, holm([one["p"] for one in tests]), strict=True):
        one["p_holm"] = p
        one["verdict"] = "differs" if p is not None and p < _ALPHA else "cannot tell"
    return tests


def welch(
    estimates: Sequence[float], errors: Sequence[float], free: Sequence[float]
) -> tuple[float, float | None, float]:
    """Welch's analysis of variance (1951, Biometrika 38) of estimates with unlike standard errors.

    Args:
        estimates: Two or more.
        errors: Their standard errors.
        free: The degrees of freedom of those; infinite where they are known.

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


def _sentences(factor: str, tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the experiment shows, a sentence for each that differs; how many do not."""
    told = [one for one in tests if one["verdict"] == "differs"]
    said = []
    for one in sorted(told, key=lambda one: one["p"]):
        points = max(abs(one["least"]), abs(one["most"])) > 1.5
        where = " ".join(str(part) for part in (one["setting"] or "", one["measure"]) if part)
        free = "" if one["df_within"] is None else f" and {one['df_within']:.1f}"
        ends = [
            f"{words.signed(one[end], points)} ({one[at]})" for end, at in (("least", "at_least"), ("most", "at_most"))
        ]
        said.append(
            f"The gap in {where} with {words.system(one)} depends on {factor}: from {' to '.join(ends)} "
            f"(F = {one['f']:.1f} with {one['df']}{free} degrees of freedom, {words.p_text(one['p_holm'])} after Holm)."
        )
    if rest := len(tests) - len(told):
        untested = sum(one["p"] is None for one in tests)
        none = f"; {untested} have no interval, so no test" if untested else ""
        many = f"None of {len(tests)} gaps" if not told else f"Of {len(tests)} gaps, {rest}"
        said.append(f"{many} can{'' if not told else 'not'} be told to depend on {factor}{none}.")
    return said or ["The studies have no gap in common."]
