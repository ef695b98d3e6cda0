"""The recipe step `none`: the untreated encoder, which every adapted one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlreach.adapt.recipe import STEPS, Job, Step, require_source
from xlreach.adapt.save import save_encoder


@STEPS.register
@dataclass(frozen=True)
class NoAdaptation(Step):
    """The encoder as it is, in the folder layout that all recipes share."""

    name: ClassVar[str] = "none"

    def apply(self, source: Path | None, job: Job) -> None:
        save_encoder(require_source(source, self), job, self)
