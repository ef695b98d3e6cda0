from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from xlreach.errors import StoreError
from xlreach.store import Store, Workspace, digest, exchange, replacing


def test_a_digest_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})


def test_a_result_is_made_once_and_recorded(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def make(space: Workspace) -> None:
        calls.append(1)
        (space.out / "value.txt").write_text("42")
        space.cost["tokens"] = 7

    for _ in range(2):
        folder = store.obtain("adapt", "k1", {"step": "va(99)"}, make)
    assert calls == [1]
    assert (folder / "value.txt").read_text() == "42"
    record = store.record("adapt", "k1")
    assert record["inputs"] == {"step": "va(99)"} and record["tokens"] == 7 and record["peak_memory_mb"] > 0
    assert not list((tmp_path / ".work").iterdir())


def test_a_failure_leaves_nothing_behind_but_the_checkpoint(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(space: Workspace) -> None:
        (space.out / "half.txt").write_text("half")
        (space.checkpoint / "epoch").write_text("3")
        raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        store.obtain("adapt", "k1", {}, fail)
    assert not store.has("adapt", "k1")

    def finish(space: Workspace) -> None:
        assert not list(space.out.iterdir())
        assert (space.checkpoint / "epoch").read_text() == "3"

    store.obtain("adapt", "k1", {}, finish)
    assert store.has("adapt", "k1")


def test_two_threads_make_it_once(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def make(space: Workspace) -> None:
        calls.append(1)
        time.sleep(0.2)

    threads = [threading.Thread(target=store.obtain, args=("s", "k", {}, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_a_killed_process_costs_the_stage_under_way_only(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from xlreach.store import Store
        store = Store(Path(sys.argv[1]))
        store.obtain("a", "done", {}, lambda space: (space.out / "x").write_text("x"))
        def slow(space):
            (space.out / "half").write_text("half")
            print("under way", flush=True)
            time.sleep(60)
        store.obtain("a", "slow", {}, slow)
    """)
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "under way"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store = Store(tmp_path)
    assert store.has("a", "done") and not store.has("a", "slow")
    store.obtain("a", "slow", {}, lambda space: (space.out / "whole").write_text("whole"))
    assert sorted(p.name for p in store.path("a", "slow").iterdir()) == ["artifact.json", "whole"]


def test_an_unwritable_store_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(blocked / "store").obtain("a", "k", {}, lambda space: None)


def test_replacing_is_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "results.jsonl"
    target.write_text("old")
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 1
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_replacing_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "charts"
    target.mkdir()
    (target / "old.svg").write_text("old")
    with replacing(target) as temporary:
        temporary.mkdir()
        (temporary / "new.svg").write_text("new")
    assert [p.name for p in target.iterdir()] == ["new.svg"]


def test_the_record_is_json(tmp_path: Path) -> None:
    Store(tmp_path).obtain("a", "k", {"name": "ئۇيغۇر"}, lambda space: None)
    assert "ئۇيغۇر" in (tmp_path / "a" / "k" / "artifact.json").read_text("utf-8")
    json.loads((tmp_path / "a" / "k" / "artifact.json").read_text("utf-8"))


@pytest.mark.parametrize("in_one_step", [True, False])
def test_folders_change_places(tmp_path, monkeypatch, in_one_step):
    if not in_one_step:
        monkeypatch.setattr("xlreach.store.ctypes.CDLL", lambda *_, **__: object())
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("", "utf-8")
    exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").is_file() and (tmp_path / "other" / "one").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]
