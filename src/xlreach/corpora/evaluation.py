"""What a study scores in a language, so that it can be kept out of everything that is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xlreach.corpora.collection import Collection
from xlreach.corpora.dataset import AnnotatedCorpus
from xlreach.corpora.registry import open_dataset


@dataclass(frozen=True)
class EvaluationSet:
    """A retrieval collection in one language, or a split of a treebank or entity corpus."""

    dataset: str
    language: str
    split: str | None  # None for a collection
    files: str  # the checksum of the files

    @property
    def name(self) -> str:
        return self.dataset if self.split is None else f"{self.dataset} {self.split}"

    def texts(self, root: Path) -> Iterator[str]:
        """Yields every sentence, question and passage."""
        data = open_dataset(self.dataset, root)
        if isinstance(data, AnnotatedCorpus) and self.split is not None:
            yield from (sentence.text for sentence in data.read(self.split))
        elif isinstance(data, Collection):
            yield from (query.text for query in data.queries(self.language))
            yield from (document.text for document in data.documents(self.language))


def evaluation_texts(sets: Iterable[EvaluationSet], root: Path) -> Iterator[str]:
    """Yields every text of several evaluation sets."""
    for evaluation_set in sets:
        yield from evaluation_set.texts(root)
