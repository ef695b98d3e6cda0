"""The certificate of the statistics: how often 95 % intervals cover, and how often tests err, where the truth is known.

Everything that a report prints with an interval or says in words is computed by the toolkit's own functions over
simulated studies (`simulated.py`). A line of JSON each design, and all of them in the last. Ends with 1 where a bar is
missed by more than the simulation's own error: no more than 7 % false positives at .05 wherever something is claimed,
and intervals that cover in 93 % of studies or more.

    python benchmarks/coverage.py [--quick] [--studies 1000] [--only change] [--write docs/statistics.md]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml
from scipy import stats

from simulated import RECIPES, Design, Study, Why, as_tables, draw_profile, draw_study
from xlreach.comparison import compare_runs, hypotheses
from xlreach.comparison.answer import answers
from xlreach.comparison.claims import parse_hypothesis
from xlreach.comparison.explain.correlation import correlations
from xlreach.comparison.explain.regression import regressions
from xlreach.comparison.factor import compare_factor
from xlreach.comparison.gap_builder import GapBuilder
from xlreach.comparison.groups.families import Cell, Family, FamilyKey, Pair
from xlreach.comparison.resampling.language_means import directions
from xlreach.gaps import GapAnalysis, Interval
from xlreach.measurement import Measurement, write_measurements
from xlreach.system import StudyNames, System

MOST_ERRORS, LEAST_COVERED, MOST_COVERED = 0.07, 0.93, 0.97
BEGIN, END = "<!-- {}: made by benchmarks/coverage.py -->", "<!-- end of {} -->"
HEAVY = 10_000  # values of a system, above which fewer studies are simulated
SIZES = ((1, 3), (2, 6), (3, 3), (5, 5), (3, 10), (10, 10))
ALIKE = {"low_sd": 0.0, "high_sd": 0.0, "document": 0.0}
GAPS = (
    *(Design(setting, low, high) for setting in ("cross", "mono") for low, high in SIZES),
    Design("multi", 3, 3),
    Design("multi", 5, 5),
    *(Design("mono", 5, 5, seeds=seeds, trained_sd=sd) for seeds in (1, 5) for sd in (0.0, 0.02)),
    *(Design("mono", 5, 5, items=items, trained_sd=sd) for items, sd in ((80, 0.02), (1000, 0.01), (1000, 0.02))),
    Design("mono", 5, 5, low_sd=0.2),
    Design("mono", 5, 5, low_sd=0.2, high_sd=0.025),
    Design("mono", 2, 8, low_sd=0.2, high_sd=0.001),
    Design("mono", 10, 10, low_sd=0.2, high_sd=0.025),
    Design("mono", 5, 5, gap=-0.06, change=0.12, low_sd=0.0, high_sd=0.0),
    Design("cross", 3, 3, gap=-0.06, change=0.12, **ALIKE),
    Design("cross", 5, 5, related=True),
    Design("mono", 10, 10, related=True),
    *(Design("tagging", 3, 3, seeds=seeds, items=items) for seeds in (1, 3, 5) for items in (80, 1000)),
    Design("tagging", 5, 5, trained_sd=0.02),
)
CLAIMS = (
    *(Design("mono", low, high, **ALIKE) for low, high in SIZES),
    *(Design("mono", 3, 3, seeds=seeds, trained_sd=sd, **ALIKE) for seeds in (1, 3, 5) for sd in (0.0, 0.02)),
    Design("mono", 3, 3, items=1000, trained_sd=0.02, **ALIKE),
    Design("cross", 3, 3, **ALIKE),
)
FILES = (CLAIMS[0], CLAIMS[2], *CLAIMS[6:12:2], CLAIMS[9], CLAIMS[11])


@dataclass(frozen=True)
class Check:
    """What was said of a true value: an interval, and whether the test called it different from zero."""

    name: str
    interval: Interval | None
    true: float | None = None  # None where an interval is not asked
    called: bool | None = None  # None without a test
    null: bool = False  # whether zero is the truth, so that a call is an error


@dataclass
class Tally:
    """What all studies of a design came to, for one statistic."""

    covered: list[bool] = field(default_factory=list)
    errors: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """Coverage and size of one statistic under one design; None where such a study claims nothing."""

    statistic: str
    design: str
    studies: int
    coverage: float | None
    size: float | None
    tested: int = 0  # on how many tests and intervals the two rest
    intervals: int = 0

    def broken(self, likely: float = 0.0005) -> bool:
        """Whether a bar is missed by more than the error of the simulation."""
        many, few = stats.binom.isf(likely, self.tested, MOST_ERRORS), stats.binom.ppf(likely, self.intervals, 0.93)
        return (self.size or 0) * self.tested > many or (
            self.coverage is not None and self.coverage * self.intervals < few
        )


def simulate(design: Design | Why, studies: int, check: Callable[..., Iterable[Check]] | None = None) -> dict[str, Any]:
    """Size and coverage over so many studies of one design; None for what such a study claims nothing of."""
    rng, tallies = np.random.default_rng(design.seed), dict[str, Tally]()
    for _ in range(studies):
        for said in (check or of_gaps)(rng, design):
            tally = tallies.setdefault(said.name, Tally())
            if said.interval is not None and said.true is not None:
                tally.covered.append(bool(said.interval.low <= said.true <= said.interval.high))
            if said.called is not None and said.null:
                tally.errors.append(bool(said.called))
    rows = [
        Row(name, str(design), studies, _share(t.covered), _share(t.errors), len(t.errors), len(t.covered))
        for name, t in tallies.items()
    ]
    return {
        "design": str(design),
        "studies": studies,
        "size": {row.statistic: row.size for row in rows},
        "coverage": {row.statistic: row.coverage for row in rows},
        "broken": [row.statistic for row in rows if row.broken()],
        "rows": rows,
    }


def of_gaps(rng: np.random.Generator, design: Design) -> Iterator[Check]:
    """The gap, what each side and direction costs, and the change that a recipe makes."""
    study, split = draw_study(rng, design), design.split
    builder = GapBuilder()
    builder.add(study.family, [split])
    gap, change = builder.gaps[0], builder.changes()[0]
    before, after = study.gaps
    yield _interval("gap, languages like these", gap.interval, design.gap, gap.p)
    yield _interval("gap, these languages", gap.interval_these_languages, before, gap.p_these_languages)
    yield _interval("change, languages like these", change.interval, design.change, change.p)
    yield _interval(
        "change, these languages", change.interval_these_languages, after - before, change.p_these_languages
    )
    if abs(abs(before) - abs(after)) < 1e-9:
        called = None if change.p_narrower is None else change.p_narrower < 0.05
        yield Check("narrower", None, called=called, null=True)
    if design.setting != "cross":
        return
    true = directions(study.family.pairs, split, np.ones(len(study.family.pairs), bool))
    population = {"query side": design.gap, "document side": design.document}
    for row in builder.directions[: len(builder.directions) // 2]:
        these = float(true[row.direction][0].weights @ study.expected[0])
        if row.direction in population:
            yield _interval(f"{row.direction}, languages like these", row.interval, population[row.direction], row.p)
            yield _interval(
                f"{row.direction}, these languages", row.interval_these_languages, these, row.p_these_languages
            )
        else:
            low = (row.direction in ("low→high", "low→low"), row.direction in ("high→low", "low→low"))
            yield _interval("direction, languages like these", row.interval,
                            0.5 + low[0] * design.gap + low[1] * design.document, None)  # fmt: skip
            yield _interval("direction, these languages", row.interval_these_languages, these, None)


def of_hypotheses(rng: np.random.Generator, design: Design) -> Iterator[Check]:
    """Hypotheses of each form, alone; nothing that they claim is so."""
    study = draw_study(rng, design, 4)
    texts = {
        "hypothesis: value": "a > none on mono:Success@1 for low",
        "hypothesis: more in some languages": "a > none on mono:Success@1 for low more than high",
        "hypothesis: times": "a > 1.0*none on mono:Success@1",
        "hypothesis: gap": "gap(a) < gap(none) on mono:Success@1",
        "hypothesis: interaction": "interaction(a, b) > 0 on mono:Success@1",
    }
    if design.setting != "mono":
        texts = {name: text.replace("mono:", f"{design.setting}:") for name, text in texts.items()}
    for name, text in texts.items():
        yield _of_hypothesis(name, text, study.family, design)
    codes = design.codes
    drawn = rng.normal(2, max(design.trained_sd, 1e-12), (2, 1, 1, design.seeds)) * np.ones((1, 1, len(codes), 1))
    seeds = study.family.cells[0].seeds
    cells = [
        Cell(System("b", recipe), seeds, values, np.ones(values.shape, np.float32))
        for recipe, values in zip(RECIPES, drawn, strict=False)
    ]
    key = FamilyKey("tagging", "b", None, None, "seconds")
    family = Family(key, tuple(Pair(code) for code in codes), np.zeros(1, int), tuple(cells), False, ())
    if design.trained_sd:
        yield _of_hypothesis("hypothesis: cost", "seconds(a) < seconds(none)", family, design)


def _of_hypothesis(name: str, text: str, family: Family, design: Design) -> Check:
    names = StudyNames({"a": ("a",), "b": ("b",), "a+b": ("a", "b")}, ("none",))
    with mock.patch.object(hypotheses, "families", lambda *_: iter([family])):  # spares the way through tables
        (row,) = hypotheses.check_hypotheses([parse_hypothesis(text, names)], (), None, design.levels)
    called = None if row.reason in ("one_seed", "no_queries") else row.verdict != "cannot tell"
    return Check(name, row.interval, 0.0, called, null=True)


def of_answers(rng: np.random.Generator, design: Design) -> Iterator[Check]:
    """The sentences of the answer about the best of four systems that are alike; all of them together, and each."""
    study = draw_study(rng, design, 4)
    analysis, results = analysed(study, design), outline(study)
    steps = {"a": ("a",), "b": ("b",), "a+b": ("a", "b")}
    with mock.patch.object(hypotheses, "families", lambda *_: iter([study.family])):
        (answer,) = answers(analysis, results, None, design.levels, StudyNames(steps, ("none",)))
    best = RECIPES.index(answer.system.recipe)
    about = [claim for claim in answer.claims if claim.against is not None]
    yield Check("answer: any sentence", None, called=any(c.claimed for c in answer.claims), null=design.seeds > 1)
    for claim in answer.claims:
        if claim.kind == "gap":
            yield Check("answer: gap of the best system", claim.interval, study.gaps[best])
    yield Check("answer: any about methods", None, called=any(c.claimed for c in about), null=True)
    for claim in about:
        yield Check(f"answer: best against others, {claim.form}", claim.interval, 0.0 if design.seeds > 1 else None)


def of_factor(rng: np.random.Generator, design: Design) -> Iterator[Check]:
    """A factor of three values that does nothing."""
    studies = [(value, analysed(draw_study(rng, design, 1), design)) for value in ("x", "y", "z")]
    found = compare_factor("e", "f", studies)
    for row in found.rows[:1]:
        yield Check("factor: gap at a value", row.interval, 0.0)
    for test in found.tests:
        yield Check("factor: values differ", None, called=None if test.p is None else test.p < 0.05, null=True)


def of_runs(rng: np.random.Generator, design: Design) -> Iterator[Check]:
    """Two runs of systems that are alike."""
    study = draw_study(rng, design)
    with tempfile.TemporaryDirectory() as folder:
        for name, cell in zip("ab", study.family.cells, strict=True):
            run = Path(folder) / name
            run.mkdir()
            family = replace(study.family, cells=(replace(cell, system=System("b", "a")),))
            results, queries = as_tables(family)
            write_measurements(run / "results.jsonl", results)
            queries.to_parquet(run / "queries.parquet")
            (run / "config.yaml").write_text(yaml.safe_dump({"study": name, "languages": design.levels}), "utf-8")
        found = compare_runs(Path(folder) / "a", Path(folder) / "b")
    for row in found.rows:
        called = None if row.p is None else row.p < 0.05
        scope = row.scope if row.scope in ("language", "gap") else "side"
        yield Check(f"two runs: a {scope}" if scope != "gap" else "two runs: gap", row.interval, 0.0, called, null=True)
    claimed = [row for row in found.rows if row.verdict != "cannot tell"]
    yield Check("two runs: any verdict", None, called=bool(claimed), null=True)


def analysed(study: Study, design: Design) -> GapAnalysis:
    """The gaps of a simulated study."""
    rows = GapBuilder()
    rows.add(study.family, [design.split])
    return GapAnalysis(
        study="s", seed=0, resamples=0, permutations=0, headline=study.family.key.measure, splits=(design.split,),
        gaps=tuple(rows.gaps), directions=tuple(rows.directions),
    )  # fmt: skip


def outline(study: Study) -> list[Measurement]:
    """A result of each system, which says that it was measured."""
    key = study.family.key
    same = {"study": "s", "kind": "retrieval", "base": "b", "dataset": "d", "setting": key.setting, "value": 0.0}
    return [
        Measurement(**same, measure=key.measure, recipe=cell.system.recipe, alignment="none", retriever="dense")
        for cell in study.family.cells
    ]


WHY = (*(Why(n, 6, slopes) for n in (5, 8, 14) for slopes in (0.0, 0.5)), Why(8, 10, 0.5), Why(4, 6), Why(8, 3))
WHY = (*WHY, Why(18, 6, 0.5, related=True), Why(18, 10, related=True))


def of_why(rng: np.random.Generator, design: Why) -> Iterator[Check]:
    """Correlations and the regression, where a predictor and retrieval have nothing to do with each other."""
    profile = draw_profile(rng, design)
    rows = correlations(profile, rng, resamples=400, permutations=400)
    for scope in ("across", "within"):
        told = [row for row in rows if row.scope == scope]
        called = any(row.verdict != "cannot tell" for row in told)
        tested = any(row.p is not None for row in told)
        yield Check(f"correlation {scope}", told[0].interval, 0.0, called if tested else None, null=True)
    (model,) = regressions([profile])
    told = any(effect.verdict in ("more", "less") for effect in model.effects)
    ends = model.effects[0].interval if model.effects else None
    yield Check("regression", ends, 0.0, told if model.fitted else None, null=True)


PARTS: dict[str, tuple[Callable[..., Iterable[Check]], Sequence[Any], float]] = {
    "gaps": (of_gaps, GAPS, 1.0),
    "hypotheses": (of_hypotheses, CLAIMS, 0.5),
    "answer": (of_answers, CLAIMS, 0.5),
    "factor": (of_factor, CLAIMS, 0.5),
    "why": (of_why, WHY, 1.0),
    "runs": (of_runs, FILES, 0.06),
}  # with the share of the studies that is simulated


def main() -> int:
    """Simulates and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the studies")
    parser.add_argument("--studies", type=int, default=1000, help="studies of each design; fewer of what takes long")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced")
    asked = parser.parse_args()
    told = []
    for name, (check, designs, share) in PARTS.items():
        if asked.only is not None and name not in asked.only:
            continue
        for design in designs:
            heavy = isinstance(design, Design) and design.values > HEAVY
            of_design = asked.studies * (0.3 if heavy and share == 1 else 1)
            studies = round(of_design * share * (0.1 if asked.quick else 1))
            told.append(simulate(design, max(studies, 20), check) | {"part": name})
            shown = {key: value for key, value in told[-1].items() if key != "rows"}
            print(json.dumps(shown, ensure_ascii=False), flush=True)
        if asked.write is not None:
            of_part = [row for found in told if found["part"] == name for row in found["rows"]]
            head, rest = asked.write.read_text("utf-8").split(BEGIN.format(name))
            page = (
                f"{head}{BEGIN.format(name)}\n\n{table(of_part)}\n{END.format(name)}{rest.split(END.format(name))[1]}"
            )
            asked.write.write_text(page, "utf-8")
    rows = [row for found in told for row in found["rows"]]
    worst = max((row.size for row in rows if row.size is not None), default=None)
    last = {"benchmark": "coverage", "ratio": None, "ours": worst, "theirs": 0.05, "equal": None}
    last |= {"unit": "largest share of false positives at .05, where a claim is made", "against": "the nominal level"}
    print(json.dumps(last | {"rows": [{k: v for k, v in found.items() if k != "rows"} for found in told]}))
    broken = [f"{row.statistic} ({row.design})" for row in rows if row.broken()]
    if broken:
        print(f"Bars missed: {'; '.join(broken)}.", file=sys.stderr)
    return 1 if broken else 0


