"""What the functions of the front door take and give beyond their examples."""

from __future__ import annotations

import json

import numpy as np
import pytest

import xlreach as xl


@pytest.fixture(autouse=True)
def in_front_folder(front_folder, monkeypatch):
    monkeypatch.chdir(front_folder)
    monkeypatch.delenv("XLREACH_DATA", raising=False)


def test_prompts_are_put_before_texts_and_kept_by_an_index(tmp_path):
    plain, prompted = xl.Encoder("encoder"), xl.Encoder("encoder", query_prompt="a b: ", document_prompt="c: ")
    np.testing.assert_allclose(prompted.encode("x y", "query"), plain.encode("a b: x y"), atol=1e-6)
    np.testing.assert_allclose(prompted.encode(["x y"], "document"), plain.encode(["c: x y"]), atol=1e-6)
    assert prompted.prompts == {"query": "a b: ", "document": "c: "}
    xl.Index.build(prompted, {"mt": ["x y", "z"]}, out=tmp_path / "ix")
    manifest = json.loads((tmp_path / "ix" / "mt" / "manifest.json").read_text("utf-8"))
    assert manifest["prompts"] == prompted.prompts
    again = xl.Index.open("encoder", tmp_path / "ix")
    assert again.encoder.prompts == prompted.prompts
    cosines = prompted.encode(["x y", "z"], "document") @ prompted.encode("x", "query")[0]
    assert again.search("x", k=1)[0].score == pytest.approx(float(cosines.max()), abs=1e-5)
    with pytest.raises(xl.XLReachError, match="Built with prompts"):
        xl.Index.open(xl.Encoder("encoder", query_prompt="other: "), tmp_path / "ix")


def test_an_encoder_in_a_temporary_folder_can_be_kept(tmp_path):
    adapted = xl.adapt("encoder", "none", text={"mt": ["x y", "z z"]})
    kept = adapted.save(tmp_path / "kept")
    np.testing.assert_array_equal(kept.encode("x"), adapted.encode("x"))
    with pytest.raises(xl.XLReachError, match="exists already"):
        adapted.save(tmp_path / "kept")


def test_documents_are_texts_mappings_or_files(tmp_path):
    (tmp_path / "en.jsonl").write_text('{"_id": "e", "title": "T", "text": "u v"}\n', "utf-8")
    documents = {"mlt": ["x", {"_id": "own", "text": "y", "title": "head"}, "z"], "en": tmp_path / "en.jsonl"}
    index = xl.Index.build("encoder", documents)
    hits = index.search("x", k=9)
    assert {(hit.language, hit.id, hit.title) for hit in hits} == {
        ("mt", "mt-1", ""), ("mt", "own", "head"), ("mt", "mt-2", ""), ("en", "e", "T"),
    }  # fmt: skip
    index.add("mt", ["w"], remove=["mt-1"])
    assert {hit.id for hit in index.search("x", languages="mt")} == {"own", "mt-2", "mt-3"}
    assert [len(found) for found in index.search(["x", "y"], k=2)] == [2, 2]
    with pytest.raises(xl.XLReachError, match="No index of 'wo'"):
        index.search("x", languages=["wo"])
    with pytest.raises(xl.XLReachError, match="without a text"):
        xl.Index.build("encoder", {"mt": [{"_id": "a"}]})


def test_a_run_of_many_queries_is_written(tmp_path):
    index = xl.Index.build("encoder", dataset="collection", languages="mt", data=".")
    assert index.write_run(tmp_path / "x.run", {"mt-d1": "mt text 1 1", "q": "mt 2"}, k=3) == 2
    rows = [line.split() for line in (tmp_path / "x.run").read_text("utf-8").splitlines()]
    assert [row[0] for row in rows] == ["mt-d1"] * 3 + ["q"] * 3 and "mt-d1" not in [row[2] for row in rows[:3]]


def test_scores_say_the_gap(tmp_path):
    scores = xl.score("encoder", "collection", measures="RR", settings=["mono"], out=tmp_path / "scores")
    assert {path.name for path in (tmp_path / "scores").iterdir()} >= {"indexes", "measurements.jsonl", "trec"}
    (gap,) = [row for row in scores.gap(low=["mt"]) if row.split == "config"]
    values = {row.query_language: row.value for row in scores.where(setting="mono", measure="RR")}
    assert gap.gap == pytest.approx(values["mt"] - values["en"]) and "RR" in str(scores)
    with pytest.raises(xl.XLReachError, match="No low-resource language was measured: wo"):
        scores.gap(low=["wo"])
    with pytest.raises(TypeError, match="no field 'languge'"):
        scores.where(languge="mt")


def test_two_systems_need_two_names():
    with pytest.raises(xl.XLReachError, match="Two systems are compared"):
        xl.compare("runs/tiny", system="none")
    with pytest.raises(xl.XLReachError, match="No finished run here"):
        xl.Study("runs")


def test_a_study_shows_in_a_notebook_with_its_report():
    page = xl.Study("runs/tiny")._repr_html_()
    assert "report.html" in page and "low-resource" in page
