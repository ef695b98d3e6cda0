"""The stages of a plan that are not made yet: which of them can begin, and which are under way.

Shared by the runners that make several stages at once; where a stage runs is their business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from xlreach.compute.workers import DEATHS
from xlreach.errors import XLReachError
from xlreach.stage import Stage
from xlreach.store import Store


class StageQueue:
    """Stages that wait, and stages under way by the task that makes them; logs each as it ends."""

    def __init__(self, stages: Sequence[Stage], store: Store, log: Callable[[str], None]) -> None:
        self.waiting = {stage.key: stage for stage in stages}
        self.working: dict[Hashable, Stage] = {}
        self._deaths: Counter[str] = Counter()
        self._store, self._log, self._total = store, log, len(stages)

    def ready(self) -> list[Stage]:
        """The stages that need no unfinished one, in the order of the plan."""
        unfinished = set(self.waiting) | {stage.key for stage in self.working.values()}
        return [
            stage
            for stage in self.waiting.values()
            if not any(needed.key in unfinished for needed in stage.needs.values())
        ]

    def begin(self, stage: Stage, task: Hashable) -> None:
        """A task has begun to make a stage."""
        self.working[task] = self.waiting.pop(stage.key)

    def end(self, task: Hashable, where: str = "") -> None:
        """A task has made its stage."""
        stage = self.working.pop(task)
        made = self._total - len(self.waiting) - len(self.working)
        seconds = self._store.record(stage.kind, stage.key)["seconds"]
        self._log(f"[{made}/{self._total}]".ljust(9) + f"{stage.kind:<8} {stage.title}: {seconds:.1f} s{where}")

    def has_died(self, stage: Stage) -> bool:
        """Whether a process died while it made the stage, or one beside it."""
        return stage.key in self._deaths

    def died(self, task: Hashable, why: str) -> None:
        """The process of a task has died; its stage waits again.

        Raises:
            XLReachError: It died too often.
        """
        stage = self.working.pop(task)
        self._deaths[stage.key] += 1
        if self._deaths[stage.key] > DEATHS:
            raise XLReachError(
                f"The worker of {stage.kind} {stage.title!r} died {self._deaths[stage.key]} times ({why}).",
                fix="Its machine may lack memory. What is finished is kept; run again to continue.",
            )
        self._log(f"again    {stage.kind} {stage.title}: its worker died ({why})")
        self.waiting = {stage.key: stage, **self.waiting}
