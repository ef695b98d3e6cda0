"""Running the stages of a plan on a Ray cluster: those that need nothing unfinished run at once.

A worker is sent the stage itself and runs it into the store that all nodes share. A stage whose worker or node dies is
started again elsewhere, from its checkpoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xlreach.compute.cluster import DEATHS, cluster, enter, node, ray, resources, share, use_threads
from xlreach.errors import StoreError, XLReachError
from xlreach.stage import Stage
from xlreach.store import Store


class OnRay:
    """Runs stages as Ray tasks, of one plan.

    `address` is that of a cluster; None starts one on this machine, and stops it at the end.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address

    def run(self, stages: Sequence[Stage], store: Store, log: Callable[[str], None]) -> None:
        """Runs the stages; see `Runner`.

        Raises:
            XLReachError: What a stage raised; or a stage's worker died too often.
            StoreError: A node does not see the store, or has another xlreach.
        """
        if not stages:
            return
        self.store, self.log, self.total = store, log, len(stages)
        self.waiting = {stage.key: stage for stage in stages}
        self.working: dict[Any, Stage] = {}
        self.deaths: Counter[str] = Counter()
        with cluster(self.address):
            total = resources()
            alive = sum(node["Alive"] for node in ray.nodes())
            log(f"ray      {alive} nodes, {total['CPU']:.0f} CPUs, {total['GPU']:.0f} GPUs")
            self.share = share()
            self._begin()
            while self.working:
                (task,), _ = ray.wait(list(self.working), num_returns=1)
                stage = self.working.pop(task)
                try:
                    self._finish(stage, ray.get(task))
                except ray.exceptions.RayTaskError:
                    raise
                except ray.exceptions.RayError as error:
                    self._retry(stage, error)
                self._begin()

    def _begin(self) -> None:
        """Submits every stage that needs no unfinished one."""
        unfinished = set(self.waiting) | {stage.key for stage in self.working.values()}
        for stage in list(self.waiting.values()):
            if not any(needed.key in unfinished for needed in stage.needs.values()):
                self._submit(self.waiting.pop(stage.key))

    def _submit(self, stage: Stage) -> None:
        needs = {"num_cpus": 1, "num_gpus": 0} if stage.light else self.share
        threads = 0 if stage.light else needs["num_cpus"]
        remote = _make.options(**needs, name=f"{stage.kind} {stage.title}").remote
        task = remote(stage, self.store.root, str(Path.cwd()), threads)
        self.working[task] = stage

    def _finish(self, stage: Stage, answer: dict[str, str]) -> None:
        if "error" in answer:
            raise XLReachError(answer["error"])
        if not stage.done(self.store):
            raise StoreError(
                f"The node {answer['node']} made {stage.kind} {stage.key}, but it is not in {self.store.root} here.",
                fix="Put --root on a file system that all nodes share.",
            )
        progress = f"[{self.total - len(self.waiting) - len(self.working)}/{self.total}]"
        seconds = self.store.record(stage.kind, stage.key)["seconds"]
        self.log(f"{progress} {stage.kind:<8} {stage.title}")
        self.log(f"{'':>{len(progress)}} {'':<8} {seconds:.1f} s on {answer['node']}")

    def _retry(self, stage: Stage, error: Exception) -> None:
        """Starts a stage again whose worker died."""
        self.deaths[stage.key] += 1
        why = type(error).__name__
        if self.deaths[stage.key] > DEATHS:
            raise XLReachError(
                f"The worker of {stage.kind} {stage.title!r} died {self.deaths[stage.key]} times ({why}).",
                fix="Its node may lack memory. What is finished is kept; run again to continue.",
            )
        self.log(f"again    {stage.kind} {stage.title}: its worker died ({why})")
        self._submit(stage)


@ray.remote(max_retries=0)  # `_retry` tries again, and logs it
def _make(stage: Stage, store: Path, folder: str, threads: int) -> dict[str, str]:
    """Runs one stage; returns a user's mistake as its message."""
    try:
        enter(folder)
        if threads:
            use_threads(threads)
        stage.obtain(Store(store))
        return {"node": node()}
    except XLReachError as error:
        return {"error": str(error)}
