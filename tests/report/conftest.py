from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import yaml

from xlreach.comparison import compare, write_gaps
from xlreach.measurement import write_measurements
from xlreach.report.render import render_report

_path = Path(__file__).parents[1] / "comparison" / "synthetic.py"
_spec = importlib.util.spec_from_file_location("synthetic_study", _path)
synthetic = importlib.util.module_from_spec(_spec)
sys.modules["synthetic_study"] = synthetic
_spec.loader.exec_module(synthetic)


def write_run(folder: Path, results, queries, levels, sentences=None, **config) -> Path:
    folder.mkdir(exist_ok=True)
    write_measurements(folder / "results.jsonl", results)
    few = {"resamples": 200, "permutations": 200}
    write_gaps(folder / "gaps.json", compare(results, queries, levels, sentences=sentences, **few))
    settings = {"study": "made-up", "languages": levels, **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
    return folder


@pytest.fixture(scope="session")
def make_study():
    return synthetic.make_study


@pytest.fixture(scope="session")
def write():
    return write_run


@pytest.fixture(scope="session")
def made():
    return synthetic.make_study(bases=("FacebookAI/xlm-roberta-base",), queries=12)


@pytest.fixture(scope="session")
def run(made, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "made-up"
    data = [{"name": "ntrex", "license": "CC BY-SA 4.0", "citation": "Federmann et al. 2022"}]
    write_run(folder, made.results, made.queries, made.levels, made.sentences, provenance={"data": data})
    render_report(folder)
    return folder


@pytest.fixture(scope="session")
def page(run) -> str:
    return (run / "report.html").read_text("utf-8")
