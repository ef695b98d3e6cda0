"""Label inventories, annotations and predictions: what passes between data, heads and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlreach.errors import DataError

IGNORED = -100  # the target for padding and for labels that the training data do not have


@dataclass(frozen=True)
class Annotation:
    """What a task annotates in a sentence.

    Attributes:
        labels: One label per word: tag, relation or IOB2 tag.
        heads: The head of each word, counted from 1, 0 for the root; empty for tasks without trees.
    """

    labels: tuple[str, ...]
    heads: tuple[int, ...] = ()


class Prediction(NamedTuple):
    """What a head predicts for a sentence: label indices, and heads as in `Annotation`."""

    labels: list[int]
    heads: list[int] = []  # noqa: RUF012 (never changed)


class Labels:
    """The labels of the training data, in alphabetical order."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(set(names)))
        self._index = {name: index for index, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def indices(self, labels: Sequence[str]) -> list[int]:
        """The index of each label, `IGNORED` for one that the training data do not have."""
        return [self._index.get(label, IGNORED) for label in labels]

    def annotation(self, prediction: Prediction) -> Annotation:
        """A prediction with its labels by name."""
        return Annotation(tuple(self.names[index] for index in prediction.labels), tuple(prediction.heads))

    def unseen(self, annotations: Iterable[Annotation], split: str, where: str) -> dict[str, int]:
        """Counts the labels that the training data do not have; no tagger can predict them.

        Raises:
            DataError: The training data have none of the labels.
        """
        counts = Counter(label for annotation in annotations for label in annotation.labels)
        unseen = {label: n for label, n in sorted(counts.items()) if label not in self._index}
        if counts and len(unseen) == len(counts):
            raise DataError(
                f"None of the {len(counts)} labels of the {split} split of {where} ({_some(counts)}) is among the "
                f"{len(self.names)} of its training split ({_some(self.names)}).",
                fix="Train and test with one label set; for tags across languages use pos(column=upos).",
            )
        return unseen


def _some(labels: Iterable[str]) -> str:
    names = sorted(labels)
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
