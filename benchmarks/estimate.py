"""What `xlreach run --dry-run` says beforehand, against what a finished study took: time by kind, memory, disk.

The root must hold that one study, made on this machine with as many threads as now. It is only read: the estimate is
made for an empty root, with rates measured now. What was taken is what the store recorded of each stage, and the size
of the root's files; `--seconds` adds the whole from start to end, with planning, the comparison and the report. The
last line is JSON; a ratio is estimated over measured.

    python benchmarks/estimate.py ROOT [--study NAME] [--seconds S]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from xlreach.study.config import load_config
from xlreach.study.estimate import Estimate, estimate
from xlreach.study.plan import plan_study
from xlreach.study.run import Place, read_data

_BEFORE = ("data",)  # done when a dry run plans


def main() -> None:
    """Estimates the study anew and holds that against the records of its root."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="of a finished study")
    parser.add_argument("--study", help="where the root has several run folders")
    parser.add_argument("--seconds", type=float, help="what the whole run took, where it was timed")
    given = parser.parse_args()
    runs = [given.root / "runs" / given.study] if given.study else sorted((given.root / "runs").iterdir())
    if len(runs) != 1:
        parser.error(f"{given.root} has {len(runs)} runs: name one with --study")
    records = _records(given.root)
    begun = time.monotonic()
    found, counted = _estimated(runs[0])
    took = time.monotonic() - begun
    rows = _rows(found, counted, records)
    for row in rows:
        print(
            f"{row['kind']:<10} {row['estimated_stages']:>4} stages {row['estimated_s']:>8} s estimated, "
            f"{row['stages']:>4} {row['measured_s']:>8} s measured  {row['ratio'] or '':>6}"
        )
    pairs = {
        "time": (found.total.seconds, given.seconds)
        if given.seconds
        else (found.total.seconds - found.kinds["report"].seconds, sum(row["measured_s"] for row in rows)),
        "memory": (found.total.memory_mb, max(record["peak_memory_mb"] for record in records)),
        "disk": (found.total.disk_mb, _disk(given.root)),
    }
    ratios = {name: round(ours / theirs, 3) for name, (ours, theirs) in pairs.items()}
    print(
        json.dumps(
            {
                "benchmark": "estimate",
                "ratio": ratios["time"],
                "ours": round(pairs["time"][0], 1),
                "theirs": round(pairs["time"][1], 1),
                "unit": "s",
                "against": f"what {runs[0].name} took",
                "equal": f"{'yes' if all(0.5 <= one <= 2 for one in ratios.values()) else 'NO'}: within a factor of 2",
                "memory_mb": [round(one) for one in pairs["memory"]],
                "disk_mb": [round(one, 1) for one in pairs["disk"]],
                "ratios": ratios,
                "estimating_s": round(took, 1),
                "rows": rows,
            }
        )
    )


def _records(root: Path) -> list[dict[str, Any]]:
    """What the store knows of every stage."""
    paths = (root / "artifacts").glob("[!.]*/*/artifact.json")
    records = [json.loads(path.read_text("utf-8")) for path in paths]
    return [record for record in records if record["stage"] not in _BEFORE]


def _estimated(run: Path) -> tuple[Estimate, Counter[str]]:
    """The estimate of a run's study with nothing done, and how many stages of each kind it is of."""
    config = load_config(run / "config.yaml")
    with tempfile.TemporaryDirectory() as empty:
        place = Place(Path(empty))
        data = read_data(config, place)
        plan = plan_study(config, data)
        found = estimate(plan, data, place.store, lambda line: print(line, file=sys.stderr))
        return found, Counter(stage.kind for stage in plan.left(place.store))


def _rows(found: Estimate, counted: Counter[str], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By kind, those that took longest first."""
    rows = []
    for kind in dict.fromkeys([*(record["stage"] for record in records), *counted]):
        took = [record for record in records if record["stage"] == kind]
        seconds, estimated = sum(record["seconds"] for record in took), found.kinds.get(kind)
        rows.append(
            {
                "kind": kind,
                "estimated_stages": counted[kind],
                "stages": len(took),
                "estimated_s": round(estimated.seconds, 1) if estimated else 0.0,
                "measured_s": round(seconds, 1),
                "ratio": round(estimated.seconds / seconds, 3) if estimated and seconds else None,
                "estimated_mb": round(estimated.memory_mb) if estimated else 0,
                "measured_mb": round(max((record["peak_memory_mb"] for record in took), default=0)),
                "estimated_disk_mb": round(estimated.disk_mb, 1) if estimated else 0.0,
            }
        )
    return sorted(rows, key=lambda row: -row["measured_s"])


def _disk(root: Path) -> float:
    """MB of the root's files; links count once, the data and this machine's rates are there before."""
    found = {}
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and parts[:2] not in {("artifacts", ".rates"), *(("artifacts", one) for one in _BEFORE)}:
            status = path.stat()
            found[status.st_ino] = status.st_size
    return sum(found.values()) / 2**20


if __name__ == "__main__":
    main()
