"""The lines that a terminal shows after a study, which the report shows too."""

from __future__ import annotations

from collections.abc import Iterable

from xlreach.gaps import Change, Gap, GapAnalysis
from xlreach.report import selection
from xlreach.report.narrative.answer import ENOUGH
from xlreach.report.selection import Topic
from xlreach.report.wording import after_holm, counted, is_percentage, signed, system_name, unsigned, with_interval

_ALPHA = 0.05
_LISTED = 3


def summary(analysis: GapAnalysis) -> list[str]:
    """A line each: the languages compared, the gap of the unchanged base, where it comes from, what narrows it, what is
    best for low-resource languages, tagging, and how certain that is."""
    topic = next(iter(selection.topics(analysis)), Topic("", None))
    sides = {"low": analysis.split.low, "high": analysis.split.high}
    low, high = (f"{len(codes)} {side}-resource ({', '.join(codes)})" for side, codes in sides.items())
    study = f"{analysis.study}: " if analysis.study else ""
    return [
        f"{study}{low} against {high} languages, by {analysis.headline}, base {topic.base or 'unnamed'}.",
        _base_gap(analysis, topic),
        *topic_sentences(analysis, topic),
        tagging_gap(analysis, topic.base),
        certainty(analysis),
    ]


def topic_sentences(analysis: GapAnalysis, topic: Topic) -> list[str]:
    """Where the gap comes from, what narrows it, and what is best for low-resource languages."""
    return [_gap_sources(analysis, topic), _narrowest(analysis, topic), *_best_for_low(analysis, topic)]


def _base_gap(analysis: GapAnalysis, topic: Topic) -> str:
    """The gap of the base before anything was changed."""
    rows = selection.reference_rows(selection.retrieval_rows(analysis, analysis.gaps, topic))
    if not rows:
        return "Gap in retrieval: not measured in both low- and high-resource languages."
    settings = ", ".join(
        f"{row.setting}{f' over {row.documents[0]}-resource documents' if len(row.documents) == 1 else ''} {_gap(row)}"
        for row in rows
    )
    name = system_name(rows[0].system, within_sentence=True)
    sign = "Above" if rows[0].lower_is_better else "Below"
    return (
        f"Gap of {name} on {topic.dataset} (low minus high): {settings}. {sign} zero, low-resource languages do worse."
    )


def _gap_sources(analysis: GapAnalysis, topic: Topic) -> str:
    """What a low-resource query costs, and what low-resource documents cost."""
    rows = {
        row.direction: row
        for row in selection.reference_rows(selection.retrieval_rows(analysis, analysis.directions, topic))
    }
    if not {"high→high", "query side", "document side"} <= set(rows):
        return "Where the gap comes from: not every direction between low- and high-resource languages was measured."
    start, query, document = rows["high→high"], rows["query side"], rows["document side"]
    percentage = is_percentage(start.value)
    return (
        "Where the gap comes from, in cross-lingual retrieval: from high-resource queries to high-resource documents "
        f"{analysis.headline} is {unsigned(start.value)}. Queries in a low-resource language change it by "
        f"{with_interval(query.value, query.interval_these_languages, percentage)}, documents in a low-resource "
        f"language by {with_interval(document.value, document.interval_these_languages, percentage)}."
    )


def _narrowest(analysis: GapAnalysis, topic: Topic) -> str:
    """The system with the smallest gap, and whether a test tells its change from chance."""
    row = selection.narrowest(analysis, topic)
    if row is None:
        return "What narrows the gap: nothing was compared with the unchanged base."
    name, change = system_name(row.system, within_sentence=True), _change(row)
    if abs(row.gap_after) >= abs(row.gap_before):
        return f"What narrows the gap ({row.setting}): no system does. It grows least for {name} ({change})."
    if row.p_narrower_holm is None or row.p_narrower_holm >= _ALPHA:
        return (
            f"What narrows the gap ({row.setting}): no system, as far as a test can tell from chance. "
            f"It is smallest for {name} ({change})."
        )
    return f"What narrows the gap most ({row.setting}): {name} ({change})."


