"""Running a plan, and putting what it measured where people find it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xlreach import __version__
from xlreach.comparison import compare, write_gaps
from xlreach.errors import DataError, StoreError
from xlreach.measurement import Measurement, read_measurements, write_measurements
from xlreach.report import render_report
from xlreach.spec import folder_name
from xlreach.store import Store, digest, replacing
from xlreach.study.config import StudyConfig, load_config
from xlreach.study.curves import CURVES_FILE, training_curves
from xlreach.study.data import StudyData, materialise
from xlreach.study.plan import Plan, plan_study
from xlreach.study.runner import Local, Runner
from xlreach.system import UNTREATED, System

_LAST = ("config.yaml", "gaps.json", "report.html")  # in the order of writing; each is made from those before
_TEMPORARY = ".*.tmp"  # of `replacing`, left by a killed process
_ON_CPU = "to the last bit on this machine with as many threads; another number of threads sums in another order"
_ON_GPU = "but for the last digits: on a GPU, gradients of embeddings are added up in no fixed order"
_COSTS: dict[str, Callable[[list[float]], float]] = {
    "seconds": sum,
    "tokens": sum,
    "peak_memory_mb": max,
    "examples": max,
}


@dataclass(frozen=True)
class Place:
    """Where a study's folders are: `runs/`, `artifacts/`, `encoders/` and `indexes/` below one root."""

    root: Path

    @property
    def store(self) -> Store:
        return Store(self.root / "artifacts")

    def run(self, config: StudyConfig) -> Path:
        return self.root / "runs" / config.study

    @property
    def encoders(self) -> Path:
        return self.root / "encoders"

    @property
    def indexes(self) -> Path:
        return self.root / "indexes"


def read_data(config: StudyConfig, place: Place) -> StudyData:
    """The data of a study; artificial languages are generated now."""
    with config.at("data"):
        root = materialise(config.data, place.store)
    return StudyData(config, root)


def prepare(config: StudyConfig, place: Place) -> Plan:
    """The plan of a study; planning reads the data."""
    return plan_study(config, read_data(config, place))


def run_study(
    config: StudyConfig, place: Place, tell: Callable[[str], None], runner: Runner | None = None
) -> tuple[Path, bool]:
    """Runs what is left of a study and writes its run folder.

    Several processes may run one study, or studies that share stages, at once: each stage is done by one of them.

    Args:
        config: The study.
        place: Where to keep its parts.
        tell: Is told what cannot be measured, then each stage as it begins and ends.
        runner: Who makes the stages; this process, by default.

    Returns:
        The run folder, and whether anything was done.

    Raises:
        ConfigError: The data at hand do not allow the study.
        StoreError: A folder that the study writes cannot be written, or is somebody else's.
    """
    _refuse_foreign(config, place)
    plan, folder = prepare(config, place), place.run(config)
    whole = digest({"version": __version__, "config": config.model_dump(mode="json"), "stages": sorted(plan.stages)})
    todo = plan.left(place.store)
    if not todo and _is_whole(plan, place, config, whole):
        return folder, False
    for lack in plan.lacks:
        tell(f"note     {lack}")
    try:
        (runner or Local()).run(todo, config, place.root, tell)
        with place.store.lock(f"run-{config.study}"), place.store.refusals():
            if _is_whole(plan, place, config, whole):  # another process was quicker
                return folder, bool(todo)
            tell("report   gaps, tables, charts")
            _publish(config, plan, place, whole)
            place.store.tidy()
    except KeyboardInterrupt:
        kept = len(plan.stages) - len(plan.left(place.store))
        tell(f"stopped  {kept} of {len(plan.stages)} stages are kept, and the last checkpoint of the one under way.")
        raise
    return folder, True


