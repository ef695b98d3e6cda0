"""What people write: specs of all kinds, configurations with overrides, experiments, tables of languages."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from cases import damaged, words
from hypothesis import strategies as st

from xlreach.adapt import Recipe
from xlreach.adapt.transliterate import read_table
from xlreach.comparison import parse_hypothesis
from xlreach.corpora.artificial import ARTIFICIAL
from xlreach.corpora.dataset import DATASETS
from xlreach.corpora.registry import open_dataset
from xlreach.errors import XLReachError
from xlreach.languages import canonical_code, extend_languages, get_language
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.factory import check_factory
from xlreach.safe_io import as_path
from xlreach.scoring.measures import parse_measure
from xlreach.spec import folder_name
from xlreach.study.config import load_config
from xlreach.study.experiment import load_experiment
from xlreach.system import StudyNames
from xlreach.tagging.tasks import TASKS

_STUDY = b"""\
study: x
data: artificial(seed=1)
base: {small: "scratch(layers=1)"}
languages: {high: [en, qha], low: [mt]}
recipes: [none, "va(99)+lapt(epochs=5)"]
alignments: [none, "hybrid(alpha=0.5)"]
tagging: [pos]
index: Flat
measures: [nDCG@10, AP]
seeds: [1, 2]
hypotheses: ["va(99)+lapt(epochs=5) > none on pos:accuracy for low"]
"""
_EXPERIMENT = b"""\
experiment: script
study: study.yaml
factor: the script
set: {languages.low: [mt]}
vary:
  field: data
  values: {Latin: artificial(script=Latn), Armenian: artificial(script=Armn)}
"""
_LANGUAGES = (
    b"qaa: {name: Avelan, script: Latn, joshi_class: 1, cc100_tokens_m: 0, in_mbert: false}\nwo: {joshi_class: 2}\n"
)
_TABLE = "language: ug\ntable: {ئا: a, ب: b, ش: sh}\n".encode()
_RECIPES = ("none", "lapt", "va(99)+lapt(epochs=5,lr=1e-4)", "tva(99)", "translit(auto)+lapt", "scratch(layers=6)",
            "replace(tokenizer=x.json,init=focus)", "trim+lapt", 'translit("a b.yaml")')  # fmt: skip
_DATA = ("ud:mt_mudt", "ner:masakhaner2/wol", "ntrex(half=first)", "xquad-r(passage=context)", "folder:../../etc",
         "text:../x/mt", "bitext:/etc", "hub:a/b(config=[mt,en])", "./x", "~root/x", "tatoeba(uig)")  # fmt: skip
_STUDY_NAMES = StudyNames({"va(99)+lapt": ("va(99)", "lapt"), "lapt": ("lapt",)}, ("none", "hybrid(alpha=0.5)"))
_HYPOTHESES = ("va(99)+lapt > lapt on parse:LAS for low", "gap(hybrid(alpha=0.5)) < gap(none) on cross:nDCG@10")
_OVERRIDES = ("seeds=[1,2]", "languages.low=[wo]", "depth=10", "a.b.c=1", "study=../x", "base=/etc", "data=$HOME")


def recipe(case: str, folder: Path) -> None:
    _prints_back(Recipe.parse, case)


def alignment(case: str, folder: Path) -> None:
    _prints_back(ALIGNMENTS.parse, case)


def task(case: str, folder: Path) -> None:
    _prints_back(TASKS.parse, case)


def data_set(case: str, folder: Path) -> None:
    """The string, and what it opens: never anything outside of the root."""
    with contextlib.suppress(XLReachError):
        _prints_back(DATASETS.parse, case)
    (folder / "empty").mkdir(exist_ok=True)
    named = as_path(case.strip())
    if (named is None or not named.exists()) and not case.strip().startswith(("hub", "ir_datasets")):
        open_dataset(case, folder / "empty")


def artificial(case: str, folder: Path) -> None:
    _prints_back(ARTIFICIAL.parse, case)


def measure(case: str, folder: Path) -> None:
    _prints_back(parse_measure, case)


def hypothesis(case: str, folder: Path) -> None:
    _prints_back(partial(parse_hypothesis, names=_STUDY_NAMES), case)


def factory(case: str, folder: Path) -> None:
    check_factory(case, 64)


def code(case: str, folder: Path) -> None:
    found = canonical_code(case)
    assert found is None or canonical_code(found) == found
    assert get_language(case).code


def name(case: str, folder: Path) -> None:
    made = folder_name(case)
    assert made and "/" not in made and "\0" not in made and made not in (".", "..") and len(made.encode()) < 200


def config(case: tuple[bytes, list[str]], folder: Path) -> None:
    path = folder / "study.yaml"
    path.write_bytes(case[0])
    read = load_config(path, case[1])
    again = folder / "again.yaml"
    again.write_text(yaml.safe_dump(read.model_dump(mode="json"), allow_unicode=True, sort_keys=False), "utf-8")
    assert load_config(again) == read
    assert "/" not in read.study and read.study not in (".", "..")


def experiment(case: bytes, folder: Path) -> None:
    (folder / "study.yaml").write_bytes(_STUDY)
    path = folder / "experiment.yaml"
    path.write_bytes(case)
    found = load_experiment(path)
    assert len(found.studies) >= 2 and "/" not in found.name


def languages(case: bytes, folder: Path) -> None:
    path = folder / "languages.yaml"
    path.write_bytes(case)
    for one in extend_languages(path):
        assert one.code and isinstance(one.name, str) and isinstance(one.script, str) and get_language(one.code)


def table(case: bytes, folder: Path) -> None:
    path = folder / "ug.yaml"
    path.write_bytes(case)
    language, entries = read_table(path)
    assert language and all(isinstance(one, str) for pair in entries.items() for one in pair)


def _prints_back(parse: Any, text: str) -> None:
    """What is parsed prints to a string that is parsed to the same."""
    first = parse(text)
    printed = str(first)
    assert str(parse(printed)) == printed and parse(printed) == first


_NAMES = ("va(99)+lapt", "a/b", "..", ".", "~", "CON", "ж", "a" * 500)
TARGETS: dict[str, Any] = {
    "recipe": (words(*_RECIPES), recipe),
    "alignment": (words("none", "mono", "cross", "hybrid(alpha=0.5,steps=4)", "distil(teacher=x)"), alignment),
    "task": (words("pos", "parse(limit=3)", "ner", "pos(limit=12)"), task),
    "data set": (words(*_DATA), data_set),
    "artificial": (words("artificial(seed=1,high=300)", "artificial(script=Armn)", "artificial"), artificial),
    "measure": (words("nDCG@10", "AP", "R@100", "RR", "P(rel=2)@5", "LanguageBias@10"), measure),
    "hypothesis": (words(*_HYPOTHESES), hypothesis),
    "factory": (words("Flat", "HNSW32", "IVF16,Flat", "PQ8", "OPQ8,IVF4,PQ8", "SQ8"), factory),
    "language": (words("mt", "mlt_Latn", "zho-CN", "Maltese", "qaa"), code),
    "folder name": (words(*_NAMES), name),
    "config": (st.tuples(damaged(_STUDY), st.lists(words(*_OVERRIDES), max_size=2)), config),
    "experiment": (damaged(_EXPERIMENT), experiment),
    "languages": (damaged(_LANGUAGES), languages),
    "table": (damaged(_TABLE), table),
}
