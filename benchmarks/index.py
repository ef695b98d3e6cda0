"""Indexes: an index folder, opened and searched, against raw FAISS on the same vectors.

200,000 clustered unit vectors of 768 numbers; 1,000 queries in one batch, 100 documents each. Search through the
folder must cost next to nothing over FAISS's own. Building is compared too: the folder has vectors kept on disk for
going on after a kill, ids, texts and checksums, where raw FAISS adds and writes. Contestants take turns; the fastest
turn counts. `finds itself` says, for several kinds of index, at which cosine vectors find themselves; `memory` what
building an index of few bytes a vector takes at two sizes, beyond the index and what the process holds before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from xlreach.corpora.collection import Document
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.factory import apply_parameters
from xlreach.retrieval.index import build_index, open_index
from xlreach.retrieval.search import rank

DIMENSION = 768
K = 100
KINDS = ("Flat", "SQfp16", "SQ8", "HNSW32", "IVF256,Flat", "PQ64")


class GivenVectors(TextEncoder):
    """An encoder to which the text `7` means the seventh vector, so that only the index is timed."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.path, self.fingerprint, self.pooling = Path("given"), "given", "mean"
        self.max_length, self.dtype, self.prompts, self.dimension = None, "fp32", {}, vectors.shape[1]

    def encode(self, texts: Any, prompt: str | None = None) -> Vectors:
        """The vectors of those numbers."""
        return self.vectors[[int(text) for text in texts]]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(building_memory(options.memory)))
        return
    count, queries, repeats = (40_000, 500, 3) if options.quick else (200_000, 1000, 5)
    vectors, asked = np.split(clustered(count + queries), [count])
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for factory in ("Flat", "IVF256,Flat"):
            rows += compare(vectors, asked, factory, Path(folder), repeats)
    some = vectors[: 20_000 if options.quick else 50_000]
    itself = {factory: finds_itself(some, factory) for factory in KINDS}
    memory = [in_fresh_process(size) for size in ((10_000, 40_000) if options.quick else (50_000, 200_000))]
    setting = {
        "finds itself": itself,
        "memory": memory,
        "vectors": count,
        "dimension": DIMENSION,
        "queries": queries,
        "threads": faiss.omp_get_max_threads(),
    }
    print(json.dumps({"benchmark": "index", **rows[0], "rows": rows, **setting}))


def clustered(count: int) -> Vectors:
    """Unit vectors around 1,000 centres."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((1000, DIMENSION), dtype=np.float32)
    vectors = centres[generator.integers(0, 1000, count)]
    vectors += 0.7 * generator.standard_normal((count, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def compare(vectors: Vectors, asked: Vectors, factory: str, folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Builds and searches one kind of index both ways."""
    encoder = GivenVectors(vectors)
    documents = [Document(f"d{row}", "en", str(row)) for row in range(len(vectors))]
    start = time.perf_counter()
    built = build_index(encoder, documents, folder / "ours", factory=factory, language="en")
    building = time.perf_counter() - start
    index = open_index(built, encoder)
    start = time.perf_counter()
    raw = faiss.index_factory(DIMENSION, factory, faiss.METRIC_INNER_PRODUCT)
    if not raw.is_trained:
        raw.train(vectors)
    raw.add(vectors)
    faiss.write_index(raw, str(folder / "raw.faiss"))
    raw_building = time.perf_counter() - start
    # Searched: the very index, read into memory; cells learned from another sample would find other documents.
    raw = faiss.read_index(str(built / "index.faiss"))
    apply_parameters(raw, index.manifest["search"])
    ids = [one.id for one in documents]

    def raw_ids() -> Any:
        scores, rows = raw.search(asked, K)
        return [
            [(ids[row], score) for row, score in zip(*one, strict=True)]
            for one in zip(rows.tolist(), scores.tolist(), strict=True)
        ]

    turns = in_turns(
        {
            "ours": lambda: index.search(asked, K),
            "raw": lambda: raw.search(asked, K),
            "ours with ids": lambda: rank(asked, [index], K),
            "raw with ids": raw_ids,
        },
        repeats,
    )
    agreement = overlap(turns["ours"][1][1], turns["raw"][1][1])
    row = {"unit": "queries/s", "equal": f"{agreement:.4f} of the documents found are the same"}
    return [
        *(
            {
                "ratio": round(turns[f"raw{what}"][0] / turns[f"ours{what}"][0], 3),
                "ours": round(len(asked) / turns[f"ours{what}"][0], 1),
                "theirs": round(len(asked) / turns[f"raw{what}"][0], 1),
                "against": f"raw FAISS {factory}{what or ', rows'}",
                **row,
            }
            for what in ("", " with ids")
        ),
        {
            "ratio": round(raw_building / building, 3),
            "ours": round(len(vectors) / building, 1),
            "theirs": round(len(vectors) / raw_building, 1),
            "unit": "vectors/s",
            "against": f"raw FAISS {factory}: trained, added, written, without ids, texts, checkpoint or checksums",
            "equal": None,
        },
    ]


