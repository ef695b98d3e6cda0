"""The tagging tasks as specs: what each reads from a sentence, writes back, and is measured by.

Torch is imported only when a head is built, so that parsing a task's string stays cheap.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xlreach.corpora.formats.conllu import Sentence, write_conllu
from xlreach.corpora.formats.iob2 import TaggedSentence, write_iob2
from xlreach.errors import DataError, XLReachError
from xlreach.spec import Registry, Spec, param
from xlreach.tagging import metrics
from xlreach.tagging.labels import Annotation, Labels
from xlreach.tagging.metrics import Tally

if TYPE_CHECKING:
    from xlreach.tagging.heads import Head


@dataclass(frozen=True)
class Recurrent:
    """The bidirectional LSTMs that read static vectors in place of an encoder.

    Attributes:
        dropout: Of the input of each layer and of the head.
        highway: Whether gates let words bypass a layer.
    """

    layers: int
    hidden: int
    dropout: float
    highway: bool = False


@dataclass(frozen=True)
class Task(Spec):
    """A tagging task on treebanks, if it declares nothing else; a new task derives from it and registers in `TASKS`."""

    version: ClassVar[int] = 3  # 3: prediction with the encoder's weights in bfloat16
    kind: ClassVar[Literal["treebank", "entities"]] = "treebank"
    main: ClassVar[str]
    suffix: ClassVar[str] = "conllu"
    recurrent: ClassVar[Recurrent] = Recurrent(layers=2, hidden=200, dropout=0.5)  # Chau and Smith 2021

    pooling: Literal["mean", "first", "last"] = param("mean", "which of a word's pieces represent it")
    limit: int | None = param(None, "the number of sentences to train on, the first ones", minimum=1)

    def resolved(self, train: Sequence[Any], transfer: bool) -> Task:
        """The task with every parameter set that depends on the training data."""
        return self

    def tokens(self, sentence: Any) -> tuple[str, ...]:
        """The words of a sentence."""
        return tuple(sentence.forms)

    @abstractmethod
    def annotation(self, sentence: Any) -> Annotation:
        """The gold annotation of a sentence."""

    @abstractmethod
    def annotated(self, sentence: Any, annotation: Annotation) -> Any:
        """The sentence with its annotation replaced by a predicted one; everything else stays."""

    def labels(self, annotations: Iterable[Annotation]) -> Labels:
        """The labels of the training data."""
        return Labels(label for annotation in annotations for label in annotation.labels)

    @abstractmethod
    def head(self, size: int, labels: Labels, **dropout: float) -> Head:
        """An untrained head for word representations of that size; `dropout` replaces the head's default."""

    @abstractmethod
    def tally(self, gold: Annotation, predicted: Annotation) -> dict[str, Tally]:
        """Correct and total of one sentence, by measure; the measure is the ratio of their sums."""

    @abstractmethod
    def evaluate(self, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, tuple[float, int]]:
        """The official scores (0 to 1) of annotated sentences by measure, each with the number of gold items."""

    def parts(self, gold: Sequence[Any], predicted: Sequence[Any]) -> metrics.Parts:
        """The scores of parts of the data (relations, sentence lengths) that the task's parameters ask for."""
        return {}

    def write(self, path: Path, sentences: Sequence[Any]) -> None:
        """Writes sentences in the task's format."""
        write_conllu(path, sentences)

    def check(self, sentence: Any) -> None:
        """Refuses a sentence of another kind of corpus."""
        expected = Sentence if self.kind == "treebank" else TaggedSentence
        if not isinstance(sentence, expected):
            raise DataError(
                f"The task {self} was given {'an entity corpus' if self.kind == 'treebank' else 'a treebank'}.",
                expected=f"Expected {'a treebank (CoNLL-U)' if self.kind == 'treebank' else 'entities (IOB2)'}.",
            )


TASKS: Registry[Task] = Registry("tagging task")


