"""Who makes the stages of a plan: this process, one after the other, or a Ray cluster.

A runner is named by a string: `local`, `ray` (a cluster for the while, of this machine) or `ray=ADDRESS`. Whichever it
is, results are kept in the same store under the same keys, so that one can go on where another stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from xlreach.errors import SpecError, XLReachError, nearest
from xlreach.store import Store
from xlreach.study.config import StudyConfig
from xlreach.study.stage import Stage

Tell = Callable[[str], None]


class Runner(Protocol):
    """Makes stages."""

    def run(self, stages: Sequence[Stage], config: StudyConfig, root: Path, tell: Tell) -> None:
        """Makes every stage, each after those that it needs.

        Args:
            stages: What is left of a plan, upstream first.
            config: The study whose plan it is: other machines plan again from it.
            root: Holds the store.
            tell: Is told what begins and ends.
        """


class Local:
    """One stage after the other, in this process."""

    def run(self, stages: Sequence[Stage], config: StudyConfig, root: Path, tell: Tell) -> None:
        store = Store(root / "artifacts")
        for number, stage in enumerate(stages, 1):
            place = f"[{number}/{len(stages)}]"
            tell(f"{place} {stage.kind:<8} {stage.title}")
            stage.run(store)
            record = store.record(stage.kind, stage.key)
            tell(f"{'':>{len(place)}} {'':<8} {record['seconds']:.1f} s")


def open_runner(name: str) -> Runner:
    """The runner of that name.

    Raises:
        SpecError: There is none.
        XLReachError: This is one of several processes that train together.
        MissingExtraError: Ray is not installed.
    """
    on_ray, address = parse_runner(name)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise XLReachError(
            "The processes of torchrun or accelerate cannot share a study.",
            fix="Run it with --runner ray; start 'xlreach adapt' or 'xlreach train' with several processes.",
        )
    if not on_ray:
        return Local()
    from xlreach.study.ray_runner import OnRay

    return OnRay(address)


def parse_runner(name: str) -> tuple[bool, str | None]:
    """Whether a runner's name asks for Ray, and the address of the cluster, if it gives one.

    >>> parse_runner("ray=10.0.0.1:6379")
    (True, '10.0.0.1:6379')

    Raises:
        SpecError: It is no runner's name.
    """
    kind, equals, address = name.partition("=")
    if name != "local" and (kind != "ray" or (equals and not address)):
        raise SpecError(f"No runner {name!r}.", fix=nearest(kind, ("local", "ray", "ray=ADDRESS")))
    return kind == "ray", address or None
