from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from xlreach.adapt import Recipe
from xlreach.adapt.masked_lm import load_masked_lm
from xlreach.adapt.mlm import History, JobState, Training, _Run, train
from xlreach.adapt.mlm_data import EncodedText, Masking, batches
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.errors import DataError, ModelError

QUICK = Training(epochs=3, lr=3e-3, batch=8, max_length=32, mask=0.15, warmup=10, valid=0.1, dtype="float32", seed=5)


def _text(base: Path, texts: dict[str, Path]) -> EncodedText:
    return EncodedText.read({"mt": texts["mt"]}, read_tokenizer(base), base, 32)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_lapt_lowers_the_held_out_loss(xlmr: Path, job) -> None:
    work = job("mt")
    Recipe.parse("lapt(epochs=3,lr=0.003,batch=8,max_length=32,dtype=float32)").steps[0].apply(xlmr, work)
    step = json.loads((work.out / "xlreach.json").read_text("utf-8"))["steps"][0]
    assert len(step["valid_loss"]) == 4 and len(step["train_loss"]) == 3
    assert min(step["valid_loss"][1:]) < step["valid_loss"][0] - 0.5
    assert step["best_epoch"] == 1 + int(np.argmin(step["valid_loss"][1:]))
    share = step["valid_lines"] / (step["valid_lines"] + step["train_lines"])
    assert 0.07 < share < 0.13  # a tenth, by whole documents
    assert step["valid_loss_per_word"] > min(step["valid_loss"][1:])
    assert work.cost["tokens"] > 1000 and work.cost["steps"] >= 3


@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_masked_positions_only_is_the_plain_models_loss(
    family: str, texts: dict[str, Path], request: pytest.FixtureRequest, batch_loss
) -> None:
    base = request.getfixturevalue(family)
    text = _text(base, texts)
    model, _ = load_masked_lm(base, 1)
    model.eval()
    run = _Run(model, QUICK, Masking.of(text, 0.15), torch.device("cpu"), torch.float32)
    batch = next(batches(text, 256, np.random.default_rng(1)))
    ours, count = batch_loss(run, batch, np.random.default_rng(2))
    ids, chosen, labels = run.masking.apply(batch, np.random.default_rng(2))
    full = np.full(ids.size, -100)
    full[chosen] = labels
    theirs = model(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(batch.attention),
        labels=torch.from_numpy(full.reshape(ids.shape)),
    ).loss
    assert count == len(labels)
    assert abs(ours.item() - theirs.item()) < 1e-5


