"""A stage: one cached piece of work of a study. Its key is the hash of what it is made from.

Lives here: what all stages share (key, place in the store, running). What a kind of stage does lives in its own room
(`adapt/stages.py`, `tagging/stages.py`, `retrieval/stages.py`, `scoring/stages.py`); which stages a study needs is
decided in `study/plan.py`. Stages are frozen dataclasses of names, numbers and paths: they pickle, so that another
process or machine can run one without planning the study again.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from xlreach.compute.memory import release_freed_memory
from xlreach.compute.workers import layer_weights
from xlreach.languages import extend_languages
from xlreach.spec import Spec
from xlreach.store import Store, Workspace, digest, file_digest

MEASUREMENTS = "measurements.jsonl"


def unkeyed() -> Any:
    """Declares a field that changes nothing in the result, and so is not in the key."""
    return dataclasses.field(metadata={"keyed": False})


@dataclass(frozen=True)
class ExternalInput:
    """Something that the store did not make: an encoder folder, with its fingerprint as its key."""

    location: Path
    key: str

    def path(self, store: Store) -> Path:
        return self.location


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage(ABC):
    """One piece of work; a kind of stage declares what it is made from as fields.

    A field that holds a stage or an external input, or a mapping to them, is a need; every other field enters into the
    key as it prints, but paths: a file stands in the key by its checksum.

    Attributes:
        kind: What it makes; also its folder in the store.
        version: Raised when the same fields come to give another result.
        grouped_by: The field whose object decides how long a stage of the kind takes.
        light: Whether it computes without a model, so that one CPU is enough.
        encodes: Whether it encodes texts, so that each thread has a batch of its own: any number of them is worth it.
        title: What it is for, for people.
        root: The folder of the study's data.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    grouped_by: ClassVar[str] = ""
    light: ClassVar[bool] = False
    encodes: ClassVar[bool] = False

    title: str = unkeyed()
    root: Path

    @abstractmethod
    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        """Does the work.

        Args:
            workspace: Where to write.
            paths: The folders of what it needs, by name.
        """

    @property
    def needs(self) -> dict[str, Node]:
        """What it is made from, by the name of the field and, in a mapping, the key: `encoder`, `text mt`."""
        needs: dict[str, Node] = {}
        for name, value in self._fields():
            if isinstance(value, Stage | ExternalInput):
                needs[name] = value
            elif _maps_to_nodes(value):
                needs |= {f"{name} {key}": node for key, node in value.items()}
        return needs

    @property
    def inputs(self) -> dict[str, Any]:
        """Parameters and checksums of files: everything that changes the result, nothing else."""
        return {
            name: _plain(value)
            for name, value in self._fields()
            if not isinstance(value, Stage | ExternalInput | Path) and not _maps_to_nodes(value)
        }

    @property
    def group(self) -> str:
        """The stages that take about as long: its kind, with the name of the step, task or alignment."""
        return f"{self.kind} {getattr(self, self.grouped_by).name}" if self.grouped_by else self.kind

    @cached_property
    def recorded(self) -> dict[str, Any]:
        """What the key is the hash of; also kept beside the result."""
        needs = {name: node.key for name, node in self.needs.items()}
        return {"stage": self.kind, "group": self.group, "version": self.version, **self.inputs, "needs": needs}

    @cached_property
    def key(self) -> str:
        return digest(self.recorded)

    def _fields(self) -> Iterator[tuple[str, Any]]:
        fields = (field for field in dataclasses.fields(self) if field.metadata.get("keyed", True))
        return ((field.name, getattr(self, field.name)) for field in fields)

    def layer_weights(self, store: Store) -> int:
        """How many weights the layers of its model have, about: what decides how many threads it is worth."""
        return max((layer_weights(node.path(store)) for node in self.needs.values()), default=0)

    def path(self, store: Store) -> Path:
        return store.path(self.kind, self.key)

    def done(self, store: Store) -> bool:
        return store.has(self.kind, self.key)

    def obtain(self, store: Store) -> Path:
        """Returns the folder of the result, made now if it is not in the store."""
        if (self.root / "languages.yaml").is_file():
            extend_languages(self.root / "languages.yaml")
        paths = {name: node.path(store) for name, node in self.needs.items()}
        path = store.obtain(self.kind, self.key, self.recorded, lambda workspace: self.run(workspace, paths))
        release_freed_memory()  # otherwise the process grows with every stage
        return path


Node = Stage | ExternalInput
"""Anything that a stage can need."""


def _maps_to_nodes(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(node, Stage | ExternalInput) for node in value.values())


def _plain(value: Any) -> Any:
    """A field as it enters into the key: a spec with its version, and whatever JSON can hold."""
    if isinstance(value, Spec):
        return [str(value), getattr(value, "version", 1)]
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, Path) else value


@cache
def _file_key(path: Path, size: int, modified: int) -> str:
    return file_digest(path)


def checksum(files: Iterable[Path]) -> str:
    """Returns one hash of the contents of files, in order; each file is read once in a process."""
    stats = [(path, path.stat()) for path in files]
    return digest([_file_key(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
