"""What runs the stages of a plan: this machine, or a Ray cluster.

A runner is named by a string: `local`, `ray` (a temporary cluster on this machine) or `ray=ADDRESS`. With either,
results are kept in the same store under the same keys, so one can continue where another stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from xlreach.errors import SpecError, XLReachError, nearest
from xlreach.stage import Stage
from xlreach.store import Store
from xlreach.study.local_runner import Local


class Runner(Protocol):
    """Runs stages."""

    def run(self, stages: Sequence[Stage], store: Store, log: Callable[[str], None]) -> None:
        """Runs unfinished stages (given in an order in which they can run), and logs each as it starts and ends."""


def open_runner(name: str, jobs: int | None = None) -> Runner:
    """Returns the runner of that name; `jobs` is how many stages a local one makes at once (see `Local`).

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
        return Local(jobs)
    from xlreach.study.ray_runner import OnRay

    return OnRay(address)


def parse_runner(name: str) -> tuple[bool, str | None]:
    """Returns whether a runner's name asks for Ray, and the address of the cluster, if it gives one.

    >>> parse_runner("ray=10.0.0.1:6379")
    (True, '10.0.0.1:6379')

    Raises:
        SpecError: There is no runner of that name.
    """
    kind, equals, address = name.partition("=")
    if name != "local" and (kind != "ray" or (equals and not address)):
        raise SpecError(f"No runner {name!r}.", fix=nearest(kind, ("local", "ray", "ray=ADDRESS")))
    return kind == "ray", address or None