def table(rows: Sequence[Row]) -> str:
    """The certificate as Markdown: a table a statistic, a line a design."""
    text, by_statistic = [], dict[str, list[Row]]()
    for row in rows:
        by_statistic.setdefault(row.statistic, []).append(row)
    for statistic, members in by_statistic.items():
        text += [f"**{statistic[0].upper()}{statistic[1:]}**", ""]
        text += ["| study | studies | intervals that cover, % | false positives, % |", "|---|---:|---:|---:|"]
        for row in members:
            wide = row.coverage is not None and row.coverage > MOST_COVERED
            covers, errs = (_percent(row.coverage) + " wide" * wide, _percent(row.size))
            if row.coverage is None and row.size is None:
                covers = errs = "no claim"
            if row.coverage is not None and row.coverage < LEAST_COVERED:
                covers = f"**{covers}**"
            if row.size is not None and row.size > MOST_ERRORS:
                errs = f"**{errs}**"
            text.append(f"| {row.design} | {row.studies:,} | {covers} | {errs} |")
        text.append("")
    return "\n".join(text)


def _interval(name: str, ends: Interval | None, true: float, p: float | None) -> Check:
    return Check(name, ends, true, None if p is None else p < 0.05, null=true == 0)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _share(hits: Sequence[bool]) -> float | None:
    return round(float(np.mean(hits)), 4) if hits else None


if __name__ == "__main__":
    sys.exit(main())
