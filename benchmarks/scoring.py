"""Scoring: full rankings of LAReQA's pool, against ir-measures.

The shape of XQuAD-R: 1,190 questions in each of 11 languages, 13,014 candidates of all languages as one pool, one
answer a language. That is 170 million rows; as the dictionaries that ir-measures takes they do not fit in memory, so it
scores a part of the questions and its time is extrapolated to all, which is fair: it takes them one by one. Ours is all
of `evaluate` but writing runs: opening the indexes, the score matrix, the ranks, bias, and the table of every query.
Theirs is given the scores. Vectors hold small whole numbers, so that products are exact in whatever order they are
summed, equal scores are many, and the figures must be the same.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pyarrow.parquet as pq
import torch

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.index import build_index
from xlreach.scoring.evaluation import evaluate

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
CANDIDATES = (1222, 1276, 1234, 1180, 1215, 1244, 1219, 852, 1167, 1209, 1196)
MEASURES = ("AP", "nDCG@10", "R@100", "RR", "Success@1")
DIMENSION = 384


class Lookup(TextEncoder):
    """An encoder to which a text is a number in its table."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.path, self.fingerprint, self.pooling = Path("given"), "given", "mean"
        self.max_length, self.dtype, self.prompts, self.dimension = None, "fp32", {}, vectors.shape[1]

    def encode(self, texts: Any, prompt: str | None = None) -> Vectors:
        """The vectors of those numbers."""
        return self.vectors[[int(text) for text in texts]]


class Pool(Collection):
    """Documents, questions and answers of XQuAD-R's shape; text is a row of `vectors`."""

    name = "pool"

    def __init__(self, questions: int) -> None:
        generator = np.random.default_rng(0)
        meanings = generator.integers(-2, 3, (questions, DIMENSION))
        rows: list[np.ndarray] = []
        self._documents: dict[str, list[Document]] = {}
        self._queries: dict[str, list[Query]] = {}
        self._answers: dict[str, np.ndarray] = {}
        for code, count in zip(LANGUAGES, CANDIDATES, strict=True):
            count = count if questions == 1190 else min(count, questions)
            answers = generator.integers(0, count, questions)
            documents = generator.integers(-2, 3, (count, DIMENSION))
            documents[answers] = meanings + generator.integers(-2, 3, (questions, DIMENSION))
            asked = meanings + generator.integers(-3, 4, (questions, DIMENSION))
            start = sum(map(len, rows))
            rows += [documents, asked]
            self._documents[code] = [Document(f"{code}-{at}", code, str(start + at)) for at in range(count)]
            self._queries[code] = [
                Query(f"{code}-q{at}", code, str(start + count + at), str(at)) for at in range(questions)
            ]
            self._answers[code] = answers
        self.vectors = np.concatenate(rows).astype(np.float32)

    @property
    def languages(self) -> tuple[str, ...]:
        """All of them."""
        return LANGUAGES

    def files(self, languages: Iterable[str]) -> list[Path]:
        """None."""
        return []

    def documents(self, language: str) -> Iterator[Document]:
        """The candidates of a language."""
        return iter(self._documents[language])

    def queries(self, language: str) -> list[Query]:
        """The questions of a language."""
        return self._queries[language]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        """One answer a question and language."""
        answers = self._answers[document_language]
        return {one.id: {f"{document_language}-{answers[int(one.group)]}": 1} for one in self.queries(query_language)}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    collection = Pool(300 if options.quick else 1190)
    with tempfile.TemporaryDirectory() as folder:
        report = compare(collection, Path(folder), part=60 if options.quick else 130)
    print(json.dumps(report))


def compare(collection: Pool, folder: Path, part: int) -> dict[str, Any]:
    """Scores all of it here, and `part` of its questions there."""
    encoder = Lookup(collection.vectors)
    indexes = {
        code: build_index(encoder, collection.documents(code), folder / code, language=code) for code in LANGUAGES
    }
    start = time.perf_counter()
    evaluate(
        encoder,
        collection,
        indexes,
        measures=MEASURES,
        settings=("multi",),
        depth=None,
        out=folder / "scores",
        runs=False,
    )
    ours = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    table = pq.read_table(folder / "scores" / "queries.parquet").to_pylist()
    values = {(one["query_id"], one["measure"]): one["value"] for one in table}

    documents = [one for code in LANGUAGES for one in collection.documents(code)]
    queries = [one for code in LANGUAGES for one in collection.queries(code)]
    chosen = [queries[at] for at in np.linspace(0, len(queries) - 1, part).astype(int)]
    qrels: Qrels = {}
    for query in chosen:
        for code in LANGUAGES:
            qrels.setdefault(query.id, {}).update(collection.qrels(query.language, code)[query.id])
    measures = [ir_measures.parse_measure(text) for text in MEASURES]
    ids = [one.id for one in documents]
    scores = encoder.encode([one.text for one in chosen]) @ encoder.encode([one.text for one in documents]).T
    start = time.perf_counter()
    run = {
        query.id: dict(zip(ids, row, strict=True))
        for query, row in zip(chosen, scores.astype(float).tolist(), strict=True)
    }
    found = list(ir_measures.iter_calc(measures, qrels, run))
    theirs = (time.perf_counter() - start) / part * len(queries)
    apart = max(abs(one.value - values[one.query_id, str(one.measure)]) for one in found)
    return {
        "benchmark": "scoring",
        "ratio": round(theirs / ours, 1),
        "ours": round(ours, 2),
        "theirs": round(theirs, 2),
        "unit": "s",
        "against": f"ir-measures on {part} of {len(queries)} questions, extrapolated, given the scores",
        "equal": f"largest difference of {len(found)} values {apart:.1e}",
        "peak_memory_gb": round(memory / 1e9, 2),
        "queries": len(queries),
        "candidates": len(documents),
        "measures": list(MEASURES),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    main()
