"""An encoding job on a Ray cluster of this machine: two workers against one, each with one thread.

Short made-up passages, an encoder of few layers with random weights, an exact index. Beside the whole time of each, the
time from the first chunk that was finished to the last says what is left of the ratio when starting is paid: workers
import torch and load the encoder first. One process without Ray does the same job too.

`--kill` does it once more on a cluster of three nodes, of which one is killed when two chunks are kept, and tells what
happens on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scale import documents, encoder, texts

WORDS = 24


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--chunks", type=int, help="of 16,384 passages (8; 4 when quick)")
    parser.add_argument("--kill", action="store_true", help="a node in the middle of one more job")
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
        survived = node_killed(source, count, Path(folder) / "killed") if options.kill else {}
        whole = (Path(folder) / "alone" / "index.faiss").read_bytes()
        others = [f"ray{workers}" for workers in found] + ["killed"] * options.kill
        same = all((Path(folder) / other / "index.faiss").read_bytes() == whole for other in others)
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
        **survived,
    }
    print(json.dumps(report))


def build(source: Path, count: int, out: Path) -> None:
    """The job in this process."""
    from xlreach.retrieval.index import build_index

    build_index(source, documents(texts(count, WORDS)), out)


def on_cluster(source: Path, count: int, out: Path, workers: int) -> dict[str, float]:
    """The job with so many workers."""
    import ray

    from xlreach.compute.cluster import cluster
    from xlreach.retrieval.sharded import build_sharded_index

    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, object_store_memory=128 * 2**20)
    seen: list[float] = []
    with watched(out, lambda: seen.append(time.perf_counter())), cluster(None):
        start = time.perf_counter()
        build_sharded_index(source, documents(texts(count, WORDS)), out)
        seconds = time.perf_counter() - start
    ray.shutdown()
    chunks = count // 16_384
    # The last chunks of two workers end together; whole rounds are compared.
    between = seen[-1] - seen[workers - 1]
    rate = 16_384 * (len(seen) - workers) / between if len(seen) > workers else 0.0
    return {"seconds": seconds, "first": seen[0] - start, "between": between / max(1, chunks - workers), "rate": rate}


def node_killed(source: Path, count: int, out: Path) -> dict[str, int]:
    """The job on a head without processors and two nodes of one each; one of these dies with two chunks kept."""
    import ray
    from ray.cluster_utils import Cluster

    from xlreach.compute.cluster import cluster
    from xlreach.retrieval.sharded import build_sharded_index

    nodes = Cluster()
    nodes.add_node(num_cpus=0, include_dashboard=False)
    for _ in range(2):
        nodes.add_node(num_cpus=1, object_store_memory=128 * 2**20)
    start, kept, chunks = time.perf_counter(), list[float](), count // 16_384

    def tell(words: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {words}", file=sys.stderr, flush=True)

    def each() -> None:
        kept.append(time.perf_counter())
        tell(f"chunk {len(kept)} of {chunks} is kept")
        if len(kept) == 2:
            victim = next(iter(nodes.worker_nodes))
            tell(f"node {victim.node_id[:8]} is killed, with all its processes")
            nodes.remove_node(victim, allow_graceful=False)

    with cluster(nodes.address), watched(out, each):
        tell(f"{count:,} passages in {chunks} chunks, nodes alive: {alive(ray)}")
        build_sharded_index(source, documents(texts(count, WORDS)), out)
        left = alive(ray)
        tell(f"the index is whole, nodes alive: {left}")
    nodes.shutdown()
    return {"chunks kept when a node was killed": 2, "nodes left of three": left}


def alive(ray: Any) -> int:
    """How many nodes the cluster has."""
    return sum(bool(node["Alive"]) for node in ray.nodes())


@contextmanager
def watched(out: Path, each: Callable[[], None]) -> Iterator[None]:
    """Calls for each chunk that a job records as kept."""
    log, over = out.parent / f".{out.name}.vectors" / "vectors.jsonl", threading.Event()

    def watch() -> None:
        seen = 0
        while not over.wait(0.02):
            for _ in range(seen, log.read_bytes().count(b"\n") - 1 if log.is_file() else 0):
                seen += 1
                each()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
