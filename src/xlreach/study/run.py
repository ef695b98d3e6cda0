"""Running a study: planning it, making what is missing, and comparing what was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xlreach import __version__
from xlreach.comparison import compare, write_gaps
from xlreach.errors import DataError
from xlreach.measurement import read_measurements
from xlreach.store import digest
from xlreach.study.config import StudyConfig, load_config
from xlreach.study.data import StudyData, materialise
from xlreach.study.local_runner import Local
from xlreach.study.paths import StudyPaths
from xlreach.study.plan import Plan
from xlreach.study.planner import plan_study
from xlreach.study.run_folder import is_whole, write_run
from xlreach.study.runner import Runner


def prepare(config: StudyConfig, paths: StudyPaths) -> Plan:
    """Plans a study; this reads its data, and generates artificial languages."""
    with config.at("data"):
        root = materialise(config.data, paths.store)
    return plan_study(config, StudyData(config, root))


def run_study(
    config: StudyConfig, paths: StudyPaths, log: Callable[[str], None], runner: Runner | None = None
) -> tuple[Path, bool]:
    """Makes the stages of a study that are not in the store, and its run folder; in this process if without `runner`.

    Several processes may run one study, or studies that share stages, at once: each stage is done by one of them.
    Returns the run folder, and whether anything was done. `log` is given a line for what cannot be measured, and for
    each stage as it begins and ends.

    Raises:
        ConfigError: The data at hand do not allow the study.
        StoreError: A folder that the study writes cannot be written, or holds files that no study wrote.
    """
    from xlreach.report.render import render_report  # here, because charts take a while to import

    paths.refuse_foreign(config.study)
    plan, store, folder = prepare(config, paths), paths.store, paths.run(config.study)
    whole = digest({"version": __version__, "config": config.model_dump(mode="json"), "stages": sorted(plan.stages)})
    pending = plan.pending(store)
    if not pending and is_whole(plan, paths, config.study, whole):
        return folder, False
    for sentence in plan.unavailable:
        log(f"note     {sentence}")
    try:
        (runner or Local(1)).run(pending, store, log)
        with store.lock(f"run-{config.study}"), store.refusals():
            if is_whole(plan, paths, config.study, whole):  # another process was faster
                return folder, bool(pending)
            log("report   gaps, tables, charts")
            write_run(config, plan, paths, whole)
            compare_run(folder)
            render_report(folder)  # the last part: a folder with a report is whole
            store.tidy()
    except KeyboardInterrupt:
        kept = len(plan.stages) - len(plan.pending(store))
        log(f"stopped  {kept} of {len(plan.stages)} stages are kept, and the last checkpoint of the one under way.")
        raise
    return folder, True


def compare_run(folder: Path) -> Path:
    """Compares low- with high-resource languages on what a run measured, and writes its `gaps.json`.

    Raises:
        DataError, ConfigError: A file of the run is missing or damaged.
    """
    if not (folder / "config.yaml").is_file():
        raise DataError("No run here: config.yaml is missing.", fix="Name a folder below runs/.", path=folder)
    config = load_config(folder / "config.yaml")
    queries, ranks, sentences = (folder / f"{name}.parquet" for name in ("queries", "ranks", "sentences"))
    gaps = compare(
        read_measurements(folder / "results.jsonl"),
        queries if queries.is_file() else None,
        {"high": config.languages.high, "low": config.languages.low},
        bases=config.base,
        headline=config.measures[0],
        hypotheses=config.hypotheses,
        divisions={name: {"high": levels.high, "low": levels.low} for name, levels in config.divisions.items()},
        ranks=ranks if ranks.is_file() else None,
        names=config.names,
        sentences=sentences if sentences.is_file() else None,
    )
    write_gaps(folder / "gaps.json", gaps)
    return folder / "gaps.json"
