"""Each verb does its work alone, prints it for people and for scripts, and helps without loading anything heavy."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import xlreach as xl
from xlreach.measurement import FIELDS, read_measurements

VERBS = ("run", "adapt", "tag", "train", "index", "search", "score", "compare", "report", "languages", "doctor")
_HELP = """
import io, contextlib, sys, time
from xlreach.cli import main
for verb in [[], *([one] for one in sys.argv[1:])]:
    sys.argv = ["xlreach", *verb, "--help"]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        try:
            main()
        except SystemExit as leaving:
            assert leaving.code == 0, verb
    assert "Usage: xlreach" in told.getvalue(), verb
heavy = {"torch", "transformers", "sentence_transformers", "faiss", "pandas", "numpy", "pyarrow", "altair", "datasets"}
print(sorted(heavy & set(sys.modules)))
"""


def test_help_of_every_verb_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", _HELP, *VERBS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_help_lists_every_verb_in_a_line(xlreach):
    told = xlreach("--help").out
    for verb in VERBS:
        (line,) = [one for one in told.splitlines() if one.strip(" │").startswith(verb + " ")]
        assert line.rstrip(" │").endswith(".")


def test_without_a_verb_help_is_shown(xlreach):
    assert "Usage: xlreach" in xlreach().out + xlreach().err


def test_run_again_says_that_nothing_was_left(xlreach, tiny):
    done = xlreach("run", tiny.config, "--root", tiny.root)
    assert done.code == 0 and done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "Nothing was left to do: every stage and the report are in place."
    assert lines[-1] == f"Report: {tiny.run / 'report.html'}"
    assert "1 low-resource (qla) against 1 high-resource (qha)" in lines[1]


def test_run_as_json(xlreach, tiny):
    found = json.loads(xlreach("run", tiny.config, "--root", tiny.root, "--json").out)
    assert found == {"run": str(tiny.run), "report": str(tiny.run / "report.html"), "worked": False}


def test_dry_run_prints_the_plan_and_runs_nothing(xlreach, tiny):
    before = sorted(tiny.root.rglob("*"))
    extra = ("--set", "recipes=[none, 'lapt(epochs=1)']", "--set", "hypotheses=[]")
    done = xlreach("run", tiny.config, "--root", tiny.root, "--dry-run", *extra)
    assert done.code == 0
    todo = [line for line in done.out.splitlines() if line.startswith("to do")]
    assert "small, lapt(epochs=1) for qla, seed 1" in todo[0]
    assert any(line.endswith(f"{len(todo)} left to do.") for line in done.out.splitlines())
    assert re.match(r"14 stages take about .*, as stages like them took before\.", done.out.splitlines()[-1])
    rows = json.loads(xlreach("run", tiny.config, "--root", tiny.root, "--dry-run", "--json", *extra).out)
    pending = [row for row in rows if not row["done"]]
    assert len(pending) == len(todo) and {"stage", "title", "key", "seconds", "memory_mb", "disk_mb"} < set(pending[0])
    assert [path for path in sorted(tiny.root.rglob("*")) if ".rates" not in path.parts] == before


def test_adapt_writes_an_encoder(made):
    told = json.loads((made.adapted / "xlreach.json").read_text("utf-8"))
    assert told["recipe"][-2:] == ["va(8)", "lapt(epochs=1)"] and len(told["new_pieces"]) == 8
    assert not [path for path in made.adapted.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("task", "dataset"), [("pos", "ud:qla_art"), ("ner", "ner:artificial/qla")])
def test_tag_scores_a_tagger(xlreach, tiny, tmp_path, task, dataset):
    arguments = (
        "tag",
        tiny.encoder(),
        dataset,
        "--task",
        f"{task}(limit=12)",
        "--preset",
        "quick",
        "--data",
        tiny.data,
    )
    done = xlreach(*arguments, "--out", tmp_path / "text")
    assert done.code == 0 and dataset in done.out and f"Written: {tmp_path / 'text'}" in done.out
    found = json.loads(xlreach(*arguments, "--out", tmp_path / "json", "--json").out)
    (row,) = read_measurements(tmp_path / "json" / "measurements.jsonl")
    assert tuple(found[0]) == FIELDS and found[0]["value"] == row.value and f"{row.value:.4f}" in done.out
    assert not list((tmp_path / "json").glob(".*"))
    # The same as in the study, for the same encoder, data, preset and seed.
    (studied,) = [
        one
        for one in read_measurements(tiny.run / "results.jsonl")
        if one.kind == "tagging" and one.recipe == "none" and one.dataset == dataset
    ]
    assert row.value == studied.value


def test_tag_takes_a_folder_of_files(xlreach, tiny, tmp_path):
    folder = tiny.data / "ud" / "artificial" / "UD_Talmari-ART"
    done = xlreach(
        "tag", tiny.encoder(), folder, "--task", "pos(limit=8)", "--preset", "quick", "--out", tmp_path / "out"
    )
    assert done.code == 0 and "accuracy" in done.out
    assert not (tmp_path / "out" / "tagger.safetensors").exists()


def test_tag_saves_the_weights_where_it_is_asked_to(xlreach, tiny, tmp_path):
    arguments = (
        "tag",
        tiny.encoder(),
        "ud:qla_art",
        "--task",
        "pos(limit=8)",
        "--preset",
        "quick",
        "--data",
        tiny.data,
    )
    done = xlreach(*arguments, "--out", tmp_path / "out", "--save-model", tmp_path / "model")
    assert done.code == 0 and f"Tagger: {tmp_path / 'model'}" in done.out
    assert (tmp_path / "model" / "tagger.safetensors").is_file()
    assert len(xl.Tagger(tmp_path / "model").predict(["a b c"])) == 3
    again = xlreach(*arguments, "--out", tmp_path / "other", "--save-model", tmp_path / "model")
    assert again.code == 2 and "exists already" in again.err and not (tmp_path / "other").exists()


def test_index_and_search_lines_of_text(xlreach, made):
    line = made.lines.read_text("utf-8").splitlines()[4]
    found = json.loads(xlreach("search", made.trained, made.indexes, line, "-k", 3, "--json").out)
    assert len(found) == 3 and set(found[0]) == {"id", "language", "score", "text", "title"}
    assert found[0]["score"] == pytest.approx(1, abs=1e-5) and line in [hit["text"] for hit in found]
    told = xlreach("search", made.trained, made.indexes / "qla", line, "-k", 2, "--lang", "qla").out.splitlines()
    assert len(told) == 3 and told[1].split()[2] == "qla"


def test_index_and_search_a_collection(xlreach, tiny, made, tmp_path):
    arguments = ("--dataset", "folder:retrieval/artificial-test", "--data", tiny.data, "--out", tmp_path / "all")
    done = xlreach("index", made.trained, "--lang", "qha", "--lang", "qla", *arguments)
    folders = [line.split()[-1] for line in done.out.splitlines()[1:]]
    assert folders == [str(tmp_path / "all" / code) for code in ("qha", "qla")]
    found = json.loads(xlreach("search", made.trained, tmp_path / "all", "a b c", "-k", 80, "--json").out)
    assert {hit["language"] for hit in found} == {"qha", "qla"} and len(found) == 80
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)


def test_scores_that_only_estimate_cosines_are_told(xlreach, made, tmp_path):
    codes, estimates = "'PQ8x4' keeps codes alone", "estimate cosines"
    for language, factory, said in (
        ("qla", "PQ8x4,Refine(PQ8x4)", estimates),
        ("qlb", "PQ8x4", codes),
        ("qlc", "Flat", ""),
    ):
        given = ("--text", f"{language}={made.lines}", "--factory", factory, "--out", tmp_path / "ix")
        done = xlreach("index", made.trained, *given)
        assert done.code == 0 and ("recall" in done.out) == bool(said)
        assert [one for one in (codes, estimates) if one in done.out] == [said] * bool(said)
    both, exact = (xlreach("search", made.trained, tmp_path / where, "a b") for where in ("ix", "ix/qlb"))
    assert "scores of qla only estimate" in both.out and "estimate" not in exact.out


def test_search_a_file_of_queries_into_a_run(xlreach, made, tmp_path):
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"_id": "q1", "text": "a b"}\n{"id": 2, "text": "c", "title": null}\n', "utf-8")
    done = xlreach("search", made.trained, made.indexes, "--queries", queries, "--trec", tmp_path / "x.run", "-k", 4)
    assert done.out.strip() == f"Run of 2 queries in qla: {tmp_path / 'x.run'}"
    rows = [line.split() for line in (tmp_path / "x.run").read_text("utf-8").splitlines()]
    assert [row[0] for row in rows] == ["q1"] * 4 + ["2"] * 4 and all(len(row) == 6 for row in rows)


def test_documents_in_json_lines(xlreach, made, tmp_path):
    documents = tmp_path / "mt.jsonl"
    documents.write_text(
        '{"_id": "one", "title": "Head", "text": "a b"}\n\n{"id": 2, "text": "c d", "title": null}\n', "utf-8"
    )
    assert xlreach("index", made.trained, "--text", f"mlt={documents}", "--out", tmp_path / "ix").code == 0
    found = json.loads(xlreach("search", made.trained, tmp_path / "ix", "c d", "--lang", "mt", "--json").out)
    assert {(hit["id"], hit["title"]) for hit in found} == {("one", "Head"), ("2", "")}
    told = xlreach("search", made.trained, tmp_path / "ix", "c d").out
    assert "one  Head: a b" in told and "2    c d" in told


def test_documents_are_added_and_removed(xlreach, made, tmp_path):
    first, second, gone = tmp_path / "mt.txt", tmp_path / "more.jsonl", tmp_path / "gone.txt"
    first.write_text("a b\nc d\ne f\n", "utf-8")
    second.write_text('{"_id": "new one", "text": "g h"}\n{"_id": "line\\nbreak", "text": "i j"}\n', "utf-8")
    gone.write_text("mt-2\n", "utf-8")
    place = ("--out", tmp_path / "ix")

    def ids() -> set[str]:
        found = json.loads(xlreach("search", made.trained, tmp_path / "ix", "a b", "-k", 9, "--json").out)
        return {hit["id"] for hit in found}

    assert xlreach("index", made.trained, "--text", f"mt={first}", *place).code == 0
    done = xlreach("index", made.trained, "--text", f"mt={second}", "--add", "--remove", f"mt={gone}", *place)
    assert done.out.split()[-4:] == ["mt", "4", "Flat", str(tmp_path / "ix" / "mt")]
    assert ids() == {"mt-1", "mt-3", "new one", "line\nbreak"}
    assert xlreach("index", made.trained, "--remove", f"mt={second}", *place).code == 0
    assert ids() == {"mt-1", "mt-3"}


def test_every_language_of_a_collection_is_indexed(xlreach, tiny, made, tmp_path):
    arguments = ("--dataset", "folder:retrieval/artificial-test", "--data", tiny.data, "--out", tmp_path / "all")
    done = xlreach("index", made.trained, *arguments)
    assert done.code == 0 and {"qha", "qla"} <= {line.rpartition("/")[2] for line in done.out.splitlines()}


def test_score_a_collection(xlreach, tiny, tmp_path):
    arguments = (
        "score", tiny.encoder(), "folder:retrieval/artificial-test", "--data", tiny.data,
        "--lang", "qha", "--lang", "qla", "--measure", "nDCG@10", "--measure", "RR",
    )  # fmt: skip
    done = xlreach(*arguments, "--out", tmp_path / "text")
    assert done.code == 0 and "share@1 " not in done.out and "qha→qla" in done.out
    rows = json.loads(xlreach(*arguments, "--out", tmp_path / "json", "--json").out)
    studied = {
        (row.setting, row.query_language, row.document_language, row.measure): row.value
        for row in read_measurements(tiny.run / "results.jsonl")
        if row.kind == "retrieval" and row.recipe == row.alignment == "none" and row.measure in ("nDCG@10", "RR")
    }
    found = {
        (row["setting"], row["query_language"], row["document_language"], row["measure"]): row["value"]
        for row in rows
        if row["kind"] == "retrieval" and row["measure"] in ("nDCG@10", "RR")
    }
    assert found == studied
    assert {path.name for path in (tmp_path / "json").iterdir()} == {
        "indexes", "measurements.jsonl", "queries.parquet", "ranks.parquet", "trec",
    }  # fmt: skip


def test_compare_and_report_can_be_done_again(xlreach, tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny.run, tmp_path / "run")
    before = (folder / "gaps.json").read_bytes()
    told = xlreach("compare", folder)
    assert told.code == 0 and told.out.startswith("tiny: 1 low-resource (qla)")
    assert (folder / "gaps.json").read_bytes() == before
    stored = json.loads(before)
    del stored["checksum"], stored["schema"]  # of the file, not of the comparison
    assert json.loads(xlreach("compare", folder, "--json").out) == stored
    (folder / "report.html").unlink()
    assert xlreach("report", folder).out.strip() == f"Report: {folder / 'report.html'}"
    assert (folder / "report.html").stat().st_size > 10_000


def test_two_systems_of_a_run_are_compared(xlreach, tiny):
    system = "va(20)+lapt(epochs=1) with hybrid(alpha=0.5,steps=4,batch=8)"
    asked = ("compare", tiny.run, "--system", system, "--against", "none")
    told = xlreach(*asked)
    assert told.code == 0 and told.out.startswith(f"{system} compared with none")
    rows = json.loads(xlreach(*asked, "--json").out)
    results = {
        (row["recipe"][:2], row["alignment"][:6], row["setting"], row["query_language"]): row["value"]
        for line in (tiny.run / "results.jsonl").read_text("utf-8").splitlines()
        if (row := json.loads(line))["kind"] == "retrieval" and row["measure"] == "RR" and row["setting"] != "multi"
    }  # fmt: skip
    for setting in ("mono", "cross"):
        for code in ("qha", "qla"):
            (row,) = [one for one in rows if (one["measure"], one["setting"], one["language"]) == ("RR", setting, code)]
            assert (row["a"], row["b"]) == pytest.approx(
                (results["no", "none", setting, code], results["va", "hybrid", setting, code])
            )
            assert row["difference"] == pytest.approx(row["b"] - row["a"])
            assert row["test"] is None and row["verdict"] == "cannot tell"  # trained once: nothing to judge by
    shown = [line for line in told.out.splitlines() if line.startswith(("better", "worse"))]
    assert len(shown) == sum(row["verdict"] != "cannot tell" for row in rows)


def test_two_runs_are_compared(xlreach, tiny):
    told = xlreach("compare", tiny.run, tiny.run)
    assert told.code == 0 and "0 better, 0 worse" in told.out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--system", "none"), "both --system and --against"),
        (("--system", "nine", "--against", "none"), "no system 'nine'"),
        (("--system", "none with hybird", "--against", "none"), "hybird"),
    ],
)
def test_systems_that_are_not_there_are_refused(xlreach, tiny, asked, said):
    told = xlreach("compare", tiny.run, *asked)
    assert told.code == 2 and said in told.err and "Traceback" not in told.err and told.out == ""


def test_a_report_brings_mtebs_files(xlreach, tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny.run, tmp_path / "run")
    told = xlreach("report", folder, "--mteb", tmp_path / "mteb")
    files = [path for path in (tmp_path / "mteb").glob("*/*/*.json") if path.name != "model_meta.json"]
    assert told.code == 0 and told.out.splitlines()[0] == f"mteb: {tmp_path / 'mteb'}"
    assert len(files) == 4 and all((path.parent / "model_meta.json").is_file() for path in files)
    for path in files:  # as mteb.TaskResult demands
        content = json.loads(path.read_text("utf-8"))
        assert {type(content[name]) for name in ("task_name", "dataset_revision")} == {str}
        (subsets,) = content["scores"].values()
        for one in subsets:
            assert isinstance(one["hf_subset"], str) and isinstance(one["languages"], list)
            assert 0 <= one["main_score"] <= 1 and one["main_score"] == one["ndcg_at_10"]
    again = xlreach("report", folder, "--mteb", tmp_path / "mteb")
    assert again.code == 2 and str(tmp_path / "mteb") in again.err


def test_languages(xlreach, tiny):
    lines = xlreach("languages", "mlt", "eng_Latn").out.splitlines()
    assert lines[0].split()[:3] == ["code", "ISO", "name"] and lines[1].startswith("mt ") and "English" in lines[2]
    (row,) = json.loads(xlreach("languages", "mt", "--json").out)
    assert row["iso3"] == "mlt" and row["script"] == "Latn"
    assert len(xlreach("languages").out.splitlines()) > 100
    assert "Talmari" in xlreach("languages", "qla", "--data", tiny.data).out


def test_doctor(xlreach):
    done = xlreach("doctor", "--json")
    findings = {row["topic"]: row for row in json.loads(done.out)}
    assert findings["torch"]["state"] == "ok" and findings["python"]["state"] == "ok"
    assert done.code == int(any(row["state"] == "missing" for row in findings.values()))
    told = xlreach("doctor").out
    assert all(topic in told for topic in findings)


def test_doctor_says_what_to_do(xlreach, monkeypatch, tmp_path):
    monkeypatch.setenv("XLREACH_DATA", str(tmp_path / "nowhere"))
    done = xlreach("doctor")
    assert done.code == 1 and "which is no folder" in done.out and "Correct or unset it." in done.out
