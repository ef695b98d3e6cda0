"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

TINY = """\
study: tiny
data: "artificial(seed=1,high=300,text=120,treebank=24,entities=24,test=12,parallel=40,passages=40,questions=16,\
train_questions=24)"
base: {small: "scratch(layers=1,hidden=32,heads=2,intermediate=64,vocab=300,epochs=1,warmup=2)"}
languages: {high: [qha], low: [qla]}
specialise: joint
recipes: [none, "va(20)+lapt(epochs=1)"]
alignments: [none, "hybrid(steps=4,batch=8)"]
pairs: ["folder:retrieval/artificial-train"]
tagging: ["pos(limit=12)", "ner(limit=12)"]
preset: quick
retrieval: ["folder:retrieval/artificial-test"]
measures: [nDCG@10, AP, RR]
seeds: [1]
hypotheses: ["va(20)+lapt(epochs=1) > none on pos:accuracy for low"]
"""


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """The development corpora, or a skip where `XLREACH_DATA` names none."""
    root = os.environ.get("XLREACH_DATA")
    if not root:
        pytest.skip("XLREACH_DATA names no folder of corpora")
    return Path(root)


@dataclass(frozen=True)
class Tiny:
    """A whole study on artificial languages, run once; tests look at it and change nothing.

    Attributes:
        root: Holds runs/, artifacts/, encoders/ and indexes/.
        config: Its YAML.
        told: What was told while it ran.
    """

    root: Path
    config: Path
    told: tuple[str, ...]

    @property
    def run(self) -> Path:
        return self.root / "runs" / "tiny"

    @property
    def data(self) -> Path:
        """The data root of its artificial languages."""
        (found,) = (self.root / "artifacts" / "data").iterdir()
        return found

    def encoder(self, recipe: str = "none", alignment: str = "none") -> Path:
        """The encoder whose recipe and alignment begin so."""
        (found,) = (self.root / "encoders" / "tiny").glob(f"small~{recipe}*~{alignment}*")
        return found

    def indexes(self, recipe: str = "none", alignment: str = "none") -> Path:
        """The index folders, by language, of that encoder."""
        (found,) = (self.root / "indexes" / "tiny" / self.encoder(recipe, alignment).name).iterdir()
        return found


@pytest.fixture(scope="session")
def tiny_config() -> str:
    """The YAML of the tiny study."""
    return TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny study, run by whichever of several test processes comes first."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny-study"
    log = root / "told.txt"
    with FileLock(root.with_suffix(".lock")):
        if not log.is_file():
            from xlreach.study.config import load_config
            from xlreach.study.run import Place, run_study

            root.mkdir()
            (root / "tiny.yaml").write_text(TINY, "utf-8")
            told: list[str] = []
            run_study(load_config(root / "tiny.yaml"), Place(root), told.append)
            log.write_text("\n".join(told), "utf-8")
    return Tiny(root, root / "tiny.yaml", tuple(log.read_text("utf-8").splitlines()))


@pytest.fixture
def nodes() -> Iterator[Any]:
    """A cluster of a head without CPUs and two nodes with one each; a skip where starting it takes too long for Ray."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    for _ in range(3):
        cluster = cluster_utils.Cluster()
        try:
            cluster.add_node(num_cpus=0, include_dashboard=False)
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        except Exception:  # half a minute a node is all that Ray waits
            cluster.shutdown()
        else:
            yield cluster
            return cluster.shutdown()
    pytest.skip("this machine is too busy to start a cluster")
