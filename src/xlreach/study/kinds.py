"""What a configuration can name: every kind of thing with a string of its own, from its registry."""

from __future__ import annotations

import inspect
import pkgutil
from typing import Any

from xlreach.errors import SpecError, nearest

_REGISTRIES = {  # imported when asked for: they take a while
    "steps": "xlreach.adapt:STEPS",
    "alignments": "xlreach.retrieval.alignment:ALIGNMENTS",
    "poolings": "xlreach.retrieval.pooling:POOLINGS",
    "tasks": "xlreach.tagging.tasks:TASKS",
    "datasets": "xlreach.corpora.registry:DATASETS",
    "pairs": "xlreach.retrieval.pair_sources:PAIR_SOURCES",
    "retrievers": "xlreach.retrieval.retrievers:RETRIEVERS",
}


def describe_kind(kind: str) -> list[dict[str, Any]]:
    """The things of a kind by name, each with what it is and its parameters (name, type, default, help).

    Raises:
        SpecError: There is no such kind.
    """
    if kind not in _REGISTRIES:
        raise SpecError(f"There is no kind {kind!r} of things to list.", fix=nearest(kind, _REGISTRIES))
    return [
        {
            "name": thing.name,
            "summary": (inspect.getdoc(thing) or "").partition("\n")[0],
            "parameters": [
                dict(zip(("name", "type", "default", "help"), row, strict=True)) for row in thing.describe()
            ],
        }
        for thing in pkgutil.resolve_name(_REGISTRIES[kind])
    ]
