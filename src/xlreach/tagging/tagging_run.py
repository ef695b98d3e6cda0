"""Trains a tagger on an encoder and a data set, measures it and writes its files."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlreach.adapt.encoder import is_static
from xlreach.errors import DataError
from xlreach.measurement import Measurement, write_measurements
from xlreach.tagging.labels import Annotation
from xlreach.tagging.presets import Preset, preset_for
from xlreach.tagging.tasks import TASKS, Task, split_of

if TYPE_CHECKING:
    from xlreach.corpora.dataset import EntityCorpus, Treebank
    from xlreach.tagging.trained import TrainedTagger

_HELD_OUT = 10  # without a dev split, every tenth training sentence decides when to stop


def run_tagging(
    task: Task | str,
    encoder: Path,
    data: Treebank | EntityCorpus,
    *,
    preset: str | Preset = "paper",
    seed: int = 1,
    out: Path,
    checkpoint: Path | None = None,
    cost: dict[str, float] | None = None,
    test_data: Treebank | EntityCorpus | None = None,
    on_trained: Callable[[TrainedTagger], None] | None = None,
) -> list[Measurement]:
    """Fine-tunes an encoder on a task, predicts the test split and scores the predictions.

    Writes into `out`: `measurements.jsonl`; `predictions.conllu` (all as in the data, multiword ranges and empty nodes
    included, except the predicted columns) or `predictions.iob2`; `sentences.parquet` (id, measure, correct, total of
    each test sentence: a measure is the sum of correct divided by the sum of total); `training.json` (task and preset
    as used, labels, sizes, labels that the training data do not have, losses and dev scores).

    The encoder is a folder that plain `AutoModel` and `AutoTokenizer` load, or of static word vectors, which BiLSTMs
    read. Without a dev split, every tenth training sentence is held out. Training continues from what is in
    `checkpoint`; None takes `out/.checkpoint`, which is removed in the end. `cost` receives `tokens` (pieces read in
    training), `epochs` and `examples`. With `test_data`, the rows have `data` in the field `trained_on`; if its
    language is another one, this is zero-shot transfer, and their setting is `transfer`. `on_trained` is called with
    the trained tagger, which can annotate any sentence, but not for static word vectors.

    Returns:
        One row per measure, values from 0 to 1; study, base, recipe, alignment and seed are None.

    Raises:
        DataError: A split is missing or of the wrong kind, or training and test labels have nothing in common.
        ModelError: The encoder cannot be used, or training diverged.
        SpecError: There is no such task.
        ConfigError: There is no such preset.
    """
    task = TASKS.parse(task) if isinstance(task, str) else task
    if isinstance(preset, str):
        preset = preset_for(preset, task.name, data.language, is_static(encoder))
    tested = data if test_data is None else test_data
    train, dev = _training_splits(data, task, preset)
    test = split_of(tested, "test", task)
    transfer = tested.language != data.language
    task = task.resolved(train, transfer=transfer)
    gold = [task.annotation(sentence) for sentence in test]

    from xlreach.tagging.fine_tuning import learn  # torch from here on

    with tempfile.TemporaryDirectory(prefix="xlreach-tagger-") as tables:
        result = learn(
            task, encoder, train, dev, test, preset, seed=seed, checkpoint=checkpoint or out / ".checkpoint",
            names=(data.name, tested.name), keep=None if on_trained is None else Path(tables),
        )  # fmt: skip
    if on_trained is not None and result.trained is not None:
        on_trained(result.trained)
    predicted = [task.annotated(*pair) for pair in zip(test, result.predicted, strict=True)]
    scores: dict[tuple[str, str | None], tuple[float, int]] = {
        (measure, None): score for measure, score in task.evaluate(test, predicted).items()
    }
    rows = [
        Measurement(
            kind="tagging", language=str(tested.language), task=task.name, dataset=tested.name,
            trained_on=None if test_data is None else data.name, setting="transfer" if transfer else None,
            measure=measure, part=part, value=value, n=n,
        )
        for (measure, part), (value, n) in [*scores.items(), *task.parts(test, predicted).items()]
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_measurements(out / "measurements.jsonl", rows)
    task.write(out / f"predictions.{task.suffix}", predicted)
    _write_sentences(out / "sentences.parquet", task, test, gold, result.predicted)
    record = {"task": str(task), "preset": dataclasses.asdict(preset), "seed": seed, **result.record}
    (out / "training.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if checkpoint is None:
        shutil.rmtree(out / ".checkpoint", ignore_errors=True)
    if cost is not None:
        cost |= {"tokens": result.pieces, "epochs": result.epochs, "examples": len(train)}
    return rows


def _training_splits(data: Any, task: Task, preset: Preset) -> tuple[list[Any], list[Any]]:
    if "dev" in data.splits:
        return split_of(data, "train", task, task.limit), split_of(data, "dev", task, preset.dev_sentences)
    train = split_of(data, "train", task)
    if len(train) < 2:
        raise DataError(f"{data.name} has no dev split and a single training sentence.", expected="Expected more.")
    dev = train[_HELD_OUT - 1 :: _HELD_OUT] or train[-1:]
    held_out = {id(sentence) for sentence in dev}
    return [sentence for sentence in train if id(sentence) not in held_out][: task.limit], dev


def _write_sentences(
    path: Path, task: Task, test: Sequence[Any], gold: Sequence[Annotation], predicted: Sequence[Annotation]
) -> None:
    import pandas as pd

    rows = [
        (name, measure, tally.correct, tally.total)
        for name, a, b in zip(_ids(test), gold, predicted, strict=True)
        for measure, tally in task.tally(a, b).items()
    ]
    pd.DataFrame(rows, columns=["id", "measure", "correct", "total"]).to_parquet(path, index=False)


def _ids(sentences: Sequence[Any]) -> Iterator[str]:
    """The `sent_id` of each sentence if all have different ones, else its position from 1."""
    ids = [getattr(sentence, "sent_id", None) for sentence in sentences]
    usable = None not in ids and len(set(ids)) == len(ids)
    for number, name in enumerate(ids, 1):
        yield str(name) if usable else str(number)
