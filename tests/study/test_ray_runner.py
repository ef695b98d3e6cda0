"""A study on a Ray cluster of several nodes, one of which dies, ends with the figures of a study in one process."""

from __future__ import annotations

import sys
import threading

import pytest

from xlreach.errors import MissingExtraError, SpecError, XLReachError
from xlreach.study.config import load_config
from xlreach.study.local_runner import Local
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study
from xlreach.study.runner import open_runner

pytest.importorskip("ray")
_OVERRIDES = ("recipes=[none]", "alignments=[none]", "hypotheses=[]")


def test_names_of_runners(monkeypatch):
    assert isinstance(open_runner("local"), Local)
    for wrong in ("rya", "ray=", "locally", "local=3", ""):
        with pytest.raises(SpecError, match=r"No runner .* Known: local, ray"):
            open_runner(wrong)
    monkeypatch.setitem(sys.modules, "ray", None)
    for module in ("xlreach.study.ray_runner", "xlreach.compute.cluster"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'xlreach\[ray\]'"):
        open_runner("ray")


def test_a_cluster_that_is_not_there_is_said(tiny, tmp_path):
    config = load_config(tiny.config, [*_OVERRIDES, f"data={tiny.data}"])
    with pytest.raises(XLReachError, match=r"no Ray cluster at '127\.0\.0\.1:9'.*ray start --head"):
        run_study(config, StudyPaths(tmp_path), print, open_runner("ray=127.0.0.1:9"))


@pytest.mark.timeout(900)  # starting three nodes takes minutes on a busy machine
def test_a_node_dies_and_the_figures_are_those_of_one_process(nodes, tiny, tmp_path, figures, files):
    told: list[str] = []
    root, over = tmp_path / "ray", threading.Event()

    def kill() -> None:
        """Takes a node away as soon as both, with a processor each, are at work on a stage."""
        while not over.wait(0.01):
            if sum(1 for path in root.glob("artifacts/.work/tag-*/out")) == 2:
                nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    config = load_config(tiny.config, [*_OVERRIDES, f"data={tiny.data}"])
    try:
        run_study(config, StudyPaths(root), told.append, open_runner(f"ray={nodes.address}"))
    finally:
        over.set()
        killer.join()
    assert told[0] == "ray      3 nodes, 2 CPUs, 0 GPUs"
    dead = [line for line in told if line.startswith("again ")]  # none where the stage was done before Ray had noticed
    assert all("its worker died" in line for line in dead), told
    run_study(config, StudyPaths(tmp_path / "local"), print)
    assert figures(tmp_path / "ray") == figures(tmp_path / "local")
    assert files(tmp_path / "ray") == files(tmp_path / "local")
    assert not list((tmp_path / "ray" / "artifacts" / ".work").iterdir())
