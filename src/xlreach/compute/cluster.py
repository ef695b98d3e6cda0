"""A Ray cluster: the connection to it, its processors and GPUs. Imported only where a cluster is asked for.

All nodes must see the data and the store under the same paths (a network file system; on one machine this is always
so) and have the same xlreach installed. Only names, numbers and paths go through Ray itself.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xlreach.compute.workers import processors
from xlreach.errors import MissingExtraError, StoreError, XLReachError

try:
    import ray
    import ray.data
except ImportError as error:
    raise MissingExtraError("ray", "ray", "Work on several machines") from error

_THREADS = 4  # used where OMP_NUM_THREADS is not set: a compute node rarely has fewer cores


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """A block that is connected to the Ray cluster at an address; None starts a cluster here and stops it at the end.

    An inner block uses the connection of the outer one.

    Raises:
        XLReachError: There is no cluster at that address, or it is lost.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {}
    if address is None:  # Ray would count the processors of the whole machine; its shared memory is hardly used
        options = {"num_cpus": processors(), "include_dashboard": False, "object_store_memory": 128 * 2**20}
    try:
        if address not in (None, "auto"):
            _knock(address)
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # Ray raises plain ones too, as when starting takes too long
        raise XLReachError(
            f"There is no Ray cluster at {address or 'this machine'!r} ({str(error).strip().splitlines()[0]}).",
            fix="Start one with 'ray start --head', and name the address it prints; or write --runner ray. "
            "For a cluster that asks for a token, set RAY_AUTH_MODE=token and put the token into ~/.ray/auth_token.",
        ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def resources() -> dict[str, float]:
    """CPUs and GPUs of all nodes together."""
    total = ray.cluster_resources()
    return {name: total.get(name, 0) for name in ("CPU", "GPU")}


def share() -> dict[str, int]:
    """The resources of a task that computes with a model, as Ray names them: `num_cpus` and `num_gpus`.

    One GPU if the cluster has any, and as many CPUs as OMP_NUM_THREADS, at most those of the largest node.
    """
    largest = max((node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]), default=1)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(threads) if threads.isdecimal() and int(threads) else _THREADS
    return {"num_cpus": max(1, min(wanted, int(largest))), "num_gpus": 1 if resources()["GPU"] else 0}


def enter(folder: str) -> None:
    """Changes to the folder that the work was started from, so that relative paths mean the same on all nodes.

    Raises:
        StoreError: This node does not see the folder.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise StoreError(
            f"The node {node()} does not see {folder} ({error.strerror}).",
            fix="Work from a folder that all nodes see under the same path, such as one on a network file system.",
        ) from error


def node() -> str:
    """The short name of the node that runs this process."""
    return ray.get_runtime_context().get_node_id()[:8]


def _knock(address: str) -> None:
    """Checks that the address answers within ten seconds; Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT")
    socket.create_connection((host, int(port)), timeout=10).close()
