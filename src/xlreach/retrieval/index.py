"""One FAISS index per language, in a folder with a manifest.

    index.faiss      opens with plain `faiss.read_index`; row i is the i-th document
    ids.parquet      id, text and title of each row
    manifest.json    encoder and its fingerprint, pooling, prompts, dimension, metric, factory, count, checksums

An index that is searched with vectors of another encoder gives rankings that look plausible and mean nothing. So a
folder opens only for the encoder that built it, and only if its files have not changed.
"""

from __future__ import annotations

import glob
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xlreach import __version__
from xlreach.corpora.collection import Document
from xlreach.errors import DataError, IndexFolderError, nearest
from xlreach.retrieval.encoding import CHUNK, TextEncoder, Vectors
from xlreach.retrieval.factory import (
    apply_parameters,
    check_factory,
    held_vectors,
    is_exact,
    measure,
    ranked_exactly,
    search_parameters,
    search_vectors,
)
from xlreach.retrieval.faiss_files import read_file, write_index
from xlreach.retrieval.first_occurrence import FirstOccurrence
from xlreach.store import digest, file_digest, replacing

_ESTIMATE = 1e-3  # the mean difference of scores to cosines from which scores count as estimates
_FILES = ("index.faiss", "ids.parquet")
_SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("title", pa.string())])


