"""Stages side by side: the same bytes as one after the other, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import loky
import psutil
import pytest
import torch

from xlreach.adapt.recipe import Recipe
from xlreach.compute.workers import layer_weights, threads_for
from xlreach.errors import DataError, XLReachError
from xlreach.stage import Stage
from xlreach.store import Store
from xlreach.study.config import load_config
from xlreach.study.local_runner import Local
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study


@pytest.fixture(autouse=True)
def pool_ends():
    yield
    loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)


def test_a_worker_dies_and_the_figures_are_those_of_one_process(tiny, tmp_path, figures, files):
    told: list[str] = []
    over, killed = threading.Event(), []

    def kill() -> None:
        """Kills a worker as soon as two stages are under way."""
        while not over.wait(0.01):
            if sum(1 for _ in tmp_path.glob("artifacts/.work/*-*/out")) > 1:
                workers = [child for child in psutil.Process().children() if "loky" in " ".join(child.cmdline())]
                killed.append(max(workers, key=lambda worker: worker.cpu_times().user))
                killed[0].kill()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        run_study(load_config(tiny.config), StudyPaths(tmp_path), told.append, Local(2))
    finally:
        over.set()
        killer.join()
    assert killed and any("its worker died (its process was killed)" in line for line in told), told
    assert figures(tmp_path) == figures(tiny.root)
    assert files(tmp_path) == files(tiny.root)
    assert not list((tmp_path / "artifacts" / ".work").iterdir())


@dataclass(frozen=True, eq=False, kw_only=True)
class Sleep(Stage):
    """A stage that does as it is told."""

    kind: ClassVar[str] = "sleep"
    number: int
    text: str = ""

    def run(self, workspace, paths):
        (workspace.out / "pid").write_text(f"{os.getpid()} {torch.get_num_threads()}")
        if self.text == "wrong":
            raise DataError("This is wrong.", fix="Do it right.")
        if self.text == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)


def stages(root, *texts):
    return [Sleep(title=f"number {n}", root=root, number=n, text=text) for n, text in enumerate(texts)]


def test_stages_run_in_several_processes_on_one_thread_each(tmp_path):
    store, made = Store(tmp_path), stages(tmp_path, "", "", "", "")
    Local(2).run(made, store, print)
    pids, threads = zip(*[(stage.path(store) / "pid").read_text().split() for stage in made], strict=True)
    assert len(set(pids)) == 2 and str(os.getpid()) not in pids and set(threads) == {"1"}


def test_a_mistake_is_told_as_it_is_in_one_process(tmp_path):
    for jobs in (1, 2):
        with pytest.raises(XLReachError, match=r"This is wrong\. Do it right\."):
            Local(jobs).run(stages(tmp_path, "", "wrong"), Store(tmp_path / str(jobs)), print)


def test_a_stage_that_kills_its_worker_ends_the_study(tmp_path):
    with pytest.raises(XLReachError, match=r"The worker of sleep 'number 1' died \d times"):
        Local(2).run(stages(tmp_path, "", "dies"), Store(tmp_path), print)


def test_workers_end_with_the_process_that_began_them(tmp_path):
    script = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_local_runner import Local, Store, stages
        Local(2).run(stages(Path({str(tmp_path)!r}), *[""] * 400), Store(Path({str(tmp_path)!r})), print)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("sleep/*/artifact.json"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
    finally:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def test_threads_follow_the_size_of_the_model(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(loky, "cpu_count", lambda: 8)
    assert (threads_for(10_000_000), threads_for(85_000_000)) == (1, 8)
    assert threads_for(0, many_batches=True) == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (threads_for(0), threads_for(85_000_000)) == (1, 3)
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "0_Transformer" / "config.json").write_text('{"n_layers": 6, "dim": 768}')
    assert layer_weights(tmp_path) == 12 * 6 * 768**2
    assert (
        layer_weights(tmp_path / "0_Transformer") == layer_weights(tmp_path) and layer_weights(tmp_path / "none") == 0
    )
    scratch = Recipe.parse("scratch(layers=2,hidden=64,heads=4,intermediate=256)").steps[0]
    model = torch.nn.TransformerEncoderLayer(64, 4, 256)
    assert scratch.new_weights == pytest.approx(2 * sum(weight.numel() for weight in model.parameters()), rel=0.02)
