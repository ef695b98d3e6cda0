from __future__ import annotations

from pathlib import Path

import ir_measures
import pytest

from xlreach.corpora.registry import open_dataset
from xlreach.retrieval.index import build_index
from xlreach.scoring.evaluation import evaluate


@pytest.mark.corpora
def test_an_encoder_that_knows_no_word_ties_everything_and_is_scored_all_the_same(
    corpora_root: Path, encoder, tmp_path
):
    collection = open_dataset("xquad-r", corpora_root)
    languages = ("en", "th")
    indexes = {
        code: build_index(encoder, collection.documents(code), tmp_path / code, language=code) for code in languages
    }
    measures = ["AP", "nDCG@10", "RR@10", "R@100"]
    rows = evaluate(encoder, collection, indexes, measures=measures, depth=None, out=tmp_path / "out")
    retrieval = {(r.setting, r.query_language, r.document_language, r.measure): r for r in rows}
    for run in (tmp_path / "out" / "trec").glob("*.run"):
        _, setting, where = run.stem.rsplit(".", 2)
        a, _, b = where.partition("-")
        theirs = ir_measures.calc_aggregate(
            [ir_measures.parse_measure(text) for text in measures],
            ir_measures.read_trec_qrels(str(run.with_suffix(".qrels"))),
            ir_measures.read_trec_run(str(run)),
        )
        for measure, value in theirs.items():
            row = retrieval[setting, a, b or None, str(measure)]
            assert (row.value, row.n) == (pytest.approx(value, abs=1e-9), 1190)