def _best_for_low(analysis: GapAnalysis, topic: Topic) -> list[str]:
    """What the system with the best low-resource mean gains; no sentence where it cannot be compared with the base."""
    system = selection.answered_system(analysis, topic)
    changes = [row for row in selection.changes_of_base(analysis, topic) if row.system == system]
    if not changes:
        return []
    row = next((change for change in changes if change.setting == "cross"), changes[0])
    gaps = selection.retrieval_rows(analysis, analysis.gaps, topic)
    after = next(gap for gap in gaps if (gap.system, gap.setting) == (system, row.setting))
    low = f"low-resource {unsigned(after.low - row.low_gain)} to {unsigned(after.low)}"
    high = f"high-resource {unsigned(after.high - row.high_gain)} to {unsigned(after.high)}"
    p = after_holm(row.p_low_holm, "; for low-resource languages, ")
    name = system_name(row.system, within_sentence=True)
    return [f"Best for low-resource languages ({row.setting}): {name} ({low}, {high}{p})."]


def tagging_gap(analysis: GapAnalysis, base: str) -> str:
    """The gap in tagging of the unchanged base, and the narrowest."""
    rows = selection.tagging_rows(analysis, analysis.gaps, base)
    if not rows:
        return "Gap in tagging: not measured."
    name = system_name(selection.reference_rows(rows)[0].system, within_sentence=True)
    parts = []
    for measure in dict.fromkeys(row.measure for row in rows):
        same = [row for row in rows if row.measure == measure]
        start, smallest = selection.reference_rows(same)[0], min(same, key=lambda row: abs(row.gap))
        narrow = f", narrowest {_gap(smallest)} with {smallest.system.recipe}" if smallest is not start else ""
        parts.append(f"{measure} {_gap(start)}{narrow}")
    return f"Gap of {name} in tagging: {'; '.join(parts)}."


def certainty(analysis: GapAnalysis) -> str:
    """What the intervals cover, and whether the languages suffice for a claim about others."""
    rows = [row for row in analysis.gaps if row.split == analysis.split.name]
    rows = [row for row in rows if row.measure == analysis.headline] or rows
    if not rows:
        return "How certain: there is no gap to be certain of."
    fewest: dict[str, tuple[int, int]] = {}
    for row in rows:
        name, sides = row.dataset or row.measure, (row.languages_low, row.languages_high)
        fewest[name] = min(fewest.get(name, sides), sides)
    scopes = []
    for low, high in sorted(set(fewest.values()), reverse=True):
        names = [name for name, sides in fewest.items() if sides == (low, high)]
        where = f" on {listed(names)}" if len(names) < len(fewest) else ""
        scope = (
            "are enough for an interval for languages like these (in the report)"
            if min(low, high) >= ENOUGH
            else f"are too few for a claim about other languages (at least {ENOUGH} of each are needed)"
        )
        scopes.append(f"{low} low- and {high} high-resource languages{where} {scope}")
    seeds = counted(min(row.seeds for row in rows), "seed")
    return f"How certain: [..] are 95 % intervals for these languages ({seeds}); {'; '.join(scopes)}."


def listed(names: Iterable[str]) -> str:
    """The first three names, and how many there are besides.

    >>> listed(["ntrex", "flores", "ntrex"]), listed("abcde")
    ('ntrex, flores', 'a, b, c and 2 others')
    """
    unique = list(dict.fromkeys(names))
    more = counted(len(unique) - _LISTED, "other")
    return ", ".join(unique[:_LISTED]) + (f" and {more}" if len(unique) > _LISTED else "")


def _gap(row: Gap) -> str:
    return with_interval(row.gap, row.interval_these_languages, is_percentage(row.low, row.high))


def _change(row: Change) -> str:
    percentage = is_percentage(row.gap_before, row.gap_after)
    before, after, low, high = (
        signed(value, percentage) for value in (row.gap_before, row.gap_after, row.low_gain, row.high_gain)
    )
    p = after_holm(row.p_narrower_holm, "; narrower: ")
    return f"gap {before} to {after}; low-resource languages gain {low}, high-resource {high}{p}"
