"""What is left of a study, in time, memory and disk, before any of it is run.

Each stage is a number of pieces to train on and to read; how many follows from its inputs (which its key holds) and
from samples of the data, how long a piece takes was measured on this machine with an encoder of that shape (`rates`).
Stages of the study that are finished already correct the estimate of those of their kind that are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from xlreach.adapt.mlm import LARGEST_PART
from xlreach.adapt.recipe import STEPS
from xlreach.corpora.collection import Collection
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.pair_sources import PAIR_SOURCES
from xlreach.safe_io import read_json
from xlreach.store import Store
from xlreach.study.data import StudyData
from xlreach.study.plan import Plan
from xlreach.study.rates import Machine, Precision, Shape
from xlreach.study.stage import Given, Node, Stage
from xlreach.study.volumes import Texts, Volumes, piece_counter
from xlreach.tagging.tasks import TASKS

_PADDING = 1.15  # pieces in a batch of sorted texts, to pieces of the texts
_KEPT = 2.0  # memory that allocators hold, after batches of many shapes, to that in use
_HELD_OUT_PASSES = 1  # beside each epoch
_TRIMMED = 30.0  # pieces of a trimmed vocabulary grow with the root of the text
_WORKING = {"adapt": 1.0, "align": 0.6, "tag": 0.3}  # seconds of a stage whatever its size: loading, writing, checks
_WRITTEN = 2e-9  # seconds a byte of weights that is read, checked and written
_PREPARED = 2e-6  # seconds a character of text that is cleaned, compared and counted
_VECTORS = 1e-6  # seconds a character of text that static vectors are learnt from, each time
_SCORED = 4e-4  # seconds a query of a setting is searched for, measured and written
_PAIRED = 1e-4  # seconds a pair of texts is read, and held against what is scored
_LEXICAL = 1e-4  # seconds a document is cut into words and counted
_FORESEEN = 2_000  # words that an encoder is asked to foresee
_EVALUATED = 1e-3  # seconds a test sentence is decoded, evaluated and written
_REPORT, _REPORT_CELL = 6.0, 0.02  # seconds: charts and tables, and a figure compared by resampling
_RUN_LINE = 40  # bytes a line of a TREC run
_STATIC = Shape(2, 256, 4, 512, 20_000)  # BiLSTMs on word vectors, about
_STATES = 16  # bytes a weight in training: itself, its gradient, two moments


@dataclass
class Effort:
    """What one stage, or several, take: seconds, the most memory in MB, and disk in MB."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    disk_mb: float = 0.0

    def add(self, other: Effort) -> None:
        """Time and disk add up; memory is that of the largest."""
        self.seconds += other.seconds
        self.disk_mb += other.disk_mb
        self.memory_mb = max(self.memory_mb, other.memory_mb)


@dataclass
class Estimate:
    """What is left of a study.

    Attributes:
        total: Of everything that is left, and the report.
        kinds: By kind of stage.
        stages: By key.
        corrected: Kinds whose finished stages corrected the estimate, with the factor.
    """

    total: Effort = field(default_factory=Effort)
    kinds: dict[str, Effort] = field(default_factory=dict)
    stages: dict[str, Effort] = field(default_factory=dict)
    corrected: dict[str, float] = field(default_factory=dict)


def estimate(plan: Plan, data: StudyData, store: Store, tell: Callable[[str], None] = lambda _: None) -> Estimate:
    """Estimates what is left of a plan.

    Args:
        plan: Of the study.
        data: Its data, of which samples are read.
        store: Holds what is finished, and this machine's rates.
        tell: Is told when rates are measured, which takes seconds.
    """
    found, estimator = Estimate(), _Estimator(data, Machine(store.root, tell))
    found.total.memory_mb = estimator.machine.resident_mb  # before anything is measured
    left = {stage.key for stage in plan.left(store)}
    found.corrected = _corrections(plan, store, left, estimator)
    for key in left:
        stage = plan.stages[key]
        effort = estimator.effort(stage)
        effort.seconds *= found.corrected.get(stage.kind, 1.0)
        found.stages[key] = effort
        found.kinds.setdefault(stage.kind, Effort()).add(effort)
        found.total.add(effort)
    cells = sum(_cells(stage, data) for stage in plan.measured.values())
    report = Effort(_REPORT + _REPORT_CELL * cells, 0.0, 3.0)
    found.kinds["report"] = report
    found.total.add(report)
    return found


