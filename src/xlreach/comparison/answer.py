"""The answer in words: how retrieval with hybrid-trained, adapted encoders differs between the sides, and what follows.

Each sentence carries its figure, its interval and its test, and makes a claim only where the test does, after Holm over
all claims of the answer; otherwise it says that nothing can be told. What it means for a user follows from the claims
made and from nothing else. For these languages: whether they speak for others is said at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xlreach.comparison import words
from xlreach.comparison.change import BASELINE
from xlreach.comparison.correlation import FEWEST, strongest
from xlreach.comparison.hypotheses import Hypothesis, check_hypotheses
from xlreach.comparison.permutation import holm
from xlreach.measurement import Measurement
from xlreach.retrieval.retrievers import is_baseline

_ALPHA = 0.05
_RESAMPLES = 2_000  # only standard errors are read off them
_FLOOR = 0.1
_PLACES = {
    "mono": "Among documents of the query's own language",
    "cross": "Across languages",
    "multi": "In one pool of all languages",
}
Row = Mapping[str, Any]


def answer(
    gaps: Mapping[str, Any],
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> list[dict[str, Any]]:
    """A paragraph a base and data set.

    Args:
        gaps: The other parts of `gaps.json`.
        results: The measurements.
        queries: The per-query values, as for `compare`.
        levels: `{"high": [codes], "low": [codes]}`.
        seed: Of the resampling.
        resamples: At most so many bootstrap resamples.

    Returns:
        Rows `{base, dataset, recipe, alignment, sentences}`; a sentence is `{text, about, claimed, estimate, interval,
        test, p, p_holm}`, the last five None for what follows from others.
    """
    found = []
    for base, dataset in words.subjects(gaps):
        if dataset is None:
            continue
        system = words.best_system(gaps, base, dataset)
        one = _Answer(gaps, base, dataset, *system)
        own = [row for row in results if (row.base, row.dataset) == (base, dataset)]
        one.check(own, queries, levels, seed, min(resamples, _RESAMPLES))
        sentences = one.sentences()
        about = {"base": base, "dataset": dataset, "recipe": system[0], "alignment": system[1]}
        found.append(about | {"sentences": sentences})
    return found


class _Answer:
    """One paragraph: gathers every claim, corrects them together, then puts them in words."""

    def __init__(
        self, gaps: Mapping[str, Any], base: str | None, dataset: str, recipe: str | None, alignment: str | None
    ) -> None:
        self.gaps, self.measure = gaps, gaps["headline"]
        self.recipe, self.alignment = recipe, alignment
        self.system = _named(str(recipe), alignment)
        about = {"base": base, "dataset": dataset, "kind": "retrieval", "measure": self.measure}
        self.rows = words.own(gaps, "gaps", **about, recipe=recipe, alignment=alignment)
        self.rows = sorted(self.rows, key=lambda row: words.SETTINGS.index(row["setting"]))
        self.directions = words.own(gaps, "directions", **about, recipe=recipe, alignment=alignment)
        self.others = list(dict.fromkeys(row["alignment"] for row in words.own(gaps, "gaps", **about, recipe=recipe)))
        alike = words.own(gaps, "gaps", **about, alignment=alignment)
        self.recipes = list(dict.fromkeys(row["recipe"] for row in alike))
        self.why = [
            row
            for row in gaps["correlations"]
            if (row["base"], row["dataset"], row["alignment"]) == (base, dataset, alignment)
        ]
        self.setting = next(
            (one for one in ("cross", *words.SETTINGS) for row in self.rows if row["setting"] == one), ""
        )
        self.claims: list[dict[str, Any]] = []

    def check(
        self,
        results: Sequence[Measurement],
        queries: pd.DataFrame | Path | None,
        levels: Mapping[str, Sequence[str]],
        seed: int,
        resamples: int,
    ) -> None:
        """Collects the claims and corrects them together."""
        for row in self.rows:
            self._collect("gap", row, row["gap"], f"gap {row['setting']}")
        for row in self.directions:
            if row["direction"].endswith("side"):
                self._collect(row["direction"], row, row["value"], row["direction"])
        for kind, left, right in self._contrasts():
            for form in ("value", "gap"):
                claim = Hypothesis(
                    kind, form, left, right, True, self.setting, self.measure, "low" if form == "value" else "all"
                )
                for row in check_hypotheses([claim], results, queries, levels, seed=seed, resamples=resamples):
                    if row["effect"] is not None:
                        about = {"against": right, "form": form, "setting": self.setting}
                        named = {"interval_these_languages": row["interval"], "p_these_languages": row["p"]}
                        self._collect(kind, about | named, row["effect"], f"{kind} {form}")
        for one, p in zip(self.claims, holm([one["p"] for one in self.claims]), strict=True):
            one["p_holm"] = p
            one["claimed"] = p is not None and p < _ALPHA

    def _contrasts(self) -> list[tuple[str, str, str]]:
        """(kind, left, right): the system against itself without its alignment, with others, without its recipe."""
        own = f"{self.recipe} with {self.alignment or BASELINE}"
        found = [
            ("alignment", own, f"{self.recipe} with {other or BASELINE}")
            for other in self.others
            if other != self.alignment
        ]
        plain = [other for other in (BASELINE, "lapt") if other != self.recipe]
        for other in self.recipes:
            if str(other).split("(")[0] in plain and "+" not in str(other) and other != self.recipe:
                found.append(("recipe", own, f"{other} with {self.alignment or BASELINE}"))
        return found

    def _collect(self, kind: str, row: Row, estimate: float, about: str) -> None:
        known = {"kind": kind, "row": row, "estimate": estimate, "interval": row["interval_these_languages"]}
        self.claims.append(known | {"p": row["p_these_languages"], "about": about})

    def sentences(self) -> list[dict[str, Any]]:
        say = {"gap": self._gap, "alignment": self._contrast, "recipe": self._contrast}
        said = [
            {"text": f"This is about {self.system}, the system with the best low-resource mean."} | _untested("system")
        ]
        for one in self.claims:
            text = say.get(one["kind"], self._side)(one)
            test = None if one["p"] is None else "bootstrap over queries and seeds, t; Holm over this answer"
            kept = {name: one[name] for name in ("about", "claimed", "estimate", "interval", "p", "p_holm")}
            said.append({"text": text, "test": test} | kept)
        said += self._reason()
        return [*said, *({"text": text} | _untested("user") for text in (self._user(), self._scope()))]

    def _gap(self, one: Row) -> str:
        row, place = one["row"], _PLACES.get(one["row"]["setting"], "Here")
        shown = f"{self.measure} {words.plain(row['low'])} against {words.plain(row['high'])}, gap {_figure(one)}"
        low = " Both are so low that the gap says little." if _at_floor(row) else ""
        if not one["claimed"]:
            return f"{place}, no difference between low- and high-resource queries can be told ({shown}).{low}"
        worse = (row["gap"] < 0) != row["lower_is_better"]
        return (
            f"{place}, low-resource queries do {'worse' if worse else 'better'} than high-resource ones ({shown}).{low}"
        )

    def _side(self, one: Row) -> str:
        what = "a low-resource query" if one["kind"] == "query side" else "a low-resource language of the documents"
        if not one["claimed"]:
            return f"What {what} costs, both being high-resource otherwise, cannot be told ({_figure(one)})."
        return f"Where both are high-resource otherwise, {what} changes {self.measure} by {_figure(one)}."

    def _contrast(self, one: Row) -> str:
        row, figure = one["row"], _figure(one)
        recipe, _, alignment = str(row["against"]).partition(" with ")
        against = _named(recipe, alignment)
        if row["form"] == "gap":
            # Not "narrower": a gap that turns into a lead of the low-resource side may be larger than it was.
            lead = f"the lead of high-resource ones changes by {figure}"
            if not one["claimed"]:
                return f"Whether low-resource languages gain more or less over {against} cannot be told ({lead})."
            much = "less" if one["estimate"] > 0 else "more"
            return f"Over {against}, low-resource languages gain {much} than high-resource ones ({lead})."
        if not one["claimed"]:
            return f"Whether low-resource languages do better than with {against} cannot be told ({figure})."
        does = "better" if (one["estimate"] > 0) != self.rows[0]["lower_is_better"] else "worse"
        place = _PLACES.get(row["setting"], "Here")
        return f"{place}, low-resource languages do {does} than with {against} ({self.measure} {figure})."

    def _reason(self) -> list[dict[str, Any]]:
        rows = [row for row in self.why if row["setting"] == self.setting]
        if not rows:
            return []
        top = strongest(rows)
        if top is None:
            few = max(row["languages"] for row in rows)
            why = f"{few} languages" if few < FEWEST else "no correlation is more than chance"
            return [{"text": f"Why, cannot be told ({why})."} | _untested("why")]
        ends = "" if top["interval"] is None else f" [{top['interval'][0]:+.2f}, {top['interval'][1]:+.2f}]"
        where = "across languages" if top["scope"] == "across" else "within languages, as recipes change it"
        way = "with" if top["rho"] > 0 else "against"
        text = (
            f"Retrieval goes {way} {top['predictor']} {where} (rho {top['rho']:+.2f}{ends}, "
            f"{words.p_text(top['p_holm'])} after Holm, {top['languages']} languages)."
        )
        known = {"estimate": top["rho"], "interval": top["interval"], "p": top["p"], "p_holm": top["p_holm"]}
        return [{"text": text, "about": "why", "claimed": True, "test": "permutation of languages, Holm"} | known]

    def _user(self) -> str:
        """What follows for a user, from the claims alone."""
        held = {one["about"]: one for one in self.claims if one["claimed"]}
        better = -1 if self.rows and self.rows[0]["lower_is_better"] else 1
        advice = []
        if self.rows and all(map(_at_floor, self.rows)):
            advice.append("hardly anything is found on either side: look for another encoder first")
        gaps = [(one, held[f"gap {one}"]) for one in _PLACES if f"gap {one}" in held]
        worse = [one for one, gap in gaps if better * gap["estimate"] < 0 and not _at_floor(gap["row"])]
        if worse:
            where = ", ".join(_PLACES[one][0].lower() + _PLACES[one][1:] for one in worse)
            advice.append(f"expect poorer hits when asking in a low-resource language ({where})")
        told = not any(row["setting"] == "cross" and _at_floor(row) for row in self.rows)
        query, document = (held.get(f"{side} side") if told else None for side in ("query", "document"))
        costly = query is not None and better * query["estimate"] < 0
        other = next((one for one in self.claims if one["about"] == "document side"), None)
        if costly and query is not None and other is not None and not _overlap(query["interval"], other["interval"]):
            if better * query["estimate"] < better * other["estimate"]:
                advice.append("ask in a high-resource language where you can: the query costs more than the documents")
        elif document is not None and better * document["estimate"] < 0 and not costly:
            advice.append("expect documents in low-resource languages to be missed")
        for kind, name in (("alignment", self.alignment), ("recipe", self.recipe)):
            plain = [
                one for one in self.claims
                if one["kind"] == kind and one["row"]["form"] == "value" and one["claimed"]
                and _is_plain(kind, str(one["row"]["against"]))
            ]  # fmt: skip
            for one in plain:
                does = "helps" if better * one["estimate"] > 0 else "harms"
                advice.append(f"{name} {does} low-resource languages")
        if not advice:
            return "For a user: these figures give no ground to expect a difference, or to choose one system."
        return f"For a user: {'; '.join(advice)}."

    def _scope(self) -> str:
        if not self.rows:
            return "Nothing was measured on both sides."
        low, high = (min(row[f"languages_{side}"] for row in self.rows) for side in ("low", "high"))
        beyond = [row for row in self.rows if row["interval"] is not None and not _overlap(row["interval"], [0.0, 0.0])]
        if min(low, high) < FEWEST:
            return f"This holds for these languages: {low} low and {high} high are too few to speak of others."
        if beyond:
            return f"For languages like these the gap holds too ({', '.join(row['setting'] for row in beyond)})."
        return "For languages like these, beyond the ones measured, no gap can be told."


def _named(recipe: str, alignment: str | None) -> str:
    if recipe == BASELINE and is_baseline(alignment):
        return str(alignment)
    base = "the unadapted base" if recipe == BASELINE else recipe
    return base if alignment in (None, "", BASELINE) else f"{base} with {alignment}"


def _at_floor(row: Row) -> bool:
    """Whether both sides are so near nothing that a difference between them says little."""
    return not row["lower_is_better"] and bool(max(row["low"], row["high"]) < _FLOOR)


def _untested(about: str) -> dict[str, Any]:
    """What a sentence carries that makes no claim of its own."""
    return {"about": about, "claimed": False} | dict.fromkeys(("estimate", "interval", "p", "p_holm", "test"))


def _is_plain(kind: str, against: str) -> bool:
    recipe, _, alignment = against.partition(" with ")
    return alignment.split("(")[0] == BASELINE if kind == "alignment" else recipe == BASELINE


def _overlap(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    return one is None or other is None or (one[0] <= other[1] and other[0] <= one[1])


def _figure(one: Row) -> str:
    points = max(abs(one["estimate"]), *(abs(one["row"].get(side) or 0) for side in ("low", "high"))) > 1.5
    ends = one["interval"]
    shown = words.signed(one["estimate"], points)
    if ends is not None:
        shown += f" [{words.signed(ends[0], points)}, {words.signed(ends[1], points)}]"
    return shown if one["p_holm"] is None else f"{shown}, {words.p_text(one['p_holm'])}"
