"""A Ray cluster: connecting to one, and what it has. Imported only where one is asked for.

Nodes must see the data and the store under the same paths (a network file system; on one machine that is given) and
have the same xlreach installed. Nothing but names, numbers and paths goes through Ray itself.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xlreach.errors import MissingExtraError, StoreError, XLReachError

try:
    import ray
    import ray.data
except ImportError as error:
    raise MissingExtraError("ray", "ray", "Work on several machines") from error

DEATHS = 3
"""How often a task is restarted after its worker, or the worker's node, has died."""

_THREADS = 4  # where OMP_NUM_THREADS says nothing: a compute node seldom has fewer cores
_OBJECTS = 128 * 2**20  # bytes of shared memory; next to nothing goes through it


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Connects to the Ray cluster at an address within a block; None starts a cluster on this machine and stops it.

    A block inside another one uses the connection of the outer one.

    Raises:
        XLReachError: There is no cluster at that address, or it is lost.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    own: dict[str, Any] = {}
    if address is None:
        own = {"num_cpus": _processors(), "include_dashboard": False, "object_store_memory": _OBJECTS}
    try:
        if address not in (None, "auto"):
            _knock(address)
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises plain ones too, as when starting takes half a minute
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

    A GPU where there are any; as many CPUs as OMP_NUM_THREADS says, no more than the largest node has.
    """
    largest = max((node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]), default=1)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(threads) if threads.isdecimal() and int(threads) else _THREADS
    return {"num_cpus": max(1, min(wanted, int(largest))), "num_gpus": 1 if resources()["GPU"] else 0}


def enter(folder: str) -> None:
    """Goes to the folder that the work was started from, so that relative paths mean the same everywhere.

    Raises:
        StoreError: This node does not see it.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise StoreError(
            f"The node {node()} does not see {folder} ({error.strerror}).",
            fix="Work from a folder that all nodes see under the same path, such as one on a network file system.",
        ) from error


def use_threads(count: int) -> None:
    """Sets the number of torch's threads; Ray reuses its workers, so every task sets it."""
    import torch

    torch.set_num_threads(count)


def node() -> str:
    """The short name of the node that this runs on."""
    return ray.get_runtime_context().get_node_id()[:8]


def here() -> str:
    """The folder that `enter` shall go to."""
    return str(Path.cwd())


def _processors() -> int:
    """The number of processors that this process may use; Ray would count all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _knock(address: str) -> None:
    """Checks that the address answers within ten seconds; Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT")
    socket.create_connection((host, int(port)), timeout=10).close()
