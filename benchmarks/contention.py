"""A study beside other busy processes: stages side by side on one thread each, against one after the other on all.

The study is the quickstart with its base alone: pretraining, tagging, indexes, scores. It runs quiet and beside
processes that only count, at the same priority. A run that is not done after `--most` seconds is stopped there, and
what it had made by then is told. JSON.

    python benchmarks/contention.py [--hogs 0 1 2] [--most 900]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from xlreach.compute.workers import processors

_SMALL = ('recipes={"none":"none"}', 'alignments={"none":"none"}')
_WAYS = {
    "side by side": "",
    # all processors for every stage, one stage after the other
    "one after the other": "import xlreach.study.local_runner as runner; "
    "runner.threads_for = lambda *_, **__: runner.processors(); ",
}


def main() -> None:
    """Runs both ways beside so many processes and prints the seconds of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hogs", type=int, nargs="+", default=[0, 1, 2], help="busy processes beside the study")
    parser.add_argument("--most", type=float, default=900, help="seconds after which a run is stopped")
    given = parser.parse_args()
    rows = [_run(way, hogs, given.most) for hogs in given.hogs for way in _WAYS]
    seconds = {(row["way"], row["hogs"]): row["seconds"] for row in rows}
    count, (least, *_) = processors(), given.hogs
    slowdown = {
        hogs: {
            "slowdown": {way: round(seconds[way, hogs] / seconds[way, least], 2) for way in _WAYS},
            "fair": round((count + hogs) / count, 2),
        }
        for hogs in given.hogs
    }
    ours, theirs = (seconds[way, given.hogs[-1]] for way in _WAYS)
    print(
        json.dumps(
            {
                "benchmark": "contention",
                "ratio": round(theirs / ours, 2),
                "ours": ours,
                "theirs": theirs,
                "unit": f"seconds beside {given.hogs[-1]} busy processes on {count} processors",
                "against": "one stage after the other, on all threads",
                "equal": None,
                "slowdown": slowdown,
                "rows": rows,
            }
        )
    )


def _run(way: str, hogs: int, most: float) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    jobs = None if way == "side by side" else 1
    code = f"import xlreach as xl; {_WAYS[way]}xl.run('quickstart', overrides={list(_SMALL)!r}, jobs={jobs})"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for _ in range(hogs):
            hog = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(hog.kill)
        begun = time.monotonic()
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as study:
            try:
                study.wait(most)
            except subprocess.TimeoutExpired:
                study.kill()
        seconds = round(time.monotonic() - begun, 1)
        made = sum(1 for _ in Path(folder).glob("artifacts/[!.]*/*/artifact.json"))
    row = {"way": way, "hogs": hogs, "seconds": seconds, "done": study.returncode == 0, "stages": made}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    main()
