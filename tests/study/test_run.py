"""What a run leaves, that it is left whole or not at all, and that a run killed at any moment ends as one never was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas
import pytest
import yaml

from xlreach.comparison import read_gaps
from xlreach.errors import StoreError, XLReachError
from xlreach.measurement import FIELDS, Measurement, read_measurements
from xlreach.scoring.measures import MeasureInfo
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import compare_run, run_study
from xlreach.system import System

_COMMAND = (sys.executable, "-c", "from xlreach.cli import main; main()", "run")
_SECONDS = 600  # a backstop: the machine may be busy


def run(config: Path, root: Path, *overrides: str) -> tuple[bool, list[str]]:
    """Runs a study in this process; whether anything was done, and what was told."""
    told: list[str] = []
    _, worked = run_study(load_config(config, overrides), StudyPaths(root), told.append)
    return worked, told


def start(config: Path, root: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_COMMAND, str(config), "--root", str(root), *options],
        env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests that were started in the background would hand on that they ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def await_file(process: subprocess.Popen[str], found: Callable[[], bool]) -> None:
    """Waits until something is on disk, while the process runs."""
    end = time.monotonic() + _SECONDS
    while not found():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


def await_line(process: subprocess.Popen[str], wanted: str) -> None:
    """Waits until a line with `wanted` in it is told."""
    assert process.stdout is not None
    for line in process.stdout:
        if wanted in line:
            return
    raise AssertionError(f"no line with {wanted!r}: {process.communicate()}")


def without_cost(folder: Path) -> list[Measurement]:
    return [row for row in read_measurements(folder / "results.jsonl") if row.kind != "cost"]


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file."""
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    """A copy of the tiny study's root that a test may change."""
    return Path(shutil.copytree(tiny.root, tmp_path / "copy"))


def test_a_run_leaves_everything(tiny):
    assert sorted(path.name for path in tiny.run.iterdir()) == sorted(
        [
            "config.yaml",
            "results.jsonl",
            "queries.parquet",
            "ranks.parquet",
            "gaps.json",
            "curves.json",
            "sentences.parquet",
            "systems.json",
            "report.html",
            "tables",
            "charts",
            "trec",
        ]
    )
    for folder, suffixes in (("tables", {".csv", ".tex"}), ("charts", {".svg", ".png"}), ("trec", {".run", ".qrels"})):
        assert {path.suffix for path in (tiny.run / folder).rglob("*") if path.is_file()} == suffixes
    assert all(path.stat().st_size for path in tiny.root.rglob("*") if path.is_file() and ".locks" not in path.parts)
    names = {path.name for path in (tiny.root / "encoders" / "tiny").iterdir()}
    assert names == {path.name for path in (tiny.root / "indexes" / "tiny").iterdir()}
    assert names == {path.name for path in (tiny.run / "trec").iterdir()}
    for folder in (tiny.root / "indexes" / "tiny").glob("*/*/*"):
        assert {path.name for path in folder.iterdir()} == {"index.faiss", "ids.parquet", "manifest.json"}
    assert not list(tiny.root.rglob(".*.tmp")) and not list((tiny.root / "artifacts" / ".work").glob("*"))


def test_the_folders_of_every_system_are_listed(tiny):
    rows = json.loads((tiny.run / "systems.json").read_text("utf-8"))
    assert {(row["system"]["recipe"], row["system"]["alignment"]) for row in rows} == {
        (recipe, alignment)
        for recipe in ("none", "va(20)+lapt(epochs=1)")
        for alignment in ("none", "hybrid(alpha=0.5,steps=4,batch=8)")
    }
    for row in rows:
        assert set(row) == {"system", "language", "seed", "encoder", "indexes"} and row["language"] == "qla"
        assert System(**row["system"]).is_dense and (tiny.root / row["encoder"] / "config.json").is_file()
        assert {index["language"] for index in row["indexes"]} == {"qha", "qla"}
        assert {index["dataset"] for index in row["indexes"]} == {"folder:retrieval/artificial-test"}
        assert all((tiny.root / index["folder"] / "manifest.json").is_file() for index in row["indexes"])
    assert {row["seed"] for row in rows if row["system"]["recipe"] == row["system"]["alignment"] == "none"} == {None}


def test_what_is_told(tiny):
    stages = [line for line in tiny.told if line.startswith("[")]
    assert stages[0].startswith("[1/32]   text     qha: unlabelled text")
    assert stages[-1].startswith("[32/32]  score") and stages[-1].endswith(" s")
    assert tiny.told[-1] == "report   gaps, tables, charts"


