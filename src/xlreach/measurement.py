"""The row of results that every table, chart and test is computed from, and its file `results.jsonl`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from xlreach.errors import DataError
from xlreach.safe_io import parse_json, read_text
from xlreach.system import System

Kind = Literal["tagging", "retrieval", "diagnostic", "cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A line of `results.jsonl`; a field that does not apply is None.

    Attributes:
        study: The study's name.
        base: The study's name of the encoder that was specialised.
        recipe: The study's name of the recipe.
        alignment: The study's name of the alignment (retrieval).
        retriever: The study's name of what ranked the documents (retrieval); `dense` is the encoder alone.
        language: The language measured (tagging, diagnostic) or the languages that the encoder was specialised
            for, joined by `+` (retrieval, cost).
        seed: The seed of whatever was trained.
        task: The tagging task (`pos`, `parse`, `ner`), for tagging and its costs.
        dataset: The data set measured on.
        trained_on: The data set that a tagger was trained on, where that is another one.
        setting: `mono`, `cross` or `multi`, for retrieval; `transfer` for taggers trained in another language.
        query_language: The language of the queries.
        document_language: The language of the documents; None where all languages are searched.
        measure: `accuracy` (POS), `UAS`, `LAS` (parsing), `F1` (NER); an ir-measures string (retrieval); or what a
            stage cost: `seconds`, `tokens`, `peak_memory_mb`, `examples`.
        part: The part of a measure that is given (a dependency relation such as `nsubj`, an entity type).
        sentences: At most so many training sentences were used, where a study learns one task from several numbers.
        stage: The kind of stage that a cost was recorded for (`adapt`, `align`, `tag`).
        value: The figure itself.
        n: How many items (words, entities, queries) the value rests on.
    """

    study: str | None = None
    base: str | None = None
    recipe: str | None = None
    alignment: str | None = None
    retriever: str | None = None
    language: str | None = None
    seed: int | None = None
    kind: Kind
    task: str | None = None
    dataset: str | None = None
    trained_on: str | None = None
    setting: str | None = None
    query_language: str | None = None
    document_language: str | None = None
    measure: str
    part: str | None = None
    sentences: int | None = None
    stage: str | None = None
    value: float
    n: int | None = None

    @property
    def system(self) -> System:
        """The system measured."""
        return System.of(self.base, self.recipe, self.alignment, self.retriever)

    @property
    def label(self) -> str:
        """The measure for a reader: `LAS`; `LAS[nsubj]` for a part; `LAS@50` where 50 sentences were learnt from."""
        part = "" if self.part is None else f"[{self.part}]"
        return f"{self.measure}{part}" + ("" if self.sentences is None else f"@{self.sentences}")


FIELDS = tuple(field.name for field in dataclasses.fields(Measurement))


def is_whole(row: Measurement) -> bool:
    """Whether a row is a whole measure of a task in its own language: no transfer, no part (one relation, say)."""
    return row.setting != "transfer" and row.part is None


def write_measurements(path: Path, rows: Iterable[Measurement]) -> None:
    """Writes one JSON object per line, every field present, in the order of `FIELDS`."""
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(dataclasses.asdict(row), ensure_ascii=False, allow_nan=False) + "\n")


def read_measurements(path: Path) -> list[Measurement]:
    """Reads what `write_measurements` wrote.

    Raises:
        DataError: The file is missing, or a line is no measurement.
    """
    lines = read_text(path).split("\n")
    if not lines[-1]:
        lines.pop()
    return [_measurement(parse_json(line, path, number), path, number) for number, line in enumerate(lines, 1)]


def _measurement(row: Any, path: Path, number: int) -> Measurement:
    wrong = "no object" if not isinstance(row, dict) else next((name for name in row if name not in _TYPES), None)
    if wrong is None:
        wrong = next((name for name in FIELDS if not _fits(row.get(name), name)), None)
    if wrong is not None:
        raise DataError(
            f"Not a measurement: {wrong or 'a field without a name'}.",
            expected=f"Expected a JSON object with {', '.join(FIELDS)}.",
            path=path,
            line=number,
        )
    return Measurement(**row)


_TYPES: dict[str, tuple[type, ...]] = dict.fromkeys(FIELDS, (str,)) | {
    "seed": (int,),
    "sentences": (int,),
    "n": (int,),
    "value": (int, float),
}


def _fits(value: Any, name: str) -> bool:
    """Whether a value is of the field's type; a number must be one, or comparisons downstream would be silent."""
    if value is None:
        return name not in ("kind", "measure", "value")
    if isinstance(value, bool) or not isinstance(value, _TYPES[name]):
        return False
    if name == "kind":
        return value in get_args(Kind)
    return not isinstance(value, float) or math.isfinite(value)
