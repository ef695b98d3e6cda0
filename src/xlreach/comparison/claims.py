"""The small language of hypotheses, parsed: text and the names of a study in, a `Hypothesis` out.

    va > lapt on parse:LAS for low                  values of two recipes, alignments or retrievers
    lapt with hybrid > lapt on cross:nDCG@10        or of two systems: `recipe with alignment`
    gap(hybrid) < gap(none) on cross:nDCG@10        size of the gap: how far the low-resource side falls behind
    interaction(va(99), translit(auto)) < 0 on pos:accuracy     what two steps give together beyond the sum of each
    unk_words(va) < unk_words(none) for low         a diagnostic of two recipes
    seconds(va) < 1.2*seconds(lapt)                 what adapting costs (`seconds`, `tokens`, `peak_memory_mb`)
    va > lapt on parse:LAS for ug more than mt+wo   a difference larger in some languages than in others

`on` names a task (`pos`, `parse`, `ner`) or a retrieval setting (`mono`, `cross`, `multi`) and a measure; `for` names
a side (`low`, `high`) or languages joined by `+`, all by default. A number before the right side multiplies it. Systems
go by the names that the study gave them; what a claim does not name is averaged over.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from itertools import product
from typing import Literal

from xlreach.errors import SpecError, nearest
from xlreach.system import DENSE, UNTREATED, StudyNames, System

TAGGING = ("pos", "parse", "ner")
SETTINGS = ("mono", "cross", "multi")
_CLAIM = re.compile(
    r"(?P<left>\S.*?)\s*(?P<sign>[<>])\s*(?P<right>\S.*?)"
    r"(?:\s+on\s+(?P<task>\w+):(?P<measure>\S+))?(?:\s+for\s+(?P<languages>[\w-]+(?:\+[\w-]+)*)"
    r"(?:\s+more\s+than\s+(?P<than>[\w-]+(?:\+[\w-]+)*))?)?\s*"
)
_TIMES = re.compile(r"(?P<times>\d+(?:\.\d+)?)\s*\*\s*(?P<rest>\S.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<inside>.*)\)")


@dataclass(frozen=True)
class Selection:
    """The systems that one side of a claim is about; a field that is None is left open."""

    recipe: str | None = None
    alignment: str | None = None
    retriever: str | None = None

    @classmethod
    def only(cls, system: System) -> Selection:
        """One system, on whatever base."""
        return cls(system.recipe, system.alignment, system.retriever)

    def includes(self, system: System) -> bool:
        """Whether a system is one of these."""
        mine = (self.recipe, self.alignment, self.retriever)
        theirs = (system.recipe, system.alignment, system.retriever)
        return all(wanted in (None, name) for wanted, name in zip(mine, theirs, strict=True))


@dataclass(frozen=True)
class StepPair:
    """Four recipes that differ in two steps only, by their names."""

    both: str
    without_first: str
    without_second: str
    neither: str


@dataclass(frozen=True)
class Hypothesis:
    """A parsed claim; prints as it was written."""

    text: str
    form: Literal["value", "gap", "interaction", "diagnostic"]
    left: Selection  # for an interaction everything
    right: Selection
    greater: bool  # whether the left side is claimed to be the larger
    task: str | None  # a tagging task or retrieval setting; None for a diagnostic or a cost
    measure: str
    languages: str = "all"  # `low`, `high`, `all`, or codes joined by `+`
    than: str | None = None  # the languages that the difference is claimed to be smaller in
    times: float = 1.0  # what the right side is multiplied by
    step_pairs: tuple[StepPair, ...] = ()  # for an interaction, the recipes that show it

    def __str__(self) -> str:
        return self.text


def parse_hypothesis(text: str, names: StudyNames) -> Hypothesis:
    """Reads a claim.

    Raises:
        SpecError: It has none of the forms above, or names a system or step that the study does not have.
    """
    match = _CLAIM.fullmatch(text.strip())
    if not match:
        raise _unreadable(text, "it has no '<' or '>' between two sides")
    left, right, task = match["left"], match["right"], match["task"]
    multiplied = _TIMES.fullmatch(right)
    times, right = (float(multiplied["times"]), multiplied["rest"]) if multiplied else (1.0, right)
    calls = _CALL.fullmatch(left), _CALL.fullmatch(right)
    resolver = _Names(text, names)
    claim = Hypothesis(
        text=text,
        form="value",
        left=Selection(),
        right=Selection(),
        greater=match["sign"] == ">",
        task=task,
        measure=match["measure"] or "",
        languages=match["languages"] or "all",
        than=match["than"],
        times=times,
    )
    if task is None:
        if not (calls[0] and calls[1] and calls[0]["name"] == calls[1]["name"]):
            raise _unreadable(text, "without 'on TASK:MEASURE' both sides must be one diagnostic or cost of a recipe")
        sides = [resolver.choose(call["inside"], resolver.by_factor["recipe"]) for call in calls if call]
        return dataclasses.replace(claim, form="diagnostic", measure=calls[0]["name"], left=sides[0], right=sides[1])
    if task not in (*TAGGING, *SETTINGS):
        raise _unreadable(text, f"{task!r} is no task and no setting")
    if calls[0] and calls[0]["name"] == "interaction":
        if right != "0":
            raise _unreadable(text, "an interaction is compared with 0")
        return dataclasses.replace(claim, form="interaction", step_pairs=resolver.step_pairs(calls[0]["inside"]))
    if calls[0] and calls[0]["name"] == "gap":
        if not (calls[1] and calls[1]["name"] == "gap") or claim.languages != "all":
            raise _unreadable(text, "a gap is compared with a gap, over all languages")
        left, right = calls[0]["inside"], calls[1]["inside"]
        claim = dataclasses.replace(claim, form="gap")
    first, second = resolver.sides(left, right)
    return dataclasses.replace(claim, left=first, right=second)


class _Names:
    """Resolves the study's names in one claim."""

    def __init__(self, text: str, names: StudyNames) -> None:
        self.text = text
        self.recipes = {UNTREATED: frozenset[str]()}
        self.recipes |= {name: frozenset(steps) - {UNTREATED} for name, steps in names.recipes.items()}
        alignments = dict.fromkeys((UNTREATED, *names.alignments))
        retrievers = dict.fromkeys((DENSE, *names.retrievers))
        self.by_factor = {
            "recipe": {name: Selection(recipe=name) for name in self.recipes},
            "alignment": {name: Selection(alignment=name, retriever=DENSE) for name in alignments},
            "retriever": {name: Selection(retriever=name) for name in retrievers},
        }
        self.systems: dict[str, Selection] = {}
        for recipe, alignment, retriever in product(self.recipes, alignments, retrievers):
            system = System("", recipe, alignment, retriever)
            for phrase in system_phrases(system):
                self.systems.setdefault(phrase, Selection.only(system))

    def sides(self, left: str, right: str) -> tuple[Selection, Selection]:
        """Two recipes, two alignments or two retrievers, where both sides are one of these; otherwise two systems."""
        for choices in self.by_factor.values():
            if left in choices and right in choices and left != right:
                return choices[left], choices[right]
        return self.choose(left, self.systems), self.choose(right, self.systems)

    def step_pairs(self, inside: str) -> tuple[StepPair, ...]:
        """The recipes that differ in two steps, written as `first, second`."""
        alone = {name: step for name, steps in self.recipes.items() if len(steps) == 1 for step in steps}
        steps = {step: step for all_steps in self.recipes.values() for step in all_steps} | alone
        commas = [match.start() for match in re.finditer(",", inside)]
        if not commas:
            raise _unreadable(self.text, "an interaction has two steps")
        halves = [(inside[:comma].strip(), inside[comma + 1 :].strip()) for comma in commas]
        pair = next((half for half in halves if half[0] in steps and half[1] in steps), None)
        if pair is None:
            unknown = next(step for step in halves[0] if step not in steps)
            raise self._unknown(unknown, steps)
        first, second = steps[pair[0]], steps[pair[1]]
        named = {all_steps: name for name, all_steps in self.recipes.items()}
        pairs = []
        for all_steps, name in named.items():
            others = [named.get(all_steps - taken) for taken in ({first}, {second}, {first, second})]
            if {first, second} <= all_steps and None not in others:
                pairs.append(StepPair(name, *map(str, others)))
        return tuple(pairs)

    def choose(self, name: str, choices: dict[str, Selection]) -> Selection:
        """What a name stands for; SpecError with the nearest name where there is none."""
        try:
            return choices[name.strip()]
        except KeyError:
            raise self._unknown(name, choices) from None

    def _unknown(self, name: str, choices: dict[str, Selection] | dict[str, str]) -> SpecError:
        return SpecError(
            f"{self.text!r} names {name.strip()!r}, which the study does not have.", fix=nearest(name, choices)
        )


def system_phrases(system: System) -> tuple[str, str]:
    """The ways to write a system, short (`lapt`, `bm25`) and long (`lapt with none`, `none with none with bm25`)."""
    parts = ((system.recipe, UNTREATED), (system.alignment, UNTREATED), (system.retriever, DENSE))
    short = [name for name, default in parts if name != default] or [UNTREATED]
    long = [system.recipe, system.alignment] if system.is_dense else [name for name, _ in parts]
    return " with ".join(short), " with ".join(long)


def _unreadable(text: str, why: str) -> SpecError:
    return SpecError(
        f"Cannot read the hypothesis {text!r}: {why}.",
        expected="Expected for example 'va > lapt on parse:LAS for low', 'gap(hybrid) < gap(none) on cross:nDCG@10', "
        "'interaction(va(99), translit(auto)) < 0 on pos:accuracy' or 'fertility(va) < fertility(none) for low'.",
    )
