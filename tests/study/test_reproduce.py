"""A finished study is run again from its own configuration and gives the same values; what differs is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xlreach.errors import DataError, StoreError
from xlreach.measurement import read_measurements
from xlreach.study.reproduce import compare_values, reproduce


def test_a_study_gives_the_same_values_in_another_process(tiny, tmp_path):
    """Whatever the hashes of strings and the state of global generators."""
    code = (
        "import random, numpy, torch; random.seed(7); numpy.random.seed(7); torch.manual_seed(7);"
        "from xlreach.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "reproduce", str(tiny.run), "--json"],
        env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    rows = [row for row in read_measurements(tiny.run / "results.jsonl") if row.kind != "cost"]
    assert found["rows"] == len(rows) > 100 and found["differences"] == []
    assert not Path(found["again"]).exists() and not list(tmp_path.iterdir())


@pytest.fixture
def changed(tiny, tmp_path) -> Path:
    """A copy of the tiny study's root of which the run says something else."""
    root = Path(shutil.copytree(tiny.root, tmp_path / "root"))
    path = root / "runs" / "tiny" / "results.jsonl"
    lines = path.read_text("utf-8").splitlines()
    row = json.loads(lines[0])
    lines[0] = json.dumps({**row, "value": row["value"] + 1e-9})
    path.write_text("\n".join(lines[:-1] + lines[-1:]) + "\n", "utf-8")
    shutil.move(root / "runs" / "tiny", tmp_path / "run")
    return tmp_path / "run"


def test_what_differs_is_named(changed, tmp_path):
    found = reproduce(changed, lambda _: None, root=tmp_path / "root")
    (difference,) = found.differences
    assert "now" in str(difference) and difference.before != difference.again
    assert not reproduce(changed, lambda _: None, root=tmp_path / "root", tolerance=1e-6).differences


def test_rows_of_one_side_only_are_differences(tiny):
    rows = read_measurements(tiny.run / "results.jsonl")
    assert not compare_values(rows, rows[::-1])
    costs = [replace(row, value=row.value + 1) if row.kind == "cost" else row for row in rows]
    assert not compare_values(rows, costs)
    first, *others = (row for row in rows if row.kind != "cost")
    assert [one.again for one in compare_values([first, *others], others)] == [None]
    assert [one.before for one in compare_values(others, [first, *others])] == [None]
    assert len(compare_values([first], [replace(first, n=1)])) == 1


def test_where_nothing_would_be_done_again_is_refused(tiny, tmp_path):
    with pytest.raises(StoreError, match="nothing would be done again"):
        reproduce(tiny.run, lambda _: None, root=tiny.root)
    with pytest.raises(DataError, match="No finished run"):
        reproduce(tmp_path, lambda _: None)
