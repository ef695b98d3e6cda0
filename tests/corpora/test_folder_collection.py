from __future__ import annotations

import json

import pytest

from xlreach.corpora import open_dataset
from xlreach.corpora.collection import Document, Query
from xlreach.corpora.sources.retrieval_folder import FolderCollection, write_collection
from xlreach.errors import DataError

DOCUMENTS = [
    Document("d1", "mt", "Id-dar."), Document("d2", "en", "A house.", "House"), Document("d3", "en", "\u2028x"),
]  # fmt: skip
QUERIES = [Query("q1", "mt", "Fejn?", "1"), Query("q2", "en", "Where?", "1"), Query("q3", "wo", "Fan?", "q3")]
QRELS = {"q1": {"d1": 1, "d2": 2, "d3": 0}, "q2": {"d2": 1}}


@pytest.fixture
def folder(tmp_path):
    write_collection(tmp_path / "retrieval/toy", DOCUMENTS, QUERIES, QRELS)
    return tmp_path / "retrieval/toy"


def test_round_trip(folder, tmp_path):
    data = open_dataset("folder:retrieval/toy", tmp_path)
    assert data.name == "folder:retrieval/toy" and data.languages == ("en", "mt", "wo")
    assert [one for code in ("mt", "en") for one in data.documents(code)] == DOCUMENTS
    assert [one for code in ("mt", "en", "wo") for one in data.queries(code)] == QUERIES
    assert data.qrels("mt", "en") == {"q1": {"d2": 2, "d3": 0}}
    assert data.qrels("mt", "mt") == {"q1": {"d1": 1}} and data.qrels("wo", "en") == {}
    assert list(data.pairs("mt", "en")) == [("Fejn?", "A house.")]
    assert len(data.files(["mt"])) == 3 and data.files(["fr"]) == []
    assert open_dataset(str(folder), tmp_path).qrels("en", "en") == {"q2": {"d2": 1}}


def test_beir_layout_with_one_language(folder):
    for name in ("corpus.jsonl", "queries.jsonl"):
        rows = [json.loads(line) for line in (folder / name).read_text().split("\n") if line]
        text = "\n".join(json.dumps({key: row[key] for key in ("_id", "text")}) for row in rows)
        (folder / name).write_text("\ufeff" + text)
    with pytest.raises(DataError, match="'language' is missing"):
        _ = FolderCollection(folder).languages
    data = FolderCollection(folder, language="swh")
    assert data.languages == ("sw",) and [one.group for one in data.queries("sw")] == ["q1", "q2", "q3"]


def append(path, text):
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


@pytest.mark.parametrize(
    ("file", "text", "line", "message"),
    [
        ("corpus.jsonl", "{\n", 4, "Not JSON"),
        ("corpus.jsonl", "[]\n", 4, "Not a JSON object"),
        ("corpus.jsonl", '{"text": "x", "language": "en"}\n', 4, "'_id' is missing"),
        ("corpus.jsonl", '{"_id": "a b", "text": "x", "language": "en"}\n', 4, "white space"),
        ("corpus.jsonl", '{"_id": "d4", "language": "en"}\n', 4, "'text' is missing"),
        ("corpus.jsonl", '{"_id": "d4", "text": null, "language": "en"}\n', 4, "'text' is missing"),
        ("corpus.jsonl", '{"_id": "d4", "text": 3, "language": "en"}\n', 4, "The text is 3"),
        ("corpus.jsonl", '{"_id": "d4", "text": "x", "language": "xyz"}\n', 4, "Unknown language 'xyz'"),
        ("corpus.jsonl", '\n{"_id": "d1", "text": "x", "language": "en"}\n', 5, "'d1' is used twice"),
        ("queries.jsonl", '{"_id": "q1", "text": "x", "language": "en"}\n', 4, "'q1' is used twice"),
        ("queries.jsonl", '{"_id": "q4", "language": "en"}\n', 4, "'text' is missing"),
        ("qrels.tsv", "q9\td1\t1\n", 6, "'q9' is not in queries.jsonl"),
        ("qrels.tsv", "q1\td9\t1\n", 6, "'d9' is not in corpus.jsonl"),
        ("qrels.tsv", "q1\td1\t1\n", 6, "judged twice"),
        ("qrels.tsv", "q1 d1 1\n", 6, "separated by tabs"),
        ("qrels.tsv", "q2\td1\tyes\n", 6, "whole number"),
    ],
)
def test_broken(folder, file, text, line, message):
    append(folder / file, text)
    data = FolderCollection(folder)
    with pytest.raises(DataError, match=message) as caught:
        _ = data.languages
    assert (caught.value.path, caught.value.line) == (folder / file, line)


def test_header_and_empty_files(folder):
    text = (folder / "qrels.tsv").read_text()
    (folder / "qrels.tsv").write_text(text.split("\n", 1)[1])
    with pytest.raises(DataError, match="Header"):
        _ = FolderCollection(folder).languages
    (folder / "qrels.tsv").write_text(text)
    for file in ("corpus.jsonl", "queries.jsonl", "qrels.tsv"):
        kept = (folder / file).read_text()
        (folder / file).write_text(text.split("\n")[0] if file == "qrels.tsv" else "")
        with pytest.raises(DataError, match=r"There is no (document|query|judgment)"):
            _ = FolderCollection(folder).languages
        (folder / file).write_text(kept)
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(DataError, match="no such file"):
        FolderCollection(folder)
