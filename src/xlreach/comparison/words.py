"""The gap in words: the lines a terminal shows, and the sentences that open the report.

Plain ASCII apart from names, so that every terminal can print them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlreach.comparison.levels import CONFIG
from xlreach.gaps import GapAnalysis
from xlreach.system import UNTREATED as BASELINE

Row = Mapping[str, Any]
SETTINGS = ("mono", "cross", "multi")
_ENOUGH = 5
_TOO_FEW = "are too few for a claim about other languages (5 each are the least)"


def summary(analysis: GapAnalysis) -> list[str]:
    """Who is compared, the untreated gap, where it is lost, what narrows it and what helps most, tagging, how sure."""
    from xlreach.comparison.as_dicts import as_dicts

    gaps = as_dicts(analysis)
    subject = subjects(gaps)[0]
    return [
        compared(gaps, subject[0]),
        untreated(gaps, *subject),
        where_lost(gaps, *subject),
        best(gaps, *subject),
        *helps(gaps, *subject),
        tagging(gaps, subject[0]),
        how_sure(gaps),
    ]


def is_baseline(alignment: str | None) -> bool:
    """Whether the old column names a retriever that is no encoder."""
    return alignment in ("bm25", "random") or str(alignment).startswith(("rrf(", "blend("))


def subjects(gaps: Mapping[str, Any]) -> list[tuple[str | None, str | None]]:
    """The (base, data set) pairs with retrieval figures of the headline measure, in order; at least one pair."""
    rows = [row for row in own(gaps, "gaps") if row["kind"] == "retrieval" and row["measure"] == gaps["headline"]]
    found: list[tuple[str | None, str | None]] = list(dict.fromkeys((row["base"], row["dataset"]) for row in rows))
    bases = dict.fromkeys(row["base"] for row in own(gaps, "gaps"))
    alone: list[tuple[str | None, str | None]] = [(base, None) for base in bases]
    return found or alone or [(None, None)]


def own(gaps: Mapping[str, Any], part: str, **wanted: Any) -> list[Row]:
    """The rows of a part under the study's own division that have the wanted values."""
    return [
        row for row in gaps[part] if row["cut"] == CONFIG and all(row[name] == value for name, value in wanted.items())
    ]


def compared(gaps: Mapping[str, Any], base: str | None) -> str:
    """Which languages against which, on what measure."""
    cut = gaps["cuts"][0]
    low, high = (f"{len(cut[side])} {side}-resource ({', '.join(cut[side])})" for side in ("low", "high"))
    study = f"{gaps['study']}: " if gaps.get("study") else ""
    return f"{study}{low} against {high} languages, by {gaps['headline']}, base {base or 'unnamed'}."


