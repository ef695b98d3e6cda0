"""An index built by a cluster is, byte for byte, the index built here; also when a node dies in the middle."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest

from xlreach.corpora.collection import Document
from xlreach.errors import DataError
from xlreach.retrieval.encoding import TextEncoder, append_chunk, read_chunk_log, write_chunk_log
from xlreach.retrieval.factory import (
    apply_parameters,
    blocks,
    check_factory,
    search_parameters,
    train_index,
)
from xlreach.retrieval.faiss_files import candidates, merge_shards, merges, read_file, write_index
from xlreach.retrieval.index import build_index, open_index

_CHUNK = 256
_TOGETHER = 16


def unit(count: int, dimension: int) -> np.ndarray:
    vectors = np.random.default_rng(count).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_an_exact_index_is_written_as_faiss_writes_it(tmp_path, count):
    vectors = unit(count, 8)
    write_index(tmp_path / "ours", check_factory("Flat", 8), vectors, "Flat")
    index = check_factory("Flat", 8)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "theirs"))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize(
    "factory",
    [
        "IVF16,Flat",
        "IVF512,Flat",
        "IVF16,SQ8,RFlat",
        "OPQ8,IVF16,PQ8x4,RFlat",
        "IVF16_HNSW8,Flat",
        "IVF16,RaBitQ,RFlat",
    ],
)
def test_merged_shards_are_the_index_of_all(tmp_path, factory):
    """With 512 cells most are empty, and FAISS writes the lengths of the lists in its other form."""
    count = 1000
    vectors = unit(count, 16)
    if factory.startswith("IVF512"):
        vectors = np.repeat(vectors[:600], 2, axis=0)[:count]
    whole = check_factory(factory, 16)
    train_index(whole, vectors, factory)
    apply_parameters(whole, search_parameters(whole))
    whole.add(vectors)
    faiss.write_index(whole, str(tmp_path / "theirs"))
    whole.reset()
    assert merges(whole)
    faiss.write_index(whole, str(tmp_path / "trained"))
    shards = []
    for start in range(0, count, 300):
        shard, some = faiss.read_index(str(tmp_path / "trained")), vectors[start : start + 300]
        candidates(shard).add_with_ids(some, np.arange(start, start + len(some)))
        shards.append(tmp_path / f"shard-{start}")
        faiss.write_index(candidates(shard), str(shards[-1]))
    merge_shards(tmp_path / "trained", shards, tmp_path / "ours", vectors)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert not (tmp_path / "ours.lists").exists()


@pytest.mark.parametrize(
    "factory",
    [
        "Flat",
        "SQ8,RFlat",
        "PQ4x4,RFlat",
        "PQ4x4fs,RFlat",
        "RaBitQ,RFlat",
        "PCA4,L2norm,Flat,RFlat",
        "IVF16,SQ8,RFlat",
        "HNSW8,SQ8,RFlat",
    ],
)
def test_an_index_that_ranks_by_exact_vectors_is_written_as_faiss_writes_it(tmp_path, factory):
    vectors = unit(70_000, 8)
    file = np.memmap(tmp_path / "vectors", np.float32, "w+", shape=vectors.shape)  # more than one block
    file[:] = vectors
    write_index(tmp_path / "ours", check_factory(factory, 8), file, factory)
    index = check_factory(factory, 8)
    train_index(index, vectors, factory)
    apply_parameters(index, search_parameters(index))
    for block in blocks(file):
        index.add(block)
    faiss.write_index(index, str(tmp_path / "theirs"))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert read_file(tmp_path / "ours").search(vectors[:9], 5)[0].tobytes() == index.search(vectors[:9], 5)[0].tobytes()


def test_what_merges():
    for factory in ("IVF4096,PQ64", "IVF4096_HNSW32,Flat", "OPQ64,IVF1024,PQ64", "IVF16,PQ16,RFlat"):
        assert merges(check_factory(factory, 768))
    for factory in ("Flat", "HNSW32,SQ8", "OPQ32,PQ32", "IVF16,PQ16x4fs", "IVF16,PQ16,Refine(SQ8)", "PQ64,RFlat"):
        assert not merges(check_factory(factory, 768))


@pytest.fixture(scope="module")
def many() -> list[Document]:
    rng = np.random.default_rng(3)
    numbers = rng.integers(0, 60, (_CHUNK * _TOGETHER - 100, 12))
    texts = [" ".join(f"xx{n}" for n in row[: 3 + at % 10]) for at, row in enumerate(numbers)]
    texts[_CHUNK + 3 :: 7] = texts[3 : len(texts) - _CHUNK : 7]  # stand in an earlier chunk
    return [Document(f"d{at}", "en", text, "xx1" if at % 3 else "") for at, text in enumerate(texts)]


@pytest.fixture
def small_chunks(monkeypatch):
    """Many chunks of few texts, so that a small collection is a large one."""
    monkeypatch.setattr("xlreach.retrieval.index.CHUNK", _CHUNK)
    monkeypatch.setattr("xlreach.retrieval.encoding.chunks.__defaults__", (_CHUNK,))
    monkeypatch.setitem(TextEncoder.encode_stream.__kwdefaults__, "chunk", _CHUNK)


@pytest.mark.timeout(900)  # starting three nodes takes minutes on a busy machine
def test_a_cluster_builds_the_same_index_though_a_node_dies(
    nodes, small_chunks, encoder_folder, many, tmp_path, monkeypatch
):
    from xlreach.compute.cluster import cluster
    from xlreach.retrieval import sharded

    log, over, killed = tmp_path / "ray" / ".Flat.vectors" / "vectors.jsonl", threading.Event(), []

    def kill() -> None:
        """Takes a node away when some chunks are encoded and most are not."""
        while not over.wait(0.005):
            if log.is_file() and log.read_text("utf-8").count("\n") > 2:
                killed.append(log.read_text("utf-8").count("\n") - 1)
                nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
                return

    (tmp_path / "ray").mkdir()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    killer = threading.Thread(target=kill)
    killer.start()
    with cluster(nodes.address):
        try:
            for factory in ("Flat", "IVF16,SQ8", "HNSW16"):
                sharded.build_sharded_index(encoder_folder, many, tmp_path / "ray" / factory, factory, "en")
        finally:
            over.set()
            killer.join()
        with pytest.raises(DataError, match="No documents"):
            sharded.build_sharded_index(encoder_folder, [], tmp_path / "ray" / "none")
    assert killed and killed[0] < _TOGETHER, killed
    for factory in ("Flat", "IVF16,SQ8", "HNSW16"):
        here = build_index(encoder_folder, many, tmp_path / "here" / factory, factory, "en")
        there = tmp_path / "ray" / factory
        for name in ("index.faiss", "ids.parquet", "manifest.json"):
            assert (there / name).read_bytes() == (here / name).read_bytes(), (factory, name)
        open_index(there, TextEncoder(encoder_folder))
    assert {path.name for path in (tmp_path / "ray").iterdir()} == {"Flat", "IVF16,SQ8", "HNSW16"}


def test_a_log_of_finished_chunks_survives_a_kill(tmp_path):
    log = tmp_path / "vectors.jsonl"
    assert read_chunk_log(log, ["a", 1]) == []
    write_chunk_log(log, ["a", 1], [[3, "x"]])
    append_chunk(log, [0, "y"])
    with log.open("a", encoding="utf-8") as stream:
        stream.write('[1, "z')
    assert read_chunk_log(log, ["a", 1]) == [[3, "x"], [0, "y"]]
    assert read_chunk_log(log, ["a", 2]) == []
