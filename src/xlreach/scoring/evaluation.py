"""One encoder on one collection: every setting, every pair of languages, every measure, every query.

    mono     queries and documents of one language
    cross    queries of one language, documents of another; every ordered pair that has judgements
    multi    the documents of all languages (two or more) as one pool; relevant is what is relevant in any of them

Equal scores are ordered as trec_eval orders them (score, then document id, last first); the written runs carry
scores without ties, a few roundings apart, so that every tool sees that one ranking and gives the figures given here.
A query with judgements for which nothing is found counts as 0. A document that has the query's own id is the query
(in bitext every sentence is both) and is left out of its ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from tqdm import tqdm

from xlreach.corpora.collection import Collection, Qrels, Query
from xlreach.corpora.formats.trec import write_qrels, write_run
from xlreach.errors import DataError, IndexFolderError, SpecError, nearest
from xlreach.measurement import Measurement, write_measurements
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import DenseIndex, open_index
from xlreach.retrieval.retrievers import RETRIEVERS, Dense, Retriever
from xlreach.scoring.baseline_pools import retriever_pool
from xlreach.scoring.bias import peer, rank_distance, relevant_shares, top_shares, with_unfound
from xlreach.scoring.document_pools import Block, Pool, QueryBatch
from xlreach.scoring.measures import Floats, RelevantRanks, compute, parse_measures, ranked
from xlreach.scoring.per_query import PerQueryWriter
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
) -> list[Measurement]:
    """Scores an encoder on a collection.

    Writes into `out`: `measurements.jsonl`, `queries.parquet` and `ranks.parquet` (see `per_query`), and in `trec/` the
    runs and qrels, named `<data set>.<setting>.<query language>[-<document language>]`.

    In the multi setting, beside the measures: `rank_distance`, `rank_distance_normalised` (exact indexes only),
    `PEER@100` (of relevant documents, for queries with two or more in a language), `PEER_others@100` (of the others),
    `language_bias@10` (how much more of the first ten is in the query's language than of what is relevant), and as
    diagnostics by document language, the cells of the heat map, `share@1`, `share@10` and `excess_share@10` (over its
    share of what is relevant); see `bias`.

    Args:
        encoder: The one that the indexes were built with; None for a retriever that uses none.
        collection: Queries, judgements, and for other retrievers than `dense` the documents.
        indexes: Index folders by language; the languages alone for a retriever that uses no encoder.
        settings: Of `SETTINGS`.
        depth: Documents of each ranking that count, for the measures and in the runs; None counts all. Rank distance
            is over all in any case.
        cost: Receives `queries` and `documents`, how many were scored.
        query_languages: Languages to ask in; None takes those that have an index.
        retriever: What ranks, of `RETRIEVERS`.

    Returns:
        The measurements, those of `measurements.jsonl`.

    Raises:
        SpecError: A measure or setting that does not exist.
        IndexFolderError: An index that is damaged, of another encoder or of another language.
        DataError: No setting has judgements, or an id cannot stand in a TREC file.
    """
    wanted = parse_measures(measures)
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
        opened = {code: _open(code, folder, encoder) for code, folder in indexes.items()}
    else:
        encoder = None
    whole = isinstance(retriever, Dense)
    documents = {code: [] if whole else list(collection.documents(code)) for code in languages}
    asking = [code for code in (query_languages or languages) if code in collection.languages]
    judgements = {(a, b): qrels for a in asking for b in languages if (qrels := collection.qrels(a, b))}
    if not judgements:
        raise DataError(f"{collection.name} has no judgements for {', '.join(asking)} in {', '.join(languages)}.")
    out = Path(out)
    (out / "trec").mkdir(parents=True, exist_ok=True)
    with PerQueryWriter(out, collection.name, str(retriever)) as kept:
        scorer = _Scorer(collection.name, str(retriever), wanted, depth, out / "trec", kept, runs)
        pairs = list(_pairs(settings, judgements, languages))
        pools: dict[tuple[str, ...], Pool] = {}
        batches: dict[str, QueryBatch] = {}  # of one language at a time
        for setting, a, searched in tqdm(pairs, desc=f"scoring {collection.name}", disable=None):
            if searched not in pools:
                pools[searched] = retriever_pool(
                    retriever,
                    {code: documents[code] for code in searched},
                    {code: opened[code] for code in searched if code in opened},
                )
            if a not in batches:
                batches = {a: _encoded(encoder, collection.queries(a))}
            qrels = _merged(judgements[a, b] for b in searched if (a, b) in judgements)
            batch = _judged(batches[a], qrels)
            if len(batch):
                scorer.score(setting, a, batch, qrels, pools[searched])
    if cost is not None:
        held = [index.count for index in opened.values()] or [len(some) for some in documents.values()]
        cost |= {"queries": scorer.queries, "documents": sum(held)}
    write_measurements(out / "measurements.jsonl", scorer.rows)
    return scorer.rows


def _encoded(encoder: TextEncoder | None, queries: list[Query]) -> QueryBatch:
    if encoder is None:
        return QueryBatch(queries, np.zeros((len(queries), 0), np.float32))
    return QueryBatch(queries, encoder.encode([query.text for query in queries], "query"))


def _judged(batch: QueryBatch, qrels: Qrels) -> QueryBatch:
    """The queries that have judgements."""
    rows = [row for row, name in enumerate(batch.ids) if name in qrels]
    return QueryBatch([batch.queries[row] for row in rows], batch.vectors[rows])


class _Scorer:
    """Scores one pool after the other and collects what comes of it."""

    def __init__(
        self,
        dataset: str,
        retriever: str,
        measures: list[ir_measures.Measure],
        depth: int | None,
        trec: Path,
        kept: PerQueryWriter,
        runs: bool,
    ) -> None:
        self._dataset, self._retriever, self._measures, self._depth = dataset, retriever, measures, depth
        self._trec, self._kept, self._runs = trec, kept, runs
        self._other = [measure for measure in measures if not ranked(measure)]
        self.rows: list[Measurement] = []
        self.queries = 0

    def score(self, setting: str, a: str, batch: QueryBatch, qrels: Qrels, pool: Pool) -> None:
        b = None if setting == "multi" else pool.languages[0]
        name = f"{folder_name(self._dataset)}.{setting}.{a}" + ("" if b is None else f"-{b}")
        depth = len(pool) if self._depth is None else min(self._depth, len(pool))
        blocks: list[Block] = []
        run: dict[str, dict[str, float]] = {}
        ids = batch.ids
        qrels = {name: qrels[name] for name in ids}
        keep_top = self._runs or bool(self._other) or not pool.exact
        wanted = depth if keep_top else min(depth, PEER_CUTOFF) if setting == "multi" else 0
        searched = pool.search(batch, list(qrels.values()), wanted)

        def ranking() -> Iterator[tuple[str, list[tuple[str, float]]]]:
            for block in searched:
                top = PEER_CUTOFF if setting == "multi" else 0
                blocks.append(Block(block.start, block.judged, block.columns[:, :top], block.scores[:, :top]))
                for query, documents in zip(ids[block.start :], _documents(block, pool), strict=False):
                    if self._other:
                        run[query] = dict(documents)
                    yield query, documents

        try:
            if self._runs:
                write_run(self._trec / f"{name}.run", ranking(), tag="xlreach")
                write_qrels(self._trec / f"{name}.qrels", qrels)
            else:
                for _ in ranking():
                    pass
        except ValueError as error:
            raise DataError(f"{error}.", fix="Give documents and queries ids without white space.") from error
        self.queries += len(ids)
        judged = _joined([block.judged for block in blocks])
        self._kept.ranks(setting, a, b, batch.queries, pool.sizes(ids), judged)
        values = self._values(judged.truncated(None if self._depth is None else depth), qrels, run)
        if setting == "multi":
            values |= self._bias(a, judged, blocks, pool, qrels)
        self._record(setting, a, b, batch.queries, values)

    def _values(self, judged: RelevantRanks, qrels: Qrels, run: Mapping[str, Mapping[str, float]]) -> dict[str, Floats]:
        values = {str(measure): compute(measure, judged) for measure in self._measures if ranked(measure)}
        if self._other:
            rows = {query: row for row, query in enumerate(qrels)}
            others = {str(measure): np.zeros(len(rows)) for measure in self._other}
            for metric in ir_measures.iter_calc(self._other, qrels, run):
                others[str(metric.measure)][rows[metric.query_id]] = metric.value
            values |= others
        return {str(measure): values[str(measure)] for measure in self._measures}

    def _bias(self, a: str, judged: RelevantRanks, blocks: list[Block], pool: Pool, qrels: Qrels) -> dict[str, Floats]:
        count = len(pool.languages)
        columns = np.concatenate([block.columns for block in blocks])
        languages = np.where(columns >= 0, pool.language_of[columns], -1)
        relevant = pool.columns_of(list(qrels.values()))[0]
        of_relevant = np.where(relevant >= 0, pool.language_of[relevant], -1)
        expected = relevant_shares(of_relevant, judged.grades, count)
        first, top = top_shares(languages, count, 1), top_shares(languages, count, BIAS_CUTOFF)
        for number, b in enumerate(pool.languages):
            for measure, values in (
                ("share@1", first[:, number]),
                (f"share@{BIAS_CUTOFF}", top[:, number]),
                (f"excess_share@{BIAS_CUTOFF}", top[:, number] - expected[:, number]),
            ):
                self.rows.append(self._row("diagnostic", "multi", a, b, measure, values))
        ranks = np.arange(1, languages.shape[1] + 1, dtype=np.float64)
        others = ~((columns[:, :, None] == relevant[:, None, :]) & (columns[:, :, None] >= 0)).any(2)
        measured: dict[str, Floats] = {
            f"PEER@{PEER_CUTOFF}": peer(with_unfound(judged, languages.shape[1]), of_relevant, count, twice=True),
            f"PEER_others@{PEER_CUTOFF}": peer(
                np.broadcast_to(ranks, languages.shape), np.where(others, languages, -1), count
            ),
        }
        if pool.exact:
            distance = rank_distance(judged)
            measured["rank_distance"] = distance
            measured["rank_distance_normalised"] = distance / max(1, len(pool) - 1)
        if a in pool.languages:
            own_number = pool.languages.index(a)
            measured[f"language_bias@{BIAS_CUTOFF}"] = top[:, own_number] - expected[:, own_number]
        return measured

    def _record(
        self, setting: str, a: str, b: str | None, queries: Sequence[Query], scores: Mapping[str, Floats]
    ) -> None:
        for measure, values in scores.items():
            defined = np.flatnonzero(~np.isnan(values)).tolist()
            if not defined:
                continue
            self.rows.append(self._row("retrieval", setting, a, b, measure, values[defined]))
            self._kept.values(setting, a, b, [queries[row] for row in defined], measure, values[defined])

    def _row(self, kind: Any, setting: str, a: str, b: str | None, measure: str, values: Floats) -> Measurement:
        return Measurement(
            kind=kind,
            dataset=self._dataset,
            retriever=self._retriever,
            setting=setting,
            query_language=a,
            document_language=b,
            measure=measure,
            value=float(values.mean()),
            n=len(values),
        )


def _open(code: str, folder: Path, encoder: TextEncoder) -> DenseIndex:
    index = open_index(folder, encoder)
    if index.language != code:
        raise IndexFolderError(f"An index of {index.language!r}, given as that of {code!r}.", path=folder)
    return index


def _pairs(
    settings: Sequence[str], judgements: Mapping[tuple[str, str], Qrels], languages: Sequence[str]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(setting, query language, document languages), query language by query language."""
    for a in dict.fromkeys(a for a, _ in judgements):
        for b in languages:
            setting = "mono" if a == b else "cross"
            if setting in settings and (a, b) in judgements:
                yield setting, a, (b,)
        if "multi" in settings and len(languages) > 1:
            yield "multi", a, tuple(languages)


def _merged(parts: Iterator[Qrels]) -> Qrels:
    merged: Qrels = {}
    for part in parts:
        for query, judged in part.items():
            merged.setdefault(query, {}).update(judged)
    return merged


def _documents(block: Block, pool: Pool) -> Iterator[list[tuple[str, float]]]:
    """The ranking of each query, with scores that every tool orders alike."""
    scores = untie(block.scores) if block.scores.shape[1] else block.scores
    for columns, values in zip(block.columns.tolist(), scores.tolist(), strict=True):
        yield [(pool.ids[column], value) for column, value in zip(columns, values, strict=True) if column >= 0]


def _joined(parts: Sequence[RelevantRanks]) -> RelevantRanks:
    return RelevantRanks(
        np.concatenate([part.ranks for part in parts]), np.concatenate([part.grades for part in parts])
    )
