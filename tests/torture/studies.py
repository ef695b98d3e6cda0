"""The study that is tortured: starting it, what it leaves, and whether two of its roots hold the same."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import yaml

CONFIG = Path(__file__).with_name("study.yaml")
# Files that hold seconds, which nobody can repeat; what else is in them is compared in `gaps.json`.
_COSTS = ("artifact.json", "report.html", "cost.csv", "cost.tex", "hypotheses.csv")
_SECONDS = 3600


def start(root: Path, *, log: Path | None = None, program: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Starts the study in a process group of its own, which ends with this process at the latest.

    What it says goes to `log`, by default `root`.log.
    """
    command = program or (sys.executable, "-m", "xlreach")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    with (log or root.with_suffix(".log")).open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [*command, "run", str(CONFIG), "--root", str(root)],
            stdout=stream, stderr=subprocess.STDOUT, env=environment, text=True, start_new_session=True,
            preexec_fn=_hear_interrupts,
        )  # fmt: skip
    atexit.register(_end, process)
    return process


def said(root: Path) -> str:
    """What the last start said."""
    return root.with_suffix(".log").read_text("utf-8", errors="replace")


def finish(process: subprocess.Popen[str], root: Path, code: int = 0) -> str:
    """Waits for the end; the process must end with `code` and without a traceback."""
    assert process.wait(_SECONDS) == code, f"exit {process.returncode} for {code}: {said(root)[-3000:]}"
    assert "Traceback" not in said(root), said(root)[-3000:]
    return said(root)


def run(root: Path, log: Path) -> int:
    """Runs the study until it ends by itself; how it ended."""
    return start(root, log=log).wait(_SECONDS)


def _hear_interrupts() -> None:
    """What runs in the background of a shell ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def undisturbed(root: Path) -> float:
    """Runs the study to its end; the processor seconds that it took."""
    process, used = start(root), 0.0
    while process.poll() is None:
        used = max(used, _used(process))
        time.sleep(0.01)
    finish(process, root)
    return used


def _used(process: subprocess.Popen[str]) -> float:
    """Processor seconds of a run and its workers so far; 0 for a process that has ended."""
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process.pid)
        times = [one.cpu_times() for one in (first, *first.children())]
        return float(sum(time.user + time.system for time in times))
    return 0.0


def kill(process: subprocess.Popen[str], after: float, with_signal: int = signal.SIGKILL) -> bool:
    """Kills the whole process group once it has used some seconds of a processor; whether it was still running.

    Processor seconds tell how far a run is, however busy the machine.
    """
    while process.poll() is None:
        if _used(process) >= after:
            os.killpg(process.pid, with_signal)
            return process.wait(_SECONDS) != 0
        time.sleep(0.005)
    return False


def under_way(root: Path) -> str:
    """The kind of stage that was told last, or where else the run was."""
    lines = said(root).splitlines()
    for line in reversed(lines):
        if line.startswith("report"):
            return "report"
        if line.startswith("begun"):
            return line.split()[1]
    return "start"


def finished(root: Path) -> dict[str, tuple[int, int]]:
    """The stages in the store, each with what changes when it is done again: inode and time of its record."""
    return {
        path.parent.relative_to(root).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (root / "artifacts").glob("[!.]*/*/artifact.json")
    }


def done_twice(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """Stages that had been finished and are not as they were."""
    return [name for name, mark in before.items() if after.get(name) != mark]


def content(root: Path) -> dict[str, str]:
    """Every file and empty folder by path; files with a hash of what does not depend on time. Locks are left out."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith("artifacts/.locks"):
            continue
        if path.is_dir():
            if not any(path.iterdir()):
                found[name + "/"] = "empty"
        elif path.name == "results.jsonl":
            found[name] = _hash(values(path))
        elif path.name == "gaps.json":
            found[name] = _hash(_without_costs(json.loads(path.read_text("utf-8"))))
        elif name.startswith("runs/") and path.name == "config.yaml":
            found[name] = _hash(_without_commit(yaml.safe_load(path.read_text("utf-8"))))
        else:
            found[name] = "" if path.name in _COSTS else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def values(results: Path) -> list[dict[str, Any]]:
    """The rows of a `results.jsonl` in their order; of costs, what they are of."""
    rows = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    return [{**row, "value": None, "n": None} if row["kind"] == "cost" else row for row in rows]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _without_costs(gaps: dict[str, Any]) -> dict[str, Any]:
    """A comparison but for the seconds and memory beside its verdicts, and the checksum over them."""
    costs = ("cost_left", "cost_right")
    verdicts = [{key: value for key, value in row.items() if key not in costs} for row in gaps["verdicts"]]
    return {key: value for key, value in gaps.items() if key != "checksum"} | {"verdicts": verdicts}


def _without_commit(config: dict[str, Any]) -> dict[str, Any]:
    """A resolved configuration but for the commit, for whoever works on while this runs."""
    provenance = {key: value for key, value in config["provenance"].items() if key != "commit"}
    return config | {"provenance": provenance}


def differences(root: Path, other: Path) -> list[str]:
    """Files that only one of two roots has, or that differ in them."""
    left, right = content(root), content(other)
    stray = [f"stray: {name}" for name in right if name not in left]
    lost = [f"lost: {name}" for name in left if name not in right]
    return stray + lost + [f"differs: {name}" for name in left if name in right and left[name] != right[name]]