def test_results_have_every_field_and_each_figure_once(tiny):
    lines = [json.loads(line) for line in (tiny.run / "results.jsonl").read_text("utf-8").splitlines()]
    assert all(tuple(line) == FIELDS for line in lines)
    assert {line["study"] for line in lines} == {"tiny"} and {line["base"] for line in lines} == {"small"}
    assert {line["kind"] for line in lines} == {"tagging", "retrieval", "diagnostic", "cost"}
    identities = [tuple(line[name] for name in FIELDS if name not in ("value", "n")) for line in lines]
    assert len(set(identities)) == len(identities)


def test_each_kind_of_result_has_what_it_should(tiny):
    rows = read_measurements(tiny.run / "results.jsonl")
    recipes = {"none", "va(20)+lapt(epochs=1)"}
    tagging = [row for row in rows if row.kind == "tagging"]
    assert {(row.recipe, row.language, row.measure, row.dataset) for row in tagging} == {
        (recipe, code, measure, data + code + end)
        for recipe in recipes
        for code in ("qha", "qla")
        for measure, data, end in (("accuracy", "ud:", "_art"), ("F1", "ner:artificial/", ""))
    }
    assert all(row.alignment is None and row.setting is None and row.seed == 1 and row.n for row in tagging)
    retrieval = [row for row in rows if row.kind == "retrieval" and row.measure in ("nDCG@10", "AP", "RR")]
    pairs = {(row.setting, row.query_language, row.document_language) for row in retrieval}
    assert pairs == {
        ("mono", "qha", "qha"), ("mono", "qla", "qla"), ("cross", "qha", "qla"), ("cross", "qla", "qha"),
        ("multi", "qha", None), ("multi", "qla", None),
    }  # fmt: skip
    assert len(retrieval) == len(pairs) * 3 * len(recipes) * 2
    assert all(row.n == 16 and 0 <= row.value <= 1 and row.language == "qla" for row in retrieval)
    assert {row.seed for row in retrieval if row.recipe == "none" and row.alignment == "none"} == {None}
    diagnostic = {(row.recipe, row.language) for row in rows if row.kind == "diagnostic" and row.dataset is None}
    assert diagnostic == {(recipe, code) for recipe in recipes for code in ("qha", "qla")}
    costs = {(row.stage, row.measure, row.task, row.dataset) for row in rows if row.kind == "cost"}
    assert {("adapt", measure, None, None) for measure in ("seconds", "peak_memory_mb", "tokens")} <= costs
    assert ("align", "seconds", None, None) in costs
    assert {("tag", "examples", "pos", f"ud:{code}_art") for code in ("qha", "qla")} <= costs
    assert {row.retriever for row in retrieval} == {"dense"} and {row.retriever for row in tagging} == {None}
    assert {(row.task, row.measure) for row in tagging} == {("pos", "accuracy"), ("ner", "F1")}


def test_values_by_query_average_to_the_results(tiny):
    queries = pandas.read_parquet(tiny.run / "queries.parquet")
    keys = ["recipe", "alignment", "retriever", "setting", "query_language", "document_language", "measure"]
    means = queries.groupby(keys, dropna=False)["value"].agg(["mean", "size"])
    found = {tuple(None if pandas.isna(one) else one for one in key): tuple(row) for key, row in means.iterrows()}
    rows = [row for row in read_measurements(tiny.run / "results.jsonl") if row.kind == "retrieval"]
    assert len(rows) == len(found)
    for row in rows:
        mean, count = found[tuple(getattr(row, name) for name in keys)]
        assert row.value == pytest.approx(mean, abs=1e-12) and row.n == count
    assert set(queries["study"]) == {"tiny"} and set(queries["language"]) == {"qla"}


def test_the_written_configuration_runs_the_same_study(tiny):
    written = yaml.safe_load((tiny.run / "config.yaml").read_text("utf-8"))
    assert load_config(tiny.run / "config.yaml") == load_config(tiny.config).model_copy(
        update={"provenance": written["provenance"]}
    )
    provenance = written["provenance"]
    assert provenance["packages"]["torch"] and provenance["xlreach"]
    assert {"folder:retrieval/artificial-test", "ud:qla_art"} <= {source["name"] for source in provenance["data"]}


def test_hypotheses_are_answered(tiny):
    (answer,) = read_gaps(tiny.run / "gaps.json").verdicts
    assert answer.claim == "va(20)+lapt(epochs=1) > none on pos:accuracy for low"
    assert answer.verdict in ("supported", "refuted", "cannot tell")


