"""A study with learning curves and zero-shot transfer, run: what its results and its report then have."""

from __future__ import annotations

import shutil
from pathlib import Path

from xlreach.measurement import read_measurements
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study


def test_curves_and_transfer_stand_in_results_and_report(tiny, tmp_path: Path):
    root = Path(shutil.copytree(tiny.root, tmp_path / "copy"))  # its encoders need not be made again
    config = load_config(
        tiny.config,
        ["tagging=['pos(limit=6)', 'pos(limit=12)']", "transfer=[qha]", "retrieval=[]", "alignments=[none]",
         "pairs=[]", "hypotheses=[]"],
    )  # fmt: skip
    run_study(config, StudyPaths(root), lambda line: None)
    results = read_measurements(root / "runs/tiny/results.jsonl")
    rows = [row for row in results if row.kind == "tagging"]
    adapted = [row for row in rows if row.recipe != "none"]
    assert {row.measure for row in rows} == {"accuracy"} and {row.task for row in rows} == {"pos"}
    assert {(row.dataset, row.trained_on, row.sentences, row.setting) for row in adapted} == {
        *((f"ud:{code}_art", None, sentences, None) for code in ("qha", "qla") for sentences in (6, 12)),
        ("ud:qla_art", "ud:qha_art", None, "transfer"),
    }
    costs = [row for row in results if row.kind == "cost" and row.stage == "tag" and row.measure == "examples"]
    assert {(row.dataset, row.trained_on, row.sentences, row.value) for row in costs if row.recipe != "none"} == {
        *((f"ud:{code}_art", None, sentences, sentences) for code in ("qha", "qla") for sentences in (6, 12)),
        ("ud:qla_art", "ud:qha_art", None, 12),
    }
    assert {row.recipe for row in rows if row.setting == "transfer"} == {"none", "va(20)+lapt(epochs=1)"}
    page = (root / "runs/tiny/report.html").read_text("utf-8")
    for shown in ("Learning curves", "accuracy by number of training sentences, small", "Zero-shot transfer"):
        assert shown in page
    assert {"curve-accuracy-small.svg", "curve-accuracy-small.png"} <= {
        path.name for path in (root / "runs/tiny/charts").iterdir()
    }
    table = (root / "runs/tiny/tables/transfer-accuracy-small.csv").read_text("utf-8")
    assert "qla" in table and "va(20)+lapt(epochs=1)" in table
