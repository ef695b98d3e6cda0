"""A study with learning curves and zero-shot transfer, run: what its results and its report then have."""

from __future__ import annotations

import shutil
from pathlib import Path

from xlreach.measurement import read_measurements
from xlreach.study.config import load_config
from xlreach.study.run import Place, run_study


def test_curves_and_transfer_stand_in_results_and_report(tiny, tmp_path: Path):
    root = Path(shutil.copytree(tiny.root, tmp_path / "copy"))  # its encoders need not be made again
    config = load_config(
        tiny.config,
        ["tagging=['pos(limit=6)', 'pos(limit=12)']", "transfer=[qha]", "retrieval=[]", "alignments=[none]",
         "pairs=[]", "hypotheses=[]"],
    )  # fmt: skip
    run_study(config, Place(root), lambda line: None)
    rows = [row for row in read_measurements(root / "runs/tiny/results.jsonl") if row.kind == "tagging"]
    assert {(row.language, row.dataset, row.measure, row.setting) for row in rows if row.recipe != "none"} == {
        ("qha", "ud:qha_art", "accuracy@6", None),
        ("qha", "ud:qha_art", "accuracy@12", None),
        ("qla", "ud:qla_art", "accuracy@6", None),
        ("qla", "ud:qla_art", "accuracy@12", None),
        ("qla", "ud:qha_art>ud:qla_art", "accuracy", "transfer"),
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
