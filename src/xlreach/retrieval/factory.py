"""FAISS indexes by factory string: checks the string before any text is encoded, trains, and sets search parameters.

The metric of every index is the inner product of unit vectors.

Codes (SQ8, PQ, RaBitQ) and shortened vectors (PCA) only estimate a cosine, and estimates of two languages cannot be
compared. So they only find candidates, which FAISS's `RFlat` ranks by the exact vectors, kept in the file and not in
memory.
"""

from __future__ import annotations

import difflib
import mmap
import re
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from xlreach.errors import IndexFolderError, SpecError

FACTORIES = (
    "Flat", "SQfp16", "SQ8", "PQ64", "PQ32x4fs", "RaBitQ", "HNSW32", "HNSW32,SQ8", "NSG32", "IVF256,Flat",
    "IVF1024,Flat", "IVF4096_HNSW32,Flat", "IVF1024,SQ8", "IVF4096,PQ64", "OPQ64,IVF1024,PQ64", "PCA128,L2norm,Flat",
)  # fmt: skip
"""Index strings that are suggested; any other factory string of FAISS is accepted too."""

Vectors = NDArray[np.float32]

_TRAINING_PER_CENTROID = 64
_LONGEST = 200
_LARGEST = 1 << 20  # cells, links or bytes: FAISS allocates them before it gets any vector
_ADD_BLOCK = 65536
_MEASURED = 128  # queries that measure the quality of a new index
_COMPARED = 8192  # vectors that they are compared with at once
_EQUAL = 1e-5  # cosines nearer than this differ by rounding
_CANDIDATES = 10.0  # candidates per wanted document that exact vectors rank
_FEWEST = 10  # documents that are searched where fewer are wanted, so that there are at least 100 candidates
_USUAL_LENGTHS = (768, 1024, 640, 720, 1000)


def check_factory(factory: str, dimension: int | None = None) -> Any:
    """The empty FAISS index of a factory string, for vectors of that length (None: of some usual length).

    Raises:
        SpecError: FAISS does not know it, it does not fit the dimension, or it cannot rank unit vectors by cosine.
    """
    close = difflib.get_close_matches(factory, FACTORIES, n=1, cutoff=0.5)
    hint = (f"Did you mean {close[0]!r}? " if close and close[0] != factory else "") + f"Known: {', '.join(FACTORIES)}."
    index, reason = None, ""
    if not factory.isascii() or not factory.isprintable() or len(factory) > _LONGEST:
        raise SpecError(f"{factory!r} is not an index string.", fix=hint)
    if any(int(number) > _LARGEST for number in re.findall(r"\d+", factory)):
        raise SpecError(f"A number of the index {factory!r} is above {_LARGEST:,}.", fix=hint)
    for length in _USUAL_LENGTHS if dimension is None else (dimension,):
        try:
            index = faiss.index_factory(length, factory, faiss.METRIC_INNER_PRODUCT)
            break
        except RuntimeError as error:
            reason = str(error).rsplit(": ", 1)[-1].strip()
    if index is None:
        of = "" if dimension is None else f" for vectors of {dimension} numbers"
        raise SpecError(f"FAISS cannot make an index {factory!r}{of} ({reason}).", fix=hint)
    if isinstance(index, faiss.IndexIDMap):
        raise SpecError(f"The index {factory!r} stores ids.", expected="Ids are stored in ids.parquet.", fix=hint)
    if index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise SpecError(f"The index {factory!r} cannot rank by inner product.", fix=hint)
    if re.search(r"\bPCA\w*\d+(?!.*L2norm)", factory):
        whole = re.sub(r"(PCA[A-Z]*[0-9]+)", r"\1,L2norm", factory)
        raise SpecError(
            f"The index {factory!r} shortens vectors, so their inner product is not a cosine.",
            fix=f"Write {whole!r}.",
        )
    return index


