"""`make torture`: kills, faults and bad input, in numbers, and a table of what came of them.

    python tests/torture --kills 50 --cases 100000

Exit code 1 where anything was lost, done twice, left behind, or got past a reader.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import faults
from fuzzing import Tried, try_all
from kills import Kills, torture


def main() -> int:
    """Runs all of it, prints the table."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    folder = Path(tempfile.mkdtemp(prefix="xlreach-torture-", dir=given.dir))
    begun, tried = time.monotonic(), list[Tried]()
    until = begun + 60 * given.minutes if given.minutes else math.inf
    fuzz = threading.Thread(
        target=lambda: tried.extend(try_all(given.cases, given.seed, _tell, given.jobs, until)), daemon=True
    )
    fuzz.start()
    killed = torture(folder, given.kills, given.seed, _tell, until)
    rows = [_kills_row(killed), *_fault_rows(folder, killed, given.kills, until)]
    fuzz.join()
    rows += [_cases_row(tried)]
    problems = [one for _, _, found in rows for one in found]
    print(f"\n{'':<34}{'tried':>28}  found")
    for name, count, found in rows:
        print(f"{name:<34}{count:>28}  {len(found) or 'nothing'}")
    for one in problems:
        print(f"* {one}")
    print(f"\nkilled during: {', '.join(f'{kind} {count}' for kind, count in killed.killed.most_common())}")
    refused = sum(one.refused for one in tried)
    print(f"cases read {sum(one.read for one in tried):,}, refused by name {refused:,}")
    print(f"most memory of a reader {max((one.memory_mb for one in tried), default=0):.0f} MB above its start")
    short = ", stopped by --minutes before all was tried" if time.monotonic() > until else ""
    print(f"{time.monotonic() - begun:.0f} s{short}; {'nothing lost' if not problems else f'{len(problems)} problems'}")
    if problems:
        print(f"What was left is in {folder}.")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return bool(problems)


def _kills_row(killed: Kills) -> tuple[str, str, list[str]]:
    return "kill -9 at random moments", f"{killed.killed.total()} in {killed.studies} studies", killed.problems


def _fault_rows(folder: Path, killed: Kills, kills: int, until: float) -> list[tuple[str, str, list[str]]]:
    calm, rows, most = folder / "calm", [], max(1, kills)
    faulty: dict[str, Callable[[], tuple[int, list[str]]]] = {
        "disk full": lambda: faults.disk_full(folder, calm, min(4, most)),
        "read-only store": lambda: faults.read_only(folder, calm),
        "clock set back ten years": lambda: faults.clock(folder, calm, killed.seconds),
        "two runs on one store": lambda: faults.two_at_once(folder, calm),
        "Ctrl-C": lambda: faults.interrupted(folder, calm, killed.seconds, min(6, most)),
    }
    for name, fault in faulty.items():
        try:
            if time.monotonic() > until:
                raise faults.SkippedError("time is up")
            times, problems = fault()
            rows.append((name, f"{times} times", [f"{name}: {one}" for one in problems]))
        except faults.SkippedError as reason:
            rows.append((name, "skipped", []))
            _tell(f"{name}: skipped, {reason}")
        except AssertionError as error:
            rows.append((name, "once", [f"{name}: {error}"]))
        _tell(f"{name}: {len(rows[-1][2]) or 'no'} problems")
    return rows


def _cases_row(tried: list[Tried]) -> tuple[str, str, list[str]]:
    defects = [f"{one.target}: {one.defect}" for one in tried if one.defect]
    return "damaged input", f"{sum(one.cases for one in tried):,} cases, {len(tried)} readers", defects


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="readers tried at a time, beside the kills")
    parser.add_argument("--minutes", type=float, default=0, help="begin nothing new after these; 0 tries everything")
    parser.add_argument("--dir", type=Path, default=None, help="where to work")
    return parser.parse_args()


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
