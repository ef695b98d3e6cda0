"""Work on this machine: how many threads a computation is worth, and what every worker process does as it starts."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import loky
from tqdm import tqdm

from xlreach.errors import ModelError
from xlreach.safe_io import read_json

DEATHS = 3
"""How often work is begun again after its process, or the machine of it, has died."""

# Weights of layers. Below, a second thread waits more than it computes: the threads meet after every operation.
_WORTH_MORE = 15_000_000


def processors() -> int:
    """The processors that this process may use: its affinity and its share of a container count, not the machine."""
    return int(loky.cpu_count())


def threads_for(weights: int, many_batches: bool = False) -> int:
    """The threads for a model with so many weights in its layers; all of them where each thread has its own batches.

    OMP_NUM_THREADS is the most that is taken.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    most = int(wanted) if wanted.isdecimal() and int(wanted) else processors()
    return min(most, processors()) if many_batches or weights >= _WORTH_MORE else 1


def use_threads(count: int) -> None:
    """Sets the number of torch's threads in this process."""
    import torch

    torch.set_num_threads(count)


def layer_weights(folder: Path) -> int:
    """About how many weights the layers of a model folder have, without its embeddings; 0 if it holds no such model."""
    path = next((path for path in (folder / "config.json", *folder.glob("*/config.json")) if path.is_file()), None)
    config: Any = read_json(path, ModelError) if path is not None else {}
    sizes = [
        next((config[name] for name in names if isinstance(config.get(name), int)), 0)
        for names in (("num_hidden_layers", "n_layers", "num_layers"), ("hidden_size", "dim", "d_model"))
    ]
    return 12 * sizes[0] * sizes[1] ** 2


class _NoTerminal(io.TextIOWrapper):
    """Messages reach the terminal; progress bars, which ask for one, stay away."""

    def isatty(self) -> bool:
        return False


def start_worker(parent: int) -> None:
    """What a worker process does first: it leaves Ctrl-C to its parent, shows no progress, and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr = _NoTerminal(sys.stderr.buffer, line_buffering=True)
    tqdm.set_lock(threading.RLock())  # tqdm's own is a semaphore of the system, which a killed worker would leave there

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
