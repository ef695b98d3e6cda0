from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from xlreach.compute.parallel import map_batches


@pytest.fixture
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "device"), [(20, "cpu"), (5, "cpu"), (20, "cuda"), (0, "cpu")])
def test_every_batch_once_with_its_key(threads: int, count: int, device: str) -> None:
    used, inside = set(), set()

    def double(batch: int) -> int:
        used.add(threading.get_ident())
        inside.add(torch.get_num_threads())
        return 2 * batch

    results = dict(map_batches(double, ((f"key {i}", i) for i in range(count)), device))
    assert results == {f"key {i}": 2 * i for i in range(count)}
    assert torch.get_num_threads() == threads
    side_by_side = device == "cpu" and count >= 2 * threads
    assert inside == (set() if not count else {1} if side_by_side else {threads})
    assert side_by_side == (bool(used) and threading.get_ident() not in used)


def test_an_error_reaches_the_caller_and_threads_are_reset(threads: int) -> None:
    def fail(batch: int) -> int:
        raise ValueError(batch)

    with pytest.raises(ValueError, match=r"^[0-5]$"):
        list(map_batches(fail, enumerate(range(20)), "cpu"))
    assert torch.get_num_threads() == threads


def test_batches_are_read_as_they_are_needed(threads: int) -> None:
    read = []

    def batches() -> Iterator[tuple[int, int]]:
        for i in range(100):
            read.append(i)
            yield i, i

    stream = map_batches(lambda batch: batch, batches(), "cpu")
    next(stream)
    assert len(read) <= 4 * threads
    stream.close()
