"""Scores one encoder on one collection: every setting, pair of languages, measure and query.

    mono     queries and documents of one language
    cross    queries of one language, documents of another; every ordered pair that has judgements
    multi    the documents of all languages (two or more) as one pool; relevant is what is relevant in any of them

Equal scores are ordered as trec_eval orders them (score, then document id, last first). In the written runs, equal
scores are moved a few roundings apart, so that every tool sees the same ranking and gives the same figures.
A query with judgements that retrieves nothing counts as 0. Where queries are among the documents
(`Collection.self_retrieving`: in bitext every sentence is both), a query is left out of its own ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import Literal

import ir_measures
import numpy as np
from tqdm import tqdm

from xlreach.corpora.collection import DANGLING, Collection, Qrels, Query
from xlreach.corpora.formats.trec import write_qrels, write_run
from xlreach.errors import DataError, IndexFolderError, SpecError, nearest
from xlreach.measurement import Measurement, write_measurements
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import DenseIndex, open_index
from xlreach.retrieval.retrievers import RETRIEVERS, Dense, Retriever
from xlreach.scoring.baseline_pools import open_pool
from xlreach.scoring.bias import language_preference, language_shares, peer, rank_distance, tied_beyond
from xlreach.scoring.document_pools import Block, Columns, Pool, QueryBatch
from xlreach.scoring.measures import POOLED, Floats, RelevantRanks, compute, delegated, parse_measures, ranked
from xlreach.scoring.per_query import Cell, PerQueryWriter
from xlreach.scoring.ranks import untie
from xlreach.spec import folder_name

SETTINGS = ("mono", "cross", "multi")
BIAS_CUTOFF = 10
PEER_CUTOFF = 100


def evaluate(
    encoder: TextEncoder | Path | str | None,
    collection: Collection,
    indexes: Mapping[str, Path] | Sequence[str],
    *,
    measures: Sequence[str],
    settings: Sequence[str] = SETTINGS,
    depth: int | None = 1000,
    out: Path,
    cost: dict[str, float] | None = None,
    query_languages: Sequence[str] | None = None,
    runs: bool = True,
    retriever: str | Retriever = "dense",
    notes: list[str] | None = None,
) -> list[Measurement]:
    """Scores an encoder, the one that the indexes were built with, on a collection.

    Writes into `out`: `measurements.jsonl`, `queries.parquet` and `ranks.parquet` (see `per_query`), and in `trec/` the
    runs and qrels, named `<data set>.<setting>.<query language>[-<document language>]`.

    In the multi setting, beside the measures: `rank_distance`, `rank_distance_normalised` (exact indexes only),
    `PEER@100` (of relevant documents, for queries with two or more in a language), `PEER_others@100` (of the others)
    `TLR@10`, the share of the query's language in the first ten, `language_bias@10`, that minus its share of the
    relevant documents, `LPR` and `Lang-nDCG@10`. As diagnostics by document language, the cells of the heat map:
    `share@1`, `share@10` and `excess_share@10`; see `bias`. Pooled collections get `Judged@10` and `Bpref` too.

    Args:
        indexes: Index folders by language; only the languages for a retriever that uses no encoder.
        depth: The number of documents of each ranking in the runs, and of those that an approximate index finds; at
            least 100 and the largest cutoff; None takes all. A measure without a cutoff is over whole rankings where
            ranks are exact or scores are of all documents; elsewhere its name carries the cut: `AP@100`.
        cost: Receives `queries` and `documents`, how many were scored.
        query_languages: Languages of the queries; None takes those that have an index.
        notes: Receives sentences that a reader of the results must know, such as how many judged documents are missing.

    Raises:
        SpecError: A measure or setting does not exist.
        IndexFolderError: An index is damaged, or was built with another encoder or for another language.
        DataError: No setting has judgements, or an id is not allowed in a TREC file.
    """
    parsed = parse_measures([*measures, *(POOLED if collection.pooled else ())])
    for setting in settings:
        if setting not in SETTINGS:
            raise SpecError(f"Unknown setting {setting!r}.", fix=nearest(setting, SETTINGS))
    if depth is not None and depth < 1:
        raise SpecError(f"A depth of {depth}.", expected="Expected at least 1, or none for whole rankings.")
    retriever = RETRIEVERS.parse(retriever) if isinstance(retriever, str) else retriever
    languages = list(indexes)
    opened: dict[str, DenseIndex] = {}
    if retriever.uses_encoder:
        if encoder is None or not isinstance(indexes, Mapping):
            raise SpecError(f"The retriever {retriever} needs an encoder and its indexes.")
        encoder = encoder if isinstance(encoder, TextEncoder) else TextEncoder(encoder)
        for code, folder in indexes.items():
            opened[code] = open_index(folder, encoder)
            if opened[code].language != code:
                raise IndexFolderError(
                    f"An index of {opened[code].language!r}, given as that of {code!r}.", path=folder
                )
    documents = {code: [] if isinstance(retriever, Dense) else list(collection.documents(code)) for code in languages}
    asking = [code for code in (query_languages or languages) if code in collection.languages]
    judgements = {(a, b): qrels for a in asking for b in languages if (qrels := collection.qrels(a, b))}
    pairs = list(_pairs(settings, judgements, languages))
    if not pairs:
        raise DataError(f"{collection.name} has no judgements for {', '.join(asking)} in {', '.join(languages)}.")
    queries = {code: collection.queries(code) for code in asking}
    held = {code: set(opened[code].ids if opened else (doc.id for doc in documents[code])) for code in languages}
    asked = {query.id for of_language in queries.values() for query in of_language}
    remarks = _remarks(collection, judgements, asked, held)
    if notes is not None:
        notes += remarks
    own = collection.self_retrieving
    (out / "trec").mkdir(parents=True, exist_ok=True)
    with closing(PerQueryWriter(out, collection.name, str(retriever))) as per_query:
        scorer = _Scorer(parsed, depth, out / "trec" if runs else None, per_query)
        pools: dict[tuple[str, ...], Pool] = {}
        batches: dict[str, QueryBatch] = {}  # of one query language at a time
        for setting, a, searched in tqdm(pairs, desc=f"scoring {collection.name}", disable=None):
            if searched not in pools:
                pools[searched] = open_pool(
                    retriever,
                    {code: documents[code] for code in searched},
                    {code: opened[code] for code in searched if code in opened},
                )
            if a not in batches:
                vectors = np.zeros((len(queries[a]), 0), np.float32)
                if retriever.uses_encoder and isinstance(encoder, TextEncoder):
                    vectors = encoder.encode([query.text for query in queries[a]], "query", a)
                batches = {a: QueryBatch(queries[a], vectors, own)}
            judged: Qrels = {}
            for b in searched:
                for query, grades in judgements.get((a, b), {}).items():
                    judged.setdefault(query, {}).update(grades)
            rows = [row for row, name in enumerate(batches[a].ids) if name in judged]
            if rows:
                batch = QueryBatch([batches[a].queries[row] for row in rows], batches[a].vectors[rows], own)
                cell = setting, a, None if setting == "multi" else searched[0]
                scorer.score(cell, batch, {name: judged[name] for name in batch.ids}, pools[searched])
    if cost is not None:
        counts = [index.count for index in opened.values()] or [len(of_language) for of_language in documents.values()]
        cost |= {"queries": scorer.queries, "documents": sum(counts)}
    write_measurements(out / "measurements.jsonl", scorer.rows)
    return scorer.rows


def _remarks(
    data: Collection, judgements: Mapping[tuple[str, str], Qrels], asked: Set[str], documents: Mapping[str, Set[str]]
) -> list[str]:
    """What a reader of the results must know of a collection; refuses judgements that do not belong to it."""
    own = "A query is among the documents; the document with its own id is left out of its ranking."
    remarks = [own] if data.self_retrieving else []
    queries = {query: query in asked for qrels in judgements.values() for query in qrels}
    places = ((b, doc) for (_, b), qrels in judgements.items() for grades in qrels.values() for doc in grades)
    judged = {doc: doc in documents[b] for b, doc in places}
    for what, there, ids in (("queries", queries, asked), ("documents", judged, next(iter(documents.values())))):
        absent = [name for name, is_there in there.items() if not is_there]
        count = f"{len(absent)} of {len(there)} judged {what} are not in {data.name}"
        if len(absent) > DANGLING * len(there):
            known, seen = (", ".join(map(repr, names[:3])) for names in (sorted(ids), absent))
            raise DataError(f"{count}: {seen}.", expected=f"Expected ids such as {known}.")
        remarks += [f"{count}."] if absent else []
    return remarks


class _Scorer:
    """Scores one pool after the other, and collects the measurements."""

    def __init__(
        self, measures: list[ir_measures.Measure], depth: int | None, trec: Path | None, per_query: PerQueryWriter
    ) -> None:
        self._measures, self._trec, self._per_query = measures, trec, per_query
        self._unranked = [measure for measure in measures if not ranked(measure)]
        cutoffs = [int(measure.params.get("cutoff", 0)) for measure in measures]
        self._cut = None if depth is None else max(depth, PEER_CUTOFF, *cutoffs)
        self.rows: list[Measurement] = []
        self.queries = 0

    def score(self, cell: Cell, batch: QueryBatch, qrels: Qrels, pool: Pool) -> None:
        setting, a, b = cell
        depth = len(pool) if self._cut is None else min(self._cut, len(pool))
        peer_depth = PEER_CUTOFF if setting == "multi" else 0
        keep_top = self._trec is not None or bool(self._unranked) or not pool.whole
        searched = pool.search(batch, list(qrels.values()), depth if keep_top else peer_depth)
        blocks: list[Block] = []
        run: dict[str, dict[str, float]] = {}

        def rankings() -> Iterator[tuple[str, list[tuple[str, float]]]]:
            for block in searched:
                top = slice(peer_depth)
                blocks.append(Block(block.start, block.judged, block.columns[:, top], block.scores[:, top]))
                for query, documents in zip(batch.ids[block.start :], _documents(block, pool), strict=False):
                    if self._unranked:
                        run[query] = dict(documents)
                    yield query, documents

        if self._trec is None:
            for _ in rankings():
                pass
        else:
            name = f"{folder_name(self._per_query.dataset)}.{setting}.{a}" + ("" if b is None else f"-{b}")
            try:
                write_run(self._trec / f"{name}.run", rankings())
                write_qrels(self._trec / f"{name}.qrels", qrels)
            except ValueError as error:
                raise DataError(f"{error}.", fix="Give documents and queries ids without white space.") from error
        judged = RelevantRanks(
            np.concatenate([block.judged.ranks for block in blocks]),
            np.concatenate([block.judged.grades for block in blocks]),
        )
        self.queries += len(batch)
        self._per_query.ranks(cell, batch.queries, pool.sizes(batch), judged)
        values = self._values(judged, qrels, run, pool.whole)
        if setting == "multi":
            columns = np.concatenate([block.columns for block in blocks])
            diagnostics, bias = _bias(a, judged, columns, pool.columns_of(list(qrels.values()))[0], pool)
            for language, shares in diagnostics.items():
                self._record("diagnostic", (setting, a, language), batch.queries, shares)
            values |= bias
        self._record("retrieval", cell, batch.queries, values)

    def _values(
        self, judged: RelevantRanks, qrels: Qrels, run: Mapping[str, Mapping[str, float]], whole: bool
    ) -> dict[str, Floats]:
        """The values of each query by measure, in the order of the measures."""
        values = {}
        for measure in self._measures:
            from_ranks = ranked(measure)
            cut = self._cut if "cutoff" not in measure.params and not (from_ranks and whole) else None
            name = str(measure) if cut is None else f"{measure}@{cut}"
            values[name] = compute(measure, judged) if from_ranks else delegated(str(measure), qrels, run)
        return values

    def _record(
        self,
        kind: Literal["retrieval", "diagnostic"],
        cell: Cell,
        queries: Sequence[Query],
        scores: Mapping[str, Floats],
    ) -> None:
        """Adds the mean of each measure over the queries where it is defined, and the values of retrieval measures."""
        for measure, values in scores.items():
            defined = np.flatnonzero(~np.isnan(values)).tolist()
            if not defined:
                continue
            setting, a, b = cell
            self.rows.append(
                Measurement(
                    kind=kind, dataset=self._per_query.dataset, retriever=self._per_query.retriever, setting=setting,
                    query_language=a, document_language=b, measure=measure, value=float(values[defined].mean()),
                    n=len(defined),
                )
            )  # fmt: skip
            if kind == "retrieval":
                self._per_query.values(cell, [queries[row] for row in defined], measure, values[defined])


def _bias(
    a: str, judged: RelevantRanks, columns: Columns, relevant: Columns, pool: Pool
) -> tuple[dict[str, dict[str, Floats]], dict[str, Floats]]:
    """Shares by document language and measure, and bias by measure, of each query.

    Args:
        a: The queries' language.
        columns: The top documents, as in `Block`.
        relevant: The relevant documents, as in `Pool.columns_of`.
    """
    count = len(pool.languages)
    languages = np.where(columns >= 0, pool.language_of[columns], -1)
    of_relevant = np.where(relevant >= 0, pool.language_of[relevant], -1)
    first, top = language_shares(languages[:, :1], count), language_shares(languages[:, :BIAS_CUTOFF], count)
    excess = top - language_shares(of_relevant, count)
    shares = {"share@1": first, f"share@{BIAS_CUTOFF}": top, f"excess_share@{BIAS_CUTOFF}": excess}
    diagnostics = {
        language: {measure: values[:, number] for measure, values in shares.items()}
        for number, language in enumerate(pool.languages)
    }
    depth = languages.shape[1]
    ranks = np.broadcast_to(np.arange(1, depth + 1, dtype=np.float64), languages.shape)
    others = ~((columns[:, :, None] == relevant[:, None, :]) & (columns[:, :, None] >= 0)).any(2)
    bias: dict[str, Floats] = {
        f"PEER@{PEER_CUTOFF}": peer(tied_beyond(judged, depth), of_relevant, count, repeated=True),
        f"PEER_others@{PEER_CUTOFF}": peer(ranks, np.where(others, languages, -1), count),
    }
    if pool.exact:
        bias["rank_distance"] = rank_distance(judged)
        bias["rank_distance_normalised"] = bias["rank_distance"] / max(1, len(pool) - 1)
    if a in pool.languages:
        own = pool.languages.index(a)
        bias[f"language_bias@{BIAS_CUTOFF}"], bias[f"TLR@{BIAS_CUTOFF}"] = excess[:, own], top[:, own]
        bias["LPR"], bias[f"Lang-nDCG@{BIAS_CUTOFF}"] = language_preference(judged, of_relevant == own, BIAS_CUTOFF)
    return diagnostics, bias


def _pairs(
    settings: Sequence[str], judgements: Mapping[tuple[str, str], Qrels], languages: Sequence[str]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(setting, query language, document languages), one query language after the other."""
    for a in dict.fromkeys(a for a, _ in judgements):
        for b in languages:
            setting = "mono" if a == b else "cross"
            if setting in settings and (a, b) in judgements:
                yield setting, a, (b,)
        if "multi" in settings and len(languages) > 1:
            yield "multi", a, tuple(languages)


def _documents(block: Block, pool: Pool) -> Iterator[list[tuple[str, float]]]:
    """The ranking of each query, without equal scores."""
    scores = untie(block.scores) if block.scores.shape[1] else block.scores
    for columns, values in zip(block.columns.tolist(), scores.tolist(), strict=True):
        yield [(pool.ids[column], value) for column, value in zip(columns, values, strict=True) if column >= 0]
