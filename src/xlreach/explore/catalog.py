"""What can be explored: encoders, the indexes built with each, and the relevance judgements of the collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.errors import DataError, XLReachError
from xlreach.report.narrative import system_name
from xlreach.safe_io import read_json
from xlreach.spec import folder_name
from xlreach.system import System

if TYPE_CHECKING:
    from xlreach.corpora.collection import Collection

INDEXES = "indexes"  # the name of what a user indexed, which belongs to no collection


@dataclass(frozen=True)
class Entry:
    """An encoder and what was indexed with it.

    Attributes:
        name: What tells it apart from the other entries.
        label: The same without what all entries share.
        encoder: Its folder.
        indexes: Index folders by collection and language.
    """

    name: str
    label: str
    encoder: Path
    indexes: dict[str, dict[str, Path]]


@dataclass(frozen=True)
class Catalog:
    """Everything that can be searched.

    Attributes:
        title: The title of the page.
        entries: The encoders.
        collections: The collections whose queries and judgements can be read, by name.
        notes: What is missing, in sentences.
    """

    title: str
    entries: tuple[Entry, ...]
    collections: dict[str, Collection] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def catalog_of_run(run: Path) -> Catalog:
    """The encoders and indexes of a finished study.

    Args:
        run: Its run folder, with `encoders/` and `indexes/` beside `runs/`.

    Raises:
        DataError: There is no run, its `systems.json` is damaged, or its encoders or indexes are gone.
    """
    if not (run / "config.yaml").is_file():
        raise DataError("No run here: config.yaml is missing.", fix="Name a folder below runs/.", path=run)
    run = run.resolve()
    root, study = run.parent.parent, run.name
    rows = [row for row in _read_systems(run / "systems.json", root) if row.encoder.is_dir() and row.indexes]
    if not rows:
        raise DataError(
            f"The study {study!r} has no encoders with indexes in {root}.",
            expected="Expected encoders/ and indexes/ beside runs/.",
            fix="Run the study, with a retrieval collection, and keep its folders together.",
        )
    differing = [part for part in rows[0].parts if len({row.parts[part] for row in rows} - {""}) > 1]
    entries = []
    for row in rows:
        name = " · ".join(filter(None, row.parts.values()))
        label = " · ".join(row.parts[part] for part in differing if row.parts[part])
        entries.append(Entry(name, label or name, row.encoder, row.indexes))
    collections, notes = _collections(run, root)
    return Catalog(study, tuple(entries), collections, notes)


def catalog_of_encoders(encoders: Sequence[str], indexes: Path | None = None) -> Catalog:
    """Encoders with the indexes that `xlreach index` built with each.

    Args:
        encoders: Folders, or names of the hub.
        indexes: A folder of index folders, for one encoder; by default `indexes/<encoder>`.

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
class _SystemRow:
    """An encoder of a run: what it is called, its folder, and its index folders by data set and language."""

    parts: dict[str, str]
    encoder: Path
    indexes: dict[str, dict[str, Path]]


def _read_systems(path: Path, root: Path) -> list[_SystemRow]:
    """The rows of `systems.json`; no folder that they name is outside of `root`."""
    if not path.is_file():
        return []
    content = read_json(path)
    try:
        return [_system_row(row, root) for row in content]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"Not a list of systems ({type(error).__name__}: {error}).",
            expected="Expected system, language, seed, encoder and indexes in each row.",
            fix="Run the study again.",
            path=path,
        ) from error


def _system_row(row: dict[str, object], root: Path) -> _SystemRow:
    system = row["system"]
    if not isinstance(system, dict) or not isinstance(row["indexes"], list):
        raise TypeError("a field of another kind")
    named = System(**{name: str(value) for name, value in system.items()})
    parts = {"base": named.base, "system": system_name(named), "language": str(row["language"] or "")}
    parts["seed"] = "" if row["seed"] is None else f"seed {row['seed']}"
    indexes: dict[str, dict[str, Path]] = {}
    for index in row["indexes"]:
        folder = _inside(root, index["folder"])
        if (folder / "manifest.json").is_file():
            indexes.setdefault(str(index["dataset"]), {})[str(index["language"])] = folder
    return _SystemRow(parts, _inside(root, row["encoder"]), indexes)


def _inside(root: Path, folder: object) -> Path:
    path = (root / str(folder)).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"{folder} is outside of {root}")
    return path


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
