"""Running a finished study again from its resolved configuration, in a separate store, and comparing every value.

On the same machine with the same number of threads, values are equal to the last bit. On another, sums are computed in
another order and the last digits may differ: a tolerance can be given for this.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xlreach.errors import DataError, StoreError
from xlreach.measurement import Measurement, read_measurements
from xlreach.safe_io import read_yaml
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study

_NEVER_EQUAL = "cost"  # seconds and memory
_COMPARED = ("xlreach", "commit", "packages", "threads", "machine")


@dataclass(frozen=True)
class Difference:
    """A measurement that is not the same; a value is None where the run has no such row."""

    what: Measurement
    before: float | None
    again: float | None

    def __str__(self) -> str:
        row = self.what
        pair = "→".join(code for code in (row.query_language, row.document_language) if code) or row.language
        system = (row.base, row.recipe, row.alignment, row.retriever)
        named = (*system, row.trained_on, row.dataset, row.setting, pair, row.measure)
        seeded = "" if row.seed is None else f", seed {row.seed}"
        shown = ["nothing" if value is None else repr(value) for value in (self.before, self.again)]
        return f"{' '.join(filter(None, named))}{seeded}: {shown[0]}, now {shown[1]}"


@dataclass(frozen=True)
class Reproduction:
    """What came of running a study again.

    `again` is the new run, gone when it was made in a temporary store; `rows` were compared; `circumstances` are the
    versions, threads and data that are not as they were, a sentence each.
    """

    run: Path
    again: Path
    rows: int
    differences: tuple[Difference, ...]
    circumstances: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run),
            "again": str(self.again),
            "rows": self.rows,
            "differences": [{**asdict(row.what), "value": row.before, "again": row.again} for row in self.differences],
            "circumstances": list(self.circumstances),
        }


def reproduce(
    run: Path, log: Callable[[str], None], *, root: Path | None = None, tolerance: float = 0.0
) -> Reproduction:
    """Runs a study again from its run folder and compares the results row by row, costs left out.

    The study runs below `root`, or in a temporary folder that is removed in the end. Two values may differ by
    `tolerance`, relative to the larger, or absolutely below 1.

    Raises:
        DataError: `run` is not a finished run.
        StoreError: The run was made in `root`: its stages are stored there, so nothing would be done again.
        ConfigError: The study cannot be run here (its data or its base is missing).
    """
    if not (run / "config.yaml").is_file() or not (run / "results.jsonl").is_file():
        raise DataError("No finished run here.", expected="Expected config.yaml and results.jsonl.", path=run)
    config = load_config(run / "config.yaml")
    before = read_measurements(run / "results.jsonl")
    with ExitStack() as stack:
        paths = StudyPaths(root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xlreach-reproduce-"))))
        again = paths.run(config.study)
        if again.resolve() == run.resolve():
            raise StoreError(f"{run} was made below {paths.root}: nothing would be done again.", fix="Name another.")
        run_study(config, paths, log)
        differences = compare_values(before, read_measurements(again / "results.jsonl"), tolerance)
        changed = _circumstances(run / "config.yaml", again / "config.yaml")
        compared = sum(row.kind != _NEVER_EQUAL for row in before)
    return Reproduction(run, again, compared, tuple(differences), tuple(changed))


def compare_values(before: list[Measurement], again: list[Measurement], tolerance: float = 0.0) -> list[Difference]:
    """Returns the rows that differ between two results, but for costs; a row that only one of them has differs too."""
    left, right = (
        {replace(row, value=0.0, n=None): row for row in rows if row.kind != _NEVER_EQUAL} for rows in (before, again)
    )
    differences = []
    for what in dict.fromkeys((*left, *right)):
        a, b = left.get(what), right.get(what)
        if a is None or b is None:
            differences.append(Difference(what, None if a is None else a.value, None if b is None else b.value))
        elif a.n != b.n or not math.isclose(a.value, b.value, rel_tol=tolerance, abs_tol=tolerance):
            differences.append(Difference(what, a.value, b.value))
    return differences


def _circumstances(before: Path, again: Path) -> list[str]:
    """What the two runs record of how they were made, where it differs."""
    old, new = (dict((read_yaml(path) or {}).get("provenance") or {}) for path in (before, again))
    sentences = []
    for name in _COMPARED:
        a, b = old.get(name), new.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            sentences += [f"{part} {a.get(part)} then, {b[part]} now." for part in b if a.get(part) != b[part]]
        else:
            sentences.append(f"{name} {a} then, {b} now.")
    if old.get("plan") != new.get("plan"):
        sentences.append("The stages are not the same: the data, a base or a step has changed.")
    return sentences
