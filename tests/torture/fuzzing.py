"""Feeds every reader with damaged input: it may be read rightly or refused by name, and nothing else.

`python fuzzing.py TARGET CASES SEED` tries one target, in a process of its own, so that a crash, a hang or runaway
memory of one is seen and harms no other. The last line is JSON.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from xlreach.errors import XLReachError

_HANG_SECONDS = 20
_MOST_MEMORY_MB = 1500  # beyond what the process had when it began
_ENOUGH_SECONDS = 3000
_DEAR = ("index folder", "encoder folder", "config", "experiment", "language", "run folder", "xquad-r", "bitext-set")


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
    with tempfile.TemporaryDirectory() as folder:

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


def try_all(cases: int, at: int, tell: Callable[[str], None], jobs: int = 1, only: tuple[str, ...] = ()) -> list[Tried]:
    """Tries every target, `cases` in all, each in a process of its own, several at a time."""
    from targets import TARGETS

    weights = {name: 1 if name in _DEAR else 3 for name in only or tuple(TARGETS)}

    def one(name: str) -> Tried:
        share = -(-cases * weights[name] // sum(weights.values()))
        command = [sys.executable, __file__, name, str(share), str(at)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_ENOUGH_SECONDS, check=False)
            last = (done.stdout.strip().splitlines() or [""])[-1]
            tried = Tried(**json.loads(last)) if done.returncode == 0 else Tried(name, defect=done.stderr[-2000:])
        except subprocess.TimeoutExpired:
            tried = Tried(name, defect=f"no end within {_ENOUGH_SECONDS} s")
        tell(f"{name:<16}{tried.cases:>8} cases {tried.seconds:>7.1f} s  {tried.defect or 'no defect'}")
        return tried

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, weights))


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
def _alarm():
    def ring(*_: Any) -> None:
        raise Hang(f"a case took more than {_HANG_SECONDS} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _told(error: BaseException) -> str:
    notes = " ".join(getattr(error, "__notes__", []))
    frames = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)[-6:]]
    return f"{type(error).__name__}: {str(error)[:300]} at {' < '.join(reversed(frames))}; {notes[:1500]}"


def _resident() -> float:
    """The largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.set_int_max_str_digits(4300)
    print(json.dumps(asdict(try_target(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