def test_every_measure_of_a_study_says_which_value_is_best(tiny):
    """All but shares of languages and preferences, which have no best value, and how many examples there were."""
    rows = read_measurements(tiny.run / "results.jsonl")
    undirected = {row.measure for row in rows if MeasureInfo.of(row.measure).best is None}
    assert undirected <= {"share@1", "share@10", "excess_share@10", "TLR@10", "LPR", "examples"}
    assert {"nDCG@10", "language_bias@10", "fertility"} & {row.measure for row in rows}


def test_tallies_of_sentences_give_the_figures_of_tagging(tiny):
    sentences = pandas.read_parquet(tiny.run / "sentences.parquet")
    for row in read_measurements(tiny.run / "results.jsonl"):
        if row.kind == "tagging" and row.part is None and row.measure == "LAS":
            mine = sentences[(sentences["recipe"] == row.recipe) & (sentences["language"] == row.language)]
            mine = mine[(mine["seed"] == row.seed) & (mine["measure"] == "LAS") & (mine["dataset"] == row.dataset)]
            mine = mine[mine["sentences"].isna() if row.sentences is None else mine["sentences"] == row.sentences]
            mine = mine[mine["setting"].isna() if row.setting is None else mine["setting"] == row.setting]
            assert mine["correct"].sum() / mine["total"].sum() == pytest.approx(row.value)


def test_running_again_does_nothing_and_touches_nothing(tiny):
    before = snapshot(tiny.root)
    assert run(tiny.config, tiny.root) == (False, [])
    assert snapshot(tiny.root) == before


@pytest.mark.parametrize("part", ["report.html", "results.jsonl", "queries.parquet"])
def test_a_part_that_was_deleted_is_written_again_without_any_stage(copy, part):
    path = copy / "runs" / "tiny" / part
    old = path.read_bytes()
    path.unlink()
    assert run(copy / "tiny.yaml", copy) == (True, ["report   gaps, tables, charts"])
    assert path.read_bytes() == old
    assert run(copy / "tiny.yaml", copy)[0] is False


def test_a_changed_study_leaves_nothing_of_the_old_one(copy):
    assert run(copy / "tiny.yaml", copy, "retrieval=[]", "recipes=[none]", "hypotheses=[]")[0]
    folder = copy / "runs" / "tiny"
    assert not (folder / "queries.parquet").exists() and not list((folder / "trec").iterdir())
    assert {row.kind for row in read_measurements(folder / "results.jsonl")} == {"tagging", "diagnostic", "cost"}
    assert not list((copy / "indexes" / "tiny").iterdir())


def test_a_study_of_figures_that_are_there_computes_nothing(copy):
    """Another study shares the stages."""
    worked, told = run(copy / "tiny.yaml", copy, "study=other", "recipes=[none]", "hypotheses=[]")
    assert worked and told == ["report   gaps, tables, charts"]
    mine, its = without_cost(copy / "runs" / "other"), without_cost(copy / "runs" / "tiny")
    assert [row.value for row in mine] == [row.value for row in its if row.recipe == "none"]


def test_a_lost_stage_is_made_again_with_the_same_figures(copy):
    before = without_cost(copy / "runs" / "tiny")
    for kind in ("tag", "score"):
        shutil.rmtree(copy / "artifacts" / kind)
    worked, told = run(copy / "tiny.yaml", copy)
    assert worked and sum(line.startswith("[") for line in told) == 12
    assert without_cost(copy / "runs" / "tiny") == before


def test_what_the_data_lack_is_told_before_the_work(copy, tmp_path):
    data = shutil.copytree(next((copy / "artifacts" / "data").iterdir()), tmp_path / "data")
    shutil.rmtree(data / "ner" / "artificial" / "qla")
    told = run(copy / "tiny.yaml", copy, f"data={data}", "recipes=[none]", "hypotheses=[]", "retrieval=[]")[1]
    assert told[0] == "note     ner(limit=12) is not measured in qla: the data hold no entity corpus."


def test_folders_that_no_study_wrote_are_refused_and_kept(tiny, tmp_path):
    for name in ("runs", "indexes", "encoders"):
        root = tmp_path / name
        mine = root / name / "tiny" / "notes.txt"
        mine.parent.mkdir(parents=True)
        mine.write_text("mine", "utf-8")
        with pytest.raises(StoreError, match="no study wrote"):
            run(tiny.config, root)
        assert mine.read_text("utf-8") == "mine"
        assert [path for path in root.rglob("*") if path.is_file()] == [mine]
    built = tmp_path / "built" / "indexes" / "tiny" / "mt"
    built.mkdir(parents=True)
    (built / "manifest.json").write_text("{}", "utf-8")
    with pytest.raises(StoreError, match="no study wrote"):
        run(tiny.config, tmp_path / "built")