def test_the_head_meets_few_shapes(xlmr: Path, texts: dict[str, Path], batch_loss) -> None:
    """Kernels are kept for every shape on CPUs, so that the number of masked positions may not differ each time."""
    text = _text(xlmr, texts)
    model, _ = load_masked_lm(xlmr, 1)
    run = _Run(model, QUICK, Masking.of(text, 0.15), torch.device("cpu"), torch.float32)
    seen, counts = set(), set()
    run.head.register_forward_hook(lambda _module, inputs, _out: seen.add(inputs[0].shape[0]))
    rng = np.random.default_rng(1)
    for batch in batches(text, 512, rng):
        counts.add(batch_loss(run, batch, rng)[1])
    assert len(counts) > 3 and seen == {-(-count // 64) * 64 for count in counts}


class _KilledError(Exception):
    pass


def _train(base: Path, texts: dict[str, Path], checkpoint: Path, training: Training = QUICK, stop: int | None = None):
    checkpoint.mkdir(exist_ok=True)
    model, _ = load_masked_lm(base, 1)
    cost: dict[str, float] = {}
    original = _Run.evaluate
    calls = 0

    def evaluate(self: _Run, text: EncodedText) -> float:
        nonlocal calls
        calls += 1
        if stop is not None and calls > stop:
            raise _KilledError
        return original(self, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Run, "evaluate", evaluate)
        history = train(model, _text(base, texts), training, JobState(checkpoint, cost, "same"))
    return model, history, cost


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_killed_run_ends_in_the_same_weights(xlmr: Path, texts: dict[str, Path], tmp_path: Path, stop: int) -> None:
    whole, history, cost = _train(xlmr, texts, tmp_path / "whole")
    with pytest.raises(_KilledError):
        _train(xlmr, texts, tmp_path / "cut", stop=stop)
    state = torch.random.get_rng_state()
    resumed, again, spent = _train(xlmr, texts, tmp_path / "cut")
    assert torch.random.get_rng_state().equal(state)
    assert again == history and spent == cost
    for (name, a), (_, b) in zip(whole.named_parameters(), resumed.named_parameters(), strict=True):
        assert a.equal(b), name
    assert not [p for p in (tmp_path / "cut").iterdir() if p.suffix not in (".safetensors", ".json")]


def test_the_checkpoint_of_another_training_is_not_used(xlmr: Path, texts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(_KilledError):
        _train(xlmr, texts, tmp_path / "cut", stop=2)
    state = json.loads((tmp_path / "cut" / "state.json").read_text())
    (tmp_path / "cut" / "state.json").write_text(json.dumps({**state, "label": "other"}))
    _, history, _ = _train(xlmr, texts, tmp_path / "cut")
    assert history == _train(xlmr, texts, tmp_path / "whole")[1]


def test_the_best_epoch_is_kept(xlmr: Path, texts: dict[str, Path], tmp_path: Path) -> None:
    wild = dataclasses.replace(QUICK, lr=0.05, epochs=4)
    model, history, _ = _train(xlmr, texts, tmp_path / "wild", wild)
    assert isinstance(history, History) and history.best_epoch == 1 + int(np.argmin(history.valid_loss[1:]))
    text = _text(xlmr, texts)
    run = _Run(model, wild, Masking.of(text, 0.15), torch.device("cpu"), torch.float32)
    assert run.evaluate(text.split(0.1)[1]) == pytest.approx(min(history.valid_loss[1:]), abs=1e-5)


def test_batches_hold_every_line_once_within_budget(xlmr: Path, texts: dict[str, Path]) -> None:
    text = _text(xlmr, texts)
    found = list(batches(text, 128, np.random.default_rng(3)))
    again = list(batches(text, 128, np.random.default_rng(4)))
    assert len(found) == len(again)
    assert all(batch.ids.size <= 128 or len(batch.ids) == 1 for batch in found)
    rows = sorted(
        tuple(row[mask == 1]) for batch in found for row, mask in zip(batch.ids, batch.attention, strict=True)
    )
    assert rows == sorted(tuple(line) for line in text.lines)
    assert sum(batch.tokens for batch in found) == sum(len(line) for line in text.lines)


def test_masking_leaves_special_pieces_alone(xlmr: Path, texts: dict[str, Path]) -> None:
    text = _text(xlmr, texts)
    masking, rng = Masking.of(text, 0.15), np.random.default_rng(0)
    chosen_in_all = masked = eligible = 0
    for batch in batches(text, 512, rng):
        ids, chosen, labels = masking.apply(batch, rng)
        assert not set(labels) & text.special
        rest = np.ones(ids.size, dtype=bool)
        rest[chosen] = False
        assert (ids.reshape(-1)[rest] == batch.ids.reshape(-1)[rest]).all()
        chosen_in_all += len(chosen)
        masked += int((ids.reshape(-1)[chosen] == text.mask).sum())
        eligible += int(((batch.attention == 1) & ~np.isin(batch.ids, list(text.special))).sum())
    assert abs(chosen_in_all / eligible - 0.15) < 0.02
    assert abs(masked / chosen_in_all - 0.8) < 0.06


def test_long_lines_become_several(xlmr: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("balo " * 100 + "\nketa\n", "utf-8")
    text = EncodedText.read({"en": path}, read_tokenizer(xlmr), xlmr, 16)
    assert max(len(line) for line in text.lines) == 16
    assert all(line[0] == 0 and line[-1] == 2 for line in text.lines)


def test_too_little_text_and_too_long_lines_are_refused(xlmr: Path, job, tmp_path: Path) -> None:
    work = job()
    path = tmp_path / "one.txt"
    path.write_text("balo\n", "utf-8")
    work.text = {"en": path}
    with pytest.raises(DataError, match="two or more"):
        Recipe.parse("lapt(max_length=32)").steps[0].apply(xlmr, work)
    with pytest.raises(ModelError, match="max_length"):
        Recipe.parse("lapt").steps[0].apply(xlmr, job("mt"))


def test_same_seed_same_weights(bert: Path, job) -> None:
    step = Recipe.parse("lapt(epochs=1,lr=0.001,batch=8,max_length=32)").steps[0]
    jobs = [job("mt", seed=seed) for seed in (3, 3, 4)]
    for work in jobs:
        step.apply(bert, work)
    a, b, c = (_weights(work.out) for work in jobs)
    assert all(a[name].equal(b[name]) for name in a)
    assert not all(a[name].equal(c[name]) for name in a)


def test_pivot_text_is_trained_on_and_never_chosen_by(xlmr: Path, job, texts: dict[str, Path]) -> None:
    text = _text(xlmr, texts)
    pivot = EncodedText.read({"ka": texts["ka"]}, read_tokenizer(xlmr), xlmr, 32)
    mixed = text.with_more(pivot, 40, np.random.default_rng(1))
    plain, with_pivot = text.split(0.1), mixed.split(0.1)
    assert [line.tolist() for line in with_pivot[1].lines] == [line.tolist() for line in plain[1].lines]
    assert len(with_pivot[0]) == len(plain[0]) + 40 and len(mixed.split(0.1)[0].more) == 0
    work = job("mt", others={"en": texts["en"], "ka": texts["ka"]})
    recipe = Recipe.parse("lapt(epochs=1,max_length=32,mix=0.25,pivots=[en])")
    assert recipe.steps[0].uses_others and not Recipe.parse("lapt").steps[0].uses_others
    recipe.steps[0].apply(xlmr, work)
    step = json.loads((work.out / "xlreach.json").read_text("utf-8"))["steps"][0]
    lines = step["train_lines"] + step["valid_lines"] - step["mixed_lines"]
    assert step["mixed_lines"] == round(0.25 * lines) and step["mixed_from"] == ["en"]
    for wrong in ("mix=1,pivots=[tr]", "mix=1"):
        others = {"en": texts["en"]} if "pivots" in wrong else {}
        with pytest.raises(DataError, match="to mix in"):
            Recipe.parse(f"lapt(max_length=32,{wrong})").steps[0].apply(xlmr, job("mt", others=others))


def test_pivot_text_keeps_the_old_language(xlmr: Path, job, texts: dict[str, Path]) -> None:
    start = job("en")
    Recipe.parse("lapt(epochs=4,lr=0.003,batch=8,max_length=32,dtype=float32)").steps[0].apply(xlmr, start)
    losses = []
    for more in ("", ",mix=1"):
        work = job("mt", others={"en": texts["en"]})
        step = Recipe.parse(f"lapt(epochs=3,lr=0.003,batch=8,max_length=32,dtype=float32{more})").steps[0]
        step.apply(start.out, work)
        model, _ = load_masked_lm(work.out, 1)
        english = EncodedText.read({"en": texts["en"]}, read_tokenizer(work.out), work.out, 32)
        run = _Run(model, QUICK, Masking.of(english, 0.15), torch.device("cpu"), torch.float32)
        losses.append(run.evaluate(english.split(0.1)[1]))
    assert losses[1] < losses[0] - 0.2
