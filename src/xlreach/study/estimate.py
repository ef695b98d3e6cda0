"""Time, memory and disk space that the pending stages of a study need, estimated from finished stages in the store.

A group is a kind of stage with its step, task or alignment (`Stage.group`). The store's records give the mean time and
disk space of a stage of the group, and its largest memory; a group without a record takes those of its kind. A stage of
a kind that was never run has no estimate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from xlreach.errors import StoreError
from xlreach.stage import Stage
from xlreach.store import Store


@dataclass(frozen=True)
class Effort:
    """What a stage, or several, take: seconds, the largest memory in MB, and disk in MB."""

    seconds: float
    memory_mb: float
    disk_mb: float


@dataclass(frozen=True)
class Estimate:
    """What the pending stages of a study will take: in all, and how many stages of each kind nothing is recorded of."""

    total: Effort
    groups: dict[str, Effort]
    stages: dict[str, Effort]
    unknown: dict[str, int]


def estimate(pending: Sequence[Stage], store: Store) -> Estimate:
    """Estimates the pending stages from the records of finished ones."""
    records = _records(store)
    stages, groups = {}, defaultdict(list)
    for stage in pending:
        if recorded := records.get(stage.group) or records.get(stage.kind):
            total, count = _together(recorded), len(recorded)
            stages[stage.key] = Effort(total.seconds / count, total.memory_mb, total.disk_mb / count)
            groups[stage.group].append(stages[stage.key])
    unknown = Counter(stage.kind for stage in pending if stage.key not in stages)
    total, by_group = _together(list(stages.values())), {group: _together(efforts) for group, efforts in groups.items()}
    return Estimate(total, by_group, stages, dict(unknown))


def duration(seconds: float) -> str:
    """Formats a time for people: `40 s`, `4 min`, `2.5 h`, `3 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _together(efforts: Sequence[Effort]) -> Effort:
    memory = max((effort.memory_mb for effort in efforts), default=0.0)
    return Effort(sum(effort.seconds for effort in efforts), memory, sum(effort.disk_mb for effort in efforts))


def _records(store: Store) -> dict[str, list[Effort]]:
    """What every finished stage took, by its group and by its kind; damaged records are left out."""
    records: dict[str, list[Effort]] = defaultdict(list)
    for path in store.root.glob("[!.]*/*/artifact.json"):
        kind = path.parent.parent.name
        try:
            record = store.record(kind, path.parent.name)
        except StoreError:
            continue
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
        effort = Effort(record["seconds"], record["peak_memory_mb"], size / 2**20)
        for name in {kind, str(record["inputs"].get("group", kind))}:
            records[name].append(effort)
    return records
