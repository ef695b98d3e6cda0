"""XLReach: how far a multilingual encoder reaches into low-resource languages, and what adapting it buys.

    import xlreach as xl

    adapted = xl.adapt("intfloat/multilingual-e5-small", "va(2000)+lapt", text={"mt": "maltese.txt"}, out="e5-mt")
    xl.diagnose(adapted, "maltese.txt")

Every name is imported when it is first used: importing the package loads no other library.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlreach.errors import XLReachError as XLReachError
    from xlreach.front.diagnosis import diagnose as diagnose
    from xlreach.front.encoders import Encoder as Encoder
    from xlreach.front.encoders import adapt as adapt
    from xlreach.front.encoders import train as train
    from xlreach.front.gaps import Gaps as Gaps
    from xlreach.front.indexes import Hits as Hits
    from xlreach.front.indexes import Index as Index
    from xlreach.front.lookup import languages as languages
    from xlreach.front.lookup import open_dataset as open_dataset
    from xlreach.front.scores import Measurements as Measurements
    from xlreach.front.scores import score as score
    from xlreach.front.studies import Study as Study
    from xlreach.front.studies import compare as compare
    from xlreach.front.studies import report as report
    from xlreach.front.studies import run as run
    from xlreach.front.table import Table as Table
    from xlreach.front.taggers import Tagger as Tagger
    from xlreach.front.taggers import tag as tag

__version__ = "2.0.0.dev0"

_MODULES = {
    "errors": ["XLReachError"],
    "front.diagnosis": ["diagnose"],
    "front.encoders": ["Encoder", "adapt", "train"],
    "front.gaps": ["Gaps"],
    "front.indexes": ["Hits", "Index"],
    "front.lookup": ["languages", "open_dataset"],
    "front.scores": ["Measurements", "score"],
    "front.studies": ["Study", "compare", "report", "run"],
    "front.table": ["Table"],
    "front.taggers": ["Tagger", "tag"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOMES)


class _FrontDoor(ModuleType):
    """Keeps `xlreach.adapt`, `.languages` and `.report` the functions when the packages of these names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _FrontDoor
