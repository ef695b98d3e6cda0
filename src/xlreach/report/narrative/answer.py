"""The answer to the study's question: how retrieval differs between low- and high-resource languages, and what follows.

What follows for a user rests on the claims that the tests allow, and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlreach.gaps import Answer, Claim, Correlation, Gap, GapAnalysis, Interval
from xlreach.report.selection import Topic, retrieval_rows
from xlreach.report.wording import counted, is_percentage, p_text, signed, system_name, unsigned

ENOUGH = 5  # languages on a side, for a claim about languages beyond them
_EVIDENCE = ((0.001, "very strong evidence"), (0.01, "strong evidence"), (1.0, "evidence"))  # by p after correction
_NEARLY_NOTHING = 0.1  # with both sides below it, a gap says little
_SETTINGS = {
    "mono": "within one language",
    "cross": "across languages",
    "multi": "in one pool of all languages",
}


@dataclass(frozen=True)
class Sentence:
    """A sentence of the answer.

    `answer` says it in one sentence and `system` what it is about. `claim` and `explanation` rest on a test, and say
    that nothing can be told where it allows no claim (`claimed`); `figure` is their number, `evidence` how sure it is
    in words, and `detail` in numbers. `advice` says what follows, and `scope` for which languages.
    """

    text: str
    kind: Literal["answer", "system", "claim", "explanation", "advice", "scope"]
    claimed: bool = False
    figure: str = ""
    evidence: str = ""
    detail: str = ""


def answer_sentences(analysis: GapAnalysis, answer: Answer) -> list[Sentence]:
    """The answer for one base and data set, sentence by sentence."""
    return _Answer(analysis, answer).sentences()


class _Answer:
    def __init__(self, analysis: GapAnalysis, answer: Answer) -> None:
        self.answer, self.measure = answer, analysis.headline
        rows = retrieval_rows(analysis, analysis.gaps, Topic(answer.base or "", answer.dataset))
        self.gaps = {str(row.setting): row for row in rows if row.system == answer.system}
        self.correlations = [
            row
            for row in analysis.correlations
            if (row.base or "", row.dataset, row.setting) == (answer.base or "", answer.dataset, answer.setting)
            and row.alignment == answer.system.alignment
        ]
        self.lower_is_better = any(row.lower_is_better for row in self.gaps.values())
        self.percentage = is_percentage(*(value for row in self.gaps.values() for value in (row.low, row.high)))

    def sentences(self) -> list[Sentence]:
        return [
            Sentence(self._in_one_sentence(), "answer"),
            Sentence(self._system(), "system"),
            *(self._claim(claim) for claim in self.answer.claims),
            *self._explanation(),
            Sentence(self._advice(), "advice"),
            Sentence(self._scope(), "scope"),
        ]

    def _in_one_sentence(self) -> str:
        """Where queries in low-resource languages do worse, and where better."""
        if self.gaps and all(_finds_nothing(row) for row in self.gaps.values()):
            return "Hardly anything is found in any language."
        where: dict[str, list[str]] = {"worse": [], "better": []}
        for claim in self.answer.claims:
            if claim.kind == "gap" and claim.claimed:
                where["worse" if self._is_worse(claim) else "better"].append(_SETTINGS[claim.setting])
        told = [f"{than} than in high-resource ones {_enumerated(names)}" for than, names in where.items() if names]
        if not told:
            return "No difference between queries in low- and high-resource languages can be shown."
        return f"Queries in low-resource languages do {', but '.join(told)}."

    def _system(self) -> str:
        """What the answer is about: the best system for low-resource languages, and its mean."""
        name = system_name(self.answer.system, within_sentence=True)
        row = next((row for row in (self.gaps.get("cross"), *self.gaps.values()) if row is not None), None)
        least = "lowest" if self.lower_is_better else "highest"
        where = "" if row is None else f" {_SETTINGS[str(row.setting)]} ({self.measure} {unsigned(row.low)})"
        kind = "encoder" if self.answer.system.is_dense else "system"
        return f"This answer is about {name}, the {kind} with the {least} mean over low-resource languages{where}."

    def _claim(self, claim: Claim) -> Sentence:
        """What the test allows to be said, or that it allows nothing."""
        percentage = self.percentage or is_percentage(claim.estimate)
        figure, detail, evidence = (
            signed(claim.estimate, percentage),
            "no test: trained once, or no values by query",
            "",
        )
        if claim.p_holm is not None:
            ends = [signed(end, percentage) for end in claim.interval or ()]
            detail = f"95 % interval [{', '.join(ends)}], {p_text(claim.p_holm)}"
            evidence = next(words for most, words in _EVIDENCE if claim.p_holm < most) if claim.claimed else ""
        return Sentence(self._claim_text(claim), "claim", claim.claimed, figure, evidence, detail)

    def _claim_text(self, claim: Claim) -> str:
        where = _SETTINGS.get(claim.setting, claim.setting).capitalize()
        than = "worse" if self._is_worse(claim) else "better"
        if claim.kind == "gap":
            row = self.gaps[claim.setting]
            values = f"{self.measure} {unsigned(row.low)} against {unsigned(row.high)}"
            low = " Both values are so low that the gap says little." if _finds_nothing(row) else ""
            what = "no difference between queries in low- and high-resource languages can be shown"
            if claim.claimed:
                what = f"queries in low-resource languages do {than} than in high-resource ones"
            return f"{where}, {what} ({values}).{low}"
        if claim.kind in ("query side", "document side"):
            if claim.kind == "query side":
                what, other = "queries in a low-resource language", "Over documents in a high-resource language"
            else:
                what, other = "documents in a low-resource language", "With queries in a high-resource language"
            if claim.claimed:
                return f"{other}, {what} do {than} than those in another high-resource language."
            return f"{other}, whether {what} cost anything cannot be told."
        assert claim.against is not None
        against = system_name(claim.against, within_sentence=True)
        if claim.form == "value":
            if claim.claimed:
                return f"{where}, low-resource languages do {than} than with {against}."
            return f"Whether low-resource languages do better than with {against} cannot be told."
        what = "whether the gap is narrower or wider cannot be told"
        if claim.claimed:
            what = f"the gap is {'wider' if claim.estimate > 0 else 'narrower'}"
        return f"Compared with {against}, {what}."

    def _explanation(self) -> list[Sentence]:
        if not self.correlations:
            return []
        claimed = [row for row in self.correlations if row.verdict != "cannot tell"]
        if not claimed:
            few = any(row.reason == "few_languages" for row in self.correlations)
            languages = counted(max(row.languages for row in self.correlations), "language")
            why = f"{languages} are too few" if few else "no correlation is more than chance"
            return [Sentence(f"Why this is so cannot be told ({why}).", "explanation")]
        row = max(claimed, key=lambda row: abs(row.rho or 0.0))
        return [_correlation(row)]

    def _advice(self) -> str:
        """What follows for a user, from the claims alone."""
        claimed = [claim for claim in self.answer.claims if claim.claimed]
        advice = []
        if self.gaps and all(_finds_nothing(row) for row in self.gaps.values()):
            advice.append("hardly anything is found in any language, so look for another encoder first")
        gaps = {claim.setting for claim in claimed if claim.kind == "gap" and self._is_worse(claim)}
        worse = [text for name, text in _SETTINGS.items() if name in gaps and not _finds_nothing(self.gaps[name])]
        if worse:
            advice.append(f"expect poorer results for queries in a low-resource language ({', '.join(worse)})")
        advice += self._which_side()
        for claim in claimed:
            if claim.form == "value" and (treatment := self._treatment(claim)):
                advice.append(f"{treatment} {'harms' if self._is_worse(claim) else 'helps'} low-resource languages")
        if not advice:
            return "For a user: these results give no reason to expect a difference, or to choose one system."
        return f"For a user: {'; '.join(advice)}."

    def _which_side(self) -> list[str]:
        """Whether to write the query, or to look for documents, in a high-resource language."""
        if "cross" in self.gaps and _finds_nothing(self.gaps["cross"]):
            return []
        sides = {claim.kind: claim for claim in self.answer.claims if claim.kind in ("query side", "document side")}
        query, document = sides.get("query side"), sides.get("document side")
        if query is not None and query.claimed and self._is_worse(query):
            if document is None or _overlap(query.interval, document.interval):
                return []
            sign = -1 if self.lower_is_better else 1
            if sign * query.estimate < sign * document.estimate:
                return ["write the query in a high-resource language where you can: it costs more than the documents"]
        elif document is not None and document.claimed and self._is_worse(document):
            return ["expect to miss documents in low-resource languages"]
        return []

    def _treatment(self, claim: Claim) -> str | None:
        """The alignment or recipe, where it is compared with its absence."""
        against, system = claim.against, self.answer.system
        if against is None or not against.is_dense:
            return None
        if claim.kind == "alignment":
            return None if against.is_aligned else system.alignment
        return None if against.is_adapted else system.recipe

    def _scope(self) -> str:
        """For which languages the answer holds."""
        if not self.gaps:
            return "Nothing was measured in both low- and high-resource languages."
        low = min(row.languages_low for row in self.gaps.values())
        high = min(row.languages_high for row in self.gaps.values())
        if min(low, high) < ENOUGH:
            return (
                f"This holds for the languages measured: {low} low- and {high} high-resource languages are too few to "
                "speak of others."
            )
        intervals = {setting: row.interval for setting, row in self.gaps.items() if row.interval is not None}
        settings = [setting for setting, ends in intervals.items() if ends.low > 0 or ends.high < 0]
        if settings:
            return f"The gap also holds for other languages like these ({', '.join(settings)})."
        return "For other languages like these, no gap can be shown."

    def _is_worse(self, claim: Claim) -> bool:
        """Whether the difference is to the disadvantage of what the claim is about."""
        return (claim.estimate < 0) != self.lower_is_better


def _correlation(row: Correlation) -> Sentence:
    assert row.rho is not None and row.p_holm is not None
    where = "across languages" if row.scope == "across" else "within each language, as recipes change it"
    text = f"Retrieval scores are higher where {row.predictor} is {'higher' if row.rho > 0 else 'lower'}, {where}."
    ends = "" if row.interval is None else f"95 % interval [{row.interval.low:+.2f}, {row.interval.high:+.2f}], "
    detail = f"{ends}{p_text(row.p_holm)}, {counted(row.languages, 'language')}"
    evidence = next(words for most, words in _EVIDENCE if row.p_holm < most)
    return Sentence(text, "explanation", True, f"rho {row.rho:+.2f}", evidence, detail)


def _enumerated(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _finds_nothing(row: Gap) -> bool:
    """Whether both sides are so near zero that a difference between them says little."""
    return not row.lower_is_better and max(row.low, row.high) < _NEARLY_NOTHING


def _overlap(first: Interval | None, second: Interval | None) -> bool:
    return first is None or second is None or (first.low <= second.high and second.low <= first.high)
