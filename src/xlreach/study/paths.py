"""Where a study's folders are, and the check that they are its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from xlreach.errors import StoreError
from xlreach.store import Store

TEMPORARY = ".*.tmp"  # left by a process that was killed while it replaced a file or folder


@dataclass(frozen=True)
class StudyPaths:
    """The folders of studies: `runs/`, `artifacts/`, `encoders/` and `indexes/` below one root."""

    root: Path

    @property
    def store(self) -> Store:
        return Store(self.root / "artifacts")

    def run(self, study: str) -> Path:
        """The run folder of a study."""
        return self.root / "runs" / study

    def encoders(self, study: str) -> Path:
        """The folder of a study's retrieval encoders."""
        return self.root / "encoders" / study

    def indexes(self, study: str) -> Path:
        """The folder of a study's indexes."""
        return self.root / "indexes" / study

    def refuse_foreign(self, study: str) -> None:
        """Keeps a study from replacing what it did not write.

        Only runs have results, and only a study sorts its indexes by encoder.

        Raises:
            StoreError: A folder that the study would write is a link, a file, or holds files of somebody else.
        """
        run, encoders, indexes = folders = self.run(study), self.encoders(study), self.indexes(study)
        for folder in folders:
            if folder.is_symlink():
                raise StoreError(
                    f"{folder} is a link, which is not followed.", fix="Remove it, or name another --root."
                )
            for path in (folder, *folder.parents):
                if path.exists() and not path.is_dir():
                    raise StoreError(f"{path} is a file, where a folder is to be written.", fix="Name another --root.")
        contents = {path.name: path for path in run.glob("*") if not path.match(TEMPORARY)}
        is_run = contents.keys() & {"results.jsonl", "gaps.json", "report.html"} or written_plan(run) is not None
        foreign = {
            run: bool(contents) and not is_run,
            encoders: any(path.is_file() for path in encoders.glob("*")),
            indexes: any(path.is_file() for path in (*indexes.glob("*"), *indexes.glob("*/manifest.json"))),
        }
        for folder, is_foreign in foreign.items():
            if is_foreign:
                raise StoreError(
                    f"{folder} holds files that no study wrote.", fix="Move it away, or give the study another name."
                )


def written_plan(run: Path) -> str | None:
    """Returns the hash of the plan that a run folder was written from; None where it holds no whole run."""
    try:
        return yaml.safe_load((run / "config.yaml").read_text("utf-8"))["provenance"]["plan"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
