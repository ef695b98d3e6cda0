"""Static vectors under BiLSTMs: the way through, padding, and what is trained."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tagging_toys import InMemory, toy_trees

from xlreach.adapt.static_vectors import StaticVectors
from xlreach.tagging.presets import preset_for
from xlreach.tagging.recurrent import PADDING, RecurrentWordEncoder, Vocabulary
from xlreach.tagging.representations import collate
from xlreach.tagging.tagging_run import run_tagging
from xlreach.tagging.tasks import TASKS

SHORT = dataclasses.replace(preset_for("fast", "pos", "mt", static=True), epochs=4, batch_sentences=8)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory, trees: InMemory) -> Path:
    """Random vectors of the toy words, n-grams for all others."""
    folder = tmp_path_factory.mktemp("static")
    words = sorted({form for split in trees.splits for one in trees.read(split) for form in one.forms})[::2]
    draw = np.random.default_rng(1)
    tables = draw.normal(size=(len(words), 12)), draw.normal(size=(500, 12))
    known = {word: row for row, word in enumerate(words)}
    StaticVectors(12, known, *(table.astype(np.float32) for table in tables), (3, 6)).save(folder)
    (folder / "xlreach.json").write_text('{"format": 1}', "utf-8")
    return folder


@pytest.mark.parametrize(("task", "measure", "least"), [("pos", "accuracy", 0.9), ("parse", "LAS", 0.7)])
def test_learns_from_static_vectors(
    vectors: Path,
    trees: InMemory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    measure: str,
    least: float,
):
    small = dataclasses.replace(TASKS.parse(task).recurrent, hidden=24)
    monkeypatch.setattr(type(TASKS.parse(task)), "recurrent", small)
    rows = run_tagging(task, vectors, trees, preset=SHORT, seed=1, out=tmp_path)
    assert {row.measure: row.value for row in rows}[measure] > least
    about = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert about["precision"] == "float32"


@pytest.mark.parametrize("name", ["pos", "parse"])
def test_words_do_not_depend_on_their_batch(name: str):
    sentences = [one.forms for one in toy_trees(6, 1)]
    vocabulary = Vocabulary.of([sentences])
    draw = np.random.default_rng(1).normal(size=(len(vocabulary.numbers), 5)).astype(np.float32)
    torch.manual_seed(1)
    words = RecurrentWordEncoder(draw, dataclasses.replace(TASKS.parse(name).recurrent, hidden=7)).eval()
    assert bool(words.gates) == (name == "parse")
    pieces = vocabulary(sentences)
    together = words(collate(pieces, PADDING, torch.device("cpu")))
    assert together.shape == (6, max(map(len, sentences)), 14) and words.size == 14
    for number, one in enumerate(pieces):
        alone = words(collate([one], PADDING, torch.device("cpu")))
        torch.testing.assert_close(together[number, : one.words], alone[0], rtol=1e-5, atol=1e-6)


def test_the_paper_preset_for_static_vectors():
    paper = preset_for("paper", "pos", "mt", static=True)
    assert (paper.head_lr, paper.schedule, paper.batch_sentences, paper.patience) == (1e-3, "constant", 128, 20)
    assert [preset_for("paper", task, code).batch_sentences for task, code in
            (("pos", "ga"), ("parse", "mt"), ("ner", "mt"), ("ner", "wo"))] == [8, 64, 128, 32]  # fmt: skip
    assert preset_for("fast", "pos", "ga") == preset_for("fast", "pos", "mt")


def test_rows_of_training_words_are_trained_and_no_others():
    sentences = [one.forms for one in toy_trees(4, 1)]
    vocabulary = Vocabulary.of([sentences, [("nowhere", "else")]])
    draw = np.random.default_rng(1).normal(size=(len(vocabulary.numbers), 5)).astype(np.float32)
    words = RecurrentWordEncoder(draw, dataclasses.replace(TASKS.parse("pos").recurrent, hidden=7, dropout=0.0))
    weights = torch.optim.AdamW(words.parameters(), lr=0.01, weight_decay=SHORT.weight_decay)
    before = words.table.weight.detach().clone()
    words(collate(vocabulary(sentences), PADDING, torch.device("cpu"))).square().sum().backward()
    weights.step()
    moved = (words.table.weight.detach() != before).any(1)
    seen = {vocabulary.numbers[word] for sentence in sentences for word in sentence}
    assert set(moved.nonzero().flatten().tolist()) == seen
