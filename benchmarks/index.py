"""Indexes: an index folder, built, opened and searched, against raw FAISS on the same vectors.

200,000 clustered unit vectors of 768 numbers, 100 documents a query, queries in one batch; fewer vectors where FAISS
alone takes minutes to build (`FULL`). Rows of four kinds, each with the fastest of several turns that contestants take:

* searched, rows of documents (`DenseIndex.search` against FAISS's own), and with their ids (`search.rank`);
* `index.faiss` from vectors at hand (trained on the same sample, added, written), against FAISS doing the same;
* the whole folder, against that again. The folder has more in it: vectors kept on disk for going on after a kill, ids
  and texts, checksums, and the recall of an approximate index against exact search. That is not FAISS's work, so this
  ratio says what it costs; `seconds beyond FAISS` is the same as a difference.

`finds itself` says at which cosine vectors find themselves, in every kind of index worth knowing (`FACTORIES`, but
OPQ, which takes minutes to learn its rotation); `memory` what building takes at two sizes where codes are held and
vectors go to the file, beyond what the process holds before.
"""

from __future__ import annotations

import argparse
import filecmp
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
from xlreach.retrieval.factory import FACTORIES, apply_parameters, check_factory, search_parameters, training_sample
from xlreach.retrieval.faiss_files import write_index
from xlreach.retrieval.index import build_index, open_index
from xlreach.retrieval.search import rank

DIMENSION = 768
K = 100
FULL = {
    "Flat": (200_000, 1000),
    "IVF256,Flat": (200_000, 1000),
    "IVF1024,SQ8,RFlat": (200_000, 1000),
    "PQ64,RFlat": (200_000, 200),
    "SQ8,RFlat": (200_000, 100),
    "HNSW32": (20_000, 1000),
}
"""Vectors and queries of each kind of index."""
QUICK = {"Flat": (20_000, 200), "IVF256,Flat": (20_000, 200), "HNSW32": (4000, 200)}


class GivenVectors(TextEncoder):
    """An encoder to which the text `7` means the seventh vector, so that only the index is timed."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.path, self.fingerprint, self.pooling = Path("given"), "given", "mean"
        self.max_length, self.dtype, self.prompts, self.dimension = None, "fp32", {}, vectors.shape[1]

    def encode(self, texts: Any, prompt: str | None = None) -> Vectors:
        """The vectors of those numbers, which follow each other."""
        return self.vectors[int(texts[0]) : int(texts[-1]) + 1]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(building_memory(options.memory)))
        return
    sizes, seconds = (QUICK, 1.0) if options.quick else (FULL, 12.0)
    count, queries = (max(one[at] for one in sizes.values()) for at in (0, 1))
    vectors, asked = np.split(clustered(count + queries), [count])
    rows: list[dict[str, Any]] = []
    for factory, (some, questions) in sizes.items():
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(vectors[:some], asked[:questions], factory, Path(folder), seconds)
        told(f"{factory}: {[row['ratio'] for row in rows[-4:]]}")
    few = vectors[: 2000 if options.quick else 10_000]
    itself = {}
    for factory in sizes if options.quick else [one for one in FACTORIES if "OPQ" not in one]:
        itself[factory] = finds_itself(few, factory)
        told(f"{factory} finds itself: {itself[factory]}")
    memory = [in_fresh_process(size) for size in ((5000, 20_000) if options.quick else (50_000, 200_000))]
    setting = {
        "finds itself": itself,
        "memory": memory,
        "vectors that find themselves": len(few),
        "dimension": DIMENSION,
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


def compare(vectors: Vectors, asked: Vectors, factory: str, folder: Path, seconds: float) -> list[dict[str, Any]]:
    """Builds and searches one kind of index both ways."""
    encoder = GivenVectors(vectors)
    documents = [Document(f"d{row}", "en", str(row)) for row in range(len(vectors))]

    def ours() -> None:
        write_index(folder / "ours.faiss", check_factory(factory, DIMENSION), vectors, factory)

    def theirs() -> None:
        index = faiss.index_factory(DIMENSION, factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(training_sample(index, vectors))
        index.add(vectors)
        apply_parameters(index, search_parameters(index))
        faiss.write_index(index, str(folder / "raw.faiss"))

    def whole() -> Path:
        return build_index(encoder, documents, folder / "ours", factory=factory, language="en")

    making = in_turns({"ours": ours, "raw": theirs, "whole": whole}, seconds)
    built = folder / "ours"
    index = open_index(built, encoder)
    raw = faiss.read_index(str(built / "index.faiss"))  # the very index, held in memory
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
        seconds,
    )
    agreement = overlap(turns["ours"][1][1], turns["raw"][1][1])
    row = {"unit": "queries/s", "equal": f"{agreement:.4f} of the documents found are the same"}
    about = {"vectors": len(vectors), "queries": len(asked)}
    searching = [
        {
            "ratio": round(turns[f"raw{what}"][0] / turns[f"ours{what}"][0], 3),
            "ours": round(len(asked) / turns[f"ours{what}"][0], 1),
            "theirs": round(len(asked) / turns[f"raw{what}"][0], 1),
            "against": f"raw FAISS {factory}, searched{what or ', rows'}",
            **row,
            **about,
        }
        for what in ("", " with ids")
    ]
    building = [
        {
            "ratio": round(making["raw"][0] / making[what][0], 3),
            "ours": round(len(vectors) / making[what][0], 1),
            "theirs": round(len(vectors) / making["raw"][0], 1),
            "unit": "vectors/s",
            "against": f"raw FAISS {factory}: trained, added, written{more}",
            "equal": None if what == "whole" else same_file(folder / "ours.faiss", folder / "raw.faiss"),
            "seconds beyond FAISS": round(making[what][0] - making["raw"][0], 2),
            "vectors": len(vectors),
        }
        for what, more in (("ours", ""), ("whole", "; ours the whole folder, with all that is in it beside"))
    ]
    return searching + building


def same_file(one: Path, other: Path) -> str:
    """Whether two files hold the same bytes, in words."""
    return "the same bytes" if filecmp.cmp(one, other, shallow=False) else "not the same bytes"


def told(line: str) -> None:
    """Says how far it is."""
    print(line, file=sys.stderr, flush=True)


def finds_itself(vectors: Vectors, factory: str) -> dict[str, float]:
    """Of 500 vectors of an index, the share that finds itself first and the lowest cosine it does so at."""
    documents = [Document(f"d{row}", "en", str(row)) for row in range(len(vectors))]
    encoder = GivenVectors(vectors)
    with tempfile.TemporaryDirectory() as folder:
        index = open_index(build_index(encoder, documents, Path(folder) / "i", factory=factory), encoder)
        rows = np.linspace(0, len(vectors) - 1, min(500, len(vectors))).astype(int)
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


def in_turns(contestants: dict[str, Callable[[], Any]], seconds: float) -> dict[str, tuple[float, Any]]:
    """The fastest time and the result of each; up to seven rounds, the last begun within so many seconds."""
    found: dict[str, tuple[float, Any]] = {}
    end = time.perf_counter() + seconds
    for _ in range(7):
        for name, run in contestants.items():
            start = time.perf_counter()
            result = run()
            taken = time.perf_counter() - start
            found[name] = (min(taken, found.get(name, (taken,))[0]), result)
        if time.perf_counter() > end:
            break
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of rows found by both."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(one, other, strict=True)]))


if __name__ == "__main__":
    main()
