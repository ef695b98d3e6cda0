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
from xlreach.measurement import read_measurements
from xlreach.store import replacing

if TYPE_CHECKING:
    from xlreach.corpora.dataset import Dataset
    from xlreach.tagging.trained import TrainedTagger

_WEIGHTS = "tagger.safetensors"


@dataclass(frozen=True)
class TaggedWord:
    """A word with its predicted annotation."""

    sentence: int  # the number of the sentence, from 1
    position: int  # the place in the sentence, from 1
    word: str
    label: str  # part of speech, dependency relation, or IOB2 entity tag
    head: int | None  # for a parser, the position of the word that this one depends on; 0 is the root


class Tagger:
    """A trained tagger or parser: returned by `tag`, or opened from the folder that `save` wrote.

    Args:
        folder: The folder. One that `tag` or `xlreach tag` wrote has scores and predictions, but no weights.

    Attributes:
        folder: The folder, with measurements and the predictions of the test split.
        scores: Measurements on the test split, from 0 to 1.

    Raises:
        DataError: There is no tagger in the folder.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self.scores = Measurements(read_measurements(self.folder / "measurements.jsonl"))
        self._trained: TrainedTagger | None = None

    def predict(self, sentences: Sequence[str | Sequence[str]]) -> Table[TaggedWord]:
        """Annotates sentences.

        Args:
            sentences: Each a list of words, or a string, which is split at white space.

        Returns:
            One row for each word.

        Raises:
            DataError: A sentence has no words.
            ModelError: The weights were not saved, the encoder that the tagger was trained from is missing, or the
                tagger reads static word vectors.
        """
        words = [sentence.split() if isinstance(sentence, str) else list(sentence) for sentence in sentences]
        if not all(words):
            raise DataError("A sentence has no words.", expected="Expected one word or more in each.")
        predicted = self._open().predict(words)
        return Table(
            TaggedWord(number, position, word, label, annotation.heads[position - 1] if annotation.heads else None)
            for number, (sentence, annotation) in enumerate(zip(words, predicted, strict=True), 1)
            for position, (word, label) in enumerate(zip(sentence, annotation.labels, strict=True), 1)
        )

    def save(self, folder: PathLike) -> Tagger:
        """Writes the tagger with all its weights, to be opened with `Tagger(folder)`.

        The weights are those of the whole encoder and the head (1.1 GB for XLM-R base). The folder of the encoder must
        stay where it is, because its configuration and tokenizer are still needed.

        Args:
            folder: The folder to write; it must not exist yet.

        Returns:
            The saved tagger.

        Raises:
            ModelError: As for `predict`.
            XLReachError: The folder exists.
        """
        trained, target = self._open(), output(folder, "tagger")
        with replacing(target) as work:
            shutil.copytree(self.folder, work)
            trained.save(work / _WEIGHTS)
        return Tagger(target)

    def _open(self) -> TrainedTagger:
        """The tagger as it was trained, or read from its file."""
        if self._trained is None:
            from xlreach.tagging.trained import open_tagger

            if not (self.folder / _WEIGHTS).is_file():
                raise ModelError(
                    "The weights of this tagger were not saved.",
                    expected="Only a tagger on an encoder that was saved can annotate text, not one on word vectors.",
                    fix="Train it again, then call .save(FOLDER), or use xlreach tag with --save-model DIR.",
                    path=self.folder,
                )
            self._trained = open_tagger(self.folder / _WEIGHTS)
        return self._trained

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
        out: The folder for scores and predictions; None writes to a temporary one, removed when Python ends. The
            weights are only written by `.save(folder)`.
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
    from xlreach.tagging.tagging_run import run_tagging

    corpus = open_as(dataset, data, AnnotatedCorpus, "a treebank or an entity corpus, such as ud:mt_mudt")
    folder = resolve_base(os.fspath(encoder), static=True)
    target = output(out, "tagger")
    trained: list[TrainedTagger] = []
    with replacing(target) as work:
        work.mkdir()
        run_tagging(task, folder, corpus, preset=preset, seed=seed, out=work, on_trained=trained.append)
    tagger = Tagger(target)
    tagger._trained = next(iter(trained), None)
    return tagger
