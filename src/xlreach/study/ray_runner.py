"""Running the stages of a plan on a Ray cluster: those that need nothing unfinished run at once.

A worker is sent the stage itself and runs it into the store that all nodes share. A stage whose worker or node dies is
started again elsewhere, from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from xlreach.compute.cluster import cluster, enter, node, ray, resources, share
from xlreach.compute.workers import use_threads
from xlreach.errors import StoreError, XLReachError
from xlreach.stage import Stage
from xlreach.store import Store
from xlreach.study.queue import StageQueue


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
        queue = StageQueue(stages, store, log)
        with cluster(self.address):
            total = resources()
            alive = sum(node["Alive"] for node in ray.nodes())
            log(f"ray      {alive} nodes, {total['CPU']:.0f} CPUs, {total['GPU']:.0f} GPUs")
            least = share()
            while queue.waiting or queue.working:
                for stage in queue.ready():
                    needs = {"num_cpus": 1, "num_gpus": 0} if stage.light else least
                    remote = _make.options(**needs, name=f"{stage.kind} {stage.title}").remote
                    threads = 0 if stage.light else needs["num_cpus"]
                    queue.begin(stage, remote(stage, store.root, str(Path.cwd()), threads))
                (task,), _ = ray.wait(list(queue.working), num_returns=1)
                try:
                    answer = ray.get(task)
                except ray.exceptions.RayTaskError:
                    raise
                except ray.exceptions.RayError as error:
                    queue.died(task, type(error).__name__)
                    continue
                if "error" in answer:
                    raise XLReachError(answer["error"])
                stage = queue.working[task]
                if not stage.done(store):
                    raise StoreError(
                        f"The node {answer['node']} made {stage.kind} {stage.key}, but it is not in {store.root} here.",
                        fix="Put --root on a file system that all nodes share.",
                    )
                queue.end(task, f" on {answer['node']}")


@ray.remote(max_retries=0)  # the queue tries again, and logs it
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
