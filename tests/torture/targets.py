"""Every reader with a check: what it reads out of a case must be what is in it, told another way.

`TARGETS` maps a name to a strategy and a check; the check may raise `XLReachError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import outputs
import readers
import settings_of
from hypothesis.strategies import SearchStrategy

Check = Callable[[Any, Path], None]


def _all(*rooms: Any) -> Iterable[tuple[str, tuple[SearchStrategy[Any], Check]]]:
    for room in rooms:
        yield from room.TARGETS.items()


TARGETS: dict[str, tuple[SearchStrategy[Any], Check]] = dict(_all(readers, settings_of, outputs))
