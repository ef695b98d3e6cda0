"""What a dry run says of time, memory and disk: what stages like those that are pending took before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from xlreach.study.config import load_config
from xlreach.study.estimate import Estimate, duration, estimate
from xlreach.study.paths import StudyPaths
from xlreach.study.run import prepare


@pytest.fixture
def estimated(tiny):
    """Estimates the tiny study with overrides, from what the store of `root` recorded."""

    def run(*overrides: str, root: Path = tiny.root) -> Estimate:
        paths = StudyPaths(root)
        plan = prepare(load_config(tiny.config, [f"data={tiny.data}", *overrides]), paths)
        return estimate(plan.pending(paths.store), paths.store)

    return run


def test_nothing_is_known_where_nothing_is_recorded(estimated, tmp_path):
    found = estimated(root=tmp_path)
    assert found.unknown == {"text": 2, "adapt": 4, "diagnose": 4, "tag": 8, "align": 2, "index": 8, "score": 4}
    assert not found.stages and not found.groups and found.total.seconds == 0


def test_a_stage_takes_what_stages_of_its_group_took(estimated, tiny):
    found = estimated("seeds=[2]")
    records = [json.loads(path.read_text("utf-8")) for path in (tiny.root / "artifacts/tag").glob("*/artifact.json")]
    seconds = [record["seconds"] for record in records if record["inputs"]["task"][0] == "pos(limit=12)"]
    assert len(seconds) == 4 and not found.unknown
    tag = found.groups["tag pos"]
    assert tag.seconds == pytest.approx(sum(seconds)) and tag.disk_mb > 0
    assert found.total.seconds == pytest.approx(sum(effort.seconds for effort in found.groups.values()))
    assert found.total.memory_mb == max(effort.memory_mb for effort in found.groups.values()) > 0
    assert "adapt scratch" not in found.groups, "the base is made already"


def test_another_step_is_told_from_its_kind_and_another_kind_is_unknown(estimated, tiny, tmp_path):
    found = estimated("recipes=[none, 'lapt(epochs=1)', 'replace(vocab=200)']", "hypotheses=[]")
    assert {"adapt lapt", "adapt replace"} <= set(found.groups) and not found.unknown
    shutil.copytree(tiny.root / "artifacts" / "text", tmp_path / "artifacts" / "text")
    assert "tag" in estimated(root=tmp_path).unknown and "text" not in estimated(root=tmp_path).unknown


def test_a_damaged_record_is_left_out(estimated, tiny, tmp_path):
    store = Path(shutil.copytree(tiny.root / "artifacts" / "text", tmp_path / "artifacts" / "text"))
    for path in store.glob("*/artifact.json"):
        path.write_text("{", "utf-8")
    assert estimated("text_lines=50", root=tmp_path).unknown["text"] == 2


def test_durations():
    assert [duration(seconds) for seconds in (5, 300, 9000, 500_000)] == ["5 s", "5 min", "2.5 h", "6 days"]
