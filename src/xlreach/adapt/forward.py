"""Batches through an encoder without training it, as fast as the cores allow: for vectors and for tags alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

import torch

Key = TypeVar("Key")
Batch = TypeVar("Batch")
Result = TypeVar("Result")


def at_once(
    forward: Callable[[Batch], Result], batches: Iterable[tuple[Key, Batch]], device: str
) -> Iterator[tuple[Key, Result]]:
    """What a forward pass makes of each batch, in any order.

    On CPUs as many batches at a time as torch has threads, each on one thread: threads that share one batch wait for
    each other after every operation, which costs a third of the time on two cores and more on many.

    Args:
        forward: Safe to call from several threads; it enters `torch.inference_mode` itself, which is a thread's own.
        batches: Each with a key, by which its result is known; read as they are needed.
        device: Its type, as torch names it.
    """
    threads = torch.get_num_threads() if device == "cpu" else 1
    stream = iter(batches)
    waiting = list(islice(stream, 2 * threads))
    if threads == 1 or len(waiting) < 2 * threads:  # too few batches to keep all busy
        yield from ((key, forward(batch)) for key, batch in (*waiting, *stream))
        return

    def alone(batch: Batch) -> Result:
        torch.set_num_threads(1)  # of the thread that says so
        return forward(batch)

    try:
        with ThreadPoolExecutor(threads) as pool:
            running = {pool.submit(alone, batch): key for key, batch in waiting}
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
                for key, batch in islice(stream, len(done)):
                    running[pool.submit(alone, batch)] = key
    finally:
        torch.set_num_threads(threads)
