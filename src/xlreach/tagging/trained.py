"""A trained tagger that annotates other sentences, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from xlreach.adapt.romanize import input_transform
from xlreach.errors import ModelError
from xlreach.tagging.backbone import load_backbone, reading_limit
from xlreach.tagging.checkpoint import read_tensors
from xlreach.tagging.labels import Annotation, Labels
from xlreach.tagging.representations import WordEncoder, WordTokenizer
from xlreach.tagging.tagger_training import Tagger
from xlreach.tagging.tasks import TASKS, Task


@dataclass(frozen=True)
class TrainedTagger:
    """An encoder with a trained head.

    Attributes:
        encoder: The encoder folder that it was trained from; it still needs its configuration and tokenizer.
    """

    task: Task
    encoder: Path
    labels: Labels
    precision: str
    model: Tagger
    tokenize: WordTokenizer

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[Annotation]:
        """Annotates sentences, each of at least one word."""
        return [self.labels.annotation(prediction) for prediction in self.model.predict(self.tokenize(sentences))]

    def save(self, path: Path) -> None:
        """Writes all weights, task and labels to one safetensors file."""
        weights = {name: weight.detach().cpu().contiguous() for name, weight in self.model.state_dict().items()}
        metadata = {
            "task": str(self.task),
            "labels": self.labels.names,
            "precision": self.precision,
            "encoder": str(self.encoder.resolve()),
        }
        save_file(weights, path, {"tagger": json.dumps(metadata, ensure_ascii=False)})


def open_tagger(path: Path) -> TrainedTagger:
    """Opens what `TrainedTagger.save` wrote; the encoder's folder must still exist.

    Raises:
        ModelError: The file is missing or damaged, or the encoder is missing or another one.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        metadata, weights = read_tensors(path)
        described = json.loads(metadata["tagger"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"Not a saved tagger ({error}).", path=path) from error
    encoder, task, labels = Path(described["encoder"]), TASKS.parse(described["task"]), Labels(described["labels"])
    tokenizer, body = load_backbone(encoder, device)
    words = WordEncoder(body, 0.0)
    model = Tagger(words, task.head(words.size, labels), tokenizer.pad_token_id or 0, described["precision"]).to(device)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError("The encoder is no longer the one that the tagger was trained from.", path=encoder) from error
    tokenize = WordTokenizer(tokenizer, reading_limit(body), task.pooling, input_transform(encoder))
    return TrainedTagger(task, encoder, labels, described["precision"], model, tokenize)