def _publish(config: StudyConfig, plan: Plan, place: Place, whole: str) -> None:
    """Writes the run folder; the report comes last, so that a folder with a report is whole."""
    store, folder = place.store, place.run(config)
    folder.mkdir(parents=True, exist_ok=True)
    elsewhere = [path for parent in (place.encoders, place.indexes) for path in _left_behind(parent, config.study)]
    for stale in (*(folder / name for name in _LAST), *folder.glob(_TEMPORARY), *elsewhere):
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink(missing_ok=True)
    results = [*_measurements(config, plan, store), *_costs(config, plan, store)]
    with replacing(folder / "results.jsonl") as path:
        write_measurements(path, results)
    queries = _queries(config, plan, store)
    if queries is None:
        (folder / "queries.parquet").unlink(missing_ok=True)
    else:
        with replacing(folder / "queries.parquet") as path:
            queries.to_parquet(path, index=False)
    _write_ranks(config, plan, store, folder / "ranks.parquet")
    with replacing(folder / CURVES_FILE) as path:
        path.write_text(json.dumps(training_curves(plan, store), indent=1, ensure_ascii=False) + "\n", "utf-8")
    _copy_trec(plan, store, folder)
    _link_encoders(config, plan, place)
    _link_indexes(config, plan, place)
    _write_systems(config, plan, place)
    provenance = {**_provenance(), "data": plan.credits, "plan": whole}
    resolved = {**config.model_dump(mode="json"), "provenance": provenance}
    with replacing(folder / "config.yaml") as path:
        path.write_text(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True), "utf-8")
    compare_run(folder)
    render_report(folder)


def compare_run(folder: Path) -> Path:
    """Compares low- with high-resource languages on what a run measured, and writes its `gaps.json`.

    Raises:
        DataError, ConfigError: A file of the run is missing or damaged.
    """
    if not (folder / "config.yaml").is_file():
        raise DataError("No run here: config.yaml is missing.", fix="Name a folder below runs/.", path=folder)
    config = load_config(folder / "config.yaml")
    queries, ranks = folder / "queries.parquet", folder / "ranks.parquet"
    gaps = compare(
        read_measurements(folder / "results.jsonl"),
        queries if queries.is_file() else None,
        {"high": config.languages.high, "low": config.languages.low},
        bases=config.base,
        headline=config.measures[0],
        hypotheses=config.hypotheses,
        divisions={name: {"high": one.high, "low": one.low} for name, one in config.divisions.items()},
        ranks=ranks if ranks.is_file() else None,
        names=config.names,
    )
    write_gaps(folder / "gaps.json", gaps)
    return folder / "gaps.json"


def _left_behind(parent: Path, study: str) -> list[Path]:
    """What `replacing` of a killed process left of a study's folder; the caller holds the study's lock."""
    return [path for path in parent.glob(_TEMPORARY) if re.fullmatch(rf"\.{re.escape(study)}\.\d+\.tmp", path.name)]


def _measurements(config: StudyConfig, plan: Plan, store: Store) -> Iterator[Measurement]:
    for (about, key), stage in plan.measured.items():
        for row in read_measurements(stage.path(store) / "measurements.jsonl"):
            yield replace(row, study=config.study, sentences=plan.sentences.get(key), **asdict(about))


def _costs(config: StudyConfig, plan: Plan, store: Store) -> Iterator[Measurement]:
    for cost, stages in plan.costs.items():
        shared = asdict(cost)
        about = shared.pop("about")
        records = [store.record(stage.kind, stage.key) for stage in stages]
        for name, combine in _COSTS.items():
            values = [record[name] for record in records if name in record]
            if values:
                yield Measurement(
                    kind="cost", measure=name, value=float(combine(values)), study=config.study, **about, **shared
                )


def _queries(config: StudyConfig, plan: Plan, store: Store) -> pandas.DataFrame | None:
    frames = []
    for (about, _), stage in plan.measured.items():
        path = stage.path(store) / "queries.parquet"
        if path.is_file():
            frames.append(pandas.read_parquet(path).assign(study=config.study, **asdict(about)))
    return pandas.concat(frames, ignore_index=True) if frames else None


def _write_ranks(config: StudyConfig, plan: Plan, store: Store, path: Path) -> None:
    """Joins what the stages know of the ranks of relevant documents, a stage at a time: they are many."""
    parts = [(about, stage.path(store) / "ranks.parquet") for (about, _), stage in plan.measured.items()]
    parts = [(about, part) for about, part in parts if part.is_file()]
    if not parts:
        return path.unlink(missing_ok=True)
    with replacing(path) as temporary:
        writer: pq.ParquetWriter | None = None
        for about, part in parts:
            table = pq.read_table(part)
            for name, value in {"study": config.study, **asdict(about)}.items():
                column = pa.array([value] * len(table), pa.int64() if name == "seed" else pa.string())
                present = table.schema.get_field_index(name)
                table = table.append_column(name, column) if present < 0 else table.set_column(present, name, column)
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
        assert writer is not None
        writer.close()
    return None


def _copy_trec(plan: Plan, store: Store, folder: Path) -> None:
    with replacing(folder / "trec") as trec:
        trec.mkdir()
        for (about, _), stage in plan.measured.items():
            source = stage.path(store) / "trec"
            if source.is_dir():
                shutil.copytree(source, trec / folder_name(str(about)), dirs_exist_ok=True, copy_function=_link)


