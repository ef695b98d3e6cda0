"""Every weight that a model needs comes from its file; where names do not fit, the encoder is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import xlreach as xl
from xlreach.errors import ModelError
from xlreach.tagging.backbone import load_backbone

Weights = dict[str, torch.Tensor]


def changed(source: Path, out: Path, change: Callable[[Weights], Weights]) -> Path:
    folder = Path(shutil.copytree(source, out))
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    return folder


def compiled(weights: Weights) -> Weights:
    return {f"_orig_mod.{name}": weight for name, weight in weights.items()}


def parallel(weights: Weights) -> Weights:
    return {f"module.{name}": weight for name, weight in weights.items()}


def one_missing(weights: Weights) -> Weights:
    return {name: weight for name, weight in weights.items() if not name.endswith("layer.1.output.dense.weight")}


def one_too_many(weights: Weights) -> Weights:
    (name,) = (name for name in weights if name.endswith("layer.1.output.dense.weight"))
    return {**weights, name.replace("layer.1.", "layer.2."): weights[name].clone()}


def mis_shaped(weights: Weights) -> Weights:
    return {name: w[:-1].clone() if name.endswith("layer.1.output.dense.bias") else w for name, w in weights.items()}


def other_names(weights: Weights) -> Weights:
    return {name.replace("attention.self.", "attn."): weight for name, weight in weights.items()}


CHANGES = (compiled, parallel, one_missing, one_too_many, mis_shaped, other_names)


@pytest.mark.parametrize("name", ["bert", "xlm-r"])
@pytest.mark.parametrize("change", CHANGES)
def test_names_that_do_not_fit_are_refused_wherever_weights_are_loaded(family, tmp_path, change, name):
    folder = changed(family(name), tmp_path / "changed", change)
    text = tmp_path / "mt.txt"
    text.write_text("".join(f"Il-belt numru {n} kbira.\n" for n in range(40)), "utf-8")
    uses = {
        "encode": lambda: xl.Encoder(folder).encode("Il-belt"),
        "index": lambda: xl.Index.build(folder, {"mt": ["Il-belt"]}, out=tmp_path / "index"),
        "train": lambda: xl.train(folder, "none(pooling=cls)", out=tmp_path / "trained"),
        "lapt": lambda: xl.adapt(folder, "lapt(epochs=1)", {"mt": text}, out=tmp_path / "adapted"),
        "tag": lambda: load_backbone(folder, torch.device("cpu")),
    }
    for use in uses.values():
        with pytest.raises(ModelError) as caught:
            use()
        assert "Traceback" not in str(caught.value)
        if change is not mis_shaped:
            assert "weight" in str(caught.value)
        if change in (compiled, parallel):
            assert next(iter(change({"": torch.zeros(1)}))) in str(caught.value)
    assert not (tmp_path / "index").exists()
    assert not (tmp_path / "trained").exists()


def test_a_deeper_file_than_its_configuration_is_refused(family, tmp_path):
    folder = Path(shutil.copytree(family("bert"), tmp_path / "cut"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}), "utf-8")
    with pytest.raises(ModelError, match=r"layer\.1\."):
        xl.Encoder(folder).encode("Il-belt")


def test_what_may_be_absent_or_left_is_accepted(encoder, tmp_path):
    # heads, poolers and saved buffers
    vectors = xl.Encoder(encoder).encode(["Il-belt", "kbira"])
    extra = changed(
        encoder,
        tmp_path / "extra",
        lambda weights: {
            **weights,
            "classifier.weight": torch.zeros(3, 32),
            "bert.embeddings.position_ids": torch.arange(512)[None],
            "pooler.dense.weight": torch.zeros(32, 32),
        },
    )
    assert (xl.Encoder(extra).encode(["Il-belt", "kbira"]) == vectors).all()
