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
    from xlreach.errors import XLReachError
    from xlreach.front.diagnosis import Diagnosis, diagnose
    from xlreach.front.encoders import Encoder, adapt, train
    from xlreach.front.gaps import Gaps
    from xlreach.front.indexes import Hits, Index
    from xlreach.front.lookup import Languages, languages, open_dataset
    from xlreach.front.scores import Measurements, score
    from xlreach.front.studies import Comparison, Study, compare, report, run
    from xlreach.front.taggers import Tagger, TaggingResult, tag

__version__ = "2.0.0.dev0"

_HOMES = {
    "XLReachError": "errors",
    "Diagnosis": "front.diagnosis",
    "diagnose": "front.diagnosis",
    "Encoder": "front.encoders",
    "adapt": "front.encoders",
    "train": "front.encoders",
    "Gaps": "front.gaps",
    "Hits": "front.indexes",
    "Index": "front.indexes",
    "Languages": "front.lookup",
    "languages": "front.lookup",
    "open_dataset": "front.lookup",
    "Measurements": "front.scores",
    "score": "front.scores",
    "Comparison": "front.studies",
    "Study": "front.studies",
    "compare": "front.studies",
    "report": "front.studies",
    "run": "front.studies",
    "Tagger": "front.taggers",
    "TaggingResult": "front.taggers",
    "tag": "front.taggers",
}

__all__ = [
    "Comparison",
    "Diagnosis",
    "Encoder",
    "Gaps",
    "Hits",
    "Index",
    "Languages",
    "Measurements",
    "Study",
    "Tagger",
    "TaggingResult",
    "XLReachError",
    "adapt",
    "compare",
    "diagnose",
    "languages",
    "open_dataset",
    "report",
    "run",
    "score",
    "tag",
    "train",
]


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
