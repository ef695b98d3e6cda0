"""The run folder of a study: results, per-query values, training curves, TREC runs; and its encoders and indexes.

Lives here: copying and joining what the stages left in the store. Nothing is computed here.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xlreach import __version__
from xlreach.measurement import Measurement, read_measurements, write_measurements
from xlreach.report.training_losses import CURVES_FILE
from xlreach.spec import folder_name
from xlreach.stage import MEASUREMENTS
from xlreach.store import Store, replacing
from xlreach.study.config import StudyConfig
from xlreach.study.curves import training_curves
from xlreach.study.paths import TEMPORARY, StudyPaths, written_plan
from xlreach.study.plan import Plan
from xlreach.study.systems import SYSTEMS_FILE, IndexRow, SystemRow

_SENTENCES = "sentences.parquet"  # the tallies of each test sentence of tagging
_LAST = ("config.yaml", "gaps.json", "report.html")  # in the order of writing; each is made from those before
_ON_CPU = "to the last bit on this machine with as many threads; another number of threads sums in another order"
_ON_GPU = "but for the last digits: on a GPU, gradients of embeddings are added up in no fixed order"
_COSTS: dict[str, Callable[[list[float]], float]] = {
    "seconds": sum,
    "tokens": sum,
    "peak_memory_mb": max,
    "examples": max,
}


def write_run(config: StudyConfig, plan: Plan, paths: StudyPaths, whole: str) -> None:
    """Writes everything of a run that is not made from its results; `whole` is the hash that `is_whole` compares."""
    store, folder = paths.store, paths.run(config.study)
    encoders, indexes = paths.encoders(config.study), paths.indexes(config.study)
    folder.mkdir(parents=True, exist_ok=True)
    leftovers = [path for parent in (encoders.parent, indexes.parent) for path in _leftovers(parent, config.study)]
    for stale in (*(folder / name for name in _LAST), *folder.glob(TEMPORARY), *leftovers):
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink(missing_ok=True)
    results = [*_measurements(config, plan, store), *_costs(config, plan, store)]
    with replacing(folder / "results.jsonl") as path:
        write_measurements(path, results)
    for name in ("queries.parquet", "ranks.parquet", _SENTENCES):
        _join(config, plan, store, folder / name)
    _write_rows(folder / CURVES_FILE, training_curves(plan, store))
    with replacing(folder / "trec") as trec:
        trec.mkdir()
        for (variant, _), stage in plan.measured.items():
            source = stage.path(store) / "trec"
            if source.is_dir():
                shutil.copytree(source, trec / variant.folder, dirs_exist_ok=True, copy_function=_link)
    systems = []
    with replacing(encoders) as new_encoders, replacing(indexes) as new_indexes:
        new_encoders.mkdir()
        new_indexes.mkdir()
        for variant, encoder in plan.encoders.items():
            name, rows = variant.folder, []
            _link_folder(encoder.path(store), new_encoders / name)
            for collection, built in plan.indexes.get(variant, {}).items():
                for language, index in built.items():
                    part = Path(name, folder_name(collection), folder_name(language))
                    _link_folder(index.path(store), new_indexes / part)
                    rows.append(IndexRow(collection, language, f"indexes/{config.study}/{part.as_posix()}"))
            folder_of_encoder = f"encoders/{config.study}/{name}"
            systems.append(SystemRow(variant.system, variant.language, variant.seed, folder_of_encoder, rows))
    _write_rows(folder / SYSTEMS_FILE, systems)
    provenance = {**_provenance(), "data": plan.credits, "plan": whole}
    resolved = {**config.model_dump(mode="json"), "provenance": provenance}
    with replacing(folder / "config.yaml") as path:
        path.write_text(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True), "utf-8")


def is_whole(plan: Plan, paths: StudyPaths, study: str, whole: str) -> bool:
    """Whether everything that a study leaves is in place, from this very plan."""
    folder, scored = paths.run(study), any(stage.kind == "score" for stage in plan.measured.values())
    names = ["results.jsonl", "trec", "tables", "charts", CURVES_FILE, SYSTEMS_FILE, *_LAST]
    names += ["queries.parquet", "ranks.parquet"] if scored else []
    names += [_SENTENCES] if any(stage.kind == "tag" for stage in plan.measured.values()) else []
    parts = [*(folder / name for name in names), paths.encoders(study), paths.indexes(study)]
    return written_plan(folder) == whole and all(part.exists() for part in parts)


def _leftovers(parent: Path, study: str) -> list[Path]:
    """What a killed process left of a study's folder when it replaced it; the caller holds the study's lock."""
    return [path for path in parent.glob(TEMPORARY) if re.fullmatch(rf"\.{re.escape(study)}\.\d+\.tmp", path.name)]


def _write_rows(path: Path, rows: Sequence[Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n", "utf-8")


def _measurements(config: StudyConfig, plan: Plan, store: Store) -> Iterator[Measurement]:
    for (variant, key), stage in plan.measured.items():
        shared = {"study": config.study, "sentences": plan.sentences.get(key), **variant.columns(stage.kind)}
        for row in read_measurements(stage.path(store) / MEASUREMENTS):
            yield replace(row, **shared)


def _costs(config: StudyConfig, plan: Plan, store: Store) -> Iterator[Measurement]:
    for cost, stages in plan.costs.items():
        shared = {name: value for name, value in vars(cost).items() if name != "variant"}
        shared |= cost.variant.columns(cost.stage)
        records = [store.record(stage.kind, stage.key) for stage in stages]
        for name, combine in _COSTS.items():
            if values := [record[name] for record in records if name in record]:
                yield Measurement(kind="cost", measure=name, value=float(combine(values)), study=config.study, **shared)


def _join(config: StudyConfig, plan: Plan, store: Store, path: Path) -> None:
    """Joins the tables of this name that the stages left, one stage at a time: they may be large."""
    parts = []
    for (variant, key), stage in plan.measured.items():
        if (part := stage.path(store) / path.name).is_file():
            columns = {"study": config.study, **variant.columns(stage.kind)}
            if path.name == _SENTENCES:
                row = read_measurements(stage.path(store) / MEASUREMENTS)[0]
                columns |= {name: getattr(row, name) for name in ("language", "dataset", "trained_on", "setting")}
                columns["sentences"] = plan.sentences.get(key)
            parts.append((columns, part))
    if not parts:
        return path.unlink(missing_ok=True)
    with replacing(path) as temporary, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for columns, part in parts:
            table = pq.read_table(part)
            for name, value in columns.items():
                column = pa.array([value] * len(table), pa.int64() if name in ("seed", "sentences") else pa.string())
                present = table.schema.get_field_index(name)
                table = table.append_column(name, column) if present < 0 else table.set_column(present, name, column)
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, table.schema))
            writer.write_table(table)
    return None


def _link_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link, ignore=lambda *_: ["artifact.json"])


def _link(source: str, target: str) -> None:
    """A hard link where the file system can, else a copy: the store's files are never changed again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


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
        "machine": torch.cuda.get_device_name(0)
        if on_gpu
        else f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "repeatable": _ON_GPU if on_gpu else _ON_CPU,
    }
