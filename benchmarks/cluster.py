"""An encoding job on a Ray cluster of this machine: two workers against one, each with one thread.

Short made-up passages, an encoder of few layers with random weights, an exact index. Beside the whole time of each, the
time from the first chunk that was finished to the last says what is left of the ratio when starting is paid: workers
import torch and load the encoder first. One process without Ray does the same job too.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scale import documents, encoder, texts

WORDS = 24


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--chunks", type=int, help="of 16,384 passages (8; 4 when quick)")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import torch

    torch.set_num_threads(1)
    count = 16_384 * (options.chunks or (4 if options.quick else 8))
    with tempfile.TemporaryDirectory() as folder:
        source = encoder(Path(folder) / "encoder", "line")
        alone = timed(lambda: build(source, count, Path(folder) / "alone"))
        found = {workers: on_cluster(source, count, Path(folder) / f"ray{workers}", workers) for workers in (1, 2)}
        same = all(
            (Path(folder) / f"ray{workers}" / "index.faiss").read_bytes()
            == (Path(folder) / "alone" / "index.faiss").read_bytes()
            for workers in found
        )
    steady = found[1]["between"] / found[2]["between"]
    report = {
        "benchmark": "cluster",
        "ratio": round(found[1]["seconds"] / found[2]["seconds"], 2),
        "ours": round(found[2]["seconds"], 1),
        "theirs": round(found[1]["seconds"], 1),
        "unit": "seconds",
        "against": "one worker",
        "equal": same,
        "passages": count,
        "without Ray": round(alone, 1),
        "passages a second, once started": {n: round(one["rate"], 1) for n, one in found.items()},
        "ratio, once started": round(steady, 2),
        "seconds to the first chunk": {n: round(one["first"], 1) for n, one in found.items()},
    }
    print(json.dumps(report))


def build(source: Path, count: int, out: Path) -> None:
    """The job in this process."""
    from xlreach.retrieval.index import build_index

    build_index(source, documents(texts(count, WORDS)), out)


def on_cluster(source: Path, count: int, out: Path, workers: int) -> dict[str, float]:
    """The job with so many workers."""
    import ray

    from xlreach.retrieval.cluster import cluster
    from xlreach.retrieval.sharded import build_sharded_index

    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, object_store_memory=128 * 2**20)
    log, over, seen = out.parent / f".{out.name}.vectors" / "vectors.jsonl", threading.Event(), []

    def watch() -> None:
        while not over.wait(0.02):
            lines = log.read_bytes().count(b"\n") if log.is_file() else 0
            seen.extend([time.perf_counter()] * (max(lines - 1, 0) - len(seen)))

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    with cluster(None):
        build_sharded_index(source, documents(texts(count, WORDS)), out)
    seconds = time.perf_counter() - start
    over.set()
    thread.join()
    ray.shutdown()
    chunks = count // 16_384
    # The last chunks of two workers end together; whole rounds are compared.
    between = seen[-1] - seen[workers - 1]
    rate = 16_384 * (len(seen) - workers) / between if len(seen) > workers else 0.0
    return {"seconds": seconds, "first": seen[0] - start, "between": between / max(1, chunks - workers), "rate": rate}


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
