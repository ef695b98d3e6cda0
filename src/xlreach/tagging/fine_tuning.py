"""From sentences to predictions: puts encoder, head and training together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from xlreach.adapt.encoder import is_static
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.static_vectors import StaticVectors
from xlreach.store import digest
from xlreach.tagging.backbone import drop_unused_rows, load_backbone, reading_limit
from xlreach.tagging.heads import Head
from xlreach.tagging.labels import Annotation, Labels
from xlreach.tagging.number_format import resolved_precision
from xlreach.tagging.presets import Preset
from xlreach.tagging.recurrent import PADDING, RecurrentWordEncoder, Vocabulary
from xlreach.tagging.representations import TokenizedSentence, WordEncoder, WordRepresentations, WordTokenizer
from xlreach.tagging.tagger_training import Example, Tagger, train
from xlreach.tagging.tasks import Task
from xlreach.tagging.trained import TrainedTagger

Tokens = list[list[tuple[str, ...]]]
Reading = tuple[WordRepresentations, Head, int, str, list[list[TokenizedSentence]], Callable[[], WordTokenizer] | None]
"""What gives vectors, the head on it, the padding id, the precision, the splits as it reads them, and what makes it
read any sentence."""


@dataclass(frozen=True)
class Learned:
    """What came of it.

    Attributes:
        pieces: How many pieces the encoder read in training.
        record: What `training.json` says of the training.
        trained: What annotates other sentences; None unless it was to be kept, and for static word vectors.
    """

    predicted: list[Annotation]
    epochs: int
    pieces: int
    record: dict[str, Any]
    trained: TrainedTagger | None


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
    keep: Path | None = None,
) -> Learned:
    """Trains on `train_sentences`, stops by `dev_sentences`, predicts `test_sentences`; see `run_tagging`.

    The random state of the caller is left as it was.
    """
    splits = {"train": train_sentences, "dev": dev_sentences[: preset.dev_sentences], "test": test_sentences}
    gold = {split: [task.annotation(sentence) for sentence in sentences] for split, sentences in splits.items()}
    labels = task.labels(gold["train"])
    unseen = {
        "dev": labels.unseen(gold["dev"], "dev", names[0]),
        "test": labels.unseen(gold["test"], "test", names[1]),
    }
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokens = [[task.tokens(sentence) for sentence in sentences] for sentences in splits.values()]
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        read = _static if is_static(encoder) else _transformer
        words, head, padding, precision, (train_pieces, dev_pieces, test_pieces), restore = read(
            encoder, task, labels, tokens, preset, device, keep
        )
        tagger = Tagger(words, head, padding, precision).to(device)
        examples = [
            Example(sentence, labels.indices(target.labels), list(target.heads))
            for sentence, target in zip(train_pieces, gold["train"], strict=True)
        ]
        size = sum(weight.numel() for weight in tagger.parameters())
        identity = digest([str(task), asdict(preset), seed, labels.names, precision, len(examples), size])
        history = train(
            tagger, examples, list(zip(dev_pieces, gold["dev"], strict=True)), task, labels, preset, seed=seed,
            checkpoint=checkpoint, identity=identity, checkpoint_seconds=checkpoint_seconds,
        )  # fmt: skip
        predicted = [labels.annotation(prediction) for prediction in tagger.predict(test_pieces)]
    trained = None
    if keep is not None and restore is not None:
        trained = TrainedTagger(task, encoder, labels, precision, tagger, restore())
    record = {
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
    return Learned(predicted, history.epochs, history.pieces, record, trained)


def _transformer(
    encoder: Path,
    task: Task,
    labels: Labels,
    tokens: Tokens,
    preset: Preset,
    device: torch.device,
    keep: Path | None,
) -> Reading:
    random = torch.get_rng_state()
    tokenizer, body = load_backbone(encoder, device, preset.attention_dropout, preset.hidden_dropout)
    padding = tokenizer.pad_token_id or 0
    tokenize = WordTokenizer(tokenizer, reading_limit(body), task.pooling, input_transform(encoder))
    pieces, narrowed = drop_unused_rows(body, padding, [tokenize(sentences) for sentences in tokens], keep)

    def restore() -> WordTokenizer:
        if narrowed is not None:
            narrowed.restore()
        return tokenize

    torch.set_rng_state(random)  # weights that the folder lacks were drawn meanwhile
    words = WordEncoder(body, preset.layer_dropout)
    return words, task.head(words.size, labels), padding, resolved_precision(encoder, preset), pieces, restore


def _static(
    encoder: Path,
    task: Task,
    labels: Labels,
    tokens: Tokens,
    preset: Preset,
    device: torch.device,
    keep: Path | None,
) -> Reading:
    vocabulary = Vocabulary.of(tokens)
    transform = input_transform(encoder)
    vectors = StaticVectors.load(encoder).vectors([transform(word) for word in vocabulary.numbers])
    words = RecurrentWordEncoder(vectors, task.recurrent)
    head = task.head(words.size, labels, dropout=task.recurrent.dropout)
    return words, head, PADDING, "float32", [vocabulary(sentences) for sentences in tokens], None
