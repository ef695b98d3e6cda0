"""Processes that train one model together, as `torchrun` or `accelerate launch` starts them.

Every process makes the same steps of a recipe in a folder of its own, holds the whole model, and draws the same batches
and masks. Of each batch it computes an equal part of the lines; the gradients of all are summed, so that every process
takes the very step that one alone would have taken on the whole batch. Where the model has dropout, each draws its own.

They are connected while they train and no longer: in connected processes transformers saves a model in the first one
only, and the others' next step would find no encoder.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from xlreach.errors import XLReachError

_meetings = itertools.count()


class Team:
    """This process among those that train together; alone, it has nothing to agree on.

    Attributes:
        size: How many processes there are.
        rank: Which of them this is, from 0; the first one's folder is the result.
        device: Where this one computes.
    """

    def __init__(self) -> None:
        self.size, self.rank = (
            int(os.environ.get(name, usual)) for name, usual in (("WORLD_SIZE", "1"), ("RANK", "0"))
        )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.size > 1 and self.device.type == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))

    @contextmanager
    def connected(self) -> Iterator[None]:
        """All processes come here, and all leave together."""
        if self.size == 1:
            yield
            return
        # the store outlives a meeting, and what one left in it must not be taken for the next one's
        store = distributed.PrefixStore(f"team{next(_meetings)}", _store())
        backend = "nccl" if self.device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=self.rank, world_size=self.size)
        try:
            yield
            distributed.barrier()
        finally:
            distributed.destroy_process_group()

    def mine(self, number: int) -> bool:
        """Whether this process computes the part of that number."""
        return number % self.size == self.rank

    def parts(self, wanted: int) -> int:
        """Into how many parts to divide a batch of which one process would make so many: as many for each."""
        return -(-wanted // self.size) * self.size

    def total(self, *values: float) -> list[float]:
        """The sums of numbers over all processes."""
        if self.size == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(sums)
        return sums.tolist()

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Adds up the gradients of all processes, in all of them; none where none has one."""
        if self.size == 1:
            return
        every = list(parameters)
        reached = self.total(*(one.grad is not None for one in every))  # not at all where a batch has too few lines
        waiting = []
        for one, processes in zip(every, reached, strict=True):
            if processes:
                one.grad = torch.zeros_like(one) if one.grad is None else one.grad
                waiting.append(distributed.all_reduce(one.grad, async_op=True))
        for work in waiting:
            work.wait()

    def agree(self, tensors: Iterable[torch.Tensor]) -> None:
        """Compares what the processes begin with.

        Raises:
            XLReachError: They do not have the same numbers.
        """
        if self.size == 1:
            return
        content = hashlib.sha256()
        for one in tensors:
            content.update(one.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        mine = torch.tensor(list(content.digest()), dtype=torch.int64, device=self.device)
        found = [torch.zeros_like(mine) for _ in range(self.size)]
        distributed.all_gather(found, mine)
        if any(not torch.equal(mine, other) for other in found):
            raise XLReachError(
                "The processes that train together do not have the same text and model.",
                fix="Start all of them with the same arguments on the same files.",
            )


@functools.cache
def _store() -> distributed.Store:
    """Where the processes find each other, which the launcher has named in the environment."""
    store: distributed.Store = next(distributed.rendezvous("env://"))[0]
    return store
