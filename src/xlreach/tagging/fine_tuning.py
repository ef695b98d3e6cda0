"""From sentences to predictions: puts encoder, head and training together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from xlreach.adapt.encoder import is_static
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.static_vectors import StaticVectors
from xlreach.store import digest
from xlreach.tagging.backbone import drop_unused_rows, load_backbone, reading_limit
from xlreach.tagging.labels import Annotation
from xlreach.tagging.number_format import resolved_precision
from xlreach.tagging.presets import Preset
from xlreach.tagging.recurrent import PADDING, RecurrentWordEncoder, Vocabulary
from xlreach.tagging.representations import WordEncoder, WordRepresentations, WordTokenizer
from xlreach.tagging.tagger_training import Example, Tagger, train
from xlreach.tagging.tasks import Task
from xlreach.tagging.trained import TrainedTagger


@dataclass(frozen=True)
class Learned:
    """The result of training.

    Attributes:
        pieces: The number of pieces that the encoder read in training.
        record: The part of `training.json` about the training.
        trained: The tagger, if it was to be kept and reads no static word vectors.
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
    """Trains on `train_sentences`, stops by `dev_sentences`, predicts `test_sentences`; see `run_tagging` and `train`.

    The caller's random state does not change. `names` is what errors call the training and the test data. The tagger is
    kept in the folder `keep`; None discards it.
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
    transform = input_transform(encoder)
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        narrowed = tokenize = None
        if is_static(encoder):
            vocabulary = Vocabulary.of(tokens)
            vectors = StaticVectors.load(encoder).vectors([transform(word) for word in vocabulary.numbers])
            words: WordRepresentations = RecurrentWordEncoder(vectors, task.recurrent)
            head = task.head(words.size, labels, dropout=task.recurrent.dropout)
            padding, precision = PADDING, "float32"
            pieces = [vocabulary(sentences) for sentences in tokens]
        else:
            random = torch.get_rng_state()
            tokenizer, body = load_backbone(encoder, device, preset.attention_dropout, preset.hidden_dropout)
            torch.set_rng_state(random)  # loading draws weights that the folder does not have
            tokenize = WordTokenizer(tokenizer, reading_limit(body), task.pooling, transform)
            padding = tokenizer.pad_token_id or 0
            pieces, narrowed = drop_unused_rows(body, padding, [tokenize(sentences) for sentences in tokens], keep)
            words = WordEncoder(body, preset.layer_dropout)
            head = task.head(words.size, labels)
            precision = resolved_precision(words.size, preset)
        tagger = Tagger(words, head, padding, precision).to(device)
        train_pieces, dev_pieces, test_pieces = pieces
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
    if keep is not None and tokenize is not None:
        if narrowed is not None:
            narrowed.restore()
        trained = TrainedTagger(task, encoder, labels, precision, tagger, tokenize)
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