def ranked_exactly(factory: str, dimension: int) -> str:
    """The string with `RFlat` added if its scores would only estimate cosines and it has no refinement.

    Raises:
        SpecError: As `check_factory`.
    """
    index = check_factory(factory, dimension)
    if isinstance(index, faiss.IndexRefine):
        return factory
    core = core_index(index)
    held: Any = faiss.downcast_index(core.storage) if hasattr(core, "storage") else core
    as_they_are = held.sa_code_size() >= 4 * dimension
    nearly = hasattr(held, "sq") and held.sq.qtype == faiss.ScalarQuantizer.QT_fp16  # cosines exact to four digits
    return factory if core.d >= dimension and (as_they_are or nearly) else f"{factory},RFlat"


def train_index(index: Any, vectors: Vectors, factory: str) -> None:
    """Trains the index on a sample, if it needs training.

    Raises:
        IndexFolderError: Too few vectors for that index.
    """
    if index.is_trained:
        return
    # FAISS would end the process where a rotation has fewer vectors than they have numbers.
    count, needed = len(vectors), max(1, _centroids(index), *(max(256, part.d_in) for part in _rotations(index)))
    if count < needed:
        cells = max(1, int(4 * count**0.5))
        raise IndexFolderError(
            f"The index {factory!r} is trained on {needed} vectors or more, but there are only {count} documents.",
            fix=f"Use 'Flat' (exact, and right up to about a million documents) or 'IVF{cells},Flat'.",
        )
    _allow_small_samples(index)
    core: Any = core_index(index)
    if hasattr(core, "do_polysemous_training"):
        # It would order the codes for a kind of search that is not used here, in twenty times the training time.
        core.do_polysemous_training = False
    try:
        index.train(training_sample(index, vectors))
    except RuntimeError as error:
        reason = str(error).rsplit(": ", 1)[-1].strip()
        raise IndexFolderError(f"FAISS cannot train {factory!r} on {count} documents ({reason}).") from error


def training_sample(index: Any, vectors: Vectors) -> Vectors:
    """The vectors that an index is trained on: 64 per centroid, drawn at random, in the order of rows."""
    return _random_rows(vectors, max(_centroids(index) * _TRAINING_PER_CENTROID, 4096))


def _random_rows(vectors: Vectors, most: int) -> Vectors:
    size = min(len(vectors), most)
    rows = np.sort(np.random.default_rng(0).choice(len(vectors), size, replace=False))
    return np.ascontiguousarray(vectors[rows])