def duration(seconds: float) -> str:
    """For people: `40 s`, `4 min`, `2.5 h`, `3 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _corrections(plan: Plan, store: Store, left: set[str], estimator: _Estimator) -> dict[str, float]:
    """By kind: seconds that finished stages took here, to those that they would have been estimated at."""
    took: dict[str, list[tuple[float, float]]] = {}
    for key, stage in plan.stages.items():
        if key not in left and stage.kind not in ("text", "data"):
            seconds = float(store.record(stage.kind, key)["seconds"])
            took.setdefault(stage.kind, []).append((seconds, estimator.effort(stage).seconds))
    return {kind: round(sum(a for a, _ in both) / max(sum(b for _, b in both), 1e-9), 3) for kind, both in took.items()}


def _cells(stage: Stage, data: StudyData) -> int:
    """How many figures a stage measures, about."""
    if stage.kind != "score":
        return 1
    return len(stage.inputs["asked"]) * len(stage.inputs["searched"]) * len(stage.inputs["measures"])


class _Estimator:
    def __init__(self, data: StudyData, machine: Machine) -> None:
        self.machine, self._data, self._volumes = machine, data, Volumes(data)
        self._shape: Any = cache(self._shape_of)
        self._counter: Any = cache(self._counter_of)

    def effort(self, stage: Stage) -> Effort:
        """Of one stage."""
        estimated = getattr(self, f"_{stage.kind}", None)
        return Effort(1.0) if estimated is None else estimated(stage)

    def _text(self, stage: Stage) -> Effort:
        language = stage.title.partition(":")[0]
        text = self._volumes.text(language)
        characters = text.count * text.characters
        return Effort(0.1 + _PREPARED * characters, 0.0, 1.1 * characters / 2**20)

    def _diagnose(self, stage: Stage) -> Effort:
        text, shape = self._volumes.text(stage.inputs["language"]), self._shape(stage.needs["encoder"])
        effort = Effort(0.3 + 1e-6 * min(text.count, stage.inputs["most_lines"]) * text.characters, 0.0, 0.01)
        # Pseudo-perplexity reads a line once for every word that is drawn from it.
        line = text.pieces(self._counter(stage.needs["encoder"]), 128)
        effort.seconds += self._reading(shape, "float32", min(_FORESEEN, text.count) * line)
        return effort

    def _adapt(self, stage: Stage) -> Effort:
        shape = self._shape(stage)
        step: Any = STEPS.parse(stage.inputs["step"])
        folder_mb = 4 * shape.weights / 2**20
        effort = Effort(_WORKING["adapt"] + _WRITTEN * 4 * shape.weights, 4 * folder_mb, folder_mb)
        texts = self._read_by(stage, getattr(step, "languages", ()))
        characters = sum(one.count * one.characters for one in texts)
        if step.static:
            vectors = 4 * step.dim * step.buckets / 2**20
            return Effort(1.0 + _VECTORS * step.epochs * characters, self.machine.resident_mb + 3 * vectors, vectors)
        if not hasattr(step, "epochs"):
            effort.seconds += _PREPARED * characters if step.uses_text else 0.0
            return effort
        if step.starts:
            effort.seconds += _PREPARED * characters  # its vocabulary
        most, count = step.max_length, self._counter(stage)
        pieces = sum(one.count * one.pieces(count, most) for one in texts) * (1 + getattr(step, "mix", 0.0))
        precision = step.dtype if step.dtype != "auto" else self._wide("bfloat16", 0, shape)
        train = step.epochs * (1 - step.valid) * pieces
        read = (step.epochs + _HELD_OUT_PASSES) * step.valid * pieces
        effort.seconds += self._training(shape, precision, train, step.batch * most, step.mask)
        effort.seconds += self._reading(shape, precision, read)
        together = min(step.batch * most, LARGEST_PART // shape.hidden)
        held = together * (_activations(shape, most) + step.mask * shape.vocabulary * 12)
        effort.memory_mb = self._memory(shape, held)
        return effort

    def _tag(self, stage: Stage) -> Effort:
        task: Any = TASKS.parse(stage.inputs["task"])
        preset = stage.inputs["preset"]
        shape, count = self._shape(stage.needs["encoder"]), self._counter(stage.needs["encoder"])
        trained, _, tested = stage.inputs["data"].partition(">")
        sides = [
            self._volumes.split(trained, "train", getattr(task, "limit", None)),
            self._volumes.split(trained, "dev", preset["dev_sentences"]),
            self._volumes.split(tested or trained, "test", None),
        ]
        train, dev, test = (side.count * side.pieces(count, 512) for side in sides)
        epochs = min(preset["epochs"], 3 * preset["patience"] + 10)  # it stops when the dev figure rises no more
        batch = min(preset["batch_pieces"], preset["batch_sentences"] * train / max(1, sides[0].count))
        precision: Precision = "bfloat16" if preset["precision"] == "bfloat16" else "float32"
        seconds = _WORKING["tag"] + _WRITTEN * 4 * shape.weights + _EVALUATED * sides[2].count
        seconds += self._training(shape, precision, epochs * train, batch, 0.0)
        seconds += self._reading(shape, precision, epochs * dev + test)
        memory = self._memory(shape, batch * _activations(shape, 64))
        return Effort(seconds, memory, 0.1 + 2e-4 * sides[2].count)

    def _align(self, stage: Stage) -> Effort:
        alignment: Any = ALIGNMENTS.parse(stage.inputs["alignment"])
        shape, count = self._shape(stage.needs["encoder"]), self._counter(stage.needs["encoder"])
        queries, passages, pairs = self._paired(stage.inputs["pairs"], stage.inputs["languages"])
        # Batches are drawn at random, and padded to their longest: queries and passages apart.
        longest = [
            _mean(one.padded(count, alignment.max_length, alignment.batch) for one in side if one.count)
            for side in (queries, passages)
        ]
        precision = self._wide("bfloat16", 5_000_000, shape)
        batch = alignment.batch * max(8.0, sum(longest) / _PADDING)
        seconds = _WORKING["align"] + 2 * _WRITTEN * 4 * shape.weights + _PAIRED * pairs
        seconds += self._training(shape, precision, alignment.steps * batch, batch, 0.0)
        held = batch * _activations(shape, max(longest))
        return Effort(seconds, self._memory(shape, held), 4 * shape.weights / 2**20)

    def _paired(self, sources: Iterable[str], languages: Iterable[str]) -> tuple[list[Texts], list[Texts], int]:
        """Queries and passages as pairs have them, and how many pairs: of collections, of lines for everything else."""
        queries, passages, pairs, codes = list[Texts](), list[Texts](), 0, list(languages)
        for name in sources:
            crops = name.partition("(")[0] in PAIR_SOURCES
            data = None if crops else self._data.open(name)
            if isinstance(data, Collection):
                known = [code for code in codes if code in data.languages]
                asked = [self._volumes.queries(name, code) for code in known]
                queries, passages = queries + asked, passages + [self._volumes.documents(name, one) for one in known]
                pairs += len(known) * sum(one.count for one in asked)
            elif crops:
                read = [self._volumes.text(code) for code in codes if self._data.text(code)]
                queries, passages = queries + read, passages + read
                pairs += sum(one.count for one in read)
        return queries, passages, pairs

    def _index(self, stage: Stage) -> Effort:
        texts = self._volumes.documents(stage.inputs["collection"], stage.inputs["language"])
        seconds, shape = self._encoding(stage.needs["encoder"], texts)
        size = texts.count * (4 * shape.hidden + texts.characters * 1.1)
        return Effort(seconds, self._memory(shape, size, 4), size / 2**20)

    def _score(self, stage: Stage) -> Effort:
        name, encoder = stage.inputs["collection"], stage.needs.get("encoder")
        searched, settings = stage.inputs["searched"], stage.inputs["settings"]
        pool = sum(self._volumes.documents(name, code).count for code in searched)
        effort, lines, queries = Effort(0.2, 0.0, 0.0), 0.0, 0
        for language in stage.inputs["asked"]:
            asked = self._volumes.queries(name, language)
            others = len(searched) - (language in searched)
            ways = sum({"mono": language in searched, "cross": others, "multi": 1}.get(one, 1) for one in settings)
            queries += ways * asked.count
            lines += ways * asked.count * min(stage.inputs["depth"], pool)
            if encoder is not None:
                seconds, shape = self._encoding(encoder, asked)
                effort.add(Effort(seconds, self._memory(shape, 4 * shape.hidden * pool, 4)))
        effort.seconds += _SCORED * queries + (_LEXICAL * pool if encoder is None else 0.0)
        effort.disk_mb += (lines * _RUN_LINE + queries * 30 * len(stage.inputs["measures"]) / 4) / 2**20
        return effort

    def _encoding(self, encoder: Node, texts: Texts) -> tuple[float, Shape]:
        shape = self._shape(encoder)
        pieces = texts.count * texts.pieces(self._counter(encoder), 512)
        precision = self._wide("bfloat16", 0, shape) if pieces * shape.inner >= 1e12 else "float32"
        return 0.1 + _WRITTEN * 4 * shape.weights + self._reading(shape, precision, pieces), shape

    def _training(self, shape: Shape, precision: Precision, pieces: float, batch: float, masked: float) -> float:
        rates = self.machine.rates(shape, precision)
        steps = math.ceil(pieces / max(batch, 1.0))
        return steps * rates.step + pieces * _PADDING * (rates.trained_piece + masked * rates.masked_piece)

    def _reading(self, shape: Shape, precision: Precision, pieces: float) -> float:
        return pieces * _PADDING * self.machine.rates(shape, precision).read_piece if pieces else 0.0

    def _memory(self, shape: Shape, held_bytes: float, states: int = _STATES) -> float:
        return self.machine.resident_mb + (states * shape.weights + _KEPT * held_bytes) / 2**20

    @staticmethod
    def _wide(precision: Precision, least: int, shape: Shape) -> Precision:
        """What a room multiplies in where it takes bfloat16 on machines that compute it."""
        from xlreach.compute.precision import fast_bfloat16

        return precision if shape.inner >= least and fast_bfloat16("cpu") else "float32"

    def _read_by(self, stage: Stage, chosen: Iterable[str]) -> list[Texts]:
        """The text that a step of a recipe is given."""
        codes = tuple(chosen) or tuple(stage.inputs["languages"])
        return [self._volumes.text(code) for code in codes]

    def _shape_of(self, node: Node) -> Shape:
        if isinstance(node, Given):
            config = read_json(node.location / "config.json")
            names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")
            return Shape(*(int(config[name]) for name in names))
        assert isinstance(node, Stage)
        source = node.needs.get("source") or node.needs.get("encoder")
        if source is not None:
            return self._shape(source)
        step: Any = STEPS.parse(node.inputs["step"])
        if step.static:
            return _STATIC
        vocabulary = step.vocab
        if step.tokenizer != "train":
            read = [self._volumes.text(code) for code in self._data.config.languages.all if self._data.text(code)]
            pieces = sum(one.count * one.characters for one in read) / 4
            vocabulary = min(250_002, round(_TRIMMED * math.sqrt(pieces)))
        return Shape(step.layers, step.hidden, step.heads, step.intermediate, vocabulary)

    def _counter_of(self, node: Node) -> Callable[[str], float]:
        if isinstance(node, Given):
            return piece_counter(node.location / "tokenizer.json", self._shape(node).vocabulary)
        assert isinstance(node, Stage)
        source = node.needs.get("source") or node.needs.get("encoder")
        if source is not None:
            return self._counter(source)
        step: Any = STEPS.parse(node.inputs["step"])
        if step.static:
            return lambda text: text.count(" ") + 1
        return piece_counter(None if step.tokenizer == "train" else Path(step.tokenizer), step.vocab)


def _activations(shape: Shape, length: float) -> float:
    """Bytes that training keeps of a piece until the backward pass."""
    return 4.0 * shape.layers * (16 * shape.hidden + 4 * shape.intermediate + 4 * shape.heads * length)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
