"""Training a tagger: batches, schedule, early stopping on the dev figure, checkpoints.

The optimizer is AdamW with one rate for the head and one for the encoder. The schedule depends on the step alone, the
order of batches on seed and epoch alone, so that a run continued from a checkpoint ends exactly like an uninterrupted
one. A checkpoint is one safetensors file, replaced as a whole.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from xlreach.compute.parallel import map_batches
from xlreach.errors import ModelError
from xlreach.tagging.checkpoint import load_checkpoint, save_checkpoint
from xlreach.tagging.heads import Head
from xlreach.tagging.labels import IGNORED, Annotation, Labels, Prediction
from xlreach.tagging.metrics import ratio
from xlreach.tagging.presets import Preset
from xlreach.tagging.representations import TokenizedSentence, WordRepresentations, collate
from xlreach.tagging.tasks import Task


@dataclass(frozen=True)
class Example:
    """A sentence to train on: its pieces and gold targets."""

    pieces: TokenizedSentence
    labels: list[int]
    heads: list[int]


@dataclass
class History:
    """What happened in training.

    Attributes:
        dev: The dev figure of each epoch, 0 to 1.
        best: The epoch whose weights were kept, from 0.
        pieces: The number of pieces that the encoder read in training, without padding.
    """

    losses: list[float] = field(default_factory=list)
    dev: list[float] = field(default_factory=list)
    best: int = -1
    pieces: int = 0

    @property
    def epochs(self) -> int:
        return len(self.dev)


class Tagger(nn.Module):
    """An encoder with one head.

    Args:
        precision: The number format of the encoder, `float32` or `bfloat16`; the head always computes in float32.
    """

    def __init__(self, words: WordRepresentations, head: Head, padding: int, precision: str) -> None:
        super().__init__()
        self.words = words
        self.head = head
        self._padding = padding
        self._bfloat16 = precision == "bfloat16"

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Mean loss per word of a batch."""
        batch = collate([example.pieces for example in examples], self._padding, self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._bfloat16):
            words = self.words(batch).float()
        targets = np.full((2, *batch.mask.shape), IGNORED, dtype=np.int64)
        for i, example in enumerate(examples):
            targets[0, i, : len(example.labels)] = example.labels
            targets[1, i, : len(example.heads)] = example.heads
        labels, heads = torch.from_numpy(targets).to(self.device)
        return self.head.loss(words, batch.mask, labels, heads)

    def predict(self, sentences: Sequence[TokenizedSentence], max_sentences: int = 64) -> list[Prediction]:
        """Predictions in the order of the sentences, in batches of at most `max_sentences`; on CPUs one per core."""
        was_training = self.training
        self.eval()
        predicted: dict[int, Prediction] = {}
        order = sorted(range(len(sentences)), key=lambda i: sentences[i].longest)
        max_pieces = 1024 if self.device.type == "cpu" else 16384  # 1024: as much as a core's cache holds
        plan = plan_batches([sentences[i] for i in order], max_sentences, max_pieces)
        # The longest first, so that no core starts with one of them when the others have finished.
        chosen = ([order[i] for i in batch] for batch in reversed(plan))
        batches = ((numbers, [sentences[i] for i in numbers]) for numbers in chosen)
        with self.words.predicting(torch.bfloat16 if self._bfloat16 else torch.float32):
            for numbers, predictions in map_batches(self._predict_batch, batches, self.device.type):
                predicted.update(zip(numbers, predictions, strict=True))
        self.train(was_training)
        return [predicted[i] for i in range(len(sentences))]

    @torch.inference_mode()
    def _predict_batch(self, sentences: Sequence[TokenizedSentence]) -> list[Prediction]:
        batch = collate(sentences, self._padding, self.device)
        return self.head.predict(self.words(batch).float(), batch.mask)


def plan_batches(sentences: Sequence[TokenizedSentence], max_sentences: int, max_pieces: int) -> list[list[int]]:
    """Groups sentences, in their order, into batches, by their indexes.

    A batch has at most `max_pieces` pieces, padding included; a longer sentence is a batch alone.
    """
    batches: list[list[int]] = []
    longest = rows = 0
    for i, sentence in enumerate(sentences):
        longest, rows = max(longest, sentence.padded), rows + len(sentence.windows)
        if not batches or len(batches[-1]) >= max_sentences or rows * longest > max_pieces:
            batches.append([])
            longest, rows = sentence.padded, len(sentence.windows)
        batches[-1].append(i)
    return batches


