"""An index built by a Ray cluster: encoding with an actor for each device, shards of the index in parallel.

The folder is byte for byte the one that `build_index` makes on one machine with as many threads: texts are encoded in
the same chunks, each once, and shards are merged in the order of documents. A chunk of texts is a row group of
`ids.parquet`; an actor reads it from there and writes its vectors where they belong in one file that all share, so
that neither texts nor vectors go through Ray. A chunk whose node dies is encoded again on another, and a build that is
killed goes on.

What cannot be sharded (graphs; codes without inverted lists) is encoded by all and indexed by one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow.parquet as pq
from tqdm import tqdm

from xlreach.compute.cluster import cluster, enter, ray, resources, share
from xlreach.compute.workers import DEATHS, use_threads
from xlreach.corpora.collection import Document
from xlreach.errors import DataError, XLReachError
from xlreach.retrieval.encoding import (
    CHUNK,
    TextEncoder,
    Vectors,
    append_chunk,
    chunks,
    read_chunk_log,
    texts_digest,
    write_chunk_log,
)
from xlreach.retrieval.factory import (
    apply_parameters,
    blocks,
    check_factory,
    measure,
    ranked_exactly,
    search_parameters,
    train_index,
)
from xlreach.retrieval.faiss_files import candidates, merge_shards, merges, read_file
from xlreach.retrieval.first_occurrence import FirstOccurrence
from xlreach.retrieval.index import (
    check_target,
    document_text,
    fill_index,
    table_documents,
    write_documents,
    write_manifest,
)
from xlreach.store import replacing

_REPEATED = "repeated.int64"  # pairs of a row and an earlier row with the same text


def build_sharded_index(
    encoder: Path,
    documents: Iterable[Document],
    out: Path,
    factory: str = "Flat",
    language: str = "und",
    *,
    address: str | None = None,
) -> Path:
    """Does what `build_index` does, on a Ray cluster.

    All nodes must see `out` and the encoder's folder. Vectors are kept in `.<name>.vectors` beside `out` until the
    index is complete. Without the `address` of a cluster, one is started on this machine and stopped at the end.

    Raises:
        XLReachError: As `build_index`; or there is no cluster, or its nodes keep dying.
    """
    out = Path(out)
    check_target(out)
    opened = TextEncoder(encoder)
    factory = ranked_exactly(factory, opened.dimension)
    index = check_factory(factory, opened.dimension)
    work = out.parent / f".{out.name}.vectors"
    work.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(out) as folder, cluster(address):
            folder.mkdir()
            count = _write(documents, work)
            if not count:
                raise DataError(f"No documents to index for {language!r}.")
            vectors = _encoded(opened, work, count, language)
            shutil.copyfile(work / "ids.parquet", folder / "ids.parquet")
            if merges(index):
                _shard(folder, index, vectors, opened, language, factory, work)
            else:
                fill_index(folder, index, vectors, opened, language, factory)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        raise XLReachError(
            f"The cluster failed ({type(error).__name__}: {str(error).strip().splitlines()[0]}).",
            fix="Finished chunks are kept; run it again to continue.",
        ) from error
    except XLReachError:
        shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return out


def _write(documents: Iterable[Document], work: Path) -> int:
    """Writes the documents, and the rows whose text is in an earlier chunk; returns the number of documents."""
    seen, again = FirstOccurrence(), [np.empty((0, 2), np.int64)]
    for part in chunks(write_documents(documents, work / "ids.parquet")):
        start, first = seen.count, seen.first_rows(part)
        at = np.flatnonzero(first < start)
        again.append(np.stack([start + at, first[at]], axis=1))
    np.concatenate(again).tofile(work / _REPEATED)
    return seen.count


def _encoded(encoder: TextEncoder, work: Path, count: int, language: str) -> Vectors:
    """The vectors of all documents; after the death of an actor it starts again from the chunks that are encoded."""
    for _ in range(DEATHS):
        try:
            return _encode(encoder, work, count, language)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError:  # Ray Data restarts an actor elsewhere, but not in every case
            continue
    return _encode(encoder, work, count, language)


def _encode(encoder: TextEncoder, work: Path, count: int, language: str) -> Vectors:
    """The vectors of all documents, memory-mapped; one actor per device encodes the chunks that are not finished."""
    log, file = work / "vectors.jsonl", work / "vectors.f32"
    settings = [encoder.fingerprint, encoder.dimension, count, language]
    finished: dict[int, list[str]] = {number: entry for number, *entry in read_chunk_log(log, settings)}
    size = count * encoder.dimension * 4
    whole = file.is_file() and file.stat().st_size == size
    finished = finished if whole else {}
    write_chunk_log(log, settings, [[number, *entry] for number, entry in finished.items()])
    if not finished:
        with file.open("wb") as stream:
            stream.truncate(size)
    groups, given = pq.ParquetFile(work / "ids.parquet").num_row_groups, share()
    earlier = [finished.get(number, ["", ""]) for number in range(groups)]
    numbered = [{"chunk": n, "digest": digest, "format": used} for n, (digest, used) in enumerate(earlier)]
    folders = [str(path.resolve()) for path in (encoder.path, work, Path())]
    encoded = ray.data.from_items(numbered, override_num_blocks=groups).map_batches(
        _Encoder,
        fn_constructor_args=(*folders, given["num_cpus"], language),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(_devices(given), groups)),
        num_cpus=given["num_cpus"],
        num_gpus=given["num_gpus"],
    )
    with tqdm(total=count, unit=" texts", disable=None) as progress:
        for row in encoded.iter_rows():
            if row["error"]:
                raise XLReachError(row["error"])
            append_chunk(log, [row["chunk"], row["digest"], row["format"]])
            encoder.formats.update(row["format"].split("+"))
            progress.update(row["rows"])
    vectors = np.memmap(file, dtype=np.float32, mode="r+", shape=(count, encoder.dimension))
    again = np.fromfile(work / _REPEATED, np.int64).reshape(-1, 2)
    for start in range(0, len(again), CHUNK):
        rows, first = again[start : start + CHUNK].T
        vectors[rows] = vectors[first]
    vectors.flush()
    return np.memmap(file, dtype=np.float32, mode="r", shape=(count, encoder.dimension))


class _Encoder:
    """An actor of Ray Data: an encoder on one device."""

    def __init__(self, encoder: str, work: str, folder: str, threads: int, language: str) -> None:
        enter(folder)
        use_threads(threads)
        self.encoder, self.work, self.language = TextEncoder(encoder), Path(work), language
        self.documents = pq.ParquetFile(self.work / "ids.parquet")
        self.repeated = np.fromfile(self.work / _REPEATED, np.int64)[::2]

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Encodes one chunk, unless its vectors were computed from the same texts before."""
        number, earlier_digest, used = int(batch["chunk"][0]), str(batch["digest"][0]), str(batch["format"][0])
        documents = table_documents(self.documents.read_row_group(number), "")
        start = sum(self.documents.metadata.row_group(before).num_rows for before in range(number))
        fresh = np.setdiff1d(np.arange(start, start + len(documents)), self.repeated)
        texts = [document_text(documents[row - start]) for row in fresh]
        digest, message = texts_digest([*texts, *map(str, fresh)]), ""
        if digest != earlier_digest:
            try:
                encoded = self.encoder.encode(texts, "document", self.language)
            except XLReachError as error:
                message = str(error)
            else:
                used = self.encoder.computed
                vectors = np.zeros((len(documents), self.encoder.dimension), dtype=np.float32)
                vectors[fresh - start] = encoded
                with (self.work / "vectors.f32").open("r+b") as stream:
                    stream.seek(start * vectors.strides[0])
                    stream.write(vectors.data)
        done = {"chunk": number, "rows": len(documents), "digest": digest, "format": used, "error": message}
        return {name: [value] for name, value in done.items()}


