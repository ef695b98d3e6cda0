"""What the toolkit wrote itself and reads again: results, gaps, index folders, encoder folders, the store's records."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cases import damaged
from hypothesis import strategies as st

from xlreach.errors import IndexFolderError
from xlreach.explore.catalog import Catalog, Entry
from xlreach.explore.explorer import check_request
from xlreach.gaps import GapAnalysis
from xlreach.measurement import FIELDS, Measurement, read_measurements, write_measurements
from xlreach.retrieval.index import fill_index, find_indexes, open_index
from xlreach.safe_io import parse_json

_ROWS = [
    Measurement(kind="tagging", study="s", base="b", recipe="none", language="mt", seed=1, dataset="ud:mt_mudt",
                measure="accuracy", value=0.5, n=10),
    Measurement(kind="retrieval", study="s", base="b", recipe="none", alignment="none", language="mt", dataset="x",
                setting="cross", query_language="mt", document_language="en", measure="AP", value=0.25, n=3),
    Measurement(kind="cost", study="s", base="b", recipe="none", language="mt", stage="adapt",
                measure="seconds", value=1.5),
]  # fmt: skip
_LINES = "".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in _ROWS).encode()
_TYPES = {"seed": int, "n": int, "value": (int, float)}
_CONFIG = b"study: s\nbase: {b: x/y}\ndata: artificial()\nlanguages: {high: [en], low: [mt]}\nprovenance: {plan: abc}\n"


def measurements(case: bytes, folder: Path) -> None:
    path = folder / "results.jsonl"
    path.write_bytes(case)
    rows = read_measurements(path)
    for row in rows:
        for name in FIELDS:
            value, kind = getattr(row, name), _TYPES.get(name, str)
            assert value is None or (isinstance(value, kind) and not isinstance(value, bool)), f"{name}: {value!r}"
        assert row.value is not None and np.isfinite(row.value) and row.kind and row.measure
    write_measurements(path, rows)
    assert read_measurements(path) == rows


def _gaps() -> bytes:
    """What `compare` writes of the rows above."""
    from xlreach.comparison import compare, write_gaps

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gaps.json"
        write_gaps(path, compare(_ROWS, None, {"high": ["en"], "low": ["mt"]}, resamples=20, permutations=20))
        return path.read_bytes()


_GAPS = _gaps()


def gaps(case: bytes, folder: Path) -> None:
    from xlreach.comparison import read_gaps

    path = folder / "gaps.json"
    path.write_bytes(case)
    assert isinstance(read_gaps(path), GapAnalysis)


def run_folder(case: tuple[str, bytes], folder: Path) -> None:
    """A run with one damaged file: compared with a whole one, or reported."""
    from xlreach.comparison import compare_runs
    from xlreach.report.render import render_report
    from xlreach.study.run import compare_run

    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    for name, content in (("results.jsonl", _LINES), ("config.yaml", _CONFIG), ("gaps.json", _GAPS)):
        (run / name).write_bytes(case[1] if case[0] == name else content)
    whole = folder / "whole"
    whole.mkdir(exist_ok=True)
    (whole / "results.jsonl").write_bytes(_LINES)
    (whole / "config.yaml").write_bytes(_CONFIG)
    if case[0] != "gaps.json":
        compare_runs(run, whole)
    if case[0] == "config.yaml":
        compare_run(run)
    if case[0] == "gaps.json":
        render_report(run)


@cache
def _index() -> tuple[Path, dict[str, bytes]]:
    """A small index folder, and its files."""
    import faiss
    import pyarrow as pa
    import pyarrow.parquet as pq

    class Encoder:
        path, fingerprint, pooling, max_length = Path("encoder"), "0" * 20, "mean", 16
        prompts: dict[str, str] = {}  # noqa: RUF012
        computed, dimension, fidelity = "fp32", 4, None

    folder = Path(tempfile.mkdtemp()) / "mt"
    folder.mkdir()
    vectors = np.eye(4, dtype=np.float32)
    index = faiss.index_factory(4, "Flat", faiss.METRIC_INNER_PRODUCT)
    names = pa.table({"id": list("abcd"), "text": list("wxyz"), "title": [""] * 4})
    pq.write_table(names, folder / "ids.parquet")
    fill_index(folder, index, vectors, Encoder(), "mt", "Flat")  # type: ignore[arg-type]
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}


def index(case: tuple[str, int, bytes], folder: Path) -> None:
    """A damaged index folder is refused, or nothing of what it finds has changed."""
    _, files = _index()
    target = folder / "indexes" / "mt"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(_cut(content, case[1], case[2]) if name == case[0] else content)
    assert set(find_indexes(folder / "indexes")) <= {"mt", None} or case[0] == "manifest.json"
    try:
        opened = open_index(target, "0" * 20)
    except IndexFolderError:
        raise
    scores, rows = opened.search(np.eye(4, dtype=np.float32), 2)
    assert rows[:, 0].tolist() == [0, 1, 2, 3] and np.allclose(scores[:, 0], 1)
    assert opened.ids == list("abcd") and [one.text for one in opened.documents([0, 3])] == ["w", "z"]


_ENCODER = {
    "config.json": b'{"model_type": "bert", "hidden_size": 4, "pad_token_id": 0, "max_position_embeddings": 8}',
    "tokenizer_config.json": b'{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 8}',
    "tokenizer.json": b'{"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}, "added_tokens": [{"id": 0, "content": '
    b'"[UNK]"}]}',
    "modules.json": b'[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},'
    b' {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]',
    "1_Pooling/config.json": b'{"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true}',
    "xlreach.json": b'{"format": 1, "base": "b", "recipe": ["lapt"], "languages": ["mt"], "input": ""}',
    "sentence_bert_config.json": b'{"max_seq_length": 8}',
    "special_tokens_map.json": b'{"unk_token": {"content": "[UNK]"}}',
    "model.safetensors": b"\x02\0\0\0\0\0\0\0{}",
}


def encoder(case: tuple[str, bytes], folder: Path) -> None:
    """The JSON files of an encoder folder."""
    from xlreach.adapt.encoder import Provenance, check_encoder, fingerprint
    from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer, special_tokens

    root = folder / "encoder"
    shutil.rmtree(root, ignore_errors=True)
    for name, content in _ENCODER.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(case[1] if name == case[0] else content)
    check_encoder(root)
    assert fingerprint(root) == fingerprint(root)
    Provenance.read(root)
    special_tokens(root, read_tokenizer(root))
    for declared in (root, None):
        assert isinstance(longest_input(declared, json.loads((root / "config.json").read_text("utf-8"))), int)


def static(case: tuple[str, int, bytes], folder: Path) -> None:
    """A damaged folder of word vectors is refused, or gives vectors of its width."""
    from xlreach.adapt.static_vectors import StaticVectors

    for name, content in _static().items():
        (folder / name).write_bytes(_cut(content, case[1], case[2]) if name == case[0] else content)
    found = StaticVectors.load(folder)
    assert found.vectors(["kelb", "x", "ab"]).shape == (3, found.dim)


@cache
def _static() -> dict[str, bytes]:
    """The files of a small folder of word vectors."""
    from xlreach.adapt.static_vectors import StaticVectors

    rows = np.ones((2, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        StaticVectors(3, {"kelb": 0, "ab": 1}, rows, rows, (3, 6)).save(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def request(case: bytes, folder: Path) -> None:
    """What a browser could send to the explorer: checked before anything is opened."""
    asked = parse_json(case.decode("utf-8", "replace"))
    if isinstance(asked, dict):
        query, entries, collection, languages, k = check_request(asked, _catalog())
        assert entries and collection == "c" and 1 <= k <= 50 and len(query.encode("utf-8", "surrogatepass")) < 10**5
        assert all(isinstance(one, str) for one in languages)


@cache
def _catalog() -> Any:
    return Catalog("t", (Entry("e", "e", Path("e"), {"c": {"mt": Path("mt")}}),))


def record(case: bytes, folder: Path) -> None:
    """The store's own record of a result."""
    from xlreach.store import Store

    store = Store(folder / "artifacts")
    path = store.path("tag", "0" * 20)
    path.mkdir(parents=True, exist_ok=True)
    (path / "artifact.json").write_bytes(case)
    found = store.record("tag", "0" * 20)
    assert isinstance(found["seconds"], (int, float))


