"""Feeds every reader with damaged input: it may be read rightly or refused by name, and nothing else.

`python fuzzing.py CASES SEED JOBS SECONDS [TARGET ...]` tries targets (all by default), each in a process of its own,
so that a crash, a hang or runaway memory of one is seen and harms no other. The processes are forked from one that has
the libraries loaded, and work in memory where the machine has a folder for that. A line of JSON for each target.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import math
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from xlreach.errors import XLReachError

_HANG_SECONDS, _STUCK_SECONDS = 20, 600  # of a processor, and by the clock, for one case
_MOST_MEMORY_MB = 1500  # beyond what the process had when it began
_MOST_ADDRESSED = 6 << 30  # bytes, the same: asking for more fails at once
_ENOUGH_SECONDS = 3000
_DEAR = ("encoder folder", "config", "experiment", "language", "languages", "table", "run folder", "folder", "hub")
_IN_MEMORY = "/dev/shm"


@dataclass
class Tried:
    """What came of one target: cases read, cases refused, and the first defect."""

    target: str
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    memory_mb: float = 0.0
    defect: str = ""

    @property
    def cases(self) -> int:
        return self.read + self.refused


class Hang(BaseException):
    """A case took too long; no `except Exception` may keep it."""


def try_target(name: str, cases: int, at: int) -> Tried:
    """Tries one target in this process."""
    from targets import TARGETS

    strategy, check = TARGETS[name]
    tried, begun = Tried(name), time.monotonic()
    # Generators of strategies, imports and caches come first, so that they are not counted.
    before = _resident()
    addressed = psutil.Process().memory_info().vms + _MOST_ADDRESSED
    resource.setrlimit(resource.RLIMIT_AS, (addressed, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None) as folder:

        @seed(at)
        @settings(
            max_examples=cases, deadline=None, database=None, verbosity=Verbosity.quiet,
            phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        )  # fmt: skip
        @given(strategy)
        def run(case: Any) -> None:
            with _alarm():
                _one(check, case, Path(folder), tried)

        try:
            run()
        except (Exception, Hang) as error:
            tried.defect = _told(error)
    tried.seconds = round(time.monotonic() - begun, 1)
    tried.memory_mb = round(_resident() - before, 1)
    if not tried.defect and tried.memory_mb > _MOST_MEMORY_MB:
        tried.defect = f"{tried.memory_mb} MB more than at the start"
    return tried


def try_all(cases: int, at: int, tell: Callable[[str], None], jobs: int = 1, until: float = math.inf) -> list[Tried]:
    """Tries every target, `cases` in all, some at a time; none begins when `time.monotonic` is beyond `until`."""
    seconds = until - time.monotonic()
    command = [sys.executable, __file__, *map(str, (cases, at, jobs, seconds))]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        atexit.register(process.kill)
        assert process.stdout is not None
        for line in process.stdout:
            tried = Tried(**json.loads(line))
            tell(f"{tried.target:<16}{tried.cases:>8} cases {tried.seconds:>7.1f} s  {tried.defect or 'no defect'}")
            found.append(tried)
    atexit.unregister(process.kill)
    if process.returncode:
        found.append(Tried("all", defect=f"the process that tries them ended with {process.returncode}"))
    return found


def _try_all(cases: int, at: int, jobs: int, seconds: float, only: list[str]) -> Iterator[Tried]:
    """The same in this process, which loads what the targets need once and forks a child for each."""
    from targets import TARGETS

    begun, fork = time.monotonic(), multiprocessing.get_context("fork")
    weights = {name: 1 if name in _DEAR else 3 for name in only or TARGETS} if cases else {}
    waiting, working = list(weights), dict[Any, tuple[str, Any, float]]()
    while waiting or working:
        while waiting and len(working) < jobs:
            name = waiting.pop(0)
            if time.monotonic() - begun > seconds:
                continue
            share = -(-cases * weights[name] // sum(weights.values()))
            told, teller = fork.Pipe(duplex=False)
            child = fork.Process(
                target=lambda *given: given[0].send(try_target(*given[1:])), args=(teller, name, share, at)
            )
            child.start()
            teller.close()
            working[child] = name, told, time.monotonic()
        multiprocessing.connection.wait([told for _, told, _ in working.values()], timeout=1)
        for child, (name, told, since) in list(working.items()):
            if told.poll():
                try:
                    yield told.recv()
                except EOFError:
                    child.join()
                    yield Tried(name, defect=f"its process died ({child.exitcode})")
            elif time.monotonic() - since > _ENOUGH_SECONDS:
                child.kill()
                yield Tried(name, defect=f"no end within {_ENOUGH_SECONDS} s")
            else:
                continue
            child.join()
            del working[child]


def _one(check: Callable[[Any, Path], None], case: Any, folder: Path, tried: Tried) -> None:
    try:
        check(case, folder)
    except XLReachError as error:
        str(error).encode("utf-8", "backslashreplace")
        assert str(error).strip() and len(str(error)) < 20_000, "an error nobody can read"
        tried.refused += 1
    else:
        tried.read += 1


@contextmanager
def _alarm() -> Iterator[None]:
    """Ends a case that works, or waits, without end; a busy machine may take its time."""
    timers = ((signal.SIGPROF, signal.ITIMER_PROF, _HANG_SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, _STUCK_SECONDS))

    def ring(number: int, _: Any) -> None:
        raise Hang("a case worked without end" if number == signal.SIGPROF else "a case waited without end")

    for number, timer, seconds in timers:
        signal.signal(number, ring)
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for _, timer, _ in timers:
            signal.setitimer(timer, 0)


def _told(error: BaseException) -> str:
    notes = " ".join(getattr(error, "__notes__", []))
    frames = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)[-6:]]
    return f"{type(error).__name__}: {str(error)[:300]} at {' < '.join(reversed(frames))}; {notes[:1500]}"


def _resident() -> float:
    """The largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    faulthandler.enable()
    for one in _try_all(*map(int, sys.argv[1:4]), float(sys.argv[4]), sys.argv[5:]):
        print(json.dumps(asdict(one)), flush=True)
