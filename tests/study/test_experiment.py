from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas
import pytest

from xlreach.comparison import compare, write_gaps
from xlreach.errors import ConfigError, StoreError
from xlreach.measurement import Measurement
from xlreach.study import experiment as experiments
from xlreach.study.experiment import is_experiment, load_experiment, run_experiment
from xlreach.study.paths import StudyPaths

CONTROLLED = Path(__file__).parents[2] / "src" / "xlreach" / "configs" / "controlled"


@pytest.fixture
def written(tmp_path):
    """An experiment with the controlled study beside it; lines are replaced."""

    def write(old: str = "", new: str = "") -> Path:
        text = (CONTROLLED / "script.yaml").read_text("utf-8")
        assert old in text
        (tmp_path / "study.yaml").write_text((CONTROLLED / "study.yaml").read_text("utf-8"), "utf-8")
        (tmp_path / "script.yaml").write_text(text.replace(old, new), "utf-8")
        return tmp_path / "script.yaml"

    return write


@pytest.mark.parametrize("name", ["cognates", "morphology", "order", "script", "text"])
def test_the_controlled_experiments_vary_one_thing(name):
    found = load_experiment(CONTROLLED / f"{name}.yaml", ["seeds=[1,2]"])
    studies = [study for _, study in found.studies]
    assert is_experiment(CONTROLLED / f"{name}.yaml") and not is_experiment(CONTROLLED / "study.yaml")
    assert found.name == name and found.about and len(studies) >= 3
    assert len({study.study for study in studies}) == len(studies) == len({str(study.data) for study in studies})
    rest = [study.model_dump(exclude={"study", "data"}) for study in studies]
    assert all(one == rest[0] for one in rest) and studies[0].seeds == (1, 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("factor:", "facter:", "Unknown field 'facter'. Did you mean 'factor'"),
        ("factor: the script of qlb", "factor: [x]", "script.yaml:3: Field factor is ['x']: expected text"),
        ("  field: data\n", "", "Field vary.field is missing"),
        ("    Cyrillic:", "    latin-:", "Two values get the same name"),
        ("study: study.yaml", "study: missing.yaml", "missing.yaml"),
        ("languages.low: [qlb]", "languages.low: [nowhere]", "script.yaml:8: languages.low: Field languages.low[0]"),
    ],
)
def test_what_is_no_experiment_is_refused(written, old, new, said):
    path = written(old, new)
    if new.startswith("    latin"):
        path.write_text(path.read_text("utf-8").replace("    Latin:", "    latin:"), "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_experiment(path)
    assert said in str(refused.value) and ".yaml" in str(refused.value)


def test_studies_are_set_side_by_side(written, tmp_path, monkeypatch):
    """What each study finds is made up here: a gap that widens with every value, with two seeds apart by a little."""
    ran = []

    def run_study(study, paths, log, runner):
        number = len(ran)
        ran.append(study.study)
        folder = paths.root / "runs" / study.study
        folder.mkdir(parents=True)
        rows = [
            Measurement(kind="retrieval", base="small", recipe="none", alignment="none", language="x", seed=seed,
                        dataset="d", setting="mono", query_language=code, document_language=code,
                        measure="nDCG@10", value=0.8 - 0.1 * number * (code == "qlb") + 0.001 * seed * (code == "qlb"))
            for code in ("qha", "qlb") for seed in (1, 2, 3)
        ]  # fmt: skip
        names = ("base", "recipe", "alignment", "retriever", "language", "seed", "dataset", "setting", "measure",
                 "query_language", "document_language")  # fmt: skip
        queries = pandas.DataFrame(
            {name: getattr(row, name) for name in names}
            | {"query_id": str(query), "group": str(query), "value": row.value + 0.001 * (-1) ** query}
            for row in rows for query in range(10)
        )  # fmt: skip
        levels = {"high": ["qha"], "low": ["qlb"]}
        write_gaps(folder / "gaps.json", compare(rows, queries, levels, resamples=200, permutations=200))
        return folder, 1

    monkeypatch.setattr(experiments, "run_study", run_study)
    experiment, told = load_experiment(written()), []
    folder, found = run_experiment(experiment, StudyPaths(tmp_path / "root"), told.append)
    assert ran == ["script-Latin", "script-Cyrillic", "script-Armenian", "script-Georgian"]
    assert told[1] == "study 2 of 4: the script of qlb, Cyrillic"
    assert json.loads((folder / "factor.json").read_text("utf-8")) == json.loads(json.dumps(dataclasses.asdict(found)))
    assert [row.gap for row in found.rows] == pytest.approx([0.002, -0.098, -0.198, -0.298])
    (test,) = found.tests
    assert test.verdict == "differs"
    page = (folder / "report.html").read_text("utf-8")
    assert "Georgian" in page and "<svg" in page and len(list((folder / "charts").iterdir())) == 2
    (folder / "results.jsonl").touch()
    with pytest.raises(StoreError, match="belongs to a study"):
        run_experiment(experiment, StudyPaths(tmp_path / "root"), told.append)