def test_a_root_that_cannot_be_written_is_refused(tiny, tmp_path):
    file = tmp_path / "file"
    file.write_text("", "utf-8")
    with pytest.raises(StoreError, match=r"cannot be written|is a file"):
        run(tiny.config, file)
    with pytest.raises(StoreError, match="is a file"):
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "runs").write_text("", "utf-8")
        run(tiny.config, tmp_path / "root")
    if os.geteuid() != 0:  # the superuser may write anywhere
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(StoreError, match="cannot be written"):
            run(tiny.config, locked)


def test_comparing_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(XLReachError, match="No run here"):
        compare_run(tmp_path)


@pytest.fixture(scope="module")
def small(tiny, tmp_path_factory) -> Iterator[tuple[Path, list[Measurement]]]:
    """A smaller study, with the results that it has when nothing goes wrong."""
    root = Path(shutil.copytree(tiny.root, tmp_path_factory.mktemp("small") / "copy"))
    config = root / "small.yaml"
    values = yaml.safe_load(tiny.config.read_text("utf-8"))
    values |= {"study": "small", "recipes": ["none"], "tagging": ["pos(limit=12)"], "hypotheses": []}
    config.write_text(yaml.safe_dump(values), "utf-8")
    run(config, root)
    yield config, without_cost(root / "runs" / "small")
    shutil.rmtree(root)


def test_a_run_killed_again_and_again_ends_like_one_that_never_was(small, tmp_path):
    config, expected = small
    work, folder = tmp_path / "artifacts" / ".work", tmp_path / "runs" / "small"

    process = start(config, tmp_path)  # while the artificial languages are written
    await_file(process, lambda: any(work.glob("data-*/out/*")))
    process.kill()
    process.communicate()
    assert not list(tmp_path.glob("artifacts/data/*"))

    process = start(config, tmp_path)  # while the base is trained
    await_line(process, "adapt    small, scratch")
    process.kill()
    process.communicate()
    assert list(tmp_path.glob("artifacts/data/*")) and not list(tmp_path.glob("artifacts/adapt/*"))
    assert not folder.exists()

    process = start(config, tmp_path)  # interrupted from the keyboard while it aligns
    await_line(process, "align")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=_SECONDS)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("xlreach: interrupted.") and "Traceback" not in errors
    assert not folder.exists()

    process = start(config, tmp_path)  # while the report is written
    await_file(process, lambda: (folder / "results.jsonl").exists())
    process.kill()
    process.communicate()
    assert not (folder / "report.html").exists()

    worked, told = run(config, tmp_path)
    assert worked and told == ["report   gaps, tables, charts"]
    assert without_cost(folder) == expected
    assert not list(folder.glob(".*")) and not list(work.glob("*"))
    assert run(config, tmp_path)[0] is False


def test_two_runs_at_once_share_the_store(small, tmp_path):
    config, expected = small
    for kind in ("data", "text", "adapt"):
        shutil.copytree(config.parent / "artifacts" / kind, tmp_path / "artifacts" / kind)
    processes = [start(config, tmp_path) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, errors
    folder = tmp_path / "runs" / "small"
    assert without_cost(folder) == expected
    assert (folder / "report.html").exists() and not list(folder.glob(".*"))
    assert not list((tmp_path / "artifacts" / ".work").glob("*"))


def test_baselines_stand_in_results_tables_and_report(tiny, copy):
    before = without_cost(tiny.run)
    worked, told = run(copy / "tiny.yaml", copy, "retrievers=[dense,bm25,random]")
    assert worked and sum(line.startswith("[") for line in told) == 2
    rows = without_cost(copy / "runs" / "tiny")
    assert [row for row in rows if row.retriever in (None, "dense")] == before
    systems = {(r.system, r.language, r.seed) for r in rows if r.retriever in ("bm25", "random")}
    assert systems == {(System("small", retriever=name), "qla", None) for name in ("bm25", "random")}
    ranks = pandas.read_parquet(copy / "runs" / "tiny" / "ranks.parquet")
    assert {"bm25", "random", "dense"} == set(ranks.retriever) and set(ranks.study) == {"tiny"}
    tables = list((copy / "runs" / "tiny" / "tables").glob("retrieval*multi*nDCG*.csv"))
    assert tables and all("bm25" in path.read_text("utf-8") for path in tables)
    gaps = read_gaps(copy / "runs" / "tiny" / "gaps.json")
    assert {"bm25", "random"} <= {row.system.retriever for row in gaps.gaps}
    assert not {"bm25", "random"} & {row.system.retriever for row in gaps.answers}  # it is about encoders
    assert "bm25" in (copy / "runs" / "tiny" / "report.html").read_text("utf-8")