def _cut(content: bytes, at: int, fragment: bytes) -> bytes:
    place = at * (len(content) + 1) >> 16
    return content[:place] + fragment + content[place + len(fragment) :]


_runs = st.sampled_from([("results.jsonl", _LINES), ("config.yaml", _CONFIG), ("gaps.json", _GAPS)]).flatmap(
    lambda one: st.tuples(st.just(one[0]), damaged(one[1], enormous=False))
)
_encoders = st.sampled_from([name for name in _ENCODER if name.endswith(".json")]).flatmap(
    lambda name: st.tuples(st.just(name), damaged(_ENCODER[name], enormous=False))
)
_indexes = st.tuples(
    st.sampled_from(("index.faiss", "ids.parquet", "manifest.json")), st.integers(0, 2**16 - 1), st.binary(max_size=8)
)
_statics = st.tuples(
    st.sampled_from(("static.json", "static.safetensors")), st.integers(0, 2**16 - 1), st.binary(max_size=8)
)
_REQUEST = b'{"query": "kelb", "encoders": ["e"], "collection": "c", "languages": ["mt"], "k": 10}'
_RECORD = (
    b'{"stage": "tag", "key": "k", "inputs": {}, "version": "0", "seconds": 1.5, "peak_memory_mb": 10.0, "tokens": 5}'
)
TARGETS: dict[str, Any] = {
    "results": (damaged(_LINES), measurements),
    "gaps": (damaged(_GAPS), gaps),
    "run folder": (_runs, run_folder),
    "index folder": (_indexes, index),
    "encoder folder": (_encoders, encoder),
    "word vectors": (_statics, static),
    "request": (damaged(_REQUEST), request),
    "store record": (damaged(_RECORD, enormous=False), record),
}
