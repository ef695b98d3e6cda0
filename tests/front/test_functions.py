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
    assert [row[0] for row in rows] == ["mt-d1"] * 3 + ["q"] * 3 and "mt-d1" in [row[2] for row in rows[:3]]


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


@pytest.mark.parametrize("task", ["pos(limit=12)", "parse(limit=12)"])
def test_a_tagger_annotates_as_it_did_the_test_split_and_can_be_kept(task, tmp_path):
    tagger = xl.tag("encoder", "treebank", task=task, preset="quick")
    corpus = xl.open_dataset("./treebank")
    predicted = (tagger.folder / "predictions.conllu").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in predicted if line[:1].isdigit() and line.split("\t")[0].isdigit()]
    gold = [sentence.forms for sentence in corpus.read("test")]
    found = tagger.predict(gold)
    assert [row[1] for row in rows] == [word.word for word in found]
    if task.startswith("parse"):
        assert [(int(row[6]), row[7]) for row in rows] == [(word.head, word.label) for word in found]
    else:
        assert {word.head for word in found} == {None}
        assert any([row[column] for row in rows] == [word.label for word in found] for column in (3, 4))
    assert not (tagger.folder / "tagger.safetensors").exists()
    with pytest.raises(xl.XLReachError, match="weights of this tagger were not saved"):
        xl.Tagger(tagger.folder).predict(["x"])
    unseen = ["Ğ ğ completely-unseen", "x"]
    kept = tagger.save(tmp_path / "kept")
    assert kept.predict(unseen).records() == tagger.predict(unseen).records() and len(kept.predict(unseen)) == 4
    assert list(kept.scores) == list(tagger.scores)
    with pytest.raises(xl.XLReachError, match="no words"):
        kept.predict([""])
    (tmp_path / "kept" / "tagger.safetensors").write_bytes(b"x")
    with pytest.raises(xl.XLReachError, match="Not a saved tagger"):
        xl.Tagger(tmp_path / "kept").predict(["x"])
