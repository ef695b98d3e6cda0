"""Faults other than a kill: a full disk, a store that is read-only, a clock set back, two runs at once, Ctrl-C.

Each takes the undisturbed run's root and returns what went wrong; `SkippedError` says why it could not be tried.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studies import differences, done_twice, finish, finished, kill, run, said, start

_CLOCK = "import time; now = time.time; time.time = lambda: now() - 3.2e8; from xlreach.cli import main; main()"


class SkippedError(Exception):
    """What is missing on this machine."""


def disk_full(folder: Path, calm: Path, most: int) -> tuple[int, list[str]]:
    """The disk fills up at several places; after room was made, the study ends like the undisturbed one."""
    problems, times = [], 0
    sizes = {path.stat().st_ino: path.stat().st_size for path in calm.rglob("*") if path.is_file()}  # links count once
    used = sum(sizes.values()) >> 10
    for share in (0.4, 0.95, 0.1, 0.7)[:most]:
        with _mounted(folder / f"full-{share}", int(used * share)) as mount:
            root = mount / "root"
            root.mkdir()
            log = folder / "full.log"
            code = run(root, log)
            last = log.read_text("utf-8").strip().splitlines()[-1]
            if code == 0:
                problems.append(f"a disk of {share} of what is needed was enough")
                continue
            times += 1
            if code != 2 or "Traceback" in log.read_text("utf-8") or ("full" not in last and "No space" not in last):
                problems.append(f"disk of {share}: exit {code}: {log.read_text('utf-8')[-1500:]}")
            before = finished(root)
            subprocess.run(["mount", "-o", "remount,size=500m", str(mount)], check=True)
            if run(root, log) != 0:
                problems.append(f"disk of {share}: does not go on: {log.read_text('utf-8')[-800:]}")
            problems += [f"disk of {share}: done twice: {one}" for one in done_twice(before, finished(root))]
            problems += [f"disk of {share}: {one}" for one in differences(calm, root)]
    return times, problems


def read_only(folder: Path, calm: Path) -> tuple[int, list[str]]:
    """A whole study on a read-only store has nothing left to do; an unfinished one is refused and harms nothing."""
    problems = []
    with _mounted(folder / "read-only", 500 << 10) as mount:
        root, log = mount / "root", folder / "read-only.log"
        shutil.copytree(calm, root)
        _remount(mount, "ro")
        if run(root, log) != 0 or "Nothing was left to do" not in log.read_text("utf-8"):
            problems.append(f"a finished study on a read-only store: {log.read_text('utf-8')[-800:]}")
        _remount(mount, "rw")
        shutil.rmtree(root / "artifacts" / "score")
        (root / "runs" / "torture" / "report.html").unlink()
        _remount(mount, "ro")
        before = finished(root)
        if run(root, log) != 2 or "Traceback" in log.read_text("utf-8"):
            problems.append(f"an unfinished study on a read-only store: {log.read_text('utf-8')[-800:]}")
        _remount(mount, "rw")
        if run(root, log) != 0:
            problems.append(f"does not go on: {log.read_text('utf-8')[-800:]}")
        problems += done_twice(before, finished(root)) + differences(calm, root)
    return 2, problems


def clock(folder: Path, calm: Path, seconds: float) -> tuple[int, list[str]]:
    """The clock is set back by ten years in the middle; files have times that lie in the future."""
    root = folder / "clock"
    process = start(root)
    kill(process, seconds / 2)
    before = finished(root)
    for path in root.rglob("*"):
        os.utime(path, (4e9, 4e9))
    before = finished(root) if before else before
    finish(start(root, program=(sys.executable, "-c", _CLOCK)), root)
    problems = done_twice(before, finished(root)) + differences(calm, root)
    finish(start(root), root)
    if "Nothing was left to do" not in said(root):
        problems.append("with the clock put right there is something left to do")
    return 1, problems


def two_at_once(folder: Path, calm: Path) -> tuple[int, list[str]]:
    """Two runs on one store; the one that is ahead is killed once the other is at its stages, and started again."""
    root, problems = folder / "two", list[str]()
    ahead, behind = folder / "two-ahead.log", folder / "two-behind.log"
    first = start(root, log=ahead)
    while first.poll() is None and "[2/" not in ahead.read_text("utf-8"):
        time.sleep(0.05)
    second = start(root, log=behind)
    while second.poll() is None and "[1/" not in behind.read_text("utf-8"):
        time.sleep(0.05)
    killed = kill(first, 0)  # where it was quick enough to end before, there is one less
    for process, log in ((second, behind), (start(root, log=ahead), ahead)):
        if process.wait(3600) != 0 or "Traceback" in log.read_text("utf-8"):
            problems.append(log.read_text("utf-8")[-1500:])
    return 1 + killed, problems + differences(calm, root)


def interrupted(folder: Path, calm: Path, seconds: float, most: int) -> tuple[int, list[str]]:
    """Ctrl-C at random moments: exit 130, what is kept and how to go on, no traceback."""
    root, problems, draw, done = folder / "interrupted", list[str](), random.Random(5), 0
    for _ in range(most):
        process = start(root)
        if not kill(process, draw.uniform(3.5, max(4.5, seconds * 0.8)), signal.SIGINT):
            break
        done += 1
        text = said(root)
        if process.returncode != 130 or "Traceback" in text or "goes on" not in text:
            problems.append(f"exit {process.returncode}: {text[-1000:]}")
        if "[1/" in text and "stages are kept" not in text and "report " not in text:
            problems.append(f"not told what is kept: {text[-500:]}")
    if not done:
        problems.append(f"no run heard it: {said(root)[-500:]}")
    finish(start(root), root)
    return done, problems + differences(calm, root)


@contextmanager
def _mounted(place: Path, kilobytes: int) -> Iterator[Path]:
    """A small file system in memory."""
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode != 0:
        raise SkippedError(f"a tmpfs cannot be mounted ({done.stderr.strip() if done else 'no mount'})")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=False)


def _remount(place: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(place)], check=True)
