"""Indexes: an index folder, opened and searched, against raw FAISS on the same vectors.

200,000 clustered unit vectors of 768 numbers; 1,000 queries in one batch, 100 documents each. Search through the
folder must cost next to nothing over FAISS's own. Building is compared too: the folder has vectors kept on disk for
going on after a kill, ids, texts and checksums, where raw FAISS adds and writes. Contestants take turns; the fastest
turn counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
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
    options = parser.parse_args()
    count, queries, repeats = (40_000, 500, 3) if options.quick else (200_000, 1000, 5)
    vectors, asked = np.split(clustered(count + queries), [count])
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for factory in ("Flat", "IVF256,Flat"):
            rows += compare(vectors, asked, factory, Path(folder), repeats)
    setting = {"vectors": count, "dimension": DIMENSION, "queries": queries, "threads": faiss.omp_get_max_threads()}
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
