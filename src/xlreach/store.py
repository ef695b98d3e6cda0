"""The content-addressed store: a stage is a pure function of its inputs, and its result is kept under their hash.

    artifacts/<stage>/<key>/            whole results, never changed again
    artifacts/<stage>/<key>/artifact.json   what it was made from, how long it took, how much memory
    artifacts/.work/<stage>-<key>/      the one under way: `out/` is begun afresh, `checkpoint/` survives a kill
    artifacts/.locks/                   one lock a result, so that two runs can share a store

A result appears by one rename on the same file system, so a reader never sees half of it.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import math
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from xlreach import __version__
from xlreach.errors import StoreError
from xlreach.safe_io import read_json

_ARTIFACT = "artifact.json"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def digest(value: Any) -> str:
    """A short, stable hash of a JSON-like value; the order of keys does not matter."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass
class Workspace:
    """Where a stage works."""

    out: Path  # an empty folder; what the stage leaves there becomes the result
    checkpoint: Path  # a folder that survives a kill, for a stage that can be resumed
    # What the stage records of its costs besides seconds and memory (`{"tokens": 12345}`)
    cost: dict[str, float] = field(default_factory=dict)


class Store:
    """Results by stage and key below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, stage: str, key: str) -> Path:
        """Where the result is, or will be."""
        return self.root / stage / key

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Holds a lock of that name, among all processes that share the store."""
        folder = self.root / ".locks"
        self._make(folder)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire()
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()

    def has(self, stage: str, key: str) -> bool:
        return (self.path(stage, key) / _ARTIFACT).is_file()

    def record(self, stage: str, key: str) -> dict[str, Any]:
        """The record of a result: its inputs, seconds, peak memory in MB, and the costs that the stage recorded."""
        path = self.path(stage, key) / _ARTIFACT
        record = read_json(path, StoreError)
        costs = [record.get(name) for name in ("seconds", "peak_memory_mb")] if isinstance(record, dict) else [None]
        if not all(isinstance(cost, (int, float)) and math.isfinite(cost) and cost >= 0 for cost in costs):
            raise StoreError(
                "The record of a result is damaged.", fix="Remove its folder: it will be made again.", path=path
            )
        return record

    def obtain(self, stage: str, key: str, inputs: Mapping[str, Any], make: Callable[[Workspace], None]) -> Path:
        """The result's folder, made by `make` if it is not there yet.

        Args:
            stage: The kind of result.
            key: The `digest` of everything that changes it.
            inputs: What the key was made from, recorded beside the result.
            make: Fills `Workspace.out`; called at most once, under a lock.

        Raises:
            StoreError: The store cannot be written.
        """
        final = self.path(stage, key)
        if self.has(stage, key):
            return final
        work = self.root / ".work" / f"{stage}-{key}"
        with self.lock(f"{stage}-{key}"):
            if self.has(stage, key):
                return final
            # Made under the lock, so that a process that waited for it leaves no empty workspace.
            self._make(final.parent, work)
            space = Workspace(work / "out", work / "checkpoint")
            shutil.rmtree(space.out, ignore_errors=True)
            space.out.mkdir(parents=True)
            space.checkpoint.mkdir(exist_ok=True)
            started = time.monotonic()
            try:
                with _peak_memory() as memory, self.refusals():
                    make(space)
            except BaseException:
                shutil.rmtree(space.out, ignore_errors=True)
                if not any(space.checkpoint.iterdir()):
                    shutil.rmtree(work, ignore_errors=True)
                raise
            record = {
                "stage": stage,
                "key": key,
                "inputs": dict(inputs),
                "version": __version__,
                "seconds": round(time.monotonic() - started, 3),
                "peak_memory_mb": round(memory[0] / 2**20, 1),
                **space.cost,
            }
            with self.refusals():
                (space.out / _ARTIFACT).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
                _flush(space.out)
                shutil.rmtree(final, ignore_errors=True)
                space.out.rename(final)
            shutil.rmtree(work, ignore_errors=True)
        return final

    def tidy(self) -> None:
        """Removes the workspaces of finished results, which remain when a process is killed at the very end."""
        for work in (self.root / ".work").glob("*-*"):
            stage, _, key = work.name.rpartition("-")
            if self.has(stage, key):
                with self.lock(work.name):
                    shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Reports a full disk in one sentence, whichever library raised the error."""
        try:
            yield
        except Exception as error:
            if not _is_full(error):
                raise
            raise StoreError(
                f"The disk of the store {self.root} is full.",
                fix="Free some space; what is finished is kept, and the same command goes on.",
            ) from error

    def _make(self, *folders: Path) -> None:
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"The store {self.root} cannot be written ({error.strerror}).",
            fix="Make the folder writable, or name another one with --root.",
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path next to `path` (file or folder) that replaces it when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            exchange(temporary, path)
        else:
            temporary.replace(path)
    finally:
        _remove(temporary)


def exchange(first: Path, second: Path) -> None:
    """Exchanges two folders of one file system; at every moment there is a whole folder at both paths.

    On systems other than Linux this takes three renames; a kill between them leaves `second` as `.<name>.before`.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None and rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0:
        return
    before = second.with_name(f".{second.name}.before")
    second.rename(before)
    first.rename(second)
    before.rename(first)


def _is_full(error: BaseException) -> bool:
    """Whether a full disk or quota caused an error; libraries in C++ and Rust report it only in the message."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if re.search(r"No space left|quota exceeded|os error (28|122)\b", str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    """Forces every file to disk, so that a rename is never ahead of the bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


@contextmanager
def _peak_memory(every: float = 0.2) -> Iterator[list[int]]:
    """The largest resident size of this process while the block runs, in bytes, sampled."""
    process, peak, stop = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while True:
            peak[0] = max(peak[0], process.memory_info().rss)
            if stop.wait(every):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
