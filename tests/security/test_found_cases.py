"""Input that once got past a reader, or broke one: found by fuzzing (`make torture`), kept small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xlreach.adapt.encoder import check_encoder, resolve_base
from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer, special_tokens
from xlreach.comparison import read_gaps
from xlreach.corpora.document_files import read_documents
from xlreach.corpora.registry import open_dataset
from xlreach.corpora.sources.lareqa import XquadR
from xlreach.errors import DataError, ModelError, SpecError, StoreError, XLReachError
from xlreach.measurement import read_measurements
from xlreach.retrieval.factory import check_factory
from xlreach.spec import folder_name
from xlreach.store import Store
from xlreach.study.data import materialise

_ROW = {"kind": "cost", "measure": "x", "value": 1.0}
RESULTS = {
    "not UTF-8": b'{"kind": "cost", "measure": "\xff", "value": 1}\n',
    "nested": b"[" * 100_000,
    "list": b"[1]\n",
    "null": b"null\n",
    "unknown field": json.dumps({**_ROW, "x": 1}).encode(),
    "field without a name": json.dumps({**_ROW, "": None}).encode(),
    "value is text": json.dumps({**_ROW, "value": "1"}).encode(),
    "value is true": json.dumps({**_ROW, "value": True}).encode(),
    "value is no number": b'{"kind": "cost", "measure": "x", "value": NaN}\n',
    "value is endless": b'{"kind": "cost", "measure": "x", "value": 1e999}\n',
    "value is missing": b'{"kind": "cost", "measure": "x"}\n',
    "kind is unknown": json.dumps({**_ROW, "kind": "costs"}).encode(),
    "seed is text": json.dumps({**_ROW, "seed": "1"}).encode(),
    "number of 5,000 digits": b'{"kind": "cost", "measure": "x", "value": ' + b"9" * 5000 + b"}\n",
    "half a surrogate pair": b'{"kind": "cost", "measure": "\\ud800", "value": 1}\n',
    "blank line": b"\n",
}


@pytest.mark.parametrize("content", RESULTS.values(), ids=RESULTS.keys())
def test_results(tmp_path, content):
    path = tmp_path / "results.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"results\.jsonl"):
        read_measurements(path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'"\\ud800"', b'{"text": "\\udc80"}', b"{", b'{"text": 1}'])
def test_json_lines(tmp_path, content):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError):
        list(read_documents(path, "mt"))


@pytest.mark.parametrize("text", ["9" * 5000, "a\0b", "~nobody-of-that-name/x", "\udc80", "/" + "a" * 300])
def test_names_that_no_file_system_holds(tmp_path, text):
    for opened in (lambda: open_dataset(text, tmp_path), lambda: resolve_base(text)):
        with pytest.raises(XLReachError):
            opened()
    with pytest.raises(XLReachError):
        materialise(text, Store(tmp_path))
    assert folder_name(text).encode()


@pytest.mark.parametrize("factory", ["\udc80", "Flat\0", "IVF99999999999,Flat", "HNSW4000000", "PQ8\u00b2", "a" * 300])
def test_index_strings(factory):
    with pytest.raises(SpecError):
        check_factory(factory, 64)


_PARAGRAPH = {
    "context": "A.", "sentences": ["A."], "sentence_breaks": [[0, 2]],
    "qas": [{"id": "1", "question": "q", "answers": [{"answer_start": 0}]}],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"context": None}, {"sentences": [1]}, {"sentence_breaks": [["0", 2]]}, {"qas": [{"id": 1, "question": "q"}]},
     {"qas": "x"}, {"qas": [{"id": "1", "question": "q", "answers": [{"answer_start": "0"}]}]}],
)  # fmt: skip
def test_xquad_r(tmp_path, change):
    path = tmp_path / "qa/lareqa/xquad-r/en.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"data": [{"paragraphs": [_PARAGRAPH | change]}]}), "utf-8")
    with pytest.raises(DataError, match="LAReQA"):
        list(XquadR().open(tmp_path).documents("en"))


CARD = "configs:\n" + "".join(
    f"- config_name: {name}\n  data_files: [{{split: test, path: {name}/*}}]\n"
    for name in ("corpus", "queries", "qrels")
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a hub data set in mteb's layout."""
    for name, row in (
        ("corpus", {"_id": "d 1", "text": "t", "title": ""}),
        ("queries", {"_id": "q 1", "text": "t"}),
        ("qrels", {"query-id": "q 1", "corpus-id": "d 1", "score": 1}),
    ):
        path = tmp_path / "copy" / name / "test.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row]), path)
    (tmp_path / "copy" / "README.md").write_text(f"---\n{CARD}\n---\n", "utf-8")
    return tmp_path / "copy"


