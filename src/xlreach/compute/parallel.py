"""Running batches through a model without training it, several at a time on the cores of a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

import torch

Key = TypeVar("Key")
Batch = TypeVar("Batch")
Result = TypeVar("Result")


def map_batches(
    forward: Callable[[Batch], Result], batches: Iterable[tuple[Key, Batch]], device: str
) -> Iterator[tuple[Key, Result]]:
    """Yields `(key, forward(batch))` for each `(key, batch)`, in any order.

    On CPUs as many batches run at a time as torch has threads, each on one thread: threads that share one batch wait
    for each other after every operation, which costs a third of the time on two cores and more on many. So `forward`
    must be safe to call from several threads, and enter `torch.inference_mode` itself.
    """
    threads = torch.get_num_threads() if device == "cpu" else 1
    stream = iter(batches)
    first = list(islice(stream, 2 * threads))
    if threads == 1 or len(first) < 2 * threads:  # too few batches to keep all threads busy
        yield from ((key, forward(batch)) for key, batch in (*first, *stream))
        return

    def on_one_thread(batch: Batch) -> Result:
        torch.set_num_threads(1)  # holds for the calling thread
        return forward(batch)

    try:
        with ThreadPoolExecutor(threads) as pool:
            running = {pool.submit(on_one_thread, batch): key for key, batch in first}
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
                for key, batch in islice(stream, len(done)):
                    running[pool.submit(on_one_thread, batch)] = key
    finally:
        torch.set_num_threads(threads)