@TASKS.register
@dataclass(frozen=True)
class Pos(Task):
    """Part-of-speech tags by softmax, measured by accuracy.

    `auto` takes the language's own tags (XPOS) where every training word has one, else UPOS, as Chau and Smith 2021
    do; across languages always UPOS.
    """

    name: ClassVar[str] = "pos"
    main: ClassVar[str] = "accuracy"

    column: Literal["auto", "upos", "xpos"] = param("auto", "which tags")

    def resolved(self, train: Sequence[Sentence], transfer: bool) -> Pos:
        column = self.column
        if column == "auto":
            filled = all(word.xpos != "_" for sentence in train for word in sentence.words)
            column = "xpos" if filled and not transfer else "upos"
        if all(getattr(word, column) == "_" for sentence in train for word in sentence.words):
            raise DataError(
                f"No word of the training split has a tag in column {column.upper()}.",
                fix="Use the other column: pos(column=upos) or pos(column=xpos).",
                path=train[0].path,
            )
        return dataclasses.replace(self, column=column)

    def annotation(self, sentence: Sentence) -> Annotation:
        return Annotation(tuple(getattr(word, self.column) for word in sentence.words))

    def annotated(self, sentence: Sentence, annotation: Annotation) -> Sentence:
        return sentence.with_columns(**{self.column: annotation.labels})

    def head(self, size: int, labels: Labels, **dropout: float) -> Head:
        from xlreach.tagging.heads import SoftmaxHead

        return SoftmaxHead(size, labels, **dropout)

    def tally(self, gold: Annotation, predicted: Annotation) -> dict[str, Tally]:
        return {"accuracy": metrics.accuracy_tally(gold, predicted)}

    def evaluate(self, gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> dict[str, tuple[float, int]]:
        pairs = zip(gold, predicted, strict=True)
        tallies = [metrics.accuracy_tally(self.annotation(a), self.annotation(b)) for a, b in pairs]
        return {"accuracy": (metrics.ratio(tallies), sum(tally.total for tally in tallies))}


@TASKS.register
@dataclass(frozen=True)
class Parse(Task):
    """Dependency trees by a biaffine parser, measured by UAS and LAS of the CoNLL 2018 evaluation."""

    name: ClassVar[str] = "parse"
    main: ClassVar[str] = "LAS"
    recurrent: ClassVar[Recurrent] = Recurrent(layers=3, hidden=400, dropout=0.3, highway=True)

    arc_size: int = param(100, "width of the arc perceptrons", minimum=1)
    relation_size: int = param(100, "width of the relation perceptrons", minimum=1)
    relations: bool = param(False, "whether LAS is also given for each relation")
    lengths: bool = param(False, "whether UAS and LAS are also given by sentence length")

    def annotation(self, sentence: Sentence) -> Annotation:
        heads = []
        for word in sentence.words:
            if word.head is None:
                raise DataError(
                    "The sentence has no heads.",
                    expected="A parser is trained and tested on trees.",
                    path=sentence.path,
                    line=sentence.line,
                )
            heads.append(word.head)
        return Annotation(tuple(word.deprel for word in sentence.words), tuple(heads))

    def annotated(self, sentence: Sentence, annotation: Annotation) -> Sentence:
        return sentence.with_columns(head=annotation.heads, deprel=annotation.labels)

    def head(self, size: int, labels: Labels, **dropout: float) -> Head:
        from xlreach.tagging.heads import BiaffineHead

        return BiaffineHead(size, labels, arc=self.arc_size, relation=self.relation_size, **dropout)

    def tally(self, gold: Annotation, predicted: Annotation) -> dict[str, Tally]:
        return metrics.attachment_tally(gold, predicted)

    def evaluate(self, gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> dict[str, tuple[float, int]]:
        return metrics.conll18(gold, predicted)

    def parts(self, gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> metrics.Parts:
        annotations = [[self.annotation(sentence) for sentence in sentences] for sentences in (gold, predicted)]
        scores = metrics.by_relation(*annotations) if self.relations else {}
        return scores | (metrics.by_length(*annotations) if self.lengths else {})


@TASKS.register
@dataclass(frozen=True)
class Ner(Task):
    """Entities by a linear-chain CRF over IOB2 tags, measured by strict span F1 (seqeval, mode strict)."""

    name: ClassVar[str] = "ner"
    kind: ClassVar[Literal["treebank", "entities"]] = "entities"
    main: ClassVar[str] = "F1"
    suffix: ClassVar[str] = "iob2"

    partial: bool = param(False, "whether nervaluate's exact, partial and type F1 are also given")

    def tokens(self, sentence: TaggedSentence) -> tuple[str, ...]:
        return sentence.tokens

    def annotation(self, sentence: TaggedSentence) -> Annotation:
        return Annotation(sentence.tags)

    def annotated(self, sentence: TaggedSentence, annotation: Annotation) -> TaggedSentence:
        return dataclasses.replace(sentence, tags=annotation.labels)

    def labels(self, annotations: Iterable[Annotation]) -> Labels:
        seen = {label for annotation in annotations for label in annotation.labels}
        if seen <= {"O"}:
            raise DataError("There is no entity in the training split.", expected="Expected tags B-TYPE and I-TYPE.")
        # `O` is always possible, and each `I-X` needs its `B-X`.
        return Labels(seen | {"O"} | {f"B-{label[2:]}" for label in seen if label != "O"})

    def head(self, size: int, labels: Labels, **dropout: float) -> Head:
        from xlreach.tagging.heads import CRFHead

        return CRFHead(size, labels, **dropout)

    def tally(self, gold: Annotation, predicted: Annotation) -> dict[str, Tally]:
        return {"F1": metrics.span_tally(gold, predicted)}

    def evaluate(
        self, gold: Sequence[TaggedSentence], predicted: Sequence[TaggedSentence]
    ) -> dict[str, tuple[float, int]]:
        return metrics.span_f1(*_tags(gold, predicted))

    def parts(self, gold: Sequence[TaggedSentence], predicted: Sequence[TaggedSentence]) -> metrics.Parts:
        return metrics.partial_f1(*_tags(gold, predicted)) if self.partial else {}

    def write(self, path: Path, sentences: Sequence[TaggedSentence]) -> None:
        write_iob2(path, sentences)


def _tags(*splits: Sequence[TaggedSentence]) -> list[list[tuple[str, ...]]]:
    return [[sentence.tags for sentence in sentences] for sentences in splits]


def split_of(data: Any, split: str, task: Task, limit: int | None = None) -> list[Any]:
    """The first `limit` sentences of a split; no more are read.

    Raises:
        DataError: The data set has no such split, or is of another kind than the task needs.
    """
    if split not in data.splits:
        raise DataError(
            f"{data.name} has no {split} split.", expected=f"Its splits: {', '.join(data.splits) or 'none'}."
        )
    sentences = list(islice(data.read(split), limit))
    if not sentences:
        raise DataError(f"The {split} split of {data.name} is empty.")
    try:
        task.check(sentences[0])
    except XLReachError as error:
        raise DataError(f"{data.name}: {error}") from error
    return sentences