def test_ids_with_blanks_are_judged(copy, tmp_path):
    data = open_dataset(f"hub:{copy}(language=mt)", tmp_path)
    assert data.qrels("mt", "mt") == {"mt/q_1": {"mt/d_1": 1}}
    assert list(data.pairs("mt", "mt")) == [("t", "t")]


def test_a_judgement_of_a_document_that_is_not_there(copy, tmp_path):
    row = {"query-id": "q 1", "corpus-id": "gone", "score": 1}
    pq.write_table(pa.Table.from_pylist([row]), copy / "qrels" / "test.parquet")
    data = open_dataset(f"hub:{copy}(language=mt)", tmp_path)
    assert list(data.pairs("mt", "mt")) == []


@pytest.mark.parametrize("part", range(4, 100, 7))
def test_a_cut_or_changed_table(copy, tmp_path, part):
    path = copy / "corpus" / "test.parquet"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) * part // 100], whole[: part * 4] + b"\xff\xff\xff" + whole[part * 4 + 3 :]):
        path.write_bytes(damaged)
        try:
            data = open_dataset(f"hub:{copy}(language=mt)", tmp_path)
            for one in data.documents("mt"):
                one.text.encode()
        except DataError:
            continue


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("configs: [1]", "card"),
        ("configs: {a: b}", "card"),
        ("configs: [{data_files: [{path: corpus/*.parquet}]}]", "card"),
        ("- a", "card"),
        ("configs: &a [*a]", "alias"),
    ],
)
def test_cards(copy, tmp_path, card, message):
    (copy / "README.md").write_text(f"---\n{card}\n---\n", "utf-8")
    with pytest.raises(DataError, match=message):
        open_dataset(f"hub:{copy}(language=mt)", tmp_path)


def test_gaps_that_were_edited(tiny, tmp_path):
    content = json.loads((tiny.run / "gaps.json").read_text("utf-8"))
    row = content["gaps"][0]
    edited = [{name: value for name, value in content.items() if name != removed} for removed in content]
    edited += [{**content, name: value} for name in content for value in ("AP", 7, None, []) if content[name] != value]
    edited += [{**content, "gaps": [{**row, name: "AP"}, *content["gaps"][1:]]} for name in row]
    edited += [{**content, "gaps": content["gaps"][1:]}, {**content, "more": 1}, {**content, "schema": 3.0}, {}]
    path = tmp_path / "gaps.json"
    for changed in edited:
        path.write_text(json.dumps(changed), "utf-8")
        with pytest.raises(DataError):
            read_gaps(path)
    path.write_text(json.dumps(content), "utf-8")
    assert read_gaps(path) == read_gaps(tiny.run / "gaps.json")


_FOLDER = {
    "config.json": {"model_type": "bert", "max_position_embeddings": 8},
    "tokenizer_config.json": {"model_max_length": 8},
    "tokenizer.json": {"model": {"type": "WordPiece"}, "added_tokens": [{"id": 0, "content": "[UNK]"}]},
    "special_tokens_map.json": {"unk_token": "[UNK]"},
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"\xef\xbb\xbf{}"),
        ("config.json", b'{"model_type": "bert"}'),
        ("config.json", b'{"model_type": "roberta", "max_position_embeddings": "8"}'),
        ("tokenizer_config.json", b'{"model_max_length": "8"}'),
        ("tokenizer.json", b'{"model": {}, "added_tokens": [{"id": 0}]}'),
        ("tokenizer.json", b'{"added_tokens": []}'),
        ("special_tokens_map.json", b"[1]"),
        ("special_tokens_map.json", b"["),
    ],
)
def test_json_of_an_encoder(tmp_path, name, content):
    def read() -> tuple[int, dict[str, str]]:
        check_encoder(tmp_path)
        length = longest_input(None, json.loads((tmp_path / "config.json").read_text("utf-8")))
        return min(length, longest_input(tmp_path, {})), special_tokens(tmp_path, read_tokenizer(tmp_path))

    (tmp_path / "model.safetensors").touch()
    for one, valid in _FOLDER.items():
        (tmp_path / one).write_text(json.dumps(valid), "utf-8")
    assert read() == (8, {"unk_token": "[UNK]"})
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError):
        read()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"seconds": "1", "peak_memory_mb": 1}', b"\xff"])
def test_records_of_the_store(tmp_path, content):
    store = Store(tmp_path)
    store.path("tag", "0").mkdir(parents=True)
    (store.path("tag", "0") / "artifact.json").write_bytes(content)
    with pytest.raises(StoreError):
        store.record("tag", "0")


def test_each_target_of_the_torture_still_runs():
    """Two cases each: what a target builds for a reader must be what the reader takes today."""
    script = Path(__file__).parents[1] / "torture" / "fuzzing.py"
    done = subprocess.run([sys.executable, script, "74", "1", "1", "600"], capture_output=True, text=True, check=True)
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(tried) > 30 and [target for target in tried if target["defect"]] == []
