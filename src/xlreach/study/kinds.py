"""What a configuration can name: every kind of thing with a string of its own, from its registry."""

from __future__ import annotations

import inspect
from typing import Any

from xlreach.errors import SpecError, nearest
from xlreach.spec import Registry

_PARAMETER = ("name", "type", "default", "help")


def describe_kind(kind: str) -> list[dict[str, Any]]:
    """The things of a kind by name, each with what it is and its parameters (name, type, default, help).

    Raises:
        SpecError: There is no such kind.
    """
    registries = _registries()
    if kind not in registries:
        raise SpecError(f"There is no kind {kind!r} of things to list.", fix=nearest(kind, registries))
    return [
        {
            "name": thing.name,
            "summary": (inspect.getdoc(thing) or "").partition("\n")[0],
            "parameters": [dict(zip(_PARAMETER, row, strict=True)) for row in thing.describe()],
        }
        for thing in registries[kind]
    ]


def _registries() -> dict[str, Registry[Any]]:
    from xlreach.adapt import STEPS
    from xlreach.corpora.registry import DATASETS
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.pair_sources import PAIR_SOURCES
    from xlreach.retrieval.pooling import POOLINGS
    from xlreach.retrieval.retrievers import RETRIEVERS
    from xlreach.tagging.tasks import TASKS

    return {
        "steps": STEPS,
        "alignments": ALIGNMENTS,
        "poolings": POOLINGS,
        "tasks": TASKS,
        "datasets": DATASETS,
        "pairs": PAIR_SOURCES,
        "retrievers": RETRIEVERS,
    }
