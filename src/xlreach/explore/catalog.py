"""What can be explored: encoders, the indexes built with each, and the relevance judgements of the collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from xlreach.errors import DataError, XLReachError
from xlreach.report.wording import system_name
from xlreach.safe_io import read_json
from xlreach.spec import folder_name
from xlreach.system import System

if TYPE_CHECKING:
    from xlreach.corpora.collection import Collection

INDEXES = "indexes"  # the name of what a user indexed, which belongs to no collection
Indexes = dict[str, dict[str, Path]]  # folders by collection and language


@dataclass(frozen=True)
class Entry:
    """An encoder (its folder) and what was indexed with it; `label` is its name without what all entries share."""

    name: str
    label: str
    encoder: Path
    indexes: Indexes


@dataclass(frozen=True)
class Catalog:
    """Everything that can be searched.

    `collections` holds, by name, those whose queries and judgements can be read; `notes` says what is missing.
    """

    title: str
    entries: tuple[Entry, ...]
    collections: dict[str, Collection] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def catalog_of_run(run: Path) -> Catalog:
    """The encoders and indexes of a finished study; `encoders/` and `indexes/` are beside `runs/`.

    Raises:
        DataError: There is no run, its `systems.json` is damaged, or its encoders or indexes are gone.
    """
    if not (run / "config.yaml").is_file():
        raise DataError("No run here: config.yaml is missing.", fix="Name a folder below runs/.", path=run)
    run = run.resolve()
    root, study = run.parent.parent, run.name
    rows = [row for row in _read_systems(run / "systems.json", root) if row[1].is_dir() and row[2]]
    if not rows:
        raise DataError(
            f"The study {study!r} has no encoders with indexes in {root}.",
            expected="Expected encoders/ and indexes/ beside runs/.",
            fix="Run the study, with a retrieval collection, and keep its folders together.",
        )
    differs = [len(set(column) - {""}) > 1 for column in zip(*(parts for parts, _, _ in rows), strict=True)]
    entries = []
    for parts, encoder, indexes in rows:
        name = " · ".join(filter(None, parts))
        label = " · ".join(part for part, differing in zip(parts, differs, strict=True) if part and differing)
        entries.append(Entry(name, label or name, encoder, indexes))
    collections, notes = _collections(run, root)
    return Catalog(study, tuple(entries), collections, notes)


def catalog_of_encoders(encoders: Sequence[str], indexes: Path | None = None) -> Catalog:
    """Encoders (folders, or names of the hub) with the indexes that `xlreach index` built with each.

    `indexes` is a folder of index folders, for one encoder; by default `indexes/<encoder>`.

    Raises:
        XLReachError: An encoder or its indexes cannot be found, or one folder is given for several encoders.
    """
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.index import find_indexes

    if indexes is not None and len(encoders) > 1:
        raise XLReachError(
            "--indexes names one folder for several encoders.", fix="Leave it out: each has its own below indexes/."
        )
    entries = []
    for name in encoders:
        encoder = resolve_base(name)
        folder = indexes or Path("indexes") / folder_name(encoder.resolve().name)
        entries.append(Entry(name, name, encoder, {INDEXES: find_indexes(folder)}))
    return Catalog(", ".join(encoders), tuple(entries))


@dataclass(frozen=True)
class _IndexRow:
    dataset: str
    language: str
    folder: str


@dataclass(frozen=True)
class _SystemRow:
    """A row of `systems.json`; its folders are relative to the root."""

    system: System
    language: str | None
    seed: int | None
    encoder: str
    indexes: list[_IndexRow]


def _read_systems(path: Path, root: Path) -> list[tuple[list[str], Path, Indexes]]:
    """What each encoder of a run is called (base, system, language, seed), its folder, and its indexes that are there.

    Raises:
        DataError: The file is not as a study writes it, or names a folder outside of `root`.
    """

    def inside(name: str) -> Path:
        if "\0" in name or not (folder := (root / name).resolve()).is_relative_to(root):
            raise DataError(f"{name!r} is outside of {root}.", fix="Run the study again.", path=path)
        return folder

    try:
        rows = TypeAdapter(list[_SystemRow]).validate_python(read_json(path) if path.is_file() else [])
    except ValidationError as error:
        raise DataError(
            f"Not a list of systems ({error.errors()[0]['msg']}).",
            expected="Expected system, language, seed, encoder and indexes in each row.",
            fix="Run the study again.",
            path=path,
        ) from error
    encoders = []
    for row in rows:
        indexes: Indexes = {}
        for index in row.indexes:
            if (inside(index.folder) / "manifest.json").is_file():
                indexes.setdefault(index.dataset, {})[index.language] = inside(index.folder)
        seed = "" if row.seed is None else f"seed {row.seed}"
        names = [row.system.base, system_name(row.system), row.language or "", seed]
        encoders.append((names, inside(row.encoder), indexes))
    return encoders


def _collections(run: Path, root: Path) -> tuple[dict[str, Collection], tuple[str, ...]]:
    """The collections of the study, if its data can still be read: relevant documents are only known from them."""
    from xlreach.store import Store
    from xlreach.study.config import load_config
    from xlreach.study.data import StudyData, materialise

    try:
        config = load_config(run / "config.yaml")
        data = StudyData(config, materialise(config.data, Store(root / "artifacts")))
        return {collection.name: collection for collection in data.collections()}, ()
    except XLReachError as error:
        return {}, (f"The data of the study cannot be read, so no document is known to be relevant ({error})",)
