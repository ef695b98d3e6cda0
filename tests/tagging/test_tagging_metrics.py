"""Our figures against the official programs."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
from pathlib import Path

import pytest
from seqeval.metrics import f1_score, precision_score
from seqeval.scheme import IOB2
from tagging_toys import toy_entities, toy_trees

from xlreach.corpora.formats.conllu import Sentence, read_conllu, write_conllu
from xlreach.corpora.formats.iob2 import TaggedSentence
from xlreach.errors import DataError
from xlreach.tagging import metrics
from xlreach.tagging.labels import Annotation
from xlreach.tagging.metrics import attachment_tally, conll18, ratio, span_f1, span_tally, spans
from xlreach.tagging.tasks import TASKS


def disturbed(sentences: list[Sentence], seed: int) -> list[Sentence]:
    """Wrong heads that are trees still, wrong relations, wrong subtypes, wrong tags."""
    rng = random.Random(seed)
    changed = []
    for sentence in sentences:
        n = len(sentence.words)
        root = rng.randint(1, n)
        heads = [0 if i == root else root for i in range(1, n + 1)]
        relations = [rng.choice(["nsubj", "nsubj:y", "obj", "root", "punct"]) for _ in range(n)]
        tags = [rng.choice(["N", "V", "P"]) for _ in range(n)]
        keep = rng.random() < 0.5
        columns = {"deprel": relations, "xpos": tags} if keep else {"head": heads, "deprel": relations, "xpos": tags}
        changed.append(sentence.with_columns(**columns))
    return changed


def official_table(gold: Path, predicted: Path) -> dict[str, list[str]]:
    """The table of udtools' command line, `udeval -v`."""
    program = "import sys; from udtools.cli import main_eval; sys.exit(main_eval())"
    command = [sys.executable, "-c", program, "-v", str(gold), str(predicted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_conll18_equals_the_official_command_line(tmp_path: Path):
    gold = toy_trees(40, 5)
    predicted = disturbed(gold, 6)
    paths = tmp_path / "gold.conllu", tmp_path / "predicted.conllu"
    for path, sentences in zip(paths, (gold, predicted), strict=True):
        write_conllu(path, sentences)
    table = official_table(*paths)
    scores = conll18(gold, predicted)
    pos = TASKS.parse("pos(column=xpos)")
    accuracy, words = pos.evaluate(gold, predicted)["accuracy"]
    assert 0.2 < scores["LAS"][0] < scores["UAS"][0] < 0.9
    for name, value in (("UAS", scores["UAS"][0]), ("LAS", scores["LAS"][0]), ("XPOS", accuracy)):
        assert f"{100 * value:.2f}" == table[name][2]
    assert words == scores["UAS"][1] == sum(len(one.words) for one in gold)
    parse = TASKS.parse("parse")
    tallies = [attachment_tally(parse.annotation(a), parse.annotation(b)) for a, b in zip(gold, predicted, strict=True)]
    for name in ("UAS", "LAS"):
        assert ratio(one[name] for one in tallies) == pytest.approx(scores[name][0], abs=1e-12)


def test_two_roots_are_refused_with_the_file():
    gold = toy_trees(1, 5)
    two = [gold[0].with_columns(head=[0] * len(gold[0].words))]
    with pytest.raises(DataError, match="multiple roots"):
        conll18(gold, two)


def test_predictions_keep_all_other_lines(tmp_path: Path):
    gold = toy_trees(12, 5)
    write_conllu(tmp_path / "predicted.conllu", disturbed(gold, 2))
    again = list(read_conllu(tmp_path / "predicted.conllu"))
    assert [one.extra for one in again] == [one.extra for one in gold]
    assert any(one.extra for one in again)
    assert [one.comments for one in again] == [one.comments for one in gold]
    assert [[w.upos for w in one.words] for one in again] == [[w.upos for w in one.words] for one in gold]


def test_span_f1_equals_seqeval_and_the_sum_over_sentences():
    rng = random.Random(3)
    gold, predicted = [], []
    for sentence in toy_entities(60, 4):
        tags, before = [], "O"
        for _ in sentence.tokens:
            options = ["O", "B-PER", "B-LOC", *([f"I-{before[2:]}"] * 2 if before != "O" else [])]
            before = rng.choice(options)
            tags.append(before)
        # Half of the sentences are right, so that the figure is no trivial one.
        gold.append(sentence.tags)
        predicted.append(sentence.tags if rng.random() < 0.5 else tuple(tags))
    lists = [list(one) for one in gold], [list(one) for one in predicted]
    value, entities = span_f1(gold, predicted)["F1"]
    assert value == f1_score(*lists, mode="strict", scheme=IOB2)
    assert value != precision_score(*lists, mode="strict", scheme=IOB2)
    tallies = [span_tally(Annotation(a), Annotation(b)) for a, b in zip(gold, predicted, strict=True)]
    assert ratio(tallies) == pytest.approx(value, abs=1e-12)
    assert entities == sum(len(spans(one)) for one in gold)


def test_no_entities_at_all_is_zero():
    assert span_f1([("O", "O")], [("O", "O")]) == {"F1": (0.0, 0)}
    assert ratio([span_tally(Annotation(("O",)), Annotation(("O",)))]) == 0.0


def test_trees_without_heads_are_refused():
    sentence = toy_trees(1, 1)[0]
    bare = dataclasses.replace(sentence, words=tuple(dataclasses.replace(w, head=None) for w in sentence.words))
    with pytest.raises(DataError, match="no heads"):
        TASKS.parse("parse").annotation(bare)


def scored(text: str, gold: list, predicted: list) -> dict[tuple[str, str | None], tuple[float, int]]:
    task = TASKS.parse(text)
    whole = {(measure, None): score for measure, score in task.evaluate(gold, predicted).items()}
    return {**whole, **task.parts(gold, predicted)}


def test_parts_by_length_are_the_evaluation_of_those_sentences():
    gold = toy_trees(60, 5)
    doubled = [one.with_columns(deprel=[w.deprel for w in one.words]) for one in gold]
    predicted = disturbed(doubled, 6)
    found = scored("parse(lengths=true)", gold, predicted)
    assert set(found) == {(measure, part) for measure in ("UAS", "LAS") for part in (None, "1-10 words")}
    assert found["LAS", "1-10 words"] == pytest.approx(found["LAS", None])
    annotation = TASKS.parse("parse").annotation
    long = [Annotation(("root", *["dep"] * 24), (0, *range(1, 25))), Annotation(("root",) * 1, (0,))]
    wrong = [Annotation(("root", *["dep"] * 24), (0, *[1] * 24)), long[1]]
    by_length = metrics.by_length([*long, *map(annotation, gold)], [*wrong, *map(annotation, predicted)])
    assert by_length["LAS", "21-30 words"] == (pytest.approx(2 / 25), 25)
    assert metrics.by_length([Annotation(("x",) * 41, (0,) * 41)], [Annotation(("x",) * 41, (0,) * 41)]).keys() == {
        ("LAS", "41 or more words"), ("UAS", "41 or more words"),
    }  # fmt: skip


def test_parts_by_relation_equal_counting():
    gold, predicted = toy_trees(40, 5), disturbed(toy_trees(40, 5), 6)
    found = scored("parse(relations=true)", gold, predicted)
    words = [(a, b) for x, y in zip(gold, predicted, strict=True) for a, b in zip(x.words, y.words, strict=True)]
    for relation in ("nsubj", "root", "punct"):
        given = [(a, b) for a, b in words if a.deprel.split(":")[0] == relation]
        called = [b for _, b in words if b.deprel.split(":")[0] == relation]
        right = sum(a.head == b.head and b.deprel.split(":")[0] == relation for a, b in given)
        assert found["LAS", relation] == (pytest.approx(2 * right / (len(given) + len(called))), len(given))
    assert set(found) == {("UAS", None), *(("LAS", part) for part in (None, "nsubj", "root", "punct"))}
    # The words of all relations together are all words.
    assert sum(n for (_, part), (_, n) in found.items() if part) == found["LAS", None][1]


def test_partial_schemes_of_spans():
    gold = [TaggedSentence(tuple("abcdef"), ("B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG"))]
    tags = ("B-PER", "O", "O", "B-ORG", "O", "B-ORG")  # too short; of another type; right
    predicted = [dataclasses.replace(gold[0], tags=tags)]
    found = scored("ner(partial=true)", gold, predicted)
    values = {None: 1 / 3, "exact": 2 / 3, "partial": 2.5 / 3, "type": 2 / 3}
    assert {part: value for (_, part), (value, _) in found.items()} == pytest.approx(values)
    assert {n for _, n in found.values()} == {3}
    assert set(scored("ner", gold, predicted)) == {("F1", None)}
