"""A stage: what it is made from, and how. Its key is the hash of both, so equal work is done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from xlreach.compute.memory import release_freed_memory
from xlreach.store import Store, Workspace, digest


class Node(Protocol):
    """Anything that a stage can need: another stage, or something that is there already."""

    @property
    def key(self) -> str: ...

    def path(self, store: Store) -> Path: ...


@dataclass(frozen=True)
class Given:
    """Something that the store did not make: an encoder folder, by its fingerprint."""

    location: Path
    key: str

    def path(self, store: Store) -> Path:
        return self.location


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of a study.

    Attributes:
        kind: What it makes; also its folder in the store.
        title: What it is for, for people.
        inputs: Parameters and checksums of files: everything that changes the result, nothing else.
        needs: The nodes it is made from, by name.
        make: Does it, given a workspace and the needed paths.
        light: Whether it computes without a model, so that one CPU is enough.
    """

    kind: str
    title: str
    inputs: Mapping[str, Any]
    make: Callable[[Workspace, Mapping[str, Path]], None]
    needs: Mapping[str, Node] = field(default_factory=dict)
    light: bool = False

    @cached_property
    def key(self) -> str:
        return digest(self.recorded)

    @cached_property
    def recorded(self) -> dict[str, Any]:
        """What the key is the hash of."""
        return {"stage": self.kind, **self.inputs, "needs": {name: node.key for name, node in self.needs.items()}}

    def path(self, store: Store) -> Path:
        return store.path(self.kind, self.key)

    def done(self, store: Store) -> bool:
        return store.has(self.kind, self.key)

    def run(self, store: Store) -> Path:
        """The result, made now if it is not in the store."""
        needed = {name: node.path(store) for name, node in self.needs.items()}
        path = store.obtain(self.kind, self.key, self.recorded, lambda space: self.make(space, needed))
        release_freed_memory()  # a study of hundreds of stages would swell
        return path
