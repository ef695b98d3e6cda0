"""Two processes train as one does: the same losses, the same weights, one folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from xlreach.adapt.pipeline import adapt_encoder
from xlreach.compute.distributed import ProcessGroup

RECIPES = {  # two trainings in one recipe: the processes meet more than once
    "lapt": "va(20)+lapt(epochs=2,lr=0.003,batch=8,max_length=32,warmup=5,dtype=float32)"
    "+lapt(epochs=1,lr=0.003,batch=4,max_length=24,rows=all,dtype=float32)",
    "scratch": "scratch(layers=1,hidden=16,heads=2,intermediate=32,vocab=150,epochs=2,warmup=5,max_length=32,"
    "dtype=float32)",
}
_PROCESS = """
import os, sys
from pathlib import Path
from xlreach.adapt.pipeline import adapt_encoder
from xlreach.cli import main
from xlreach.errors import XLReachError
base, text, other, out, scratch, lapt = sys.argv[1:]
adapt_encoder(base, scratch, {"mt": Path(text)}, out=Path(out) / "scratch")
try:
    mine = other if os.environ["RANK"] == "1" else text
    adapt_encoder(base, "lapt(epochs=1,max_length=32)", {"mt": Path(mine)}, out=Path(out) / "refused")
except XLReachError as error:
    print(error)
sys.argv = ["xlreach", "adapt", base, lapt, "--text", f"mt={text}", "--out", f"{out}/lapt"]
main()
"""


@pytest.fixture(scope="module")
def base(xlmr, tmp_path_factory) -> Path:
    """Without dropout, of which each process would draw its own."""
    folder = Path(shutil.copytree(xlmr, tmp_path_factory.mktemp("still") / "base"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture(scope="module")
def launched(base, texts, tmp_path_factory) -> tuple[Path, str]:
    """What two processes of torchrun made, and what they printed."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "process.py").write_text(_PROCESS, "utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = [folder / "process.py", base, texts["mt"], texts["en"], folder / "out", *reversed(RECIPES.values())]
    done = subprocess.run(
        [*launch, *map(str, arguments)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "out", done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_train_as_one_does(name, launched, base, texts, tmp_path):
    found = launched[0] / name
    expected = adapt_encoder(str(base), RECIPES[name], {"mt": texts["mt"]}, out=tmp_path / name)
    trainings = list(zip(_trainings(expected), _trainings(found), strict=True))
    assert len(trainings) == RECIPES[name].count("epochs=")
    for alone, together in trainings:
        assert together["valid_loss"] == pytest.approx(alone["valid_loss"], abs=1e-3)
        assert together["train_loss"] == pytest.approx(alone["train_loss"], abs=1e-3)
        assert together["best_epoch"] == alone["best_epoch"]
        assert alone["valid_loss"][0] - min(alone["valid_loss"]) > 0.02
        print({loss: (alone[loss], together[loss]) for loss in ("train_loss", "valid_loss")})
    weights, others = (load_file(folder / "model.safetensors") for folder in (expected, found))
    assert others.keys() == weights.keys()
    for key, tensor in weights.items():
        assert torch.allclose(others[key], tensor, atol=2e-3), key


def test_the_first_alone_writes_and_unlike_texts_are_refused(launched):
    out, printed = launched
    assert sorted(path.name for path in out.iterdir()) == ["lapt", "scratch"]
    assert printed.count("do not have the same text and model") == 2


def test_alone_there_is_nothing_to_agree_on(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group = ProcessGroup()
    assert (group.size, group.rank, group.parts(3)) == (1, 0, 3) and all(group.computes(number) for number in range(5))
    assert group.total(1.5, 2) == [1.5, 2]
    with group.connected():
        group.require_equal([torch.zeros(1)])
        group.sum_gradients([torch.nn.Parameter(torch.zeros(1))])
    assert not torch.distributed.is_initialized()


def test_a_batch_is_divided_equally(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "1")
    group = ProcessGroup()
    assert [group.parts(wanted) for wanted in (1, 3, 4)] == [3, 3, 6]
    assert [number for number in range(7) if group.computes(number)] == [1, 4]


def _trainings(folder: Path) -> list[dict]:
    steps = json.loads((folder / "xlreach.json").read_text("utf-8"))["steps"]
    return [step for step in steps if "valid_loss" in step]
