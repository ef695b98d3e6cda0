"""Whole studies: running one, what it found, comparing runs, writing the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.errors import DataError, XLReachError
from xlreach.front.gaps import Gaps
from xlreach.front.inputs import PathLike, output
from xlreach.front.scores import Measurements
from xlreach.front.table import Cell, Table

if TYPE_CHECKING:
    from xlreach.gaps import RunDifference


class Study:
    """A finished study: its run folder, opened.

    Args:
        folder: The run folder, such as `runs/quickstart`; that of a controlled experiment will do, too.
        worked: Whether anything was left to do when it was run.

    Raises:
        DataError: There is no report in the folder.

    Example:
        >>> study = xl.Study("runs/tiny")
        >>> study.report.name, len(study.results) > 0
        ('report.html', True)
        >>> study.summary[0].startswith("tiny: 1 low-resource")
        True
        >>> sorted({gap.system.recipe for gap in study.gaps})
        ['none', 'va(20)+lapt(epochs=1)']
    """

    def __init__(self, folder: PathLike, *, worked: bool = False) -> None:
        self.folder, self.worked = Path(folder), worked
        if not self.report.is_file():
            raise DataError("No finished run here.", fix="Name a folder below runs/.", path=self.folder)

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.folder.name

    @property
    def report(self) -> Path:
        """The report, one HTML file that needs no other."""
        return self.folder / "report.html"

    @cached_property
    def results(self) -> Measurements:
        """Everything that was measured."""
        from xlreach.measurement import read_measurements

        return Measurements(read_measurements(self.folder / "results.jsonl"), self.folder)

    @cached_property
    def gaps(self) -> Gaps:
        """The gaps between low- and high-resource languages."""
        return _read_gaps(self.folder / "gaps.json")

    @property
    def summary(self) -> list[str]:
        """What was found, in sentences."""
        factor = self.folder / "factor.json"
        if factor.is_file():
            from pydantic import TypeAdapter

            from xlreach.gaps import FactorAnalysis
            from xlreach.report.narrative.contrasts import factor_sentences
            from xlreach.safe_io import read_json

            return factor_sentences(TypeAdapter(FactorAnalysis).validate_python(read_json(factor)))
        return self.gaps.title.splitlines()

    def __str__(self) -> str:
        return "\n".join([*self.summary, f"Report: {self.report}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        link = f'<a href="{escape(self.report.resolve().as_uri())}">{escape(str(self.report))}</a>'
        return "".join(f"<p>{line}</p>" for line in [*map(escape, self.summary), f"Report: {link}"])


def run(
    config: PathLike,
    *,
    overrides: Mapping[str, object] | Sequence[str] = (),
    runner: str = "local",
    jobs: int | None = None,
    root: PathLike = ".",
    log: Callable[[str], None] = print,
) -> Study:
    """Runs a whole study, from adaptation to the report, or what is left of it.

    Args:
        config: A study configuration (YAML), or the name of one that comes with the package (`quickstart`). A
            controlled experiment, which varies one factor of a study, will do, too.
        overrides: Fields to override, by name (`{"seeds": [1, 2]}`), or as `seeds=[1,2]`.
        runner: `local`, `ray` (a cluster on this machine) or `ray=ADDRESS`.
        jobs: How many stages a local runner makes at once; as many as this process may use processors by default.
        root: The folder of `runs/`, `artifacts/`, `encoders/` and `indexes/`.
        log: Is called with each line about a stage that begins or ends.

    Returns:
        The finished study.

    Raises:
        ConfigError: The configuration is wrong, or the data do not allow the study.
        StoreError: A folder cannot be written, or holds what no study wrote.

    Example:
        >>> xl.run("tiny.yaml", overrides={"seeds": [1]}).name
        Nothing was left to do: every stage and the report are in place.
        'tiny'
    """
    from xlreach.study.config import load_config
    from xlreach.study.experiment import is_experiment, load_experiment, run_experiment
    from xlreach.study.paths import StudyPaths
    from xlreach.study.run import run_study
    from xlreach.study.runner import open_runner

    chosen, paths, path = open_runner(runner, jobs), StudyPaths(Path(root)), Path(config)
    if isinstance(overrides, Mapping):
        overrides = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in overrides.items()]
    if is_experiment(path):
        folder, _ = run_experiment(load_experiment(path, overrides), paths, log, chosen)
        return Study(folder, worked=True)
    folder, worked = run_study(load_config(path, overrides), paths, log, chosen)
    if not worked:
        log("Nothing was left to do: every stage and the report are in place.")
    return Study(folder, worked=worked)


def compare(
    run: Study | PathLike,
    other: Study | PathLike | None = None,
    *,
    system: str | None = None,
    against: str | None = None,
) -> Gaps | Table[RunDifference]:
    """Compares low- with high-resource languages of a run again, or two runs, or two systems.

    Args:
        run: A study or its run folder.
        other: A second run: what did it change?
        system: A system of the second run, or of the run itself, such as `va with hybrid`.
        against: The system of the run that it is compared with.

    Returns:
        For one run, its gaps, which are also written to its `gaps.json`. For two runs or systems, every difference
        with its test (retrieval: over queries, tagging: over seeds; p-values corrected by Holm's method), titled by
        sentences that sum them up.

    Raises:
        DataError: There is no run, a file is damaged, there is no such system, or nothing is in common.
        XLReachError: Only one of the two systems is given.

    Example:
        >>> len(xl.compare("runs/tiny")) == len(xl.Study("runs/tiny").gaps)
        True
        >>> {row["verdict"] for row in xl.compare("runs/tiny", "runs/tiny").records()}
        {'cannot tell'}
    """
    from xlreach.comparison import compare_runs
    from xlreach.report.narrative.contrasts import run_sentences
    from xlreach.study.run import compare_run

    if (system is None) != (against is None):
        raise XLReachError("Two systems are compared.", expected="Expected both --system and --against, or neither.")
    folder = _folder(run)
    if other is None and system is None:
        return _read_gaps(compare_run(folder))
    compared = compare_runs(folder, folder if other is None else _folder(other), systems=(against, system))
    return Table(compared.rows, _cells, "\n".join(run_sentences(compared)))


def _cells(row: RunDifference) -> dict[str, Cell]:
    shown = ("dataset", "setting", "measure", "scope", "language", "a", "b", "difference", "p_holm", "verdict")
    return {name: getattr(row, name) for name in shown}


def report(run: Study | PathLike, *, mteb: PathLike | None = None) -> Path:
    """Writes the report of a run again.

    Args:
        run: A study or its run folder.
        mteb: A new folder for the retrieval results in the format of mteb; None writes none.

    Returns:
        The report: `report.html`, beside `tables/` and `charts/`.

    Raises:
        DataError: There is no run, or a file of it is missing or damaged.

    Example:
        >>> xl.report("runs/tiny").name
        'report.html'
    """
    from xlreach.report.mteb import export_mteb
    from xlreach.report.render import render_report

    if mteb is not None:
        export_mteb(_folder(run), output(mteb, "mteb"))
    return render_report(_folder(run))


def _folder(run: Study | PathLike) -> Path:
    return run.folder if isinstance(run, Study) else Path(run)


def _read_gaps(path: Path) -> Gaps:
    from xlreach.gaps import read_gaps
    from xlreach.report.narrative.summary import summary

    analysis = read_gaps(path)
    return Gaps(analysis, "\n".join(summary(analysis)))
