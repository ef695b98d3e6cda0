"""From sentences to predictions: puts encoder, head and training together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from xlreach.adapt.inputs import input_transform
from xlreach.store import digest
from xlreach.tagging.backbone import drop_unused_rows, load_encoder, reading_limit
from xlreach.tagging.labels import Annotation
from xlreach.tagging.precision import resolved_precision
from xlreach.tagging.presets import Preset
from xlreach.tagging.tasks import Task
from xlreach.tagging.training import Example, Tagger, train
from xlreach.tagging.words import WordEncoder, WordPieces


@dataclass(frozen=True)
class Learned:
    """What came of it.

    Attributes:
        predicted: The annotations of the test sentences.
        epochs: How many epochs were trained.
        pieces: How many pieces the encoder read in training.
        about: What `training.json` says.
    """

    predicted: list[Annotation]
    epochs: int
    pieces: int
    about: dict[str, Any]


def learn(
    task: Task,
    encoder: Path,
    train_sentences: Sequence[Any],
    dev_sentences: Sequence[Any],
    test_sentences: Sequence[Any],
    preset: Preset,
    *,
    seed: int,
    checkpoint: Path,
    names: tuple[str, str] = ("the training data", "the test data"),
    checkpoint_seconds: float = 60.0,
) -> Learned:
    """Trains on `train_sentences`, stops by `dev_sentences`, predicts `test_sentences`; see `run_tagging`.

    The random state of the caller is left as it was.
    """
    splits = {"train": train_sentences, "dev": dev_sentences[: preset.dev_sentences], "test": test_sentences}
    gold = {split: [task.annotation(one) for one in sentences] for split, sentences in splits.items()}
    labels = task.labels(gold["train"])
    unseen = {
        "dev": labels.unseen(gold["dev"], "dev", names[0]),
        "test": labels.unseen(gold["test"], "test", names[1]),
    }
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolved_precision(encoder, preset)
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        tokenizer, body = load_encoder(encoder, device, preset.attention_dropout, preset.hidden_dropout)
        padding = tokenizer.pad_token_id or 0
        cut = WordPieces(tokenizer, reading_limit(body), task.words, input_transform(encoder))
        pieces = [cut([task.tokens(one) for one in sentences]) for sentences in splits.values()]
        train_pieces, dev_pieces, test_pieces = drop_unused_rows(body, padding, pieces)
        torch.manual_seed(seed)
        words = WordEncoder(body, preset.layer_dropout)
        tagger = Tagger(words, task.head(words.size, labels), padding, precision).to(device)
        examples = [
            Example(one, labels.indices(target.labels), list(target.heads))
            for one, target in zip(train_pieces, gold["train"], strict=True)
        ]
        size = sum(weight.numel() for weight in tagger.parameters())
        identity = digest([str(task), asdict(preset), seed, labels.names, precision, len(examples), size])
        history = train(
            tagger, examples, list(zip(dev_pieces, gold["dev"], strict=True)), task, labels, preset, seed=seed,
            checkpoint=checkpoint, identity=identity, checkpoint_seconds=checkpoint_seconds,
        )  # fmt: skip
        predicted = [labels.annotation(one) for one in tagger.predict(test_pieces)]
    about = {
        "labels": list(labels.names),
        "sentences": {split: len(sentences) for split, sentences in splits.items()},
        "unseen": unseen,
        "precision": precision,
        "device": device.type,
        "measure": task.main,
        "best_epoch": history.best + 1,
        "losses": history.losses,
        "dev": history.dev,
    }
    return Learned(predicted, history.epochs, history.pieces, about)
