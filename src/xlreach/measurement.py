"""One measurement, one line: the row type that every table, chart and test is made from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlreach.errors import DataError

Kind = Literal["tagging", "retrieval", "diagnostic", "cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A line of `results.jsonl`; a field that does not apply is None.

    Attributes:
        language: The language measured (tagging, diagnostic) or the languages that the encoder was specialised
            for, joined by `+` (retrieval, cost).
        dataset: Its name; `TRAIN>TEST` where a tagger was trained on another.
        setting: `mono`, `cross` or `multi`, for retrieval; `transfer` for taggers trained in another language.
        measure: `accuracy` (POS), `UAS`, `LAS` (parsing), `F1` (NER), `LAS@50` where a study learns a task from several
            numbers of sentences (50 here), `LAS[nsubj]` for a part of a measure; an ir-measures string (retrieval); or
            the stage and what it cost (`adapt:seconds`).
        n: How many items (words, entities, queries) the value rests on.
    """

    study: str | None = None
    base: str | None = None
    recipe: str | None = None
    alignment: str | None = None
    language: str | None = None
    seed: int | None = None
    kind: Kind
    dataset: str | None = None
    setting: str | None = None
    query_language: str | None = None
    document_language: str | None = None
    measure: str
    value: float
    n: int | None = None


FIELDS = tuple(field.name for field in dataclasses.fields(Measurement))


def is_whole(row: Measurement) -> bool:
    """Whether a row is a whole measure of a task in its own language: no transfer, no part such as `LAS[nsubj]`."""
    return row.setting != "transfer" and not row.measure.endswith("]")


def write_measurements(path: Path, rows: Iterable[Measurement]) -> None:
    """Writes one JSON object a line, every field present, in the order of `FIELDS`."""
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(dataclasses.asdict(row), ensure_ascii=False, allow_nan=False) + "\n")


def read_measurements(path: Path) -> list[Measurement]:
    """Reads what `write_measurements` wrote.

    Raises:
        DataError: The file is missing, or a line is no measurement.
    """
    rows = []
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    rows.append(Measurement(**json.loads(line)))
                except (ValueError, TypeError) as error:
                    raise DataError(
                        f"Not a measurement ({error}).",
                        expected=f"Expected a JSON object with {', '.join(FIELDS)}.",
                        path=path,
                        line=number,
                    ) from error
    except OSError as error:
        raise DataError(f"Cannot be read ({error.strerror}).", path=path) from error
    return rows
