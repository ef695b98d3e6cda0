from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tqdm import tqdm

from xlreach.adapt import Provenance, Recipe
from xlreach.adapt.masked_lm import load_masked_lm
from xlreach.adapt.mlm import JobState, Training, _Run, train
from xlreach.adapt.mlm_data import EncodedText, Masking, batches
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.errors import SpecError


def _training(tier: tuple[int, ...], rate: float, epochs: int = 1) -> Training:
    return Training(epochs, 2e-3, 8, 32, 0.15, 2, 0.1, "float32", 5, tier, rate)


@pytest.fixture
def text(xlmr: Path, texts: dict[str, Path]) -> EncodedText:
    return EncodedText.read({"mt": texts["mt"]}, read_tokenizer(xlmr), xlmr, 32)


def test_rows_have_their_own_rate_as_if_they_were_parameters_of_their_own(
    xlmr: Path, text: EncodedText, batch_loss
) -> None:
    """Against an optimizer written out by hand, number by number, over the same gradients."""
    tier, rate = (7, 9, 30), 5.0
    model, _ = load_masked_lm(xlmr, 1)
    model.eval()
    run = _Run(model, _training(tier, rate), Masking.of(text, 0.15), torch.device("cpu"), torch.float32)
    run.total_steps, rows = 20, list(tier)
    twin, _ = load_masked_lm(xlmr, 1)
    twin.eval()
    reference = _Run(twin, _training((), 1.0), run.masking, torch.device("cpu"), torch.float32)
    reference.total_steps = 20
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in reference.named.items()}
    rng, twin_rng = np.random.default_rng(1), np.random.default_rng(1)
    for step, batch in enumerate(list(batches(text, 256, np.random.default_rng(2)))[:4]):
        for group in run.optimizer.param_groups:
            group["lr"] = run._rate(step) * group["times"]
        for one, draw in ((run, rng), (reference, twin_rng)):
            batch_loss(one, batch, draw)[0].backward()
            torch.nn.utils.clip_grad_norm_(one.named.values(), 1.0)
        run.tier.take_gradients()
        run.optimizer.step()
        run.tier.write_back()
        run.optimizer.zero_grad()
        with torch.no_grad():
            for name, p in reference.named.items():
                lr = torch.full_like(p, reference._rate(step))
                if p is twin.get_input_embeddings().weight:
                    lr[rows] *= rate
                decay = 0.0 if name.endswith(("bias", "LayerNorm.weight", "layer_norm.weight")) else 0.01
                m, v = moments[name]
                m.mul_(0.9).add_(p.grad, alpha=0.1)
                v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                p.mul_(1 - lr * decay)
                p.sub_(lr * (m / (1 - 0.9 ** (step + 1))) / ((v / (1 - 0.999 ** (step + 1))).sqrt() + 1e-6))
                p.grad = None
    for name, p in run.named.items():
        torch.testing.assert_close(p, reference.named[name], atol=2e-6, rtol=1e-4)
    assert list(run.tier.copies) == ["tier.input"]
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


def test_rate_one_is_plain_training(xlmr: Path, text: EncodedText, tmp_path: Path) -> None:
    found = []
    for name, training in (("plain", _training((), 1.0)), ("tier", _training((7, 9), 1.0))):
        (tmp_path / name).mkdir()
        model, _ = load_masked_lm(xlmr, 1)
        train(model, text, training, JobState(tmp_path / name, {}, "x"))
        found.append({name: p.detach() for name, p in model.named_parameters()})
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, atol=1e-7, rtol=0)


def test_a_killed_tiered_run_ends_in_the_same_weights(xlmr: Path, text: EncodedText, tmp_path: Path) -> None:
    training, ends = _training((7, 9, 30), 5.0, epochs=3), []
    original = _Run.epoch

    def killed(self: _Run, fit: EncodedText, number: int, done: int, bar: tqdm) -> tuple[float, int]:
        if number == 3:
            raise KeyboardInterrupt
        return original(self, fit, number, done, bar)

    (tmp_path / "cut").mkdir()
    (tmp_path / "whole").mkdir()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_Run, "epoch", killed)
        train(load_masked_lm(xlmr, 1)[0], text, training, JobState(tmp_path / "cut", {}, "x"))
    for name in ("cut", "whole"):
        model, _ = load_masked_lm(xlmr, 1)
        train(model, text, training, JobState(tmp_path / name, {}, "x"))
        ends.append(dict(model.named_parameters()))
    for name, value in ends[0].items():
        assert value.equal(ends[1][name]), name


def test_the_mark_is_left_for_one_lapt(xlmr: Path, job) -> None:
    recipe = Recipe.parse("tva(10)+lapt(epochs=1,batch=8,max_length=32)+lapt(epochs=1,batch=8,max_length=32)")
    source, told = xlmr, []
    for step in recipe.steps:
        work = job("mt")
        step.apply(source, work)
        source = work.out
        told.append(Provenance.read(source))
    size = len(read_tokenizer(xlmr)["model"]["vocab"])
    assert told[0].tier == {"rows": list(range(size, size + 10)), "rate": 5.0}
    assert told[1].tier is None and told[1].steps[1]["tier_rows"] == 10
    assert "tier_rows" not in json.loads((source / "xlreach.json").read_text("utf-8"))["steps"][2]


def test_tva_prints_and_needs_lapt() -> None:
    assert str(Recipe.parse("tva+lapt")) == "tva(99)+lapt"
    assert str(Recipe.parse("tva(n=99,rate=2)+lapt")) == "tva(99,rate=2)+lapt"
    for wrong in ("tva(99)", "lapt+tva(99)"):
        with pytest.raises(SpecError, match="lapt"):
            Recipe.parse(wrong)
