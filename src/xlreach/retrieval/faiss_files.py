"""Reads and writes FAISS index files without holding their vectors in memory.

Since 1.12 an index of FAISS can hold a view of numbers that are stored elsewhere (`MaybeOwnedVector.create_view`), here
in a memory-mapped file. So an index can be larger than memory, and FAISS itself writes its file: nothing here depends
on the bytes of that file.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from faiss.contrib.ondisk import merge_ondisk

from xlreach.retrieval.factory import (
    Vectors,
    apply_parameters,
    blocks,
    core_index,
    goes_through_all,
    held_vectors,
    is_exact,
    search_parameters,
    train_index,
)


def write_index(path: Path, index: Any, vectors: Vectors, factory: str) -> None:
    """Trains the empty FAISS index of a factory string if it needs training, adds vectors and writes the file.

    The index itself is left empty; vectors, of shape (documents, dimension), that are memory-mapped are not held.
    """
    if not is_exact(index):
        train_index(index, vectors, factory)
        apply_parameters(index, search_parameters(index))
        for block in blocks(vectors):
            candidates(index).add(block)
    _write(path, index, vectors)
    index.reset()


def candidates(index: Any) -> Any:
    """The part of an index that finds candidates if exact vectors rank them (`RFlat`); otherwise the whole index."""
    return faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefineFlat) else index


def read_file(path: Path) -> Any:
    """Reads an index file, memory-mapped if FAISS can map an index of its kind.

    Codes that every search goes through are read into memory, where they are aligned; the exact vectors that rank the
    candidates stay in the file.

    Raises:
        RuntimeError: FAISS cannot read it.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        return faiss.read_index(str(path))
    if isinstance(index, faiss.IndexRefineFlat) and goes_through_all(index.base_index):
        codes = core_index(index.base_index).codes
        if isinstance(codes, faiss.MaybeOwnedVectorUInt8) and not codes.is_owned:
            mapped, size = codes.data(), codes.size()
            codes.is_owned = True
            codes.resize(size)
            faiss.memcpy(codes.data(), mapped, size)
    return index


def merges(index: Any) -> bool:
    """Whether shards of such an index can be merged on disk: it has inverted lists of FAISS's usual kind."""
    finder = candidates(index)
    try:
        ivf: Any = faiss.extract_index_ivf(finder)
    except RuntimeError:
        return False
    plain = not isinstance(finder, faiss.IndexRefine) and not isinstance(ivf, faiss.IndexIVFPQR)
    return plain and isinstance(faiss.downcast_InvertedLists(ivf.invlists), faiss.ArrayInvertedLists)


def merge_shards(trained: Path, shards: Sequence[Path], out: Path, vectors: Vectors) -> None:
    """Merges shards into one index file `out`, without holding their codes in memory.

    FAISS's `merge_ondisk` leaves an index that refers to a second file by its path. Here its lists are written into the
    index file, so that the file can be copied and opens with plain `faiss.read_index`. All shards were made from the
    index `trained`, of which `merges` must be true; they are in the order of their documents, with row numbers of the
    whole as ids. `vectors` are the exact ones of all documents, shape (documents, dimension).
    """
    lists_file = out.with_name(out.name + ".lists")
    index, merged = faiss.read_index(str(trained)), faiss.read_index(str(trained))
    try:
        merge_ondisk(candidates(merged), [str(shard) for shard in shards], str(lists_file))
        on_disk: Any = faiss.extract_index_ivf(candidates(merged)).invlists
        ivf: Any = faiss.extract_index_ivf(candidates(index))
        lists: Any = faiss.downcast_InvertedLists(ivf.invlists)
        sizes = [on_disk.list_size(number) for number in range(on_disk.nlist)]
        lists.code_size = 0  # so that only ids are added, 8 bytes a document
        for number in np.flatnonzero(sizes).tolist():
            lists.add_entries(number, sizes[number], on_disk.get_ids(number), on_disk.get_codes(number))
        lists.code_size = on_disk.code_size
        lists.codes.clear()
        for number, size in enumerate(sizes):
            lists.codes.push_back(_view(on_disk.get_codes(number), size * on_disk.code_size))
        ivf.ntotal = candidates(index).ntotal = len(vectors)
        _write(out, index, vectors)
    finally:
        lists_file.unlink(missing_ok=True)


def _write(path: Path, index: Any, vectors: Vectors) -> None:
    """Writes an index that is complete except for the exact vectors, if its kind holds them."""
    exact, index.ntotal = held_vectors(index), len(vectors)
    if exact is None:
        faiss.write_index(index, str(path))
        return
    viewed = np.ascontiguousarray(vectors, np.float32)
    exact.codes, exact.ntotal = _view(faiss.swig_ptr(viewed), viewed.nbytes), len(viewed)
    faiss.write_index(index, str(path))
    exact.codes = faiss.MaybeOwnedVectorUInt8()
    if isinstance(vectors, np.memmap):
        vectors._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _view(pointer: Any, size: int) -> Any:
    """A FAISS vector of the `size` bytes at a pointer, which are not copied and must outlive the view."""
    vector: Any = faiss.MaybeOwnedVectorUInt8
    return vector.create_view(pointer, size, vector().owner) if size else vector()