def _shard(
    folder: Path, index: Any, vectors: Vectors, encoder: TextEncoder, language: str, factory: str, work: Path
) -> None:
    """Trains the index in this process, fills its shards in parallel, and merges them."""
    count, given = len(vectors), share()
    train_index(index, vectors, factory)
    apply_parameters(index, search_parameters(index))
    trained = work / "trained.faiss"
    faiss.write_index(index, str(trained))
    size = -(-count // _devices({**given, "num_gpus": 0}))
    fill = ray.remote(num_cpus=given["num_cpus"], max_retries=DEATHS)(_fill)
    ranges = [(start, min(start + size, count)) for start in range(0, count, size)]
    tasks = [fill.remote(str(work.resolve()), encoder.dimension, count, *rows, given["num_cpus"]) for rows in ranges]
    merge_shards(trained, [Path(shard) for shard in ray.get(tasks)], folder / "index.faiss", vectors)
    quality = measure(read_file(folder / "index.faiss"), vectors)
    write_manifest(folder, encoder, language, factory, count, search_parameters(index), quality)


def _fill(work: str, dimension: int, count: int, start: int, stop: int, threads: int) -> str:
    """Writes a shard, the candidate part of the trained index with rows `start` to `stop`; returns its file."""
    faiss.omp_set_num_threads(threads)
    whole = faiss.read_index(str(Path(work) / "trained.faiss"))
    index = candidates(whole)
    vectors = np.memmap(Path(work) / "vectors.f32", dtype=np.float32, mode="r", shape=(count, dimension))
    row = start
    for block in blocks(vectors[start:stop]):
        index.add_with_ids(block, np.arange(row, row + len(block)))
        row += len(block)
    with replacing(Path(work) / f"shard-{start}.faiss") as path:
        faiss.write_index(index, str(path))
    return str(Path(work) / f"shard-{start}.faiss")


def _devices(given: Mapping[str, int]) -> int:
    """The number of tasks that the cluster runs at once, if each needs these resources."""
    total = resources()
    by_cpu = int(total["CPU"]) // given["num_cpus"]
    return max(1, min(by_cpu, int(total["GPU"])) if given["num_gpus"] else by_cpu)
