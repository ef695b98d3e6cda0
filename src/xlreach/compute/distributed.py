"""Processes that train one model together, as `torchrun` or `accelerate launch` starts them.

Every process runs the same steps of a recipe in a folder of its own, holds the whole model, and draws the same batches
and masks. It computes an equal part of each batch; the gradients of all processes are summed, so that every process
takes the step that a single one would have taken on the whole batch. Where the model has dropout, each draws its own.

The processes are connected only while they train: in connected processes transformers saves a model in the first one
only, and the next step of the others would find no encoder.
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

_connections = itertools.count()


class ProcessGroup:
    """This process among those that train together; the folder of process 0 (`rank`) is the result."""

    def __init__(self) -> None:
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.size > 1 and self.device.type == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))

    @contextmanager
    def connected(self) -> Iterator[None]:
        """A block that all processes enter and leave together."""
        if self.size == 1:
            yield
            return
        # The store outlives a connection; what one left in it must not be taken for the next one's.
        store = distributed.PrefixStore(f"connection{next(_connections)}", _store())
        backend = "nccl" if self.device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=self.rank, world_size=self.size)
        try:
            yield
            distributed.barrier()
        finally:
            distributed.destroy_process_group()

    def computes(self, number: int) -> bool:
        """Whether this process computes the part (of a batch, of a list) of this number."""
        return number % self.size == self.rank

    def parts(self, wanted: int) -> int:
        """The number of parts to divide a batch into: at least `wanted`, and the same number for each process."""
        return -(-wanted // self.size) * self.size

    def total(self, *values: float) -> list[float]:
        """The sum of each value over all processes."""
        if self.size == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(sums)
        return sums.tolist()

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replaces each gradient by its sum over all processes; a parameter without one in any process has none."""
        if self.size == 1:
            return
        parameters = list(parameters)
        # A batch with too few lines gives some processes no gradient at all.
        processes = self.total(*(parameter.grad is not None for parameter in parameters))
        pending = []
        for parameter, count in zip(parameters, processes, strict=True):
            if count:
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                pending.append(distributed.all_reduce(parameter.grad, async_op=True))
        for work in pending:
            work.wait()

    def require_equal(self, tensors: Iterable[torch.Tensor]) -> None:
        """Compares the tensors that the processes start from.

        Raises:
            XLReachError: They differ between processes.
        """
        if self.size == 1:
            return
        content = hashlib.sha256()
        for tensor in tensors:
            content.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        digest = torch.tensor(list(content.digest()), dtype=torch.int64, device=self.device)
        digests = [torch.zeros_like(digest) for _ in range(self.size)]
        distributed.all_gather(digests, digest)
        if any(not torch.equal(digest, other) for other in digests):
            raise XLReachError(
                "The processes that train together do not have the same text and model.",
                expected="Expected equal text and equal weights in all of them.",
                fix="Start all of them with the same arguments on the same files.",
            )


@functools.cache
def _store() -> distributed.Store:
    """The store through which processes find each other; the launcher names it in the environment."""
    store: distributed.Store = next(distributed.rendezvous("env://"))[0]
    return store
