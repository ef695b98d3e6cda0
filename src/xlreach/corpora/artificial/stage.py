"""The stage that generates the artificial languages of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.artificial import Artificial, generate
from xlreach.stage import Stage
from xlreach.store import Workspace


@dataclass(frozen=True, eq=False, kw_only=True)
class DataStage(Stage):
    """A folder of data in artificial languages."""

    kind: ClassVar[str] = "data"

    spec: Artificial

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        generate(self.spec, workspace.out)
