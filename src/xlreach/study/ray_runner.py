"""Running the stages of a plan on a Ray cluster: those that need nothing unfinished run at once.

A stage's recipe for making is code that holds readers, tables and paths; it is not sent about. A worker is sent the
configuration and a key, plans the study again from the same data, and makes the stage of that key into the store that
all share. A stage whose worker or node dies is begun again elsewhere, from its checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xlreach.errors import StoreError, XLReachError
from xlreach.retrieval.cluster import DEATHS, cluster, enter, here, node, ray, resources, share, use_threads
from xlreach.store import Store
from xlreach.study.config import StudyConfig
from xlreach.study.plan import Plan
from xlreach.study.runner import Tell
from xlreach.study.stage import Stage


class OnRay:
    """Stages as Ray tasks.

    Args:
        address: Of a cluster; None starts one on this machine for the while.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address

    def run(self, stages: Sequence[Stage], config: StudyConfig, root: Path, tell: Tell) -> None:
        """Makes the stages; see `Runner`.

        Raises:
            XLReachError: What a stage raised; or a stage's worker died too often.
            StoreError: A node does not see the store, or has another xlreach.
        """
        if not stages:
            return
        with cluster(self.address):
            total = resources()
            tell(f"ray      {len(_alive())} nodes, {total['CPU']:.0f} CPUs, {total['GPU']:.0f} GPUs")
            _Run(stages, config, root, tell).all()


class _Run:
    """One plan under way."""

    def __init__(self, stages: Sequence[Stage], config: StudyConfig, root: Path, tell: Tell) -> None:
        self.store, self.tell = Store(root / "artifacts"), tell
        self.arguments = (json.dumps(config.model_dump(mode="json")), str(root), here())
        self.waiting = {stage.key: stage for stage in stages}
        self.working: dict[Any, Stage] = {}
        self.deaths: dict[str, int] = {}
        self.total, self.share = len(stages), share()

    def all(self) -> None:
        self._begin()
        while self.working:
            (task,), _ = ray.wait(list(self.working), num_returns=1)
            stage = self.working.pop(task)
            try:
                self._finish(stage, ray.get(task))
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as error:
                self._mourn(stage, error)
            self._begin()

    def _begin(self) -> None:
        """Submits whatever needs nothing that is still to be made."""
        unfinished = set(self.waiting) | {stage.key for stage in self.working.values()}
        for stage in list(self.waiting.values()):
            if not any(needed.key in unfinished for needed in stage.needs.values()):
                self._submit(self.waiting.pop(stage.key))

    def _submit(self, stage: Stage) -> None:
        given = {"num_cpus": 1, "num_gpus": 0} if stage.light else self.share
        threads = 0 if stage.light else given["num_cpus"]
        task = _make.options(**given, name=f"{stage.kind} {stage.title}").remote(*self.arguments, stage.key, threads)
        self.working[task] = stage

    def _finish(self, stage: Stage, told: dict[str, str]) -> None:
        if "wrong" in told:
            raise XLReachError(told["wrong"])
        if not stage.done(self.store):
            raise StoreError(
                f"The node {told['node']} made {stage.kind} {stage.key}, but it is not in {self.store.root} here.",
                fix="Put --root on a file system that all nodes share.",
            )
        place = f"[{self.total - len(self.waiting) - len(self.working)}/{self.total}]"
        seconds = self.store.record(stage.kind, stage.key)["seconds"]
        self.tell(f"{place} {stage.kind:<8} {stage.title}")
        self.tell(f"{'':>{len(place)}} {'':<8} {seconds:.1f} s on {told['node']}")

    def _mourn(self, stage: Stage, error: Exception) -> None:
        """Begins a stage again whose worker died."""
        self.deaths[stage.key] = self.deaths.get(stage.key, 0) + 1
        why = type(error).__name__
        if self.deaths[stage.key] > DEATHS:
            raise XLReachError(
                f"The worker of {stage.kind} {stage.title!r} died {self.deaths[stage.key]} times ({why}).",
                fix="Its node may lack memory. What is finished is kept; run again to go on.",
            )
        self.tell(f"again    {stage.kind} {stage.title}: its worker died ({why})")
        self._submit(stage)


@ray.remote(max_retries=0)  # `_mourn` tries again, and says so
def _make(config: str, root: str, folder: str, key: str, threads: int) -> dict[str, str]:
    """Makes one stage; a mistake of the user's comes back as what it says."""
    try:
        enter(folder)
        if threads:
            use_threads(threads)
        stage = _planned(config, root).stages.get(key)
        if stage is None:
            raise StoreError(
                f"The node {node()} plans another study from the same configuration.",
                fix="Install the same xlreach on all nodes, and let them see the same data.",
            )
        stage.run(Store(Path(root) / "artifacts"))
        return {"node": node()}
    except XLReachError as error:
        return {"wrong": str(error)}


@lru_cache(maxsize=1)
def _planned(config: str, root: str) -> Plan:
    """The plan; kept, for a worker makes many stages of one study."""
    from xlreach.study.run import Place, prepare

    return prepare(StudyConfig.model_validate(json.loads(config)), Place(Path(root)))


def _alive() -> list[Any]:
    return [one for one in ray.nodes() if one["Alive"]]
