from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.errors import DataError
from xlreach.measurement import FIELDS, Measurement, read_measurements, write_measurements


def test_the_fields_are_those_of_the_results_file() -> None:
    assert FIELDS == (
        "study", "base", "recipe", "alignment", "language", "seed", "kind", "dataset", "setting",
        "query_language", "document_language", "measure", "value", "n",
    )  # fmt: skip


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [
        Measurement(kind="tagging", measure="LAS", value=0.123456789012345, language="ug", n=10),
        Measurement(kind="retrieval", measure="nDCG@10", value=1.0, query_language="ئۇ"),
    ]
    write_measurements(tmp_path / "results.jsonl", rows)
    assert read_measurements(tmp_path / "results.jsonl") == rows


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_measurements(path, [Measurement(kind="cost", measure="adapt:seconds", value=1.0)])
    with path.open("a") as stream:
        stream.write('{"kind": "cost"}\n')
    with pytest.raises(DataError, match=r"results\.jsonl:2: Not a measurement"):
        read_measurements(path)
    with pytest.raises(DataError, match="Cannot be read"):
        read_measurements(tmp_path / "missing.jsonl")