def blocks(vectors: Vectors) -> Iterator[Vectors]:
    """The vectors of a memory-mapped file in blocks, whose pages are released after use; other arrays as one block."""
    if not isinstance(vectors, np.memmap):
        yield np.ascontiguousarray(vectors)
        return
    for start in range(0, len(vectors), _ADD_BLOCK):
        yield np.ascontiguousarray(vectors[start : start + _ADD_BLOCK])
        vectors._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def search_parameters(index: Any) -> dict[str, float]:
    """The effort of a search: FAISS's defaults (one cell of an IVF, 16 candidates of an HNSW) miss too much."""
    parameters: dict[str, float] = {}
    if isinstance(index, faiss.IndexRefine):
        parameters["k_factor"] = _CANDIDATES
    ivf = _downcast_ivf(index)
    if ivf is not None:
        parameters["nprobe"] = min(ivf.nlist, max(16, ivf.nlist // 64))
    if isinstance(core_index(index), faiss.IndexHNSW):
        parameters["efSearch"] = 128
    return parameters


def apply_parameters(index: Any, parameters: dict[str, float]) -> None:
    """Sets parameters from `search_parameters`."""
    ivf, core = _downcast_ivf(index), core_index(index)
    if "k_factor" in parameters and isinstance(index, faiss.IndexRefine):
        index.k_factor = parameters["k_factor"]
    if "nprobe" in parameters and ivf is not None:
        ivf.nprobe = int(parameters["nprobe"])
    if "efSearch" in parameters and isinstance(core, faiss.IndexHNSW):
        core.hnsw.efSearch = int(parameters["efSearch"])


def search_vectors(index: Any, vectors: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
    """Scores and rows of the `k` nearest, best first, each of shape (number of vectors, k); row −1 where none is left.

    Codes find 100 candidates or more for the vectors to rank.
    """
    wide = max(k, _FEWEST) if isinstance(index, faiss.IndexRefine) else k
    scores, rows = index.search(np.ascontiguousarray(vectors, dtype=np.float32), wide)
    return scores[:, :k], rows[:, :k]


def measure(index: Any, vectors: Vectors) -> dict[str, float]:
    """How well an index finds and scores a sample of its own vectors, as `{recall@10, score_error}`.

    The share of the ten best documents that are as near as the true ten, and the mean absolute difference of their
    scores to their cosines.
    """
    k, queries = min(10, len(vectors)), _random_rows(vectors, _MEASURED)
    exact = faiss.ResultHeap(len(queries), k, keep_max=True)
    start = 0
    for part in (block[at : at + _COMPARED] for block in blocks(vectors) for at in range(0, len(block), _COMPARED)):
        cosines = queries @ part.T
        neighbors = np.argpartition(cosines, -min(k, len(part)), axis=1)[:, -k:]
        exact.add_result(np.take_along_axis(cosines, neighbors, axis=1), neighbors + start)
        start += len(part)
    exact.finalize()
    scores, neighbors = search_vectors(index, queries, k)
    query, column = np.nonzero(neighbors >= 0)
    cosines = np.einsum("rd,rd->r", queries[query], vectors[neighbors[query, column]])
    hits = int((cosines > exact.D[query, -1] - _EQUAL).sum())  # of equal vectors any will do
    error = float(np.abs(scores[query, column] - cosines).mean())
    return {"recall@10": round(hits / (len(queries) * k), 4), "score_error": round(error, 5)}


def is_exact(index: Any) -> bool:
    """Whether the index compares a query with all vectors exactly."""
    return isinstance(index, faiss.IndexFlat)


def goes_through_all(index: Any) -> bool:
    """Whether a search goes through all documents, exact or coded: the index has neither cells nor a graph."""
    return _downcast_ivf(index) is None and not hasattr(core_index(index), "storage")


def held_vectors(index: Any) -> Any:
    """The part of an index that holds exact vectors; None if there is none."""
    if isinstance(index, faiss.IndexRefineFlat):
        index = faiss.downcast_index(index.refine_index)
    return index if is_exact(index) else None


def core_index(index: Any) -> Any:
    """The index inside transforms and refinements."""
    while True:
        index = faiss.downcast_index(index)
        if isinstance(index, faiss.IndexPreTransform):
            index = index.index
        elif isinstance(index, faiss.IndexRefine):
            index = index.base_index
        else:
            return index


def _downcast_ivf(index: Any) -> Any:
    core = core_index(index)
    return core if isinstance(core, faiss.IndexIVF) else None


def _centroids(index: Any) -> int:
    """The smallest number of vectors for training."""
    core = core_index(index)
    return max(getattr(core, "nlist", 0), getattr(getattr(core, "pq", None), "ksub", 0))


def _rotations(index: Any) -> list[Any]:
    """The rotations that are trained before the index, with a product quantizer of their own."""
    if isinstance(index, faiss.IndexRefine):
        index = faiss.downcast_index(index.base_index)
    chain: Any = index.chain if isinstance(index, faiss.IndexPreTransform) else None
    parts = [faiss.downcast_VectorTransform(chain.at(at)) for at in range(chain.size())] if chain else []
    return [part for part in parts if isinstance(part, faiss.OPQMatrix)]


def _allow_small_samples(index: Any) -> None:
    """Turns off FAISS's warnings about small training samples, which are as large as the data allow."""
    parts = [core_index(index)]
    if isinstance(index, faiss.IndexRefine):
        parts.append(core_index(index.refine_index))
    learning = [learner for part in parts for learner in (part, getattr(part, "pq", None), getattr(part, "rq", None))]
    for rotation in _rotations(index):
        rotation.pq = faiss.ProductQuantizer(rotation.d_out, rotation.M, 8)  # FAISS would create the same one
        learning.append(rotation.pq)
    for owner in learning:
        if hasattr(owner, "cp"):
            owner.cp.min_points_per_centroid = 1  # type: ignore[union-attr]
