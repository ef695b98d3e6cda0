"""Verbs about whole studies: run one, compare, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import (
    NONE,
    Json,
    Root,
    Run,
    Runner,
    print_json,
)

if TYPE_CHECKING:
    from xlreach.study.config import StudyConfig
    from xlreach.study.paths import StudyPaths

_SHOWN = 20  # differences


@verb(
    "study",
    "xlreach run study.yaml --dry-run",
    "xlreach run study.yaml --set 'seeds=[1,2,3]' --root /data/studies",
)
def run(
    config: Annotated[Path, typer.Argument(help="A study configuration (YAML).")],
    override: Annotated[
        list[str], typer.Option("--set", help="Override a field: --set seeds=[1,2]; may be repeated.")
    ] = NONE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and what it will take; run nothing.")
    ] = False,
    runner: Runner = "local",
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many stages run at the same time on this machine.", show_default="its processors"
        ),
    ] = None,
    root: Root = Path(),
    json_: Json = False,
) -> None:
    """Run a whole study, from adaptation to the report."""
    if dry_run:
        from xlreach.study.paths import StudyPaths

        return _plan(config, override, StudyPaths(root), json_)
    study = xl.run(config, overrides=override, runner=runner, jobs=jobs, root=root, log=partial(typer.echo, err=json_))
    if json_:
        return print_json({"run": str(study.folder), "report": str(study.report), "worked": study.worked})
    return typer.echo(str(study))


def _plan(config: Path, override: Sequence[str], paths: StudyPaths, as_json: bool) -> None:
    """The plan of a study, or of every study of an experiment."""
    from xlreach.study.config import load_config
    from xlreach.study.experiment import is_experiment, load_experiment

    if not is_experiment(config):
        return _show_plan(load_config(config, override), paths, as_json)
    experiment = load_experiment(config, override)
    for label, study in experiment.studies:
        typer.echo(f"{experiment.factor}, {label}:", err=as_json)
        _show_plan(study, paths, as_json)
    return None


def _show_plan(study: StudyConfig, paths: StudyPaths, as_json: bool) -> None:
    """Prints the stages of a study, and what the pending ones will take."""
    from xlreach.study.estimate import duration, estimate
    from xlreach.study.run import prepare

    plan = prepare(study, paths)
    rows = plan.rows(paths.store)
    pending = plan.pending(paths.store)
    estimated = estimate(pending, paths.store)
    if as_json:
        unknown = {"seconds": None, "memory_mb": None, "disk_mb": None}
        efforts = {stage.key: vars(estimated.stages[stage.key]) for stage in pending if stage.key in estimated.stages}
        return print_json([row if row["done"] else {**row, **efforts.get(row["key"], unknown)} for row in rows])
    for sentence in plan.unavailable:
        typer.echo(f"Note: {sentence}")
    for row in rows:
        typer.echo(f"{'in the store' if row['done'] else 'to do':<12}  {row['stage']:<8}  {row['title']}")
    typer.echo(f"{len(rows)} stages: {len(rows) - len(pending)} in the store, {len(pending)} left to do.")
    for group, effort in sorted(estimated.groups.items(), key=lambda item: -item[1].seconds):
        typer.echo(f"{group:<16}  about {duration(effort.seconds)}")
    if estimated.stages:
        total = estimated.total
        typer.echo(
            f"{len(estimated.stages)} stages take about {duration(total.seconds)}, {total.memory_mb / 1024:.1f} GB of "
            f"memory and {total.disk_mb / 1024:.2f} GB of disk, as stages like them took before."
        )
    if estimated.unknown:
        kinds = ", ".join(f"{count} {kind}" for kind, count in estimated.unknown.items())
        typer.echo(f"Nothing is recorded yet for {kinds}: how long they take is not known.")
    return None


@verb(
    "study",
    "xlreach reproduce runs/quickstart",
    "xlreach reproduce runs/quickstart --root elsewhere --tolerance 0.001",
)
def reproduce(
    run_folder: Run,
    root: Annotated[Path | None, typer.Option(help="Where to run it again; a temporary folder when not given.")] = None,
    tolerance: Annotated[float, typer.Option(help="By how much values may differ (another machine).", min=0)] = 0.0,
    json_: Json = False,
) -> None:
    """Run a finished study again and compare every value.

    Exit code 1 where one differs.
    """
    from xlreach.study.reproduce import reproduce as repeat

    repeated = repeat(run_folder, lambda line: typer.echo(line, err=json_), root=root, tolerance=tolerance)
    if json_:
        print_json(repeated.as_dict())
    else:
        for difference in repeated.differences[:_SHOWN]:
            typer.echo(f"differs  {difference}")
        if len(repeated.differences) > _SHOWN:
            typer.echo(f"         and {len(repeated.differences) - _SHOWN} more")
        for sentence in repeated.circumstances:
            typer.echo(f"note     {sentence}")
        equal = repeated.rows - len(repeated.differences)
        typer.echo(f"{equal} of {repeated.rows} values are the same (costs are not compared).")
    if repeated.differences:
        raise typer.Exit(1)


@verb(
    "study",
    "xlreach compare runs/quickstart",
    "xlreach compare runs/before runs/after --json",
)
def compare(
    run_folder: Run,
    other: Annotated[Path | None, typer.Argument(metavar="[RUN_B]", help="A second run: what did it change?")] = None,
    system: Annotated[
        str | None, typer.Option(help="Such as 'va(99)+lapt with hybrid': a system of RUN_B, or of RUN.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="The system of RUN that it is compared with.")] = None,
    json_: Json = False,
) -> None:
    """Compare low- with high-resource languages, runs, or systems.

    With one run, low- with high-resource languages; with two runs, what is better in the second; with --system and
    --against, one system with another.
    """
    result = xl.compare(run_folder, other, system=system, against=against)
    if json_:
        return print_json(asdict(result.analysis) if isinstance(result, xl.Gaps) else result.records())
    return typer.echo(result.title)


@verb(
    "study",
    "xlreach report runs/quickstart",
    "xlreach report runs/quickstart --mteb mteb-results",
)
def report(
    run_folder: Run,
    mteb: Annotated[Path | None, typer.Option(help="Write mteb's result files, too, into this new folder.")] = None,
) -> None:
    """Write the report of a run again, or its results for mteb."""
    page = xl.report(run_folder, mteb=mteb)
    if mteb is not None:
        typer.echo(f"mteb: {mteb}")
    typer.echo(f"Report: {page}")
