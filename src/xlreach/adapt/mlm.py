"""Masked language modelling: one loop for adapting an encoder and for pretraining one.

The head is applied to the masked positions only, its output layer block by block, and of the embeddings only the rows
that the text uses are trained (`sparse_embeddings.py`): with a vocabulary of 250,000 pieces this saves most of the work
and of the memory. Batches hold lines of similar length up to a budget of tokens. They go through the model in parts
where they are large or several processes train together (`compute/distributed.py`). After each epoch the state is
written as safetensors, so that a training that was killed resumes and ends with exactly the weights of one that was
not: every epoch has its own random generator. No Trainer, no metrics: only the loss on held-out lines is measured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from xlreach.adapt.masked_lm import Model, masked_lm_head
from xlreach.adapt.mlm_data import Batch, EncodedText, Masking, batches
from xlreach.adapt.recipe import Job, Step
from xlreach.adapt.tiered_lr import Tier
from xlreach.compute.distributed import ProcessGroup
from xlreach.compute.memory import release_freed_memory
from xlreach.compute.precision import choose_dtype
from xlreach.compute.sparse_embeddings import SparseEmbeddings, cross_entropy
from xlreach.errors import DataError
from xlreach.store import replacing

_Ids = NDArray[np.int64]
# The number of masked positions is padded to a multiple of this, and the padding is left out of the loss: on CPUs
# oneDNN compiles and keeps a kernel for every shape, so a number that differs in every batch would fill the memory.
_POSITION_STEP = 64
_IGNORED = -100
# Tokens times hidden size that go through the model together on CPUs; activations are freed in between.
LARGEST_PART = 1024 * 768
_NO_DECAY = ("bias", "norm.weight", "LayerNorm.weight")


@dataclass(frozen=True)
class Training:
    """How to train: parameters of `lapt` and `scratch`, and embedding rows trained at `tier_rate` times `lr`."""

    epochs: int
    lr: float
    batch: int
    max_length: int
    mask: float
    warmup: int
    valid: float
    dtype: str
    seed: int
    tier: tuple[int, ...] = ()
    tier_rate: float = 1.0
    rows: Literal["text", "all"] = "all"


@dataclass(frozen=True)
class History:
    """Losses in nats per masked piece: validation before training and after each epoch; training, a mean per epoch.

    `best_epoch`, counted from 1, is the one whose weights were kept.
    """

    valid_loss: tuple[float, ...]
    train_loss: tuple[float, ...]
    best_epoch: int
    dtype: str
    train_lines: int
    valid_lines: int


def train_step(
    model: Model, text: EncodedText, step: Step, job: Job, tier: tuple[int, ...] = (), tier_rate: float = 1.0
) -> dict[str, Any]:
    """Trains by a step's parameters, which have the names of `Training`'s; returns what the provenance records.

    `valid_loss_per_word` is the validation loss of the kept epoch in nats per word.
    """
    names = {field.name for field in dataclasses.fields(Training)} & {field.name for field in dataclasses.fields(step)}
    parameters = {name: getattr(step, name) for name in names}
    training = Training(**parameters, seed=job.seed, tier=tier, tier_rate=tier_rate)
    history = train(model, text, training, JobState(job.checkpoint, job.cost, f"{step} {job.seed}"))
    per_word = history.valid_loss[history.best_epoch] * text.split(training.valid)[1].pieces_per_word
    return {**dataclasses.asdict(history), "valid_loss_per_word": round(per_word, 6)}


def train(model: Model, text: EncodedText, training: Training, job_state: JobState) -> History:
    """Trains `model` in place and leaves in it the weights of the epoch with the lowest validation loss.

    Raises:
        DataError: The loss is no longer a number.
        XLReachError: The processes that train together do not have the same text or model.
    """
    group = ProcessGroup()
    with group.connected():
        return _train(model, text, training, job_state, group)


def _train(model: Model, text: EncodedText, training: Training, job_state: JobState, group: ProcessGroup) -> History:
    device = group.device
    dtype = choose_dtype(training.dtype, device.type)
    group.require_equal([*map(torch.from_numpy, (*text.lines, *text.more)), *model.parameters()])
    narrowed = None
    rows = text.in_use(training.tier)
    if training.rows == "text" and len(rows) < model.to(device).get_input_embeddings().weight.shape[0]:
        narrowed = SparseEmbeddings(model, rows, dtype, job_state.checkpoint)
        text = text.renumbered(rows)
        training = dataclasses.replace(training, tier=tuple(np.searchsorted(rows, training.tier).tolist()))
    fit, held_out = text.split(training.valid)
    masking = Masking.of(text, training.mask)
    run = _Run(model.to(device), training, masking, device, dtype, narrowed.rest if narrowed else None, group)
    per_epoch = sum(1 for _ in batches(fit, training.batch * training.max_length, np.random.default_rng(0)))
    run.total_steps = per_epoch * training.epochs
    progress = _Progress.load(job_state, run)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if not progress.valid_loss:
            progress.valid_loss.append(run.evaluate(held_out))
        hidden = None if group.rank == 0 else True  # None: where there is no terminal
        bar = tqdm(total=run.total_steps, initial=progress.steps, unit="step", desc="masked LM", disable=hidden)
        for epoch in range(len(progress.train_loss) + 1, training.epochs + 1):
            torch.manual_seed(_mix(training.seed, epoch) + group.rank)
            loss, tokens = run.epoch(fit, epoch, progress.steps, bar)
            progress.steps += per_epoch
            progress.tokens += tokens
            progress.train_loss.append(loss)
            progress.valid_loss.append(run.evaluate(held_out))
            if not math.isfinite(progress.valid_loss[-1]):
                raise DataError(f"The loss is not a number after epoch {epoch}.", fix="Try a lower lr.")
            progress.save(job_state, run)
        bar.close()
    best = progress.best_epoch
    if best != training.epochs:
        run.restore(load_file(job_state.checkpoint / "best.safetensors"))
    if narrowed:
        run.optimizer.state.clear()  # the moments go before the whole tables come
        narrowed.restore()
    model.to("cpu")
    for name, spent in (("tokens", progress.tokens), ("steps", progress.steps)):
        job_state.cost[name] = job_state.cost.get(name, 0) + spent
    return History(
        tuple(round(v, 6) for v in progress.valid_loss),
        tuple(round(v, 6) for v in progress.train_loss),
        best,
        str(dtype).removeprefix("torch."),
        len(fit),
        len(held_out),
    )


@dataclass(frozen=True)
class JobState:
    """Where a training keeps its checkpoints and adds its costs; a checkpoint with another `label` is ignored."""

    checkpoint: Path
    cost: dict[str, float]
    label: str


class _Run:
    """Model, optimizer and schedule of one training."""

    def __init__(
        self,
        model: Model,
        training: Training,
        masking: Masking,
        device: torch.device,
        dtype: torch.dtype,
        rest: tuple[torch.Tensor, torch.Tensor] | None = None,
        group: ProcessGroup | None = None,
    ) -> None:
        self.model, self.training, self.masking, self.group = model, training, masking, group or ProcessGroup()
        self.device, self.dtype, self.total_steps = device, dtype, 1
        self.head, self.output, self.rest = masked_lm_head(model), model.get_output_embeddings(), rest
        self.named = {name: p for name, p in model.named_parameters() if p.requires_grad}
        decayed = [p for name, p in self.named.items() if not name.endswith(_NO_DECAY)]
        not_decayed = [p for name, p in self.named.items() if name.endswith(_NO_DECAY)]
        self.tier = Tier(model, training.tier)
        self.stepped = {**self.named, **self.tier.copies}
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": 0.01, "times": 1.0},
            {"params": not_decayed, "weight_decay": 0.0, "times": 1.0},
        ]
        if self.tier.copies:
            tier_rows = list(self.tier.copies.values())
            groups.append({"params": tier_rows, "weight_decay": 0.01, "times": training.tier_rate})
        self.optimizer = torch.optim.AdamW(groups, lr=training.lr, betas=(0.9, 0.999), eps=1e-6, fused=True)

    def epoch(self, text: EncodedText, number: int, done: int, bar: tqdm) -> tuple[float, int]:
        """Trains for one epoch; returns the mean loss and the number of tokens."""
        self.model.train()
        rng = np.random.default_rng([self.training.seed, number])
        total, tokens, count = 0.0, 0, 0
        for batch in batches(text, self.training.batch * self.training.max_length, rng):
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate(done + count) * group["times"]
            loss = self.backward(batch, rng)
            torch.nn.utils.clip_grad_norm_(self.named.values(), 1.0)
            self.tier.take_gradients()
            self.optimizer.step()
            self.tier.write_back()
            self.optimizer.zero_grad(set_to_none=True)
            total, tokens, count = total + loss, tokens + batch.tokens, count + 1
            bar.update()
        return self.group.total(total)[0] / count, tokens

    @torch.no_grad()
    def evaluate(self, text: EncodedText) -> float:
        """The loss per masked piece on held-out lines, with the same masks each time."""
        self.model.eval()
        rng, total, masked = np.random.default_rng([self.training.seed, 0]), 0.0, 0
        for number, batch in enumerate(batches(text, self.training.batch * self.training.max_length, rng)):
            ids, picked, labels = self.masking.apply(batch, rng)
            if self.group.computes(number):
                loss = self._loss(ids, batch.attention, picked, labels)
                total, masked = total + loss.item() * len(labels), masked + len(labels)
        total, count = self.group.total(total, masked)
        return total / max(count, 1)

    def backward(self, batch: Batch, rng: np.random.Generator) -> float:
        """Adds the gradients of a batch, part by part; returns this process's share of the loss."""
        ids, picked, labels = self.masking.apply(batch, rng)
        rows, length = ids.shape
        smallest = -(-ids.size * self.model.config.hidden_size // LARGEST_PART) if self.device.type == "cpu" else 1
        parts = self.group.parts(smallest)
        each, total = -(-rows // parts), 0.0
        for number, start in enumerate(range(0, rows, each)):
            part = slice(start, start + each)
            inside = (picked >= start * length) & (picked < (start + each) * length)
            if self.group.computes(number) and inside.any():
                loss = self._loss(ids[part], batch.attention[part], picked[inside] - start * length, labels[inside])
                loss = loss * (int(inside.sum()) / len(labels))
                loss.backward()
                total += loss.item()
        self.group.sum_gradients(self.named.values())
        if smallest > 1:
            release_freed_memory()  # the next batch has another shape
        return total

    def _loss(self, ids: _Ids, attention: _Ids, picked: _Ids, labels: _Ids) -> torch.Tensor:
        spare = -len(labels) % _POSITION_STEP
        inputs, mask = (torch.from_numpy(array).to(self.device) for array in (ids, attention))
        positions = torch.from_numpy(np.pad(picked, (0, spare))).to(self.device)
        targets = torch.from_numpy(np.pad(labels, (0, spare), constant_values=_IGNORED)).to(self.device)
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            hidden = self.model.base_model(input_ids=inputs, attention_mask=mask).last_hidden_state
            with _without_output_layer(self.output):
                hidden = self.head(hidden.flatten(0, 1)[positions])
        return cross_entropy(hidden.to(self.dtype), self.output.weight, self.output.bias, targets, self.rest)

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Sets the weights, and the optimizer's state where `state` has it."""
        with torch.no_grad():
            for name, parameter in self.stepped.items():
                if name in self.named or name in state:  # the best weights are stored without the tier's copies
                    parameter.copy_(state[name])
                if f"{name}#exp_avg" in state:
                    self.optimizer.state[parameter] = {
                        key: state[f"{name}#{key}"].to(self.device) for key in ("step", "exp_avg", "exp_avg_sq")
                    }

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: parameter.detach().contiguous() for name, parameter in self.named.items()}

    def everything(self) -> dict[str, torch.Tensor]:
        state = self.weights() | {name: copy.detach() for name, copy in self.tier.copies.items()}
        for name, parameter in self.stepped.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                state[f"{name}#{key}"] = value.detach().contiguous()
        return state

    def _rate(self, step: int) -> float:
        warmup = min(self.training.warmup, self.total_steps // 5)
        if step < warmup:
            return self.training.lr * (step + 1) / warmup
        return self.training.lr * (self.total_steps - step) / max(1, self.total_steps - warmup)


@dataclass
class _Progress:
    """The progress of a training: the part of a checkpoint that is not tensors."""

    valid_loss: list[float]
    train_loss: list[float]
    steps: int = 0
    tokens: int = 0

    @property
    def best_epoch(self) -> int:
        after = self.valid_loss[1:]
        return after.index(min(after)) + 1

    @classmethod
    def load(cls, job: JobState, run: _Run) -> _Progress:
        path = job.checkpoint / "state.json"
        if not path.is_file():
            return cls([], [])
        content = json.loads(path.read_text("utf-8"))
        if content.pop("label") != job.label:
            return cls([], [])
        progress = cls(**content)
        run.restore(load_file(job.checkpoint / f"epoch-{len(progress.train_loss)}.safetensors"))
        return progress

    def save(self, job: JobState, run: _Run) -> None:
        """Writes the tensors first and `state.json` last: a process killed in between repeats one epoch."""
        epoch = len(self.train_loss)
        if epoch == run.training.epochs and self.best_epoch == epoch:
            return  # the result is written next, so nothing would read this checkpoint
        with replacing(job.checkpoint / f"epoch-{epoch}.safetensors") as path:
            save_file(run.everything(), path)
        if self.best_epoch == epoch:
            with replacing(job.checkpoint / "best.safetensors") as path:
                save_file(run.weights(), path)
        with replacing(job.checkpoint / "state.json") as path:
            path.write_text(json.dumps({"label": job.label, **dataclasses.asdict(self)}), "utf-8")
        for path in job.checkpoint.glob("epoch-*.safetensors"):
            if path.name != f"epoch-{epoch}.safetensors":
                path.unlink()


@contextlib.contextmanager
def _without_output_layer(output: torch.nn.Module) -> Iterator[None]:
    """A block in which the head returns the input of its output layer; `cross_entropy` applies that layer itself."""
    output.forward = lambda hidden: hidden  # of this module only, not of its class
    try:
        yield
    finally:
        del output.forward


def _mix(seed: int, epoch: int) -> int:
    """One seed from two numbers."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
