"""The answer, and an experiment, in words. To be moved to `report/narrative.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlreach.comparison import words
from xlreach.comparison.correlation import FEWEST
from xlreach.gaps import Answer, Claim
from xlreach.system import System

_FLOOR = 0.1
_PLACES = {
    "mono": "Among documents of the query's own language",
    "cross": "Across languages",
    "multi": "In one pool of all languages",
}
Row = Mapping[str, Any]


def sentences(gaps: Mapping[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """The paragraph of an answer."""
    return _Answer(gaps, answer).sentences()


class _Answer:
    def __init__(self, gaps: Mapping[str, Any], answer: Answer) -> None:
        self.gaps, self.measure = gaps, gaps["headline"]
        self.recipe, self.alignment = answer.system.recipe, answer.system.alignment
        self.system = _named(answer.system)
        about = {"base": answer.base, "dataset": answer.dataset, "kind": "retrieval", "measure": self.measure}
        self.rows = words.own(gaps, "gaps", **about, recipe=self.recipe, alignment=self.alignment)
        self.rows = sorted(self.rows, key=lambda row: words.SETTINGS.index(row["setting"]))
        self.why = [
            row
            for row in gaps["correlations"]
            if (row["base"], row["dataset"], row["alignment"]) == (answer.base, answer.dataset, self.alignment)
        ]
        self.setting = answer.setting
        self.claims = [self._claim(claim) for claim in answer.claims]

    def _claim(self, claim: Claim) -> dict[str, Any]:
        about = {"gap": f"gap {claim.setting}"}.get(claim.kind, claim.kind)
        row: Row = {"against": claim.against, "form": claim.form, "setting": claim.setting}
        if claim.kind == "gap":
            row = next(row for row in self.rows if row["setting"] == claim.setting)
        kept = {name: getattr(claim, name) for name in ("kind", "estimate", "interval", "p", "p_holm", "claimed")}
        return kept | {"row": row, "about": f"{claim.kind} {claim.form}" if claim.form else about}

    def sentences(self) -> list[dict[str, Any]]:
        say = {"gap": self._gap} | dict.fromkeys(("alignment", "retriever", "recipe"), self._contrast)
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
        against = _named(row["against"])
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
        claimed = [row for row in rows if row["verdict"] != "cannot tell"]
        top = max(claimed, key=lambda row: abs(row["rho"]), default=None)
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
                and _is_plain(kind, one["row"]["against"])
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


def _named(system: System) -> str:
    if not system.is_dense and not system.is_adapted:
        return system.retriever
    base = "the unadapted base" if not system.is_adapted else system.recipe
    return f"{base} with {system.alignment}" if system.is_aligned else base


def _at_floor(row: Row) -> bool:
    """Whether both sides are so near nothing that a difference between them says little."""
    return not row["lower_is_better"] and bool(max(row["low"], row["high"]) < _FLOOR)


def _untested(about: str) -> dict[str, Any]:
    """What a sentence carries that makes no claim of its own."""
    return {"about": about, "claimed": False} | dict.fromkeys(("estimate", "interval", "p", "p_holm", "test"))


def _is_plain(kind: str, against: System) -> bool:
    return (against.is_dense and not against.is_aligned) if kind == "alignment" else not against.is_adapted


def _overlap(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    return one is None or other is None or (one[0] <= other[1] and other[0] <= one[1])


def _figure(one: Row) -> str:
    points = max(abs(one["estimate"]), *(abs(one["row"].get(side) or 0) for side in ("low", "high"))) > 1.5
    ends = one["interval"]
    shown = words.signed(one["estimate"], points)
    if ends is not None:
        shown += f" [{words.signed(ends[0], points)}, {words.signed(ends[1], points)}]"
    return shown if one["p_holm"] is None else f"{shown}, {words.p_text(one['p_holm'])}"


def factor_sentences(factor: str, tests: Sequence[Mapping[str, Any]]) -> list[str]:
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
