"""Kills a study with `kill -9` at random moments, starts it again each time, and looks at what is left in the end."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from studies import differences, done_twice, finish, finished, kill, start, under_way, undisturbed


@dataclass
class Kills:
    """What happened.

    Attributes:
        seconds: What an undisturbed run takes of a processor.
        killed: By the stage that was under way.
        studies: How many studies were brought to their end between kills.
        values: Figures compared in each of them.
        problems: Stages done twice, files lost, stray or different.
    """

    seconds: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    studies: int = 0
    problems: list[str] = field(default_factory=list)


def torture(folder: Path, kills: int, seed: int, tell: Callable[[str], None], until: float) -> Kills:
    """Kills until so many kills are done, or the clock `time.monotonic` is at `until`; then, and whenever the study has
    come to its end, compares.

    Each round begins with nothing. Moments are drawn evenly over the work of an undisturbed run, so that every
    part of it is hit, the start and the report as well.
    """
    draw, found = random.Random(seed), Kills()
    calm = folder / "calm"
    found.seconds = undisturbed(calm)
    tell(f"undisturbed: {found.seconds:.1f} s of a processor, {len(finished(calm))} stages")
    while found.killed.total() < kills and time.monotonic() < until:
        root = folder / f"round-{found.studies + 1}"
        _round(root, kills, draw, found, tell, until)
        found.problems += [f"{root.name}: {one}" for one in differences(calm, root)]
        found.studies += 1
        tell(f"{root.name}: ended like the undisturbed run, problems so far: {len(found.problems)}")
        if not found.problems:
            shutil.rmtree(root)
    return found


def _round(
    root: Path, kills: int, draw: random.Random, found: Kills, tell: Callable[[str], None], until: float
) -> None:
    """One study from nothing to its end."""
    before: dict[str, tuple[int, int]] = {}
    while True:
        process = start(root)
        left = found.killed.total() < kills and time.monotonic() < until
        was_killed = kill(process, draw.uniform(0, found.seconds)) if left else False
        if not was_killed:
            finish(process, root)
        after = finished(root)
        found.problems += [f"{root.name}: done twice: {one}" for one in done_twice(before, after)]
        if not was_killed:
            return
        found.killed[under_way(root)] += 1
        tell(f"kill {found.killed.total()}: {under_way(root)}, {len(after)} stages kept")
        before = after
