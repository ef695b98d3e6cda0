"""Measures by their ir-measures strings (`nDCG@10`, `AP`, `R@100`), checked before anything is computed.

Most are computed here from the ranks of the relevant documents alone, which needs no ranking in memory; they equal
what ir-measures' default providers give on the written run. Any other measure that ir-measures can compute goes
through it.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import ir_measures
import numpy as np
from numpy.typing import NDArray

from xlreach.corpora.collection import Qrels
from xlreach.errors import SpecError, nearest

Floats = NDArray[np.float64]

POOLED = ("Judged@10", "Bpref")  # how much of a ranking is judged, and a measure that what is unjudged does not lower
_USUAL = ("nDCG@10", "AP", "AP@20", "R@1", "R@10", "R@100", "RR", "RR@10", "Success@1", "Success@10", "P@10", "Rprec")


_BEST: dict[str, float] = {
    **dict.fromkeys(("accuracy", "UPOS", "XPOS", "UAS", "LAS", "F1"), math.inf),
    **dict.fromkeys(("PEER", "PEER_others", "Lang-nDCG", "new_pieces_used"), math.inf),
    **dict.fromkeys(("rank_distance", "rank_distance_normalised", "seconds", "peak_memory_mb", "tokens"), -math.inf),
    **dict.fromkeys(("fertility", "unk_pieces", "unk_words", "continued_words"), -math.inf),
    **dict.fromkeys(("round_trip_loss", "round_trip_loss_no_space"), -math.inf),
    **dict.fromkeys(("pseudo_nll_per_word", "pseudo_perplexity_per_word", "valid_loss_per_word"), -math.inf),
    "language_bias": 0.0,
    "parity_with_en": 1.0,
}
_IR = dict.fromkeys(ir_measures.measures.registry.keys() - {"Judged"}, math.inf)
"""The best value of each measure of this package, infinite where more (or less) is better; of ir-measures, more is."""


@dataclass(frozen=True)
class MeasureInfo:
    """What readers of results need to know about a measure: `nDCG@10` has the name `nDCG` and the cutoff 10.

    `best` is the best value, infinite where more (or less) is always better, and None where no value is.
    """

    name: str
    cutoff: int | None
    best: float | None

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller value is the better one."""
        return self.best == -math.inf

    @classmethod
    def of(cls, measure: str) -> MeasureInfo:
        """Reads the text in the field `measure` of any measurement: tagging, retrieval, diagnostic or cost.

        >>> MeasureInfo.of("nDCG@10"), MeasureInfo.of("rank_distance").lower_is_better
        (MeasureInfo(name='nDCG', cutoff=10, best=inf), True)
        """
        name, _, cutoff = measure.partition("@")
        return cls(name, int(cutoff) if cutoff.isdecimal() else None, _BEST.get(name, _IR.get(name)))


@dataclass(frozen=True)
class RelevantRanks:
    """Where a ranking puts the relevant documents of some queries.

    Attributes:
        ranks: From 1, shape (queries, most relevant documents of a query); infinite for one that was not retrieved,
            and where a query has fewer.
        grades: Their relevance, same shape; 0 where a query has fewer.
    """

    ranks: Floats
    grades: NDArray[np.int64]


