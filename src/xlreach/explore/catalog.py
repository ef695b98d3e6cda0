"""What can be explored: encoders, the indexes built with each, and the relevance judgements of the collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.errors import DataError, XLReachError
from xlreach.report.wording import system_name
from xlreach.safe_io import read_rows
from xlreach.spec import folder_name
from xlreach.study.systems import SYSTEMS_FILE, SystemRow

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
    rows = []
    for row in read_rows(run / SYSTEMS_FILE, SystemRow, "system, language, seed, encoder and indexes"):
        indexes: Indexes = {}
        for index in row.indexes:
            folder = _inside(root, index.folder, run)
            if (folder / "manifest.json").is_file():
                indexes.setdefault(index.dataset, {})[index.language] = folder
        encoder = _inside(root, row.encoder, run)
        if encoder.is_dir() and indexes:
            seed = "" if row.seed is None else f"seed {row.seed}"
            parts = (row.system.base, system_name(row.system), row.language or "", seed)
            rows.append((parts, encoder, indexes))
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


def _inside(root: Path, name: str, run: Path) -> Path:
    """A folder that the run names; refuses one outside of the root."""
    if "\0" in name or not (folder := (root / name).resolve()).is_relative_to(root):
        raise DataError(f"{name!r} is outside of {root}.", fix="Run the study again.", path=run / SYSTEMS_FILE)
    return folder


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
