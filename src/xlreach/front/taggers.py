"""Training taggers and parsers, scoring them, and annotating sentences with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.errors import DataError, ModelError
from xlreach.front.inputs import PathLike, open_as, output
from xlreach.front.scores import Measurements
from xlreach.front.table import Table

if TYPE_CHECKING:
    from xlreach.corpora.dataset import Dataset
    from xlreach.tagging.trained import TrainedTagger


@dataclass(frozen=True)
class TaggedWord:
    """A word with its predicted annotation.

    Attributes:
        sentence: The number of its sentence, from 1.
        position: Its place in the sentence, from 1.
        word: The word.
        label: Its part of speech, dependency relation, or IOB2 entity tag.
        head: For a parser, the position of its head; 0 is the root.
    """

    sentence: int
    position: int
    word: str
    label: str
    head: int | None


class TaggingResult(Table[TaggedWord]):
    """Annotated words, one a row."""


class Tagger:
    """A trained tagger or parser: what `tag` gives, or what it saved, opened again.

    Args:
        folder: The folder that `tag` or `xlreach tag` wrote.

    Attributes:
        folder: The folder: measurements, predictions of the test split, and the weights (`tagger.safetensors`).
        scores: Its measurements on the test split, from 0 to 1.

    Raises:
        DataError: There is no tagger in the folder.
    """

    def __init__(self, folder: PathLike) -> None:
        from xlreach.measurement import read_measurements

        self.folder = Path(folder)
        self.scores = Measurements(read_measurements(self.folder / "measurements.jsonl"))
        self._trained: TrainedTagger | None = None

    def predict(self, sentences: Sequence[str | Sequence[str]]) -> TaggingResult:
        """Annotates sentences.

        Args:
            sentences: Each a list of words, or a string, which is split at white space.

        Returns:
            One row a word.

        Raises:
            DataError: A sentence has no words.
            ModelError: The encoder is gone that it was trained from, or it holds static word vectors.
        """
        from xlreach.tagging.trained import FILE, open_tagger

        words = [sentence.split() if isinstance(sentence, str) else list(sentence) for sentence in sentences]
        if not all(words):
            raise DataError("A sentence has no words.", expected="Expected one word or more in each.")
        if self._trained is None:
            if not (self.folder / FILE).is_file():
                raise ModelError(
                    "The tagger reads static word vectors, and its weights were not kept.",
                    fix="Train it on an encoder to annotate other sentences.",
                    path=self.folder,
                )
            self._trained = open_tagger(self.folder / FILE)
        return TaggingResult(
            TaggedWord(number, position, word, label, annotation.heads[position - 1] if annotation.heads else None)
            for number, (sentence, annotation) in enumerate(zip(words, self._trained.predict(words), strict=True), 1)
            for position, (word, label) in enumerate(zip(sentence, annotation.labels, strict=True), 1)
        )

    def save(self, folder: PathLike) -> Tagger:
        """Copies the folder, for example from a temporary place to one that stays.

        Raises:
            XLReachError: There is something at `folder`.
        """
        return Tagger(shutil.copytree(self.folder, output(folder, "tagger")))

    def __repr__(self) -> str:
        return f"Tagger({str(self.folder)!r})\n{self.scores}"

    def _repr_html_(self) -> str:
        return self.scores._repr_html_()


def tag(
    encoder: PathLike,
    dataset: str | Dataset,
    *,
    task: str = "pos",
    preset: str = "paper",
    out: PathLike | None = None,
    seed: int = 1,
    data: PathLike | None = None,
) -> Tagger:
    """Trains a tagger or parser on an encoder, and scores it on the test split.

    Args:
        encoder: The encoder, or a folder of static word vectors.
        dataset: A treebank or an entity corpus: its name (`ud:mt_mudt`, `ner:masakhaner2/wol`), a folder, or opened.
        task: `pos` (softmax), `parse` (biaffine, Dozat and Manning 2017) or `ner` (CRF), with parameters such as
            `pos(column=upos)`.
        preset: How to train: `paper` (Chau and Smith 2021), `fast` or `quick`.
        out: The folder to write; None writes to a temporary one, removed when Python ends.
        seed: The seed of everything random.
        data: The folder of corpora that data set names refer to; None is `XLREACH_DATA`, else the working directory.

    Returns:
        The tagger, with its scores from 0 to 1: `accuracy` (POS), `UAS` and `LAS` (parsing), `F1` (NER).

    Raises:
        SpecError: There is no such task.
        ConfigError: There is no such preset.
        DataError: The data set is not there, is damaged, or is of another kind than the task.
        ModelError: The encoder cannot be used, or training diverged.
        XLReachError: `out` exists.

    Example:
        >>> tagger = xl.tag("encoder", "treebank", task="pos(limit=8)", preset="quick")
        >>> [row.measure for row in tagger.scores]
        ['accuracy']
        >>> [row.word for row in tagger.predict(["Il-klima qed tinbidel"])]
        ['Il-klima', 'qed', 'tinbidel']
    """
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.dataset import AnnotatedCorpus
    from xlreach.store import replacing
    from xlreach.tagging.tagging_run import run_tagging

    corpus = open_as(dataset, data, AnnotatedCorpus, "a treebank or an entity corpus, such as ud:mt_mudt")
    folder = resolve_base(os.fspath(encoder), static=True)
    target = output(out, "tagger")

    with replacing(target) as work:
        work.mkdir()
        run_tagging(
            task, folder, corpus, preset=preset, seed=seed, out=work,
            on_trained=lambda trained: trained.save(work / "tagger.safetensors"),
        )  # fmt: skip
    return Tagger(target)
