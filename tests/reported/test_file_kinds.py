"""Documents, queries and ids are read for what a file holds, however it is named and compressed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from functools import partial
from pathlib import Path

import pyarrow
import pytest

import xlreach as xl
from xlreach.corpora.document_files import read_documents, read_ids, read_queries
from xlreach.errors import DataError

ROWS = [
    {"_id": "d1", "title": "Nile", "text": "The Nile is long."},
    {"_id": "d2", "title": "", "text": "Bread, baked."},
]
JSON_LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
WANTED = [("d1", "Nile", "The Nile is long."), ("d2", "", "Bread, baked.")]
PACKED = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": partial(pyarrow.compress, codec="zstd", asbytes=True),
}


def read(path: Path) -> list[tuple[str, str, str]]:
    return [(document.id, document.title, document.text) for document in read_documents(path, "en")]


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.ndjson", "docs.JSONL", "docs.json", "docs.Json", "docs"])
@pytest.mark.parametrize("packed", ["", *PACKED])
def test_json_lines_of_any_name_and_compression(tmp_path, name, packed):
    path = tmp_path / (name + packed)
    path.write_bytes(PACKED[packed](JSON_LINES) if packed else JSON_LINES)
    assert read(path) == WANTED
    assert read_queries(path) == [(name, text) for name, _, text in WANTED]
    assert read_ids(path) == ["d1", "d2"]


@pytest.mark.parametrize("suffix", PACKED)
def test_compression_is_known_by_content(tmp_path, suffix):
    path = tmp_path / "docs.jsonl"
    path.write_bytes(PACKED[suffix](JSON_LINES))
    assert read(path) == WANTED


@pytest.mark.parametrize("suffix", PACKED)
def test_a_damaged_archive_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"docs.jsonl{suffix}"
    path.write_bytes(PACKED[suffix](JSON_LINES * 50)[:-20])
    with pytest.raises(DataError, match="docs"):
        read(path)


def test_a_query_id_given_twice_is_refused(tmp_path):
    (tmp_path / "queries.jsonl").write_bytes(JSON_LINES * 2)
    with pytest.raises(DataError, match="'d1' is given twice"):
        read_queries(tmp_path / "queries.jsonl")


def test_a_json_array_is_refused(tmp_path):
    (tmp_path / "docs.json").write_text(json.dumps(ROWS, indent=1), "utf-8")
    with pytest.raises(DataError, match="docs"):
        read(tmp_path / "docs.json")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("docs.tsv", "d1\tThe Nile is long.\nd2\tBread, baked.\n"),
        ("docs.tsv", "_id\ttext\nd1\tThe Nile is long.\nd2\tBread, baked.\n"),
        ("docs.TSV", "text\tid\nThe Nile is long.\td1\nBread, baked.\td2\n"),
        ("docs.csv", 'd1,The Nile is long.\nd2,"Bread, baked."\n'),
        ("docs.csv", 'id,title,text\nd1,,The Nile is long.\nd2,,"Bread, baked."\n'),
    ],
)
def test_tables_of_ids_and_texts(tmp_path, name, content):
    (tmp_path / name).write_text(content, "utf-8")
    assert [(i, text) for i, _, text in read(tmp_path / name)] == [(i, text) for i, _, text in WANTED]
    assert read_queries(tmp_path / name) == [(i, text) for i, _, text in WANTED]


def test_a_quote_in_a_tsv_is_a_character(tmp_path):
    (tmp_path / "docs.tsv").write_text('d1\t"The Nile\nd2\tlong"\n', "utf-8")
    assert read(tmp_path / "docs.tsv") == [("d1", "", '"The Nile'), ("d2", "", 'long"')]


@pytest.mark.parametrize("content", ["d1\n", "d1\tThe Nile\nd2\n", "d1\tThe\tNile\tlong\n"])
def test_a_table_without_a_text_is_refused(tmp_path, content):
    (tmp_path / "docs.tsv").write_text(content, "utf-8")
    with pytest.raises(DataError, match=r"columns|field"):
        read(tmp_path / "docs.tsv")


def test_json_in_a_text_file_is_refused(tmp_path):
    (tmp_path / "docs.txt").write_bytes(b"A first line.\n" + JSON_LINES)
    with pytest.raises(DataError, match="jsonl"):
        read(tmp_path / "docs.txt")
    (tmp_path / "docs.txt").write_text("{not JSON}\n[1]\n{}x\n", "utf-8")
    assert [text for _, _, text in read(tmp_path / "docs.txt")] == ["{not JSON}", "[1]", "{}x"]


def test_texts_to_adapt_to_are_the_texts_of_documents(tmp_path):
    from xlreach.front.inputs import text_file

    for name, content in (("docs.jsonl.gz", gzip.compress(JSON_LINES)), ("docs.ndjson", JSON_LINES)):
        (tmp_path / name).write_bytes(content)
        assert text_file(tmp_path / name, "en").read_text("utf-8") == "The Nile is long.\nBread, baked.\n"
    (tmp_path / "plain.txt").write_text("One line.\n", "utf-8")
    assert text_file(tmp_path / "plain.txt", "en") == tmp_path / "plain.txt"


def test_the_commands_index_and_search_such_files(tiny_encoder, tmp_path, command):
    (tmp_path / "docs.jsonl.gz").write_bytes(gzip.compress(JSON_LINES))
    (tmp_path / "queries.tsv").write_text("q7\tlong river\n", "utf-8")
    out = tmp_path / "index"
    code, said = command("index", tiny_encoder, "--text", f"en={tmp_path / 'docs.jsonl.gz'}", "--out", out)
    assert code == 0, said
    assert {hit.id for hit in xl.Index.open(tiny_encoder, out).search("Nile", k=9)} == {"d1", "d2"}
    run = tmp_path / "run"
    code, said = command("search", tiny_encoder, out, "--queries", tmp_path / "queries.tsv", "--trec", run)
    assert code == 0, said
    assert {line.split()[0] for line in run.read_text("utf-8").splitlines()} == {"q7"}