def _link_encoders(config: StudyConfig, plan: Plan, place: Place) -> None:
    with replacing(place.encoders / config.study) as encoders:
        encoders.mkdir()
        for about, stage in plan.encoders.items():
            _link_folder(stage.path(place.store), encoders / folder_name(str(about)))


def _link_indexes(config: StudyConfig, plan: Plan, place: Place) -> None:
    with replacing(place.indexes / config.study) as indexes:
        indexes.mkdir()
        for built in plan.indexes.values():
            target = (
                indexes / folder_name(str(built.about)) / folder_name(built.collection) / folder_name(built.language)
            )
            _link_folder(built.stage.path(place.store), target)


def _write_systems(config: StudyConfig, plan: Plan, place: Place) -> None:
    """Writes what each folder of encoders and indexes holds, so that nobody reads it out of the folder's name."""
    rows = {
        about: {
            "system": asdict(System(about.base or "", about.recipe or UNTREATED, about.alignment or UNTREATED)),
            "language": about.language,
            "seed": about.seed,
            "encoder": f"encoders/{config.study}/{folder_name(str(about))}",
            "indexes": [
                {
                    "dataset": index.collection,
                    "language": index.language,
                    "folder": "/".join(
                        ["indexes", config.study, *map(folder_name, (str(about), index.collection, index.language))]
                    ),
                }
                for index in plan.indexes.values()
                if index.about == about
            ],
        }
        for about in plan.encoders
    }
    with replacing(place.run(config) / "systems.json") as path:
        path.write_text(json.dumps(list(rows.values()), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _link_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link, ignore=lambda *_: ["artifact.json"])


def _link(source: str, target: str) -> None:
    """A hard link where the file system can, else a copy: the store's files are never changed again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _is_whole(plan: Plan, place: Place, config: StudyConfig, whole: str) -> bool:
    """Whether everything that the study leaves is in place, from this very plan."""
    folder, scored = place.run(config), any(stage.kind == "score" for stage in plan.measured.values())
    parts = [
        "results.jsonl",
        "trec",
        "tables",
        "charts",
        "systems.json",
        *_LAST,
        *(["queries.parquet", "ranks.parquet"] if scored else []),
    ]
    folders = [folder / part for part in parts] + [place.encoders / config.study, place.indexes / config.study]
    return _written(folder) == whole and all(part.exists() for part in folders)


def _written(folder: Path) -> str | None:
    try:
        return yaml.safe_load((folder / "config.yaml").read_text("utf-8"))["provenance"]["plan"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None


def _refuse_foreign(config: StudyConfig, place: Place) -> None:
    """Keeps a study from replacing what it did not write: only runs have results, only a study's indexes
    are sorted by encoder."""
    run, encoders, indexes = place.run(config), place.encoders / config.study, place.indexes / config.study
    for folder in (run, encoders, indexes):
        if folder.is_symlink():
            raise StoreError(f"{folder} is a link, which is not followed.", fix="Remove it, or name another --root.")
        for place_of in (folder, *folder.parents):
            if place_of.exists() and not place_of.is_dir():
                raise StoreError(f"{place_of} is a file, where a folder is to be written.", fix="Name another --root.")
    names = {path.name for path in run.iterdir() if not path.match(_TEMPORARY)} if run.is_dir() else set()
    ours = names & {"results.jsonl", "gaps.json", "report.html"} or _written(run) is not None
    foreign = [run] if names and not ours else []
    foreign += [one for one in (encoders, indexes) if one.is_dir() and any(path.is_file() for path in one.iterdir())]
    foreign += [indexes] if any(indexes.glob("*/manifest.json")) else []
    if foreign:
        raise StoreError(
            f"{foreign[0]} holds files that no study wrote.", fix="Move it away, or give the study another name."
        )


def _provenance() -> dict[str, Any]:
    packages = ("torch", "transformers", "sentence-transformers", "tokenizers", "faiss-cpu", "ir-measures", "numpy")
    commit = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    import torch  # stages have, long before

    on_gpu = torch.cuda.is_available()
    return {
        "xlreach": __version__,
        "commit": commit.stdout.strip() or None,
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "machine": torch.cuda.get_device_name(0) if on_gpu else _processor(),
        "threads": torch.get_num_threads(),
        "repeatable": _ON_GPU if on_gpu else _ON_CPU,
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
