"""A checkpoint that is kept in half precision is computed and trained in float32, unless told otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

import xlreach as xl
from xlreach.retrieval.loading import load_encoder

TEXTS = ["Il-belt kbira", "Malti qal li l-kelb jiekol il-laħam", "The river"]


@pytest.fixture(params=["float16", "bfloat16"])
def kept(request, family, tmp_path) -> Path:
    """The BERT-shaped encoder as its authors might keep it, and beside it the same weights in float32."""
    dtype = getattr(torch, request.param)
    for name, rounded in (("half", dtype), ("exact", torch.float32)):
        folder = Path(shutil.copytree(family("bert"), tmp_path / name))
        weights = {key: value.to(dtype).to(rounded) for key, value in load_file(folder / "model.safetensors").items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config["dtype"] = str(rounded).removeprefix("torch.")
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return tmp_path


def test_vectors_are_computed_in_float32(kept):
    # exactly those of the same weights kept in float32
    for dtype in ("auto", "fp32"):
        half, exact = (xl.Encoder(kept / name, dtype=dtype).encode(TEXTS) for name in ("half", "exact"))
        assert np.array_equal(half, exact)
    model = SentenceTransformer(str(kept / "exact"))
    assert np.abs(half - model.encode(TEXTS, normalize_embeddings=True)).max() < 1e-6


def test_half_precision_is_used_where_it_is_asked_for(kept):
    half, exact = (xl.Encoder(kept / "half", dtype=dtype).encode(TEXTS) for dtype in ("bf16", "fp32"))
    assert not np.array_equal(half, exact)
    assert (half * exact).sum(1).min() > 0.99


def test_the_manifest_says_what_was_computed(kept):
    for asked, computed in (("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")):
        xl.Index.build(xl.Encoder(kept / "half", dtype=asked), {"mt": TEXTS}, out=kept / asked)
        assert json.loads((kept / asked / "mt" / "manifest.json").read_text("utf-8"))["dtype"] == computed


def test_training_takes_small_steps_that_half_precision_would_lose(kept, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"query": f"{text} {n}", "positive": f"{n} {text}"} for n in range(8) for text in TEXTS]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    trained = {}
    for name in ("half", "exact"):
        encoder = xl.train(
            kept / name, "mono(steps=3,batch=8,lr=1e-5)", pairs=f"triples({pairs})", languages=["en"],
            out=kept / f"{name}-trained",
        )  # fmt: skip
        trained[name] = load_file(encoder.path / "model.safetensors")
    before = load_encoder(kept / "exact")[0].auto_model.state_dict()
    assert {weight.dtype for weight in trained["half"].values()} == {torch.float32}
    moved = [not torch.equal(trained["half"][name], before[name]) for name in before if "layer" in name]
    assert np.mean(moved) > 0.9
    assert all(torch.equal(trained["half"][name], weight) for name, weight in trained["exact"].items())


def test_adapted_encoders_are_kept_in_float32(kept, tmp_path):
    text = tmp_path / "mt.txt"
    text.write_text("".join(f"Il-belt numru {n} kbira ħafna.\n" for n in range(60)), "utf-8")
    adapted = xl.adapt(kept / "half", "va(5)+lapt(epochs=1,batch=8)", {"mt": text}, out=tmp_path / "adapted")
    assert {weight.dtype for weight in load_file(adapted.path / "model.safetensors").values()} == {torch.float32}
    assert json.loads((adapted.path / "config.json").read_text("utf-8"))["dtype"] == "float32"
