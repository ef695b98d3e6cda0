"""A controlled experiment: one study run for every value of a factor, and the gap as a function of it.

An experiment names a study configuration, the fields that are the same for all values, and the field that varies:

    experiment: script
    study: study.yaml                 in the same folder; every study of the experiment is this one, with overrides
    factor: the script of qlb
    about: How does the gap depend on whether the base has seen the script?
    set: {languages.low: [qlb]}
    vary:
      field: data
      values: {Latin: artificial(script=Latn), Armenian: artificial(script=Armn)}

Each value has its own study (`runs/script-Latin`), which can be resumed and shares stages with the others. The
comparison is in `runs/script`: `factor.json` and `report.html`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from xlreach.comparison import read_gaps
from xlreach.comparison.factor import compare_factor
from xlreach.errors import ConfigError, StoreError
from xlreach.gaps import FactorAnalysis
from xlreach.report.render import render_factor
from xlreach.store import replacing
from xlreach.study.config import Model, StudyConfig, load_config, validate
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study
from xlreach.study.runner import Runner
from xlreach.study.shipped import find_config
from xlreach.study.source import OverrideError, read_source


class _Vary(Model):
    field: str
    values: dict[str | int | float | bool, Any] = Field(min_length=2)


class _ExperimentFile(Model):
    experiment: str
    study: str
    factor: str
    about: str = ""
    held: dict[str, Any] = Field(default_factory=dict, alias="set")
    vary: _Vary


@dataclass(frozen=True)
class Experiment:
    """A factor, and for each of its values, in order, a study."""

    name: str
    factor: str
    about: str
    studies: tuple[tuple[str, StudyConfig], ...]


def load_experiment(path: Path, overrides: Iterable[str] = ()) -> Experiment:
    """Reads an experiment, with `a.b=c` overrides for all its studies, and checks every study of it.

    Raises:
        ConfigError: A field is missing or wrong, or a study is.
    """
    path = find_config(path)
    source = read_source(path)
    file = validate(_ExperimentFile, source)
    studies = []
    for label, value in file.vary.values.items():
        name = f"{file.experiment}-{re.sub(r'[^A-Za-z0-9]+', '-', str(label)).strip('-')}"
        fields = {**file.held, file.vary.field: value, "study": name}
        written = [f"{field}={json.dumps(value, ensure_ascii=False)}" for field, value in fields.items()]
        try:
            study = load_config(path.parent / file.study, [*written, *overrides])
        except OverrideError as error:
            if error.field not in fields:
                raise
            # these fields reach the study as overrides, but the user wrote them in this file
            where = ("vary", "values", str(label)) if error.field == file.vary.field else ("set", error.field)
            raise source.wrong((where, f"{error.field}: {error.problem}")) from None
        studies.append((str(label), study))
    if len({study.study for _, study in studies}) < len(studies):
        raise ConfigError("Two values get the same name.", fix="Tell them apart by letters or digits.", path=path)
    return Experiment(file.experiment, file.factor, " ".join(file.about.split()), tuple(studies))


def is_experiment(path: Path) -> bool:
    """Whether a configuration file is an experiment rather than a study."""
    path = find_config(path)
    return path.is_file() and "vary" in read_source(path).values


def run_experiment(
    experiment: Experiment, paths: StudyPaths, log: Callable[[str], None], runner: Runner | None = None
) -> tuple[Path, FactorAnalysis]:
    """Runs the studies of an experiment as far as they are not done (`run_study`), then sets them side by side.

    Returns the folder with `factor.json` and `report.html`, and the content of the former.

    Raises:
        ConfigError: The data at hand do not allow a study.
        StoreError: A study has the same name as the experiment.
    """
    folder = paths.run(experiment.name)
    if (folder / "results.jsonl").exists():
        raise StoreError(f"{folder} belongs to a study.", fix="Give the experiment another name.")
    analyses = []
    for number, (label, study) in enumerate(experiment.studies, 1):
        log(f"study {number} of {len(experiment.studies)}: {experiment.factor}, {label}")
        run, _ = run_study(study, paths, log, runner)
        analyses.append((label, read_gaps(run / "gaps.json")))
    factor = compare_factor(experiment.name, experiment.factor, analyses, experiment.about)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "factor.json") as path:
        path.write_text(json.dumps(asdict(factor), indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    render_factor(factor, folder / "report.html")
    return folder, factor