def train(
    tagger: Tagger,
    examples: Sequence[Example],
    dev: Sequence[tuple[TokenizedSentence, Annotation]],
    task: Task,
    labels: Labels,
    preset: Preset,
    *,
    seed: int,
    checkpoint: Path,
    identity: str = "",
    checkpoint_seconds: float = 60.0,
) -> History:
    """Trains until the dev figure stops rising, and leaves the best epoch's weights in `tagger`.

    The caller has seeded torch for the initial weights; `seed` decides dropout and the order of batches. Training
    continues from a checkpoint in the folder, unless its `identity` is that of another run; one is written at the end
    of an epoch, `checkpoint_seconds` after the last at the soonest.

    Raises:
        ModelError: The loss is no longer finite.
    """
    optimizer = _optimizer(tagger, preset)
    history = History()
    best: dict[str, Tensor] = {}
    torch.manual_seed(seed)
    state = load_checkpoint(checkpoint, identity, tagger, optimizer)
    if state is not None:
        history, best = History(**state.progress), state.best
    saved = time.monotonic()
    progress = tqdm(range(history.epochs, preset.epochs), desc=f"{task}", unit="epoch", disable=None, leave=False)
    for epoch in progress:
        if history.epochs - history.best > preset.patience and history.epochs:
            break
        loss = _epoch(tagger, optimizer, examples, preset, seed, epoch)
        if not math.isfinite(loss):
            raise ModelError(f"Training diverged in epoch {epoch + 1}.", fix="Use a preset with a lower rate.")
        predicted = map(labels.annotation, tagger.predict([pieces for pieces, _ in dev]))
        value = ratio(task.tally(gold, guess)[task.main] for (_, gold), guess in zip(dev, predicted, strict=True))
        progress.set_postfix({task.main: f"{value:.3f}"})
        if history.best < 0 or value > history.dev[history.best]:
            history.best = epoch
            best = {name: tensor.detach().clone() for name, tensor in tagger.state_dict().items()}
        history.losses.append(loss)
        history.dev.append(value)
        history.pieces += sum(len(window) for example in examples for window in example.pieces.windows)
        if time.monotonic() - saved >= checkpoint_seconds:
            save_checkpoint(checkpoint, identity, tagger, optimizer, best, vars(history))
            saved = time.monotonic()
    if best:
        tagger.load_state_dict(best)
    return history


def learning_rate(preset: Preset, progress: float, start: float) -> float:
    """The rate as a share of the peak rate.

    Args:
        progress: Epochs since the start of training.
        start: The epoch from which this group of weights is trained.
    """
    since, warmup = progress - start, preset.warmup_epochs
    if since < warmup:
        return max(since, 0.0) / warmup
    if preset.schedule == "linear":
        return max(preset.epochs - progress, 0.0) / max(preset.epochs - start - warmup, 1e-9)
    if preset.schedule == "constant":
        return 1.0
    return math.sqrt(max(warmup, 1.0) / max(since, 1.0))


def _epoch(
    tagger: Tagger, optimizer: torch.optim.Optimizer, examples: Sequence[Example], preset: Preset, seed: int, epoch: int
) -> float:
    batches = list(_shuffled(examples, preset, seed, epoch))
    tagger.train()
    tagger.words.frozen = epoch < preset.frozen_epochs
    weights = list(tagger.parameters())
    total = torch.zeros((), device=tagger.device)
    factor = 1.0 if preset.steps_factor is None else preset.steps_factor / math.sqrt(len(batches))
    for number, batch in enumerate(batches):
        progress = epoch + (number + 1) / len(batches)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor * learning_rate(preset, progress, group["start"])
            if group["inside"] and not preset.bias_correction:
                steps = (epoch - preset.frozen_epochs) * len(batches) + number + 1
                group["lr"] *= _uncorrected(max(steps, 1), *group["betas"])
        optimizer.zero_grad(set_to_none=True)
        loss = tagger.loss([examples[i] for i in batch])
        loss.backward()
        nn.utils.clip_grad_norm_(weights, preset.max_grad_norm)
        optimizer.step()
        total += loss.detach()
    return float(total) / len(batches)


def _uncorrected(step: int, beta1: float, beta2: float) -> float:
    """The factor of the rate of Adam's step (from 1) that cancels its bias correction."""
    return (1 - beta1**step) / math.sqrt(1 - beta2**step)


def _shuffled(examples: Sequence[Example], preset: Preset, seed: int, epoch: int) -> Iterator[list[int]]:
    """Batches of sentences of similar length, in random order and composition."""
    random = np.random.default_rng([seed, epoch])
    # Sentences of the same padded length are distributed differently in each epoch.
    keys = [(example.pieces.padded, tie) for example, tie in zip(examples, random.random(len(examples)), strict=True)]
    order = sorted(range(len(examples)), key=keys.__getitem__)
    batches = plan_batches([examples[i].pieces for i in order], preset.batch_sentences, preset.batch_pieces)
    for number in random.permutation(len(batches)):
        yield [order[i] for i in batches[number]]


def _optimizer(tagger: Tagger, preset: Preset) -> torch.optim.Optimizer:
    inside = {id(weight) for weight in tagger.words.pretrained()}
    groups: list[dict[str, Any]] = []
    for in_encoder, peak, start in (
        (False, preset.head_lr, 0.0),
        (True, preset.encoder_rate(tagger.words.size), float(preset.frozen_epochs)),
    ):
        weights = [w for w in tagger.parameters() if (id(w) in inside) == in_encoder]
        for matrices, decay in ((True, preset.weight_decay), (False, 0.0)):
            chosen = [w for w in weights if (w.ndim > 1) == matrices]
            if chosen:
                groups.append(
                    {"params": chosen, "weight_decay": decay, "peak": peak, "start": start, "inside": in_encoder}
                )
    return torch.optim.AdamW(groups, lr=0.0, fused=True)
