"""Ids are compared as what they are, and no verb ends well without a measurement."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import xlreach as xl
from xlreach.corpora.collection import Document, Query
from xlreach.corpora.sources.retrieval_folder import write_collection
from xlreach.errors import DataError


def repository(folder: Path, ids: list, judged: list, score: object = 1) -> Path:
    """mteb's layout as Parquet: three documents, three queries, each with a judgement."""
    texts = ["The Nile is long.", "Bread is baked.", "The Moon circles."]
    tables = {
        "corpus": {"_id": ids, "title": [""] * 3, "text": texts},
        "queries": {"_id": ids, "text": texts},
        "qrels": {"query-id": judged, "corpus-id": judged, "score": [score] * 3},
    }
    for name, columns in tables.items():
        (folder / name).mkdir(parents=True)
        pd.DataFrame(columns).to_parquet(folder / name / "test-00000-of-00001.parquet")
    configs = {"corpus": "corpus", "queries": "queries", "default": "qrels"}
    card = "".join(
        f"- config_name: {config}\n  data_files:\n  - split: test\n    path: {name}/*.parquet\n"
        for config, name in configs.items()
    )
    (folder / "README.md").write_text(f"---\nlanguage: en\nconfigs:\n{card}---\n", "utf-8")
    return folder


def score(encoder: Path, root: Path, name: str, **options) -> xl.Measurements:
    return xl.score(encoder, name, settings=["mono"], measures=["R@10"], data=root, **options)


@pytest.mark.parametrize(
    ("ids", "judged"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1, 2, 3]),
        ([1, 2, 3], ["1", "2", "3"]),
        (["1", "2", "3"], [1.0, 2.0, 3.0]),
    ],
)
def test_whole_numbers_are_one_id_however_they_are_stored(tiny_encoder, tmp_path, ids, judged):
    repository(tmp_path / "table", ids, judged)
    assert [row.value for row in score(tiny_encoder, tmp_path, "hub:table(language=en)")] == [1.0]


@pytest.mark.parametrize(("ids", "judged"), [([1.5, 2.0, 3.0], [1.5, 2.0, 3.0]), ([1, 2, 3], [1.0, float("nan"), 3.0])])
def test_ids_that_are_no_ids_are_refused(tiny_encoder, tmp_path, ids, judged):
    repository(tmp_path / "table", ids, judged)
    with pytest.raises(DataError):
        score(tiny_encoder, tmp_path, "hub:table(language=en)")


@pytest.mark.parametrize("grade", [0.5, float("nan"), "high"])
def test_grades_are_whole_numbers(tiny_encoder, tmp_path, grade):
    repository(tmp_path / "table", [1, 2, 3], [1, 2, 3], grade)
    with pytest.raises(DataError):
        score(tiny_encoder, tmp_path, "hub:table(language=en)")


def test_judgements_that_fit_nothing_stop_with_examples(tiny_encoder, tmp_path, command):
    repository(tmp_path / "table", ["a", "b", "c"], ["x1", "x2", "x3"])
    code, said = command(
        "score",
        tiny_encoder,
        "hub:table(language=en)",
        "--setting",
        "mono",
        "--data",
        tmp_path,
        "--out",
        tmp_path / "s",
    )
    assert code == 2
    assert "x1" in said
    assert "Traceback" not in said


def collection(folder: Path, dangling: int) -> Path:
    documents = [Document(f"d{n}", "en", f"text {n}") for n in range(200)]
    queries = [Query(f"q{n}", "en", f"text {n}", f"q{n}") for n in range(200)]
    qrels = {f"q{n}": {f"d{n}": 1} for n in range(200)}
    qrels |= {f"q{n}": {f"d{n}": 1, f"gone{n}": 1} for n in range(dangling)}
    write_collection(folder, documents, queries, qrels)
    return folder


def test_a_dangling_judgement_is_counted_in_both_readers(tiny_encoder, tmp_path, caplog):
    collection(tmp_path / "few", 1)
    scores = score(tiny_encoder, tmp_path, "folder:few")
    assert len(scores) == 1
    assert any("1 of 201 judged documents" in note for note in scores.notes)


def test_many_dangling_judgements_are_refused_with_examples(tiny_encoder, tmp_path):
    collection(tmp_path / "many", 20)
    with pytest.raises(DataError, match=r"gone0.*20 of 220 judged documents"):
        score(tiny_encoder, tmp_path, "folder:many")