def finds_itself(vectors: Vectors, factory: str) -> dict[str, float]:
    """Of 500 vectors of an index, the share that finds itself first and the lowest cosine it does so at."""
    documents = [Document(f"d{row}", "en", str(row)) for row in range(len(vectors))]
    encoder = GivenVectors(vectors)
    with tempfile.TemporaryDirectory() as folder:
        index = open_index(build_index(encoder, documents, Path(folder) / "i", factory=factory), encoder)
        rows = np.linspace(0, len(vectors) - 1, 500).astype(int)
        scores, found = index.search(vectors[rows], 1)
    same = found[:, 0] == rows
    return {"first": round(float(same.mean()), 4), "lowest cosine": round(float(scores[same, 0].min()), 5)}


class DrawnVectors(GivenVectors):
    """An encoder that draws the vectors of the texts it is given, so that nothing but the index is held."""

    def __init__(self) -> None:
        super().__init__(np.zeros((1, DIMENSION), np.float32))

    def encode(self, texts: Any, prompt: str | None = None) -> Vectors:
        """Random unit vectors."""
        generator = np.random.default_rng(int(texts[0]))
        vectors = generator.standard_normal((len(texts), DIMENSION), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def building_memory(count: int) -> dict[str, float]:
    """The peak of this process's own memory (no pages of mapped files) while it builds, less what it held before."""

    def documents() -> Iterator[Document]:
        return (Document(f"d{row}", "en", str(row)) for row in range(count))

    with tempfile.TemporaryDirectory() as folder:
        build_index(DrawnVectors(), (next(documents()) for _ in range(1)), Path(folder) / "warm")
        before, peak, stop = own_memory(), [0.0], threading.Event()

        def watch() -> None:
            while not stop.wait(0.02):
                peak[0] = max(peak[0], own_memory())

        thread = threading.Thread(target=watch)
        thread.start()
        built = build_index(DrawnVectors(), documents(), Path(folder) / "i", factory="PQ64")
        stop.set()
        thread.join()
        index = (built / "index.faiss").stat().st_size / 2**20
    return {"vectors": count, "peak MB": round(peak[0] - before, 1), "index MB": round(index, 1)}


def own_memory() -> float:
    """Resident memory that is no file's, in MB."""
    status = Path("/proc/self/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon"))


def in_fresh_process(count: int) -> dict[str, float]:
    """`building_memory` in a process of its own."""
    command = [sys.executable, __file__, "--memory", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def in_turns(contestants: dict[str, Callable[[], Any]], repeats: int) -> dict[str, tuple[float, Any]]:
    """The fastest time and the result of each."""
    found: dict[str, tuple[float, Any]] = {}
    for _ in range(repeats):
        for name, run in contestants.items():
            start = time.perf_counter()
            result = run()
            seconds = time.perf_counter() - start
            found[name] = (min(seconds, found.get(name, (seconds,))[0]), result)
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of rows found by both."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(one, other, strict=True)]))


if __name__ == "__main__":
    main()