@cache
def parse_measure(text: str) -> ir_measures.Measure:
    """The measure that a string names; its `str` is the canonical form.

    Raises:
        SpecError: There is no such measure, a parameter is wrong, or nothing that is installed can compute it.
    """
    try:
        measure = ir_measures.parse_measure(text)
        measure.validate_params()
        cutoff = measure.params.get(measure.AT_PARAM, 1)
        if isinstance(cutoff, int) and cutoff < 1:
            raise ValueError(f"a cutoff of {cutoff}")
    except NameError:
        name = text.partition("@")[0].partition("(")[0].strip()
        names = set(ir_measures.measures.registry)
        close = nearest(name, names).partition("Known:")[0]
        raise SpecError(f"Unknown measure {text!r}.", fix=f"{close}Usual ones: {', '.join(_USUAL)}.") from None
    except (ValueError, AssertionError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(
            f"{text!r} is no measure ({error}).",
            expected=f"Expected an ir-measures string, such as {', '.join(_USUAL[:4])}.",
        ) from error
    # Tried in a process of its own: programs and libraries of others are behind some measures.
    toy = f"from xlreach.scoring.measures import delegated; delegated({text!r}, {_TOY!r}, {_TOY_RUN!r})"
    if not ranked(measure):
        tried = subprocess.run([sys.executable, "-c", toy], capture_output=True, text=True, check=False)
        if tried.returncode:
            reason = (tried.stderr.strip().splitlines() or [f"exit {tried.returncode}"])[-1]
            fix = "See the providers of ir-measures: https://ir-measur.es/en/latest/providers.html."
            raise SpecError(f"Nothing that is installed computes {measure} ({reason[:200]}).", fix=fix)
    return measure


_TOY: Qrels = {"en/q#1": {"en/d 1": 2, "en/d:2": -1, "en/d3": 1}, "q2": {"en/d3": 1}, "q3": {"en/d 1": -1}}
_TOY_RUN = {"en/q#1": {"en/d 1": 2.0, "new": 1.5, "en/d:2": 1.0}, "q3": {"en/d 1": 1.0}}


def delegated(measure: str, qrels: Qrels, run: Mapping[str, Mapping[str, float]]) -> Floats:
    """A measure that ir-measures computes, shape (queries,) in the order of `qrels`; on numbers in place of ids.

    A query counts as 0 if it retrieves nothing, or where the provider would divide by zero.
    """
    values, judged, scored = np.zeros(len(qrels)), dict[str, dict[str, int]](), dict[str, dict[str, float]]()
    for number, (query, grades) in enumerate(qrels.items()):
        if scores := run.get(query):
            names = {doc: str(at) for at, doc in enumerate(dict.fromkeys([*grades, *scores]), 1)}
            judged[str(number)] = {names[doc]: grade for doc, grade in grades.items()}
            scored[str(number)] = {names[doc]: score for doc, score in scores.items()}
    parsed, cases = ir_measures.parse_measure(measure), [list(judged)] if judged else []
    while cases:
        queries = cases.pop()
        parts = [{query: part[query] for query in queries} for part in (judged, scored)]
        try:
            for metric in ir_measures.iter_calc([parsed], *parts):
                values[int(metric.query_id)] = metric.value
        except ZeroDivisionError:
            cases += [[query] for query in queries] if len(queries) > 1 else []
    return values


def parse_measures(texts: Iterable[str]) -> list[ir_measures.Measure]:
    """The measures that strings name, each once, in the order given.

    Raises:
        SpecError: No string is given, or `parse_measure` refuses one.
    """
    measures = list(dict.fromkeys(parse_measure(text) for text in texts))
    if not measures:
        raise SpecError("No measure is given.", fix=f"Usual ones: {', '.join(_USUAL)}.")
    return measures


def ranked(measure: ir_measures.Measure) -> bool:
    """Whether a measure can be computed from the ranks of the relevant documents."""
    if measure.NAME not in FROM_RANKS:
        return False
    plain = not measure.params.get("judged_only", False)
    return plain and not (measure.NAME == "nDCG" and {"dcg", "gains"} & measure.params.keys())


def compute(measure: ir_measures.Measure, judged: RelevantRanks) -> Floats:
    """A measure for each query, shape (queries,).

    Args:
        measure: One that `ranked` accepts.
    """
    cutoff = measure.params.get("cutoff")
    level = measure.params.get("rel", 1)
    order = np.argsort(judged.ranks, axis=1, kind="stable")
    ranks = np.take_along_axis(judged.ranks, order, axis=1)
    grades = np.take_along_axis(judged.grades, order, axis=1)
    within = np.isfinite(ranks) if cutoff is None else ranks <= cutoff
    return FROM_RANKS[str(measure.NAME)](RankCase(ranks, grades, within, grades >= level, cutoff))


@dataclass(frozen=True)
class RankCase:
    """Relevant documents by rank.

    Attributes:
        within: Whether a rank is within the cutoff.
        relevant: Whether a grade reaches the measure's level of relevance.
    """

    ranks: Floats
    grades: NDArray[np.int64]
    within: NDArray[np.bool_]
    relevant: NDArray[np.bool_]
    cutoff: int | None

    @property
    def hits(self) -> NDArray[np.bool_]:
        return self.within & self.relevant

    @property
    def total(self) -> NDArray[np.int64]:
        return self.relevant.sum(1)


def _average_precision(case: RankCase) -> Floats:
    hits_so_far = np.cumsum(case.hits, axis=1)
    return _ratio(np.where(case.hits, hits_so_far / case.ranks, 0).sum(1), case.total)


def _precision(case: RankCase) -> Floats:
    assert case.cutoff is not None
    return case.hits.sum(1) / case.cutoff


def _ndcg(case: RankCase) -> Floats:
    gains = np.maximum(case.grades, 0)
    reached = np.where(case.within & (gains > 0), gains / np.log2(case.ranks + 1), 0).sum(1)
    best = -np.sort(-gains, axis=1)[:, : case.cutoff]
    return _ratio(reached, (best / np.log2(np.arange(best.shape[1]) + 2)).sum(1))


def _ratio(above: NDArray[np.generic], below: NDArray[np.generic]) -> Floats:
    """0 where a query has nothing relevant, as trec_eval has it."""
    return np.divide(above, below, out=np.zeros(len(below)), where=np.asarray(below) > 0)


FROM_RANKS: dict[str, Callable[[RankCase], Floats]] = {
    "AP": _average_precision,
    "RR": lambda case: np.where(case.hits, 1 / case.ranks, 0).max(1, initial=0),
    "P": _precision,
    "R": lambda case: _ratio(case.hits.sum(1), case.total),
    "Success": lambda case: np.asarray(case.hits.any(1), np.float64),
    "Rprec": lambda case: _ratio((case.relevant & (case.ranks <= case.total[:, None])).sum(1), case.total),
    "nDCG": _ndcg,
}
