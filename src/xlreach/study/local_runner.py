"""Running the stages of a plan on this machine: one after the other in this process, or several side by side.

A stage gets the threads that its model is worth: small ones run side by side on one thread each, a large one has all
processors. So a stage computes the same whether others run beside it or not.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path

import loky
from loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from xlreach.compute.workers import processors, start_worker, threads_for, use_threads
from xlreach.errors import XLReachError
from xlreach.stage import Stage
from xlreach.store import Store
from xlreach.study.queue import StageQueue

_SHOW_SECONDS = 1.0
_IDLE_SECONDS = 60


class Local:
    """Makes at most `jobs` stages at once, each in a process of its own; with one job, in this process.

    None makes as many at once as this process may use processors.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or processors()

    def run(self, stages: Sequence[Stage], store: Store, log: Callable[[str], None]) -> None:
        """Runs the stages; see `Runner`.

        Raises:
            XLReachError: What a stage raised; or a stage's worker died too often.
        """

        def log_above_bars(line: str) -> None:
            with tqdm.external_write_mode():
                log(line)

        queue = StageQueue(stages, store, log_above_bars)
        if min(self.jobs, len(stages)) > 1:
            return self._side_by_side(queue, store, log_above_bars)
        for stage in stages:
            log(_begun(stage))
            queue.begin(stage, stage.key)
            if not stage.light:
                use_threads(_threads(stage, store, alone=True))
            stage.obtain(store)
            queue.end(stage.key)
        return None

    def _side_by_side(self, queue: StageQueue, store: Store, log: Callable[[str], None]) -> None:
        mistakes: list[str] = []
        takes: dict[Future[str | None], int] = {}  # processors
        with _workers(self.jobs) as submit, _progress(queue) as show:
            while queue.waiting or queue.working:
                ready = queue.ready()
                for stage in ready:
                    needed = _threads(stage, store, alone=len(ready) == 1)
                    # what has died before runs alone, so that no other stage dies with it
                    taken = processors() if queue.has_died(stage) else needed
                    free = processors() - sum(takes.values())
                    if not queue.working or (taken <= free and len(queue.working) < self.jobs):
                        task = submit(_make, stage, store.root, str(Path.cwd()), 0 if stage.light else needed)
                        takes[task] = taken
                        log(_begun(stage))
                        queue.begin(stage, task)
                done, _ = wait(takes, timeout=_SHOW_SECONDS, return_when=FIRST_COMPLETED)
                for task in done:
                    del takes[task]
                    try:
                        mistake = task.result()
                    except TerminatedWorkerError:
                        queue.died(task, "its process was killed")
                        continue
                    if mistake is None:
                        queue.end(task)
                    else:  # stages under way end, no other begins
                        mistakes.append(mistake)
                        stage = queue.working.pop(task)
                        log(f"failed   {stage.kind:<8} {stage.title}")
                        queue.waiting.clear()
                show()
        if mistakes:
            raise XLReachError(mistakes[0])


def _begun(stage: Stage) -> str:
    return f"begun    {stage.kind:<8} {stage.title}"


def _threads(stage: Stage, store: Store, alone: bool) -> int:
    """The threads that a stage gets; one that encodes is worth all processors where no other stage waits for them."""
    if stage.light:
        return 1
    return threads_for(stage.layer_weights(store), many_batches=stage.encodes and alone)


def _make(stage: Stage, store: Path, folder: str, threads: int) -> str | None:
    """Makes one stage in a worker process; returns a user's mistake as its message."""
    os.chdir(folder)
    if threads:
        use_threads(threads)
    try:
        stage.obtain(Store(store))
    except XLReachError as error:
        return str(error)
    return None


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., Future[str | None]]]:
    """Gives the function that submits work to a pool of processes; the pool outlives the block by a minute.

    Where the block ends with an error, the processes are killed. A process that died is replaced by the next `submit`.
    """

    def pool() -> loky.ProcessPoolExecutor:
        return loky.get_reusable_executor(
            jobs,
            timeout=_IDLE_SECONDS,
            initializer=start_worker,
            initargs=(os.getpid(),),
            env={"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1"},
        )

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while")  # loky replaces a grown one
        try:
            yield lambda *work: pool().submit(*work)
        except BaseException:
            pool().shutdown(wait=True, kill_workers=True)
            raise


@contextmanager
def _progress(queue: StageQueue) -> Iterator[Callable[[], None]]:
    """Gives the function that shows, in a terminal, how many stages are made, and a line for each one under way."""
    lines: dict[str, tqdm] = {}
    with tqdm(total=len(queue.waiting), unit="stage", disable=None, leave=False) as bar:

        def show() -> None:
            under_way = {stage.key: stage for stage in queue.working.values()}
            for key in lines.keys() - under_way.keys():
                lines.pop(key).close()
            for key, stage in under_way.items():
                if key not in lines:
                    text = f"{stage.kind} {stage.title}"
                    lines[key] = tqdm(desc=text, bar_format="{desc:.70} {elapsed}", disable=None, leave=False)
                lines[key].refresh()
            bar.n = bar.total - len(queue.waiting) - len(under_way)
            bar.refresh()

        try:
            yield show
        finally:
            for line in lines.values():
                line.close()
