from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForMaskedLM

from xlreach.adapt import Recipe
from xlreach.adapt import mlm as module
from xlreach.adapt.masked_lm import load_masked_lm
from xlreach.adapt.mlm import Training, _Run
from xlreach.adapt.mlm_data import EncodedText, Masking, batches
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.compute import sparse_embeddings as blocks
from xlreach.compute.sparse_embeddings import SparseEmbeddings, cross_entropy

QUICK = Training(1, 3e-3, 8, 32, 0.15, 2, 0.1, "float32", 5)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a toy vocabulary and a toy batch take several of them."""
    monkeypatch.setattr(blocks, "_PIECES", 13)
    monkeypatch.setattr(blocks, "_POSITIONS", 5)


def _text(base: Path, texts: dict[str, Path]) -> EncodedText:
    return EncodedText.read({"mt": texts["mt"]}, read_tokenizer(base), base, 32)


@pytest.mark.parametrize("with_rest", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_cross_entropy_in_blocks(with_rest: bool, with_bias: bool) -> None:
    torch.manual_seed(0)
    pieces, others = 40, 30
    hidden, weight, bias = torch.randn(17, 8), torch.randn(pieces + others, 8), torch.randn(pieces + others)
    targets = torch.randint(0, pieces, (17,))
    targets[[3, 16]] = -100
    if not with_rest:
        weight, bias = weight[:pieces], bias[:pieces]
    found = []
    for own in (False, True):
        inputs = [hidden.clone().requires_grad_(), weight[:pieces].clone().requires_grad_()]
        inputs += [bias[:pieces].clone().requires_grad_()] if with_bias else []
        if own:
            rest = (weight[pieces:], bias[pieces:] if with_bias else torch.zeros(others)) if with_rest else None
            loss = cross_entropy(inputs[0], inputs[1], inputs[2] if with_bias else None, targets, rest)
        else:
            table = torch.cat([inputs[1], weight[pieces:]])
            shift = torch.cat([inputs[2], bias[pieces:]]) if with_bias else 0
            loss = F.cross_entropy(inputs[0] @ table.T + shift, targets)
        (3 * loss).backward()
        found.append([loss.detach(), *(one.grad for one in inputs)])
    for ours, theirs in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_cross_entropy_of_nothing_is_zero() -> None:
    hidden, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4)
    loss = cross_entropy(hidden, weight, None, torch.full((3,), -100))
    loss.backward()
    assert loss == 0 and hidden.grad is not None and not hidden.grad.any()


@pytest.mark.parametrize("family", ["xlmr", "bert"])
@pytest.mark.usefixtures("small_blocks")
def test_narrowed_the_loss_and_gradients_are_the_whole_models(
    family: str, texts: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest, batch_loss
) -> None:
    base = request.getfixturevalue(family)
    whole, _ = load_masked_lm(base, 1)
    narrow, _ = load_masked_lm(base, 1)
    whole.eval(), narrow.eval()
    text = _text(base, texts)
    text = dataclasses.replace(text, lines=text.lines[:12])
    rows = text.in_use((5,))
    assert 5 in rows and len(rows) < text.vocabulary
    table = SparseEmbeddings(narrow, rows, torch.float32, tmp_path)
    small = text.renumbered(rows)
    cpu = torch.device("cpu")
    run = _Run(narrow, QUICK, Masking.of(small, 0.3), cpu, torch.float32, table.rest)
    batch = next(batches(small, 500, np.random.default_rng(1)))
    loss, _ = batch_loss(run, batch, np.random.default_rng(2))
    loss.backward()
    ids, chosen, labels = run.masking.apply(batch, np.random.default_rng(2))
    full = np.full(ids.size, -100)
    full[chosen] = rows[labels]
    theirs = whole(
        input_ids=torch.from_numpy(rows[ids]),
        attention_mask=torch.from_numpy(batch.attention),
        labels=torch.from_numpy(full.reshape(ids.shape)),
    ).loss
    theirs.backward()
    assert abs(loss.item() - theirs.item()) < 1e-5
    gradients, compared = dict(narrow.named_parameters()), 0
    for name, parameter in whole.named_parameters():
        ours = gradients[name].grad
        if ours is not None:
            expected = parameter.grad if ours.shape == parameter.grad.shape else parameter.grad[torch.from_numpy(rows)]
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)
            compared += 1
    assert compared > 30


@pytest.mark.parametrize("tied", [True, False])
def test_put_back(xlmr: Path, tmp_path: Path, tied: bool) -> None:
    config = AutoConfig.from_pretrained(xlmr)
    config.tie_word_embeddings = tied
    torch.manual_seed(3)
    model = AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        model.get_output_embeddings().bias.normal_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = np.array([0, 1, 2, 3, 20, 41])
    table = SparseEmbeddings(model, rows, torch.bfloat16, tmp_path)
    embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
    assert embeddings.weight.shape[0] == output.weight.shape[0] == output.bias.shape[0] == 6
    assert (embeddings.weight is output.weight) == tied
    assert table.rest[0].dtype == torch.bfloat16 and len(table.rest[0]) == len(table.rest[1]) == config.vocab_size - 6
    with torch.no_grad():
        embeddings.weight[4] = 7.0
        output.weight[5] = 8.0
        output.bias[4] = 9.0
    table.restore()
    after = model.state_dict()
    assert list(after) == list(before)
    changed = {name for name in after if not after[name].equal(before[name])}
    assert all(any(part in name for part in ("word_embeddings", "decoder", "lm_head.bias")) for name in changed)
    expected = before["roberta.embeddings.word_embeddings.weight"].clone()
    expected[20] = 7.0
    if tied:
        expected[41] = 8.0
    assert embeddings.weight.equal(expected)
    assert (output.weight[41] == 8.0).all() and output.bias[20] == 9.0
    assert (embeddings.weight is output.weight) == tied
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_lapt_leaves_rows_of_other_pieces(family: str, job, request: pytest.FixtureRequest) -> None:
    from safetensors.torch import load_file

    base = request.getfixturevalue(family)
    found = {}
    for rows in ("text", "all"):
        work = job("mt")
        step = Recipe.parse(f"lapt(epochs=1,lr=0.003,batch=4,max_length=32,rows={rows})").steps[0]
        step.apply(base, work)
        found[rows] = load_file(work.out / "model.safetensors")
    text = EncodedText.read(work.text, read_tokenizer(base), base, 32)
    name = next(name for name in found["text"] if name.endswith("word_embeddings.weight"))
    before = next(v for k, v in load_file(base / "model.safetensors").items() if k.endswith("word_embeddings.weight"))
    used = torch.zeros(len(before), dtype=torch.bool)
    used[torch.from_numpy(text.in_use())] = True
    assert 0 < int(used.sum()) < len(before)
    same = (found["text"][name] == before).all(1)
    assert same[~used].all() and not same[torch.from_numpy(np.unique(np.concatenate(text.lines)))].any()
    assert not (found["all"][name] == before).all(1)[~used].any()
    assert list(found["text"]) == list(found["all"])


def test_parts_of_a_batch_add_up(xlmr: Path, texts: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    text = _text(xlmr, texts)
    model, _ = load_masked_lm(xlmr, 1)
    model.eval()
    run = _Run(model, QUICK, Masking.of(text, 0.15), torch.device("cpu"), torch.float32)
    batch = max(batches(text, 512, np.random.default_rng(1)), key=lambda one: one.ids.size)
    found = []
    for most in (1 << 30, 70 * model.config.hidden_size):
        monkeypatch.setattr(module, "LARGEST_PART", most)
        calls: list[int] = []
        handle = run.model.base_model.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        loss = run.backward(batch, np.random.default_rng(2))
        handle.remove()
        found.append((loss, {name: p.grad for name, p in run.named.items() if p.grad is not None}, len(calls)))
        model.zero_grad(set_to_none=True)
    (one, whole, single), (several, parts, calls_made) = found
    assert single == 1 and calls_made > 3
    assert one == pytest.approx(several, abs=1e-5)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, atol=1e-6, rtol=1e-4)