def untreated(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> str:
    """The gap of the base as it is."""
    rows = _retrieval(gaps, "gaps", base, dataset)
    if not rows:
        return "Untreated: no retrieval was measured on both sides."
    recipe, alignment = _baseline(rows)
    shown = [row for row in _in_order(rows) if (row["recipe"], row["alignment"]) == (recipe, alignment)]
    parts = ", ".join(f"{row['setting']} {_with_interval(row, 'gap')}" for row in shown)
    worse = "Above" if shown[0]["lower_is_better"] else "Below"
    name = "Untreated" if recipe == BASELINE and alignment in (BASELINE, None) else f"Gap of {system(shown[0])}"
    return f"{name} on {dataset}, low minus high: {parts}. {worse} zero, low-resource languages do worse."


def where_lost(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> str:
    """What a low-resource query costs, and what low-resource documents cost."""
    rows = _retrieval(gaps, "directions", base, dataset)
    recipe, alignment = _baseline(rows)
    parts = {r["direction"]: r for r in rows if (r["recipe"], r["alignment"]) == (recipe, alignment)}
    if not {"high→high", "query side", "document side"} <= set(parts):
        return "Where it is lost: not every direction between low- and high-resource languages was measured."
    top = parts["high→high"]
    return (
        f"Where it is lost, cross: from high to high {plain(top['value'])}; a low-resource query changes that by "
        f"{_with_interval(parts['query side'], 'value')}, low-resource documents by "
        f"{_with_interval(parts['document side'], 'value')}."
    )


def best(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> str:
    """The system that narrows the gap most, in words."""
    row = narrowest(gaps, base, dataset)
    if row is None:
        return "What narrows it: nothing was compared with the untreated base."
    if abs(row["gap_after"]) >= abs(row["gap_before"]):
        return f"What narrows it, {row['setting']}: nothing; the least harm is done by {system(row)} ({_change(row)})."
    if row["p_queries_holm"] is None or row["p_queries_holm"] >= 0.05:
        return (
            f"What narrows it, {row['setting']}: nothing that a test tells from chance; most of all {system(row)} "
            f"({_change(row)})."
        )
    return f"What narrows it most, {row['setting']}: {system(row)} ({_change(row)})."


def helps(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> list[str]:
    """What the system with the best low-resource mean gives, in a sentence; none where it cannot be compared."""
    recipe, alignment = best_system(gaps, base, dataset)
    rows = [
        row
        for row in _retrieval(gaps, "changes", base, dataset)
        if (row["recipe"], row["alignment"]) == (recipe, alignment)
        and row["against"]["recipe"] == BASELINE
        and row["against"]["alignment"] in (BASELINE, None)
    ]
    rows = [row for row in rows if row["setting"] == "cross"] or rows
    if not rows:
        return []
    row, p = rows[0], rows[0].get("p_low_holm")
    same = {name: row[name] for name in ("recipe", "alignment", "setting")}
    after = next(one for one in _retrieval(gaps, "gaps", base, dataset) if same.items() <= one.items())
    sides = []
    for side in ("low", "high"):
        before = after[side] - row[f"{side}_gain"]
        sides.append(f"{side}-resource {plain(before)} to {plain(after[side])}")
    sure = "" if p is None else f"; {p_text(p)} for low-resource languages after Holm"
    return [f"What serves low-resource languages best, {row['setting']}: {system(row)} ({', '.join(sides)}{sure})."]


def narrowest(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> Row | None:
    """The change against the untreated base that leaves the smallest gap, cross-lingual if that was measured."""
    rows = [
        row
        for row in _retrieval(gaps, "changes", base, dataset)
        if row["against"]["recipe"] == BASELINE
        and row["against"]["alignment"] in (BASELINE, None)
        and not is_baseline(row["alignment"])  # chance leaves no gap
    ]
    rows = [row for row in rows if row["setting"] == "cross"] or rows
    return max(rows, key=lambda one: abs(one["gap_before"]) - abs(one["gap_after"])) if rows else None


def best_system(gaps: Mapping[str, Any], base: str | None, dataset: str | None) -> tuple[str | None, str | None]:
    """Recipe and alignment with the best low-resource mean, cross-lingual if that was measured."""
    rows = [row for row in _retrieval(gaps, "gaps", base, dataset) if not is_baseline(row["alignment"])]
    rows = [row for row in rows if row["setting"] == "cross"] or [row for row in rows if row["setting"]] or rows
    if not rows:
        return None, None
    top = (min if rows[0]["lower_is_better"] else max)(rows, key=lambda row: row["low"])
    return top["recipe"], top["alignment"]


def tagging(gaps: Mapping[str, Any], base: str | None) -> str:
    """The gap in tagging, untreated and at its narrowest."""
    rows = own(gaps, "gaps", kind="tagging", base=base)
    parts = []
    for measure in dict.fromkeys(row["measure"] for row in rows):
        alike = [row for row in rows if row["measure"] == measure]
        plainest = next((row for row in alike if row["recipe"] == BASELINE), alike[0])
        narrow = min(alike, key=lambda row: abs(row["gap"]))
        text = f"{measure} {_with_interval(plainest, 'gap')}"
        if narrow is not plainest:
            text += f" to {_with_interval(narrow, 'gap')} with {narrow['recipe']}"
        parts.append(text)
    return f"Tagging gap, untreated and narrowest: {'; '.join(parts)}." if parts else "Tagging: not measured."


def answers(gaps: Mapping[str, Any]) -> list[str]:
    """Each hypothesis with its verdict, effect, interval and corrected p, as a sentence."""
    said = []
    for row in gaps["hypotheses"]:
        where = " on ".join(part for part in (row["base"], row["dataset"]) if part)
        text = f"{row['claim']}{f' ({where})' if where else ''}: {row['verdict']}"
        if row["effect"] is not None:
            points = abs(row["effect"]) > 1.5
            ends = row["interval"]
            span = "" if ends is None else f" [{signed(ends[0], points)}, {signed(ends[1], points)}]"
            text += f"; left minus right {signed(row['effect'], points)}{span}"
        text += "" if row["p_holm"] is None else f", {p_text(row['p_holm'])} after Holm"
        said.append(f"{text}; {row['why']}." if row["why"] else f"{text}.")
    return said


def how_sure(gaps: Mapping[str, Any]) -> str:
    """What the intervals cover, and whether the languages suffice for a claim."""
    rows = own(gaps, "gaps", measure=gaps["headline"]) or own(gaps, "gaps")
    if not rows:
        return "How sure: there is nothing to be sure of."
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        seen = row["languages_low"], row["languages_high"]
        counts[str(row["dataset"])] = min(counts.get(str(row["dataset"]), seen), seen)
    alike: dict[tuple[int, int], list[str]] = {}
    for dataset, seen in counts.items():
        alike.setdefault(seen, []).append(dataset)
    said = []
    for (low, high), datasets in sorted(alike.items(), reverse=True):
        where = "" if len(alike) == 1 else f" on {listed(datasets)}"
        enough = min(low, high) >= _ENOUGH
        scope = "allow a look at languages like these (in the report)" if enough else _TOO_FEW
        said.append(f"{low} low and {high} high{where} {scope}")
    seeds = min(row["seeds"] for row in rows)
    return (
        f"How sure: [..] are 95 % intervals for these languages ({gaps['resamples']:,} resamples, {seeds} "
        f"seed{'s' if seeds != 1 else ''}); {'; '.join(said)}."
    )


def listed(datasets: Iterable[str]) -> str:
    """Names of data sets in a few words; those that are parts of one are counted under its name.

    >>> listed(["ntrex", "tatoeba(uig)", "tatoeba(war)", "ntrex"])
    'ntrex, tatoeba (2 parts)'
    """
    parts: dict[str, set[str]] = {}
    for name in datasets:
        parts.setdefault(name.partition("(")[0], set()).add(name)
    names = [f"{head} ({len(own)} parts)" if len(own) > 1 else own.pop() for head, own in parts.items()]
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def system(row: Row) -> str:
    """A recipe and an alignment in words; what an encoder is held against by its own name.

    >>> system({"recipe": "lapt", "alignment": "none"}), system({"recipe": "none", "alignment": "mono"})
    ('lapt', 'none with mono')
    >>> system({"recipe": "none", "alignment": "bm25"})
    'bm25'
    """
    if row["recipe"] == BASELINE and is_baseline(row["alignment"]):
        return str(row["alignment"])
    aligned = row["alignment"] not in (None, BASELINE)
    return f"{row['recipe']} with {row['alignment']}" if aligned else str(row["recipe"])


def signed(value: float, points: bool | None = None) -> str:
    """A difference with its sign: three decimals for shares, one for percentages.

    >>> signed(-0.1234), signed(12.34)
    ('-0.123', '+12.3')
    """
    return f"{value:+.1f}" if (abs(value) > 1.5 if points is None else points) else f"{value:+.3f}"


def plain(value: float) -> str:
    """A value: three decimals for shares, one for percentages."""
    return f"{value:.1f}" if abs(value) > 1.5 else f"{value:.3f}"


def _with_interval(row: Row, name: str) -> str:
    points = _points(row)
    found = row["interval_these_languages"]
    ends = "" if found is None else f" [{signed(found[0], points)}, {signed(found[1], points)}]"
    return signed(row[name], points) + ends


def _change(row: Row) -> str:
    points = _points(row)
    p = row["p_queries_holm"]
    sure = "" if p is None else f", {p_text(p)} after Holm"
    return (
        f"gap {signed(row['gap_before'], points)} to {signed(row['gap_after'], points)}; low-resource languages "
        f"{signed(row['low_gain'], points)}, high {signed(row['high_gain'], points)}{sure}"
    )


def p_text(value: float) -> str:
    """A p value: three decimals, or that it is below .001."""
    return "p < .001" if value < 0.001 else f"p = {value:.3f}".replace(" 0.", " .", 1)


def _points(row: Row) -> bool:
    """Whether the measure counts to 100 rather than to 1."""
    return any(abs(row.get(name) or 0) > 1.5 for name in ("low", "high", "gap_before", "gap_after", "value"))


def _retrieval(gaps: Mapping[str, Any], part: str, base: str | None, dataset: str | None) -> list[Row]:
    return own(gaps, part, kind="retrieval", base=base, dataset=dataset, measure=gaps["headline"])


def _baseline(rows: Sequence[Row]) -> tuple[str | None, str | None]:
    """The untreated system, or the first one where there is none."""
    seen = list(dict.fromkeys((row["recipe"], row["alignment"]) for row in rows))
    plainest = [key for key in seen if key[0] == BASELINE and key[1] in (BASELINE, None)]
    return next(iter([*plainest, *seen]), (None, None))


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: SETTINGS.index(row["setting"]) if row["setting"] in SETTINGS else 9)
