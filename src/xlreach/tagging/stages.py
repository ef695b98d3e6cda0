"""The stage of a study that trains and tests a tagger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.registry import open_dataset
from xlreach.stage import Node, Stage
from xlreach.store import Workspace
from xlreach.tagging.presets import Preset
from xlreach.tagging.tasks import Task


@dataclass(frozen=True, eq=False, kw_only=True)
class TagStage(Stage):
    """Trains a tagger on a treebank or entity corpus, and scores it.

    Attributes:
        corpus: The name of the corpus to train on, and to test on unless there is a `target`.
        target: The name of the corpus to test on instead.
        preset: How to train, with the precision of this machine, so that it is part of the key.
    """

    kind: ClassVar[str] = "tag"
    grouped_by: ClassVar[str] = "task"

    encoder: Node
    task: Task
    corpus: str
    target: str | None
    files: str
    preset: Preset
    seed: int

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.tagging.tagging_run import run_tagging

        corpus: Any = open_dataset(self.corpus, self.root)
        target: Any = None if self.target is None else open_dataset(self.target, self.root)
        run_tagging(
            self.task,
            paths["encoder"],
            corpus,
            preset=self.preset,
            seed=self.seed,
            out=workspace.out,
            checkpoint=workspace.checkpoint,
            cost=workspace.cost,
            test_data=target,
        )
