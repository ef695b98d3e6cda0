from __future__ import annotations

import json

import pytest

from xlreach.errors import DataError
from xlreach.measurement import write_measurements
from xlreach.report.mteb import export_mteb, mteb_name


def test_every_figure_is_there_under_mtebs_names(run, made, tmp_path):
    files = export_mteb(run, tmp_path / "mteb")
    assert len(files) == 4 * 3 * 3 and all(path.is_file() for path in files)  # recipes, alignments, seeds
    (path,) = [one for one in files if "~va(99)+lapt~mono~" in str(one) and one.parent.name == "seed-2"]
    content = json.loads(path.read_text("utf-8"))
    # what mteb.TaskResult requires: https://github.com/embeddings-benchmark/mteb, mteb/results/task_result.py
    assert isinstance(content["dataset_revision"], str) and content["task_name"] == "ntrex"
    assert {"mteb_version", "evaluation_time", "kg_co2_emissions"} <= set(content)
    subsets = {one["hf_subset"]: one for one in content["scores"]["test"]}
    assert len(subsets) == 6 + 30 + 6
    assert all(isinstance(one["main_score"], float) and isinstance(one["languages"], list) for one in subsets.values())
    (row,) = [
        r for r in made.results
        if (r.recipe, r.alignment, r.seed, r.setting, r.query_language, r.document_language, r.measure)
        == ("va(99)+lapt", "mono", 2, "cross", "mt", "en", "nDCG@10")
    ]  # fmt: skip
    one = subsets["en-mt"]  # documents in English, queries in Maltese
    assert one["ndcg_at_10"] == one["main_score"] == pytest.approx(row.value)
    assert one["languages"] == ["eng-Latn", "mlt-Latn"] and "recall_at_100" in one
    assert subsets["multi-mt"]["languages"] == ["mlt-Latn"] and subsets["mt-mt"]["languages"] == ["mlt-Latn"]
    meta = json.loads((path.parent / "model_meta.json").read_text("utf-8"))
    assert meta["revision"] == "seed-2" and meta["name"].startswith("FacebookAI/xlm-roberta-base~va(99)+lapt~mono")


def test_names_and_a_run_without_retrieval(made, tmp_path):
    assert mteb_name("RR@10") == "mrr_at_10" and mteb_name("language_bias@10") == "language_bias@10"
    (tmp_path / "run").mkdir()
    write_measurements(tmp_path / "run" / "results.jsonl", [row for row in made.results if row.kind == "tagging"])
    with pytest.raises(DataError, match="No retrieval"):
        export_mteb(tmp_path / "run", tmp_path / "out")


def test_mteb_itself_reads_them(run, made, tmp_path):
    """Strictly, as it reads its own, and all together as its cache."""
    results = pytest.importorskip("mteb.results")
    cache = pytest.importorskip("mteb.cache")
    files = export_mteb(run, tmp_path / "cache" / "results")
    for path in files[:3]:
        theirs = results.TaskResult.from_disk(path, load_historic_data=False)
        mine = [
            row.value for row in made.results
            if (row.kind, row.measure) == ("retrieval", "nDCG@10")
            and f"~{row.recipe}~{row.alignment}~" in str(path) and f"seed-{row.seed}" == path.parent.name
        ]  # fmt: skip
        assert theirs.task_name == "ntrex" and theirs.get_score() == pytest.approx(sum(mine) / len(mine))
        assert set(theirs.languages) == {"eng", "deu", "tur", "mlt", "wol", "uig"} and "en-mt" in theirs.hf_subsets
    found = cache.ResultCache(tmp_path / "cache").load_results(include_remote=False)
    assert len(found.model_results) == len(files)
