"""Adds documents to an index folder and removes others.

If an index holds its vectors (`Flat`, `…,RFlat`), only added documents are encoded; otherwise all documents are encoded
again from their texts. An index that is not exact is trained again on its new content: some kinds cannot remove
vectors, and cells learned from old documents fit new ones less and less.

The old folder and the new one are exchanged in one step: a process that opens the index gets a complete one, and a
process that has it open keeps the old one. Simultaneous updates wait for each other: each holds a lock on the folder,
which is released when its process ends.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np

from xlreach.corpora.collection import Document
from xlreach.errors import DataError
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.factory import blocks, check_factory, held_vectors
from xlreach.retrieval.index import DenseIndex, build_index, fill_index, open_index, write_documents
from xlreach.store import exchange

_BLOCK = 65536


def update_index(
    folder: Path | str,
    encoder: TextEncoder | Path | str,
    add: Iterable[Document] = (),
    remove: Iterable[str] = (),
    checkpoint: Path | None = None,
) -> Path:
    """Removes documents (by id) from an index folder, adds others (read once, streaming), and returns the folder.

    The documents that stay keep their order; added ones follow. An id that is both removed and added is replaced.
    `encoder` is the one that the index was built with; `checkpoint` is as for `build_index`.

    Raises:
        IndexFolderError: The folder is damaged or another encoder's.
        DataError: An id to remove is not in the index, an id to add is, or no document would be left.
    """
    folder = Path(folder)
    encoder = encoder if isinstance(encoder, TextEncoder) else TextEncoder(encoder)
    with _locked(folder):
        index = open_index(folder, encoder)
        stays = _staying(index, set(remove))
        work = Path(checkpoint) if checkpoint else folder.parent / f".{folder.name}.vectors"
        work.mkdir(parents=True, exist_ok=True)
        renewed = folder.with_name(f".{folder.name}.renewed")
        try:
            shutil.rmtree(renewed, ignore_errors=True)  # left by a killed update
            _renew(index, stays, add, encoder, renewed, work)
            exchange(renewed, folder)
        finally:
            shutil.rmtree(renewed, ignore_errors=True)
            if checkpoint is None:
                shutil.rmtree(work, ignore_errors=True)
    return folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Locks the folder against other updates, and restores the old folder if an update was killed in the exchange."""
    while True:
        before = folder.with_name(f".{folder.name}.before")
        if before.is_dir() and not folder.exists():
            before.rename(folder)
        if not folder.is_dir():
            open_index(folder)  # raises the right error
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, folder):  # otherwise it was exchanged meanwhile
                shutil.rmtree(before, ignore_errors=True)
                yield
                return
        finally:
            os.close(handle)


def _is_at(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


def _renew(
    index: DenseIndex, stays: np.ndarray, add: Iterable[Document], encoder: TextEncoder, out: Path, work: Path
) -> None:
    language, factory = index.language, index.manifest["factory"]
    kept = _documents(index, stays)
    if held_vectors(index.faiss) is None:
        build_index(encoder, chain(kept, add), out, factory, language, checkpoint=work)
        return
    out.mkdir()
    texts = write_documents(chain(kept, add), out / "ids.parquet")
    for _ in range(len(stays)):  # these have vectors already
        next(texts)
    vectors = encoder.encode_stream(texts, work / "vectors.f32", "document", index.language)
    count = len(stays) + len(vectors)
    if count == 0:
        raise DataError(
            f"No document would be left in {index.folder}.", fix="To remove the whole index, delete the folder."
        )
    whole = work / "whole.f32"
    with whole.open("wb") as stream:
        for block in chain(_kept_vectors(index, stays), blocks(vectors)):
            stream.write(np.ascontiguousarray(block).data)
    empty = check_factory(factory, encoder.dimension)
    shape = (count, encoder.dimension)
    fill_index(out, empty, np.memmap(whole, np.float32, "r", shape=shape), encoder, language, factory)
    whole.unlink()


def _kept_vectors(index: DenseIndex, stays: np.ndarray) -> Iterator[Vectors]:
    for start in range(0, index.count, _BLOCK):
        size = min(_BLOCK, index.count - start)
        rows = stays[(stays >= start) & (stays < start + size)] - start
        yield index.vectors(start=start, count=size)[rows]


def _staying(index: DenseIndex, remove: set[str]) -> np.ndarray:
    """The rows that stay."""
    missing = sorted(remove.difference(index.ids))
    if missing:
        close = difflib.get_close_matches(missing[0], index.ids[:_BLOCK], n=1)
        raise DataError(
            f"The index has no document {missing[0]!r}"
            + (f", nor {len(missing) - 1} others to be removed." if len(missing) > 1 else "."),
            fix=f"Did you mean {close[0]!r}?" if close else "",
            path=index.folder,
        )
    return np.array([row for row, name in enumerate(index.ids) if name not in remove], np.int64)


def _documents(index: DenseIndex, rows: Sequence[int] | np.ndarray) -> Iterator[Document]:
    for start in range(0, len(rows), _BLOCK):
        yield from index.documents([int(row) for row in rows[start : start + _BLOCK]])