@dataclass(frozen=True)
class DenseIndex:
    """An index folder, opened: the FAISS index and `ids.parquet`, both memory-mapped.

    Both are held open, so that an update of the folder does not change what is read.
    """

    folder: Path
    manifest: dict[str, Any]
    faiss: Any
    texts: pa.MemoryMappedFile

    @property
    def language(self) -> str:
        return self.manifest["language"]

    @property
    def count(self) -> int:
        return self.manifest["count"]

    @property
    def exact(self) -> bool:
        """Whether a search compares the query with all vectors exactly."""
        return is_exact(self.faiss)

    @cached_property
    def ids(self) -> list[str]:
        """The document ids, in the order of rows."""
        return pq.read_table(self.texts, columns=["id"])["id"].to_pylist()

    def documents(self, rows: Sequence[int]) -> list[Document]:
        """The documents of those rows; only the groups of rows that hold them are read."""
        file = pq.ParquetFile(self.texts)
        starts = np.cumsum([0, *(file.metadata.row_group(at).num_rows for at in range(file.num_row_groups))])
        wanted = np.asarray(rows, np.int64)
        groups = np.searchsorted(starts, wanted, side="right") - 1
        documents: dict[int, Document] = {}
        for group in np.unique(groups):
            rows_of_group = wanted[groups == group]
            table = file.read_row_group(int(group)).take(rows_of_group - starts[group])
            documents |= zip(rows_of_group.tolist(), table_documents(table, self.language), strict=True)
        return [documents[int(row)] for row in rows]

    @property
    def estimates(self) -> bool:
        """Whether its scores only estimate cosines, as codes do."""
        return self.manifest.get("score_error", 0.0) > _ESTIMATE

    def vectors(self, out: Vectors | None = None, start: int = 0, count: int | None = None) -> Vectors:
        """`count` vectors from the row `start` on (by default, all), shape (count, dimension), into `out` if given."""
        held = held_vectors(self.faiss)
        if held is None:
            raise IndexFolderError("The index holds no exact vectors.", fix="Build it as 'Flat'.", path=self.folder)
        return held.reconstruct_n(start, self.count - start if count is None else count, out)

    def search(self, vectors: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
        """Cosines and rows of the `k` nearest of each vector, best first, both of shape (vectors, min(k, count)).

        The row is −1 where an approximate index found no more.
        """
        k = max(0, min(k, self.count))
        if k == 0 or len(vectors) == 0:
            return np.zeros((len(vectors), k), np.float32), np.zeros((len(vectors), k), np.int64)
        return search_vectors(self.faiss, vectors, k)


def build_index(
    encoder: TextEncoder | Path | str,
    documents: Iterable[Document],
    out: Path,
    factory: str = "Flat",
    language: str = "und",
    checkpoint: Path | None = None,
) -> Path:
    """Encodes documents (title, then text), indexes them, and returns `out`; an index that is there is replaced.

    Documents are read once, streaming; their ids are unique. A document without text is kept, so that row numbers and
    judgments stay whole; its vector is that of the special tokens alone. Where the index of the FAISS string `factory`
    keeps only codes, exact vectors rank what the codes find. `checkpoint` keeps the vectors until the index is
    whole, so that a killed run goes on.

    Raises:
        SpecError: The index string cannot be used.
        IndexFolderError: `out` holds something else, or there are too few documents for that index.
        DataError: There are no documents, or an id occurs twice.
        ModelError: The encoder gives vectors that are not finite.
    """
    out = Path(out)
    check_target(out)
    encoder = encoder if isinstance(encoder, TextEncoder) else TextEncoder(encoder)
    factory = ranked_exactly(factory, encoder.dimension)
    index = check_factory(factory, encoder.dimension)
    work = Path(checkpoint) if checkpoint else out.parent / f".{out.name}.vectors"
    work.mkdir(parents=True, exist_ok=True)
    _clear(out)
    try:
        with replacing(out) as folder:
            folder.mkdir()
            texts = write_documents(documents, folder / "ids.parquet")
            vectors = encoder.encode_stream(texts, work / "vectors.f32", "document", language)
            if len(vectors) == 0:
                raise DataError(f"No documents to index for {language!r}.")
            fill_index(folder, index, vectors, encoder, language, factory)
    finally:
        if checkpoint is None:
            shutil.rmtree(work, ignore_errors=True)
    return out


def open_index(folder: Path | str, encoder: TextEncoder | str | None = None, *, verify: bool = True) -> DenseIndex:
    """Opens an index folder for searching with an encoder, given or by its fingerprint; None only looks at the folder.

    Sizes of the files are always compared; `verify` compares checksums too, which takes about a second a gigabyte.

    Raises:
        IndexFolderError: Another encoder built it, a file is missing or changed, or the manifest was edited.
    """
    folder = Path(folder)
    while True:
        manifest = read_manifest(folder)
        try:
            opened = _open(folder, manifest, encoder, verify)
        except IndexFolderError:
            if read_manifest(folder) == manifest:
                raise
            continue
        if read_manifest(folder) == manifest:
            return opened  # otherwise it was updated just now, and the files may be of two versions


def find_indexes(root: Path | str, languages: Sequence[str] = ()) -> dict[str, Path]:
    """The index folders at or directly below `root`, by language: of those languages, or all.

    Raises:
        IndexFolderError: There are none, or not of a language that is asked for.
    """
    root = Path(root)
    manifests = (
        [root / "manifest.json"] if (root / "manifest.json").is_file() else sorted(root.glob("[!.]*/manifest.json"))
    )
    folders = {read_manifest(path.parent)["language"]: path.parent for path in manifests}
    if not folders:
        raise IndexFolderError("No index folders here.", fix="Build some with: xlreach index", path=root)
    missing = [code for code in languages if code not in folders]
    if missing:
        raise IndexFolderError(f"No index of {missing[0]!r}.", fix=nearest(missing[0], folders), path=root)
    return {code: folders[code] for code in languages or folders}


def check_target(out: Path) -> None:
    """Raises IndexFolderError if the folder `out` holds something other than an index."""
    if out.is_dir() and any(out.iterdir()) and not (out / "manifest.json").is_file():
        raise IndexFolderError("The folder is not empty and not an index.", fix="Name an empty folder.", path=out)


def document_text(document: Document) -> str:
    """The text of a document that is encoded: its title, a space, its text."""
    return f"{document.title} {document.text}" if document.title else document.text


def table_documents(table: pa.Table, language: str) -> list[Document]:
    """The documents of a table that was read from `ids.parquet`."""
    return [Document(row["id"], language, row["text"], row["title"]) for row in table.to_pylist()]


def fill_index(folder: Path, index: Any, vectors: Vectors, encoder: TextEncoder, language: str, factory: str) -> None:
    """Writes `index.faiss`, from an empty FAISS index and the documents' vectors, and `manifest.json`."""
    path = folder / "index.faiss"
    write_index(path, index, vectors, factory)
    quality = {} if is_exact(index) else measure(read_file(path), vectors)
    write_manifest(folder, encoder, language, factory, len(vectors), search_parameters(index), quality)


def write_manifest(
    folder: Path,
    encoder: TextEncoder,
    language: str,
    factory: str,
    count: int,
    search: Mapping[str, float],
    quality: Mapping[str, float],
) -> None:
    """Writes `manifest.json` beside the two files that it describes.

    `search` comes from `search_parameters`; `quality` comes from `measure` and is empty for an exact index.
    """
    manifest = {
        "xlreach": __version__,
        "language": language,
        "encoder": encoder.path.resolve().name,
        "encoder_fingerprint": encoder.fingerprint,
        "pooling": encoder.pooling,
        "max_length": encoder.max_length,
        "prompts": encoder.prompts,
        "dtype": encoder.computed,
        **({"fidelity": encoder.fidelity} if encoder.fidelity else {}),
        "dimension": encoder.dimension,
        "metric": "inner product of unit vectors (cosine)",
        "factory": factory,
        "search": search,
        **quality,
        "count": count,
        "files": {
            name: {"bytes": (folder / name).stat().st_size, "sha256": file_digest(folder / name)} for name in _FILES
        },
    }
    manifest["checksum"] = digest(manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, "utf-8")


def write_documents(documents: Iterable[Document], path: Path) -> Iterator[str]:
    """Yields the texts to encode, and writes ids, texts and titles to `path` meanwhile."""
    seen, rows = FirstOccurrence(), list[Document]()
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        for document in documents:
            rows.append(document)
            if len(rows) == CHUNK:  # a row group is a chunk: `sharded` reads them one by one
                _write_rows(writer, rows, seen)
                rows = []
            yield document_text(document)
        if rows:
            _write_rows(writer, rows, seen)


def _open(folder: Path, manifest: dict[str, Any], encoder: TextEncoder | str | None, verify: bool) -> DenseIndex:
    if encoder is not None:
        _check_encoder(folder, manifest, encoder)
    for name, described in manifest["files"].items():
        _check_file(folder / name, described, verify)
    try:
        index = read_file(folder / "index.faiss")
    except RuntimeError as error:
        raise IndexFolderError(f"FAISS cannot read it ({error}).", path=folder / "index.faiss") from error
    if (index.ntotal, index.d) != (manifest["count"], manifest["dimension"]):
        raise IndexFolderError(
            f"It has {index.ntotal} vectors of {index.d} numbers; by the manifest, {manifest['count']} of "
            f"{manifest['dimension']}.",
            fix="Build the index again.",
            path=folder / "index.faiss",
        )
    apply_parameters(index, manifest["search"])
    return DenseIndex(folder, manifest, index, pa.memory_map(str(folder / "ids.parquet")))


def _write_rows(writer: pq.ParquetWriter, documents: list[Document], seen: FirstOccurrence) -> None:
    start, first = seen.count, seen.first_rows([document.id for document in documents])
    twice = np.flatnonzero(first != np.arange(start, start + len(documents)))
    if len(twice):
        raise DataError(f"The document id {documents[twice[0]].id!r} occurs twice.", expected="Ids are unique.")
    columns = [[getattr(document, name) for document in documents] for name in _SCHEMA.names]
    writer.write_table(pa.table(columns, schema=_SCHEMA))


def _clear(out: Path) -> None:
    """Removes the files of killed builds, which may be as large as the index."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.tmp"):
        number = left.name.rpartition(".tmp")[0].rpartition(".")[2]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of an index folder's `manifest.json`.

    Raises:
        IndexFolderError: It is missing or damaged, or was edited after the index was built.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        others = [path.parent.name for path in folder.parent.glob("*/manifest.json")]
        hint = nearest(folder.name, others) if others else ""
        raise IndexFolderError("No index here: manifest.json is missing.", fix=hint, path=folder)
    try:
        manifest = json.loads(path.read_text("utf-8"))
        stated = manifest.pop("checksum")
        genuine = digest(manifest) == stated
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise IndexFolderError(f"Not a manifest ({error!r}).", fix="Build the index again.", path=path) from error
    if not genuine:
        raise IndexFolderError("The manifest was edited after the index was built.", fix="Build it again.", path=path)
    return manifest


def _check_encoder(folder: Path, manifest: dict[str, Any], encoder: TextEncoder | str) -> None:
    given = encoder if isinstance(encoder, str) else encoder.fingerprint
    if given != manifest["encoder_fingerprint"]:
        raise IndexFolderError(
            f"Built with the encoder {manifest['encoder']} ({manifest['encoder_fingerprint']}), but opened for "
            f"another one ({given}).",
            fix="Search with that encoder, or build the index again with this one.",
            path=folder,
        )
    if isinstance(encoder, str):
        return
    for name in ("pooling", "dimension", "max_length", "prompts"):
        if getattr(encoder, name) != manifest[name]:
            raise IndexFolderError(
                f"Built with {name} {manifest[name]!r}, but opened for {getattr(encoder, name)!r}.",
                fix="Open the encoder as it was opened to build it, or build the index again.",
                path=folder,
            )


def _check_file(path: Path, described: dict[str, Any], verify: bool) -> None:
    again = "Copy it again, or build the index again."
    if not path.is_file():
        raise IndexFolderError("The file is missing.", fix=again, path=path)
    size = path.stat().st_size
    if size != described["bytes"]:
        raise IndexFolderError(f"The file has {size} bytes; {described['bytes']} were written.", fix=again, path=path)
    if verify and file_digest(path) != described["sha256"]:
        raise IndexFolderError("The file was changed (its checksum differs).", fix=again, path=path)
