"""The official scores, and the same scores as sums over sentences.

UAS and LAS are the F1 of the CoNLL 2018 shared task's evaluation as maintained in udtools (relation subtypes do not
count). Span F1 is seqeval's in mode `strict`, scheme IOB2 (on invalid sequences its default mode differs by 1 to 2
points). One `Tally` per sentence lets the comparison resample sentences: over any set of sentences the measure is the
sum of `correct` divided by the sum of `total`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from xlreach.corpora.formats.conllu import Sentence, write_conllu
from xlreach.errors import DataError, MissingExtraError
from xlreach.tagging.labels import Annotation

Parts = dict[tuple[str, str], tuple[float, int]]
"""Values (0 to 1) by measure and part, such as `("LAS", "nsubj")`, each with its number of gold items."""

_STEP, _LONG = 10, 4  # sentences by length: steps of ten words; longer than four steps is one group


class Tally(NamedTuple):
    """Correct and total; for F1, twice the true positives over gold and predicted spans together."""

    correct: int
    total: int


def ratio(tallies: Iterable[Tally]) -> float:
    """The measure over several sentences; 0 if their total is 0."""
    correct = total = 0
    for tally in tallies:
        correct, total = correct + tally.correct, total + tally.total
    return correct / total if total else 0.0


def accuracy_tally(gold: Annotation, predicted: Annotation) -> Tally:
    """Words with the right label."""
    right = sum(a == b for a, b in zip(gold.labels, predicted.labels, strict=True))
    return Tally(right, len(gold.labels))


def attachment_tally(gold: Annotation, predicted: Annotation) -> dict[str, Tally]:
    """Words with the right head (UAS), and with the right head and universal relation (LAS)."""
    right = [a == b for a, b in zip(gold.heads, predicted.heads, strict=True)]
    relation = [_universal(a) == _universal(b) for a, b in zip(gold.labels, predicted.labels, strict=True)]
    both = sum(a and b for a, b in zip(right, relation, strict=True))
    return {"UAS": Tally(sum(right), len(right)), "LAS": Tally(both, len(right))}


def span_tally(gold: Annotation, predicted: Annotation) -> Tally:
    """Spans with the right boundaries and type."""
    a, b = spans(gold.labels), spans(predicted.labels)
    return Tally(2 * len(a & b), len(a) + len(b))


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The entities of a valid IOB2 sequence as (type, first token, last token + 1).

    >>> sorted(spans(["B-PER", "I-PER", "O", "B-LOC"]))
    [('LOC', 3, 4), ('PER', 0, 2)]
    """
    entities: set[tuple[str, int, int]] = set()
    start = 0
    for at, tag in enumerate([*tags, "O"]):
        if at and tags[at - 1] != "O" and not tag.startswith("I-"):
            entities.add((tags[at - 1][2:], start, at))
        if tag.startswith("B-"):
            start = at
    return entities


def conll18(gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> dict[str, tuple[float, int]]:
    """UAS and LAS (F1, 0 to 1) with the number of gold words, by udtools' evaluation of the same sentences.

    Raises:
        DataError: The official evaluation refuses the trees.
    """
    from udtools.udeval import UDError, evaluate, load_conllu

    loaded = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trees.conllu")
        try:
            for sentences in (gold, predicted):
                write_conllu(path, sentences)
                with path.open(encoding="utf-8") as stream:
                    loaded.append(load_conllu(stream, str(path), {}))
            scores = evaluate(*loaded)
        except (UDError, ValueError) as error:
            raise DataError(f"The CoNLL 2018 evaluation refuses the trees: {error}.") from error
    return {name: (float(scores[name].f1), int(scores[name].gold_total)) for name in ("UAS", "LAS")}


def span_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, tuple[float, int]]:
    """Micro-averaged strict span F1 (0 to 1) with the number of gold entities, by seqeval."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    entities = sum(len(spans(tags)) for tags in gold)
    with warnings.catch_warnings():
        # seqeval warns if a split has no entity, gold or predicted; F1 is 0 then.
        warnings.simplefilter("ignore")
        value = f1_score([list(t) for t in gold], [list(t) for t in predicted], mode="strict", scheme=IOB2)
    return {"F1": (float(value), entities)}


def by_relation(gold: Sequence[Annotation], predicted: Sequence[Annotation]) -> Parts:
    """LAS (F1, 0 to 1) of each universal relation, with its number of gold words.

    Counted like filtered scores in the official evaluation: twice the words of the relation whose head and relation
    are right, divided by the words that have it in the gold trees and in the predicted trees together. Every relation
    of the gold trees is included.
    """
    in_gold, in_predicted, correct = Counter[str](), Counter[str](), Counter[str]()
    for a, b in zip(gold, predicted, strict=True):
        relations, heads = map(_universal, a.labels), zip(a.heads, b.heads, strict=True)
        for relation, other, (head, guess) in zip(relations, map(_universal, b.labels), heads, strict=True):
            in_gold[relation] += 1
            in_predicted[other] += 1
            correct[relation] += relation == other and head == guess
    return {
        ("LAS", name): (2 * correct[name] / (count + in_predicted[name]), count)
        for name, count in sorted(in_gold.items())
    }


def by_length(gold: Sequence[Annotation], predicted: Sequence[Annotation]) -> Parts:
    """UAS and LAS of sentences of 1 to 10 words, 11 to 20 and so on (`11-20 words`), with the number of gold words."""
    groups: dict[tuple[str, int], list[Tally]] = {}
    for a, b in zip(gold, predicted, strict=True):
        step = min((len(a.labels) - 1) // _STEP, _LONG)
        for measure, tally in attachment_tally(a, b).items():
            groups.setdefault((measure, step), []).append(tally)
    return {
        (measure, f"{_words(step)} words"): (ratio(tallies), sum(tally.total for tally in tallies))
        for (measure, step), tallies in sorted(groups.items())
    }


def partial_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Parts:
    """The more lenient F1 of SemEval 2013, task 9 (Segura-Bedmar et al. 2013), by nervaluate, with the gold entities.

    `exact`: the boundaries are right, with any type; `partial`: as `exact`, and an overlap counts half; `type`: the
    type is right and the spans overlap.

    Raises:
        MissingExtraError: nervaluate is not installed.
    """
    try:
        from nervaluate import Evaluator
    except ImportError as error:
        raise MissingExtraError("nervaluate", "partial", "ner(partial=true)") from error
    types = sorted({kind for tags in (*gold, *predicted) for kind, _, _ in spans(tags)})
    entities = sum(len(spans(tags)) for tags in gold)
    results = Evaluator([list(t) for t in gold], [list(t) for t in predicted], tags=types, loader="list").evaluate()
    schemes = {"exact": "exact", "partial": "partial", "type": "ent_type"}
    return {("F1", name): (float(results["overall"][key].f1), entities) for name, key in schemes.items()}


def _words(step: int) -> str:
    return f"{_LONG * _STEP + 1} or more" if step == _LONG else f"{step * _STEP + 1}-{(step + 1) * _STEP}"


def _universal(relation: str) -> str:
    return relation.split(":")[0]
