"""What can be explored: encoders, the indexes of each by collection and language, and the collections' judgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.errors import DataError, XLReachError
from xlreach.spec import folder_name

if TYPE_CHECKING:
    from xlreach.corpora.collection import Collection

OWN = "indexes"  # what indexes of one's own text are called, which belong to no collection


@dataclass(frozen=True)
class Entry:
    """An encoder and what was indexed with it.

    Attributes:
        name: For people.
        encoder: Its folder.
        indexes: Index folders by collection and language.
    """

    name: str
    encoder: Path
    indexes: dict[str, dict[str, Path]]


@dataclass(frozen=True)
class Shelf:
    """Everything that can be asked.

    Attributes:
        title: Of the page.
        entries: The encoders.
        collections: Those whose queries and judgements are at hand, by name.
        notes: What is missing, in words.
    """

    title: str
    entries: tuple[Entry, ...]
    collections: dict[str, Collection] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def shelf_of_run(run: Path) -> Shelf:
    """What a finished study left.

    Args:
        run: Its run folder, with `encoders/` and `indexes/` beside `runs/`.

    Raises:
        DataError: There is no run, or its encoders or indexes are gone.
    """
    if not (run / "config.yaml").is_file():
        raise DataError("No run here: config.yaml is missing.", fix="Name a folder below runs/.", path=run)
    run = run.resolve()
    root, study = run.parent.parent, run.name
    encoders, indexes = root / "encoders" / study, root / "indexes" / study
    collections, notes = _collections(run, root)
    names = {folder_name(name): name for name in collections}
    entries = []
    for folder in sorted(indexes.iterdir()) if indexes.is_dir() else []:
        encoder = encoders / folder.name
        found = {names.get(one.name, one.name): _by_language(one) for one in sorted(folder.iterdir()) if one.is_dir()}
        if encoder.is_dir() and any(found.values()):
            entries.append(Entry(folder.name, encoder, {name: own for name, own in found.items() if own}))
    if not entries:
        raise DataError(
            f"The study {study!r} has no encoders with indexes in {root}.",
            expected="Expected encoders/ and indexes/ beside runs/.",
            fix="Run the study, with a retrieval collection, and keep its folders together.",
        )
    return Shelf(study, tuple(entries), collections, notes)


def shelf_of_encoders(encoders: Sequence[str], indexes: Path | None = None) -> Shelf:
    """Encoders with the indexes that `xlreach index` built with each.

    Args:
        encoders: Folders, or what else names an encoder.
        indexes: A folder of index folders, for one encoder; by default `indexes/<encoder>`.

    Raises:
        XLReachError: An encoder or its indexes cannot be found, or one place is given for several encoders.
    """
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.index import find_indexes

    if indexes is not None and len(encoders) > 1:
        raise XLReachError(
            "--indexes names one place for several encoders.", fix="Leave it out: each has its own below indexes/."
        )
    entries = []
    for name in encoders:
        folder = resolve_base(name)
        place = indexes or Path("indexes") / folder_name(folder.resolve().name)
        entries.append(Entry(name, folder, {OWN: find_indexes(place)}))
    return Shelf(", ".join(encoders), tuple(entries))


def _by_language(folder: Path) -> dict[str, Path]:
    from xlreach.retrieval.index import find_indexes

    return find_indexes(folder) if any(folder.glob("*/manifest.json")) else {}


def _collections(run: Path, root: Path) -> tuple[dict[str, Collection], tuple[str, ...]]:
    """The collections of the study, where its data are still there: what is relevant is only known with them."""
    from xlreach.store import Store
    from xlreach.study.config import load_config
    from xlreach.study.data import StudyData, materialise

    try:
        config = load_config(run / "config.yaml")
        data = StudyData(config, materialise(config.data, Store(root / "artifacts")))
        return {one.name: one for one in data.collections()}, ()
    except XLReachError as error:
        return {}, (f"The study's data cannot be read, so nothing is known to be relevant ({error})",)
