"""Index files written piece by piece, so that an index may be larger than memory.

FAISS writes only what it holds. In the kinds of file here, exact, ranked again by exact vectors (`RFlat`) and with
inverted lists, what grows with the documents comes last, or next to it; so FAISS writes the part before it, of the
empty index with the count put in, and the rest comes from disk. The file is byte for byte the one that FAISS would
have written.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from faiss.contrib.ondisk import merge_ondisk

from xlreach.errors import IndexFolderError
from xlreach.retrieval.factory import (
    Vectors,
    add_vectors,
    apply_parameters,
    blocks,
    goes_through_all,
    is_exact,
    search_parameters,
    train_index,
)

_REFINING = 37  # bytes of an index that ranks again, before those of the one that finds candidates


def write_exact(path: Path, index: Any, count: int, blocks: Iterable[Vectors]) -> None:
    """Writes an exact index of so many vectors.

    Args:
        path: The file.
        index: An empty `IndexFlat`; left empty.
        count: How many vectors there will be.
        blocks: The vectors, block by block, shape (any, dimension).
    """
    index.ntotal = count
    faiss.write_index(index, str(path))
    index.ntotal = 0
    _put_vectors(path, count, index.d, blocks, b"")


def write_index(path: Path, index: Any, vectors: Vectors, factory: str) -> None:
    """Trains an index where it needs it, adds vectors and writes the file.

    Args:
        path: The file.
        index: The empty FAISS index; left empty, though trained.
        vectors: In the order of rows; where they are kept as they are, they go to the file without being held.
        factory: The index string.
    """
    if is_exact(index):
        write_exact(path, index, len(vectors), blocks(vectors))
        return
    train_index(index, vectors, factory)
    apply_parameters(index, search_parameters(index))
    add_vectors(candidates(index), vectors)
    _count(index, len(vectors))
    faiss.write_index(index, str(path))
    _put_ranking_vectors(path, index, vectors)
    index.reset()


def candidates(index: Any) -> Any:
    """What of an index finds candidates, if exact vectors rank them (`RFlat`); else all of it."""
    return faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefineFlat) else index


def read_file(path: Path) -> Any:
    """The FAISS index of a file, memory-mapped if FAISS can map that kind.

    Codes that every search goes through are read into memory, where they are aligned; the vectors that rank what they
    find stay in the file.

    Raises:
        RuntimeError: FAISS cannot read it.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        return faiss.read_index(str(path))
    if isinstance(index, faiss.IndexRefineFlat) and goes_through_all(index.base_index):
        mapped: Any = index.base_index
        with path.open("rb") as stream:
            stream.seek(_REFINING)
            index.base_index = faiss.read_index(faiss.PyCallbackIOReader(stream.read))  # type: ignore[attr-defined]
        mapped.this.own(True)  # nobody else frees it now
    return index


def merges(index: Any) -> bool:
    """Whether shards of such an index can be merged on disk: inverted lists, kept as FAISS usually keeps them."""
    finds = candidates(index)
    try:
        ivf: Any = faiss.extract_index_ivf(finds)
    except RuntimeError:
        return False
    plain = not isinstance(finds, faiss.IndexRefine) and not isinstance(ivf, faiss.IndexIVFPQR)
    return plain and isinstance(faiss.downcast_InvertedLists(ivf.invlists), faiss.ArrayInvertedLists)


def merge_shards(trained: Path, shards: Sequence[Path], out: Path, vectors: Vectors) -> None:
    """Merges shards with FAISS's on-disk merge into one index file.

    `merge_ondisk` leaves an index that refers to a second file by its path; here the lists are moved into the index
    file itself, so that it can be copied about and opens with plain `faiss.read_index`.

    Args:
        trained: The index file that all shards were begun from, empty; `merges` must hold for it.
        shards: Index files of its `candidates`, in the order of their documents; ids are row numbers of the whole.
        out: The file to write; `<out>.lists` is used meanwhile.
        vectors: Of all documents, for an index that ranks by them.
    """
    lists_file = out.with_name(out.name + ".lists")
    whole, target = faiss.read_index(str(trained)), faiss.read_index(str(trained))
    merged = candidates(target)
    try:
        merge_ondisk(merged, [str(shard) for shard in shards], str(lists_file))
        lists: Any = faiss.extract_index_ivf(merged).invlists
        kind = b"ilar" + struct.pack("<QQ", lists.nlist, lists.code_size)
        _count(whole, len(vectors))
        before, none, after = faiss.serialize_index(whole).tobytes().rpartition(kind + b"sprs" + struct.pack("<Q", 0))
        if not none:
            raise _other_format()
        with out.open("wb") as stream:
            stream.write(before + kind)
            sizes = np.array([lists.list_size(number) for number in range(lists.nlist)], "<u8")
            stream.write(_sizes(sizes))
            for number, size in enumerate(sizes.tolist()):
                if size:
                    stream.write(faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).data)
                    stream.write(faiss.rev_swig_ptr(lists.get_ids(number), size).data)
            stream.write(after)
        _put_ranking_vectors(out, whole, vectors)
    finally:
        lists_file.unlink(missing_ok=True)


def _count(index: Any, count: int) -> None:
    """Puts the number of vectors into all parts of an index that say it."""
    finds = candidates(index)
    index.ntotal = finds.ntotal = count
    if finds is not index:
        index.refine_index.ntotal = count
    if merges(index):
        faiss.extract_index_ivf(finds).ntotal = count


def _sizes(sizes: np.ndarray) -> bytes:
    """The lengths of the lists, or, where most are empty, number and length of the others."""
    filled = np.flatnonzero(sizes)
    if len(filled) > len(sizes) // 2:
        return b"full" + struct.pack("<Q", len(sizes)) + sizes.tobytes()
    pairs = np.stack([filled.astype("<u8"), sizes[filled]], axis=1)
    return b"sprs" + struct.pack("<Q", pairs.size) + pairs.tobytes()


def _put_ranking_vectors(path: Path, index: Any, vectors: Vectors) -> None:
    """Puts the vectors into the file of an index that ranks by them, written with none; does nothing for any other."""
    if isinstance(index, faiss.IndexRefineFlat):
        _put_vectors(path, len(vectors), index.d, blocks(vectors), struct.pack("<f", index.k_factor))


def _put_vectors(path: Path, count: int, dimension: int, blocks: Iterable[Vectors], end: bytes) -> None:
    """Puts vectors into a file that was written with none, before its last bytes."""
    with path.open("r+b") as stream:
        stream.seek(-8 - len(end), os.SEEK_END)
        start = stream.tell()
        _without(stream.read(), struct.pack("<Q", 0) + end)
        stream.seek(start)
        stream.write(struct.pack("<Q", count * dimension))  # counted in numbers, not bytes
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype=np.float32).data)
        stream.write(end)
    expected = start + 8 + 4 * count * dimension + len(end)
    if path.stat().st_size != expected:
        raise IndexFolderError(f"{path.stat().st_size} bytes were written, {expected} expected.", path=path)


def _without(whole: bytes, end: bytes) -> bytes:
    if not whole.endswith(end):
        raise _other_format()
    return whole[: -len(end)]


def _other_format() -> IndexFolderError:
    return IndexFolderError("This version of FAISS writes indexes in another way.", fix="Use faiss-cpu 1.15.")
