from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.errors import DataError
from xlreach.measurement import FIELDS, Measurement, read_measurements, write_measurements
from xlreach.system import System


def test_the_fields_are_those_of_the_results_file() -> None:
    assert FIELDS == (
        "study", "base", "recipe", "alignment", "retriever", "language", "seed", "kind", "task", "dataset",
        "trained_on", "setting", "query_language", "document_language", "measure", "part",
        "sentences", "stage", "value", "n",
    )  # fmt: skip


def test_a_row_knows_its_system() -> None:
    bare = Measurement(kind="tagging", measure="LAS", value=1.0, base="xlmr")
    assert bare.system == System("xlmr") and bare.system.is_untreated
    fused = Measurement(kind="retrieval", measure="RR", value=1.0, recipe="va", alignment="hybrid", retriever="rrf")
    assert fused.system == System("", "va", "hybrid", "rrf")
    assert (fused.system.is_adapted, fused.system.is_aligned, fused.system.is_dense) == (True, True, False)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [
        Measurement(kind="tagging", measure="LAS", value=0.123456789012345, language="ug", n=10),
        Measurement(kind="retrieval", measure="nDCG@10", value=1.0, query_language="ئۇ"),
    ]
    write_measurements(tmp_path / "results.jsonl", rows)
    assert read_measurements(tmp_path / "results.jsonl") == rows


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_measurements(path, [Measurement(kind="cost", stage="adapt", measure="seconds", value=1.0)])
    with path.open("a") as stream:
        stream.write('{"kind": "cost"}\n')
    with pytest.raises(DataError, match=r"results\.jsonl:2: Not a measurement"):
        read_measurements(path)
    with pytest.raises(DataError, match="Cannot be read"):
        read_measurements(tmp_path / "missing.jsonl")
