"""The plan: keys depend on what changes a result and on nothing else; each stage is there once, upstream first."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from xlreach.errors import ConfigError
from xlreach.stage import Stage
from xlreach.store import Store
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import prepare
from xlreach.system import System

_MEASURED_ON = ("task", "corpus", "target", "collection")
_PRINT_KEYS = """
import json, sys
from pathlib import Path
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import prepare
root = Path(sys.argv[1])
plan = prepare(load_config(root / "tiny.yaml"), StudyPaths(root))
print(json.dumps(list(plan.stages)))
"""


def keys(plan) -> set[str]:
    return set(plan.stages)


def kinds(plan, some: set[str]) -> Counter[str]:
    return Counter(plan.stages[key].kind for key in some)


@pytest.fixture
def data(tiny, tmp_path) -> Path:
    """A copy of the data that a test may change."""
    return Path(shutil.copytree(tiny.data, tmp_path / "data"))


def test_the_same_study_has_the_same_keys_in_another_process_and_folder(planned, tiny, tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_KEYS, os.path.relpath(tiny.root, tmp_path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == list(planned().stages)


def test_upstream_stages_come_first_and_each_once(planned):
    plan = planned()
    before: set[str] = set()
    for key, stage in plan.stages.items():
        assert {node.key for node in stage.needs.values() if isinstance(node, Stage)} <= before
        before.add(key)
    assert Counter(stage.kind for stage in plan.stages.values()) == {
        "text": 2, "adapt": 4, "diagnose": 4, "tag": 8, "align": 2, "index": 8, "score": 4,
    }  # fmt: skip


def test_a_finished_study_has_every_stage_in_the_store(planned, tiny):
    plan, store = planned(), StudyPaths(tiny.root).store
    assert plan.pending(store) == [] and all(row["done"] for row in plan.rows(store))
    titles = [(row["stage"], row["title"]) for row in plan.rows(store)]
    assert len(set(titles)) == len(titles)


def test_the_copied_data_make_the_same_study(planned, data):
    """Where files lie, and when they were written, is no part of a key."""
    assert keys(planned(data=data)) == keys(planned())


def test_a_changed_recipe_changes_what_stands_on_it_only(planned):
    old, new = planned(), planned('recipes=[none, "va(20)+lapt(epochs=2)"]', "hypotheses=[]")
    gone, come = keys(old) - keys(new), keys(new) - keys(old)
    one_recipe = {"adapt": 1, "diagnose": 2, "tag": 4, "align": 1, "index": 4, "score": 2}  # the lapt step, not va(20)
    assert kinds(old, gone) == kinds(new, come) == one_recipe


def test_an_added_recipe_changes_nothing_that_is_there(planned):
    assert keys(planned()) < keys(planned('recipes=[none, "va(20)+lapt(epochs=1)", "lapt(epochs=1)"]'))


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("alignments=[none, 'hybrid(steps=5,batch=8)']", {"align": 2, "index": 4, "score": 2}),
        ("index=SQ8", {"index": 8, "score": 4}),
        ("measures=[RR]", {"score": 4}),
        ("depth=10", {"score": 4}),
        ("settings=[mono]", {"score": 4}),
        ("preset=fast", {"tag": 8}),
        ("tagging=['pos(limit=13)', 'ner(limit=12)']", {"tag": 4}),
        ("study=other", {}),
        ("hypotheses=[]", {}),
        # Another base goes through everything but the text.
        ("base.small='scratch(layers=1,hidden=32,heads=2,intermediate=64,vocab=300,epochs=1,warmup=3)'",
         {"adapt": 4, "diagnose": 4, "tag": 8, "align": 2, "index": 8, "score": 4}),
    ],
)  # fmt: skip
def test_each_field_changes_what_depends_on_it(planned, override, changed):
    old, new = planned(), planned(override)
    assert kinds(old, keys(old) - keys(new)) == kinds(new, keys(new) - keys(old)) == changed


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        # The high-resource text feeds the base and, as text to be left alone, va; all encoders follow.
        ("raw/artificial/qha.txt",
         {"text": 1, "adapt": 4, "diagnose": 4, "tag": 8, "align": 2, "index": 8, "score": 4}),
        ("raw/artificial/qla.txt",
         {"text": 1, "adapt": 2, "diagnose": 3, "tag": 4, "align": 1, "index": 4, "score": 2}),
        ("ud/artificial/UD_Talmari-ART/qla_art-ud-train.conllu", {"tag": 2}),
        # What is scored must not be trained on, so text and pairs are cleaned again.
        ("ud/artificial/UD_Talmari-ART/qla_art-ud-test.conllu",
         {"text": 1, "adapt": 2, "diagnose": 3, "tag": 5, "align": 2, "index": 6, "score": 3}),
        ("retrieval/artificial-train/queries.jsonl", {"align": 2, "index": 4, "score": 2}),
        ("raw/artificial/qlb.txt", {}),
        ("parallel/artificial/qla.txt", {}),
        ("transliteration/qlb.yaml", {}),
        ("LICENSES.md", {}),
    ],
)  # fmt: skip
def test_a_changed_file_changes_what_reads_it_only(planned, data, file, changed):
    old = planned(data=data)
    path = data / file
    path.write_bytes(path.read_bytes() + b"\n")
    new = planned(data=data)
    assert kinds(old, keys(old) - keys(new)) == kinds(new, keys(new) - keys(old)) == changed


def test_another_part_of_the_same_files_is_another_evaluation(loaded, tmp_path):
    """Halves of NTREX are read from one file; text without the one half is not text without the other."""
    from xlreach.study.data import StudyData

    folder = tmp_path / "news" / "parallel" / "ntrex128"
    (folder / "NTREX-128").mkdir(parents=True)
    for name in ("src.eng", "ref.mlt"):
        (folder / "NTREX-128" / f"newstest2019-{name}.txt").write_text("a b\nc d\n", "utf-8")
    (folder / "DOCUMENT_IDS.tsv").write_text("one\ntwo\n", "utf-8")
    found = []
    for half in ("first", "second"):
        config = loaded(
            "languages={high: [en], low: [mt]}", f"retrieval=['ntrex(half={half})']", "tagging=[]", "pairs=[crops]",
            "hypotheses=[]",
        )  # fmt: skip
        found.append(StudyData(config, tmp_path / "news").evaluation("mt"))
    assert found[0] != found[1]


def test_translations_of_what_is_scored_are_kept_out_of_training_in_languages_outside_the_study(loaded, tmp_path):
    """The second half of NTREX is scored in English and Maltese: its German lines are not trained on either."""
    from xlreach.adapt.clean_text import ContaminationFilter, normal_form
    from xlreach.corpora.evaluation import evaluation_texts
    from xlreach.study.data import StudyData

    folder = tmp_path / "parallel" / "ntrex128"
    (folder / "NTREX-128").mkdir(parents=True)
    lines = {"src.eng": "{} house\n", "ref.mlt": "{} dar\n", "ref.deu": "{} Haus\n"}
    for name, line in lines.items():
        text = "".join(line.format(which) for which in ("alpha", "beta", "gamma", "delta"))
        (folder / "NTREX-128" / f"newstest2019-{name}.txt").write_text(text, "utf-8")
    (folder / "DOCUMENT_IDS.tsv").write_text("one\none\ntwo\ntwo\n", "utf-8")
    config = loaded(
        "languages={high: [en], low: [mt]}", "retrieval=['ntrex(half=second)']", "tagging=[]", "pairs=[crops]",
        "hypotheses=[]",
    )  # fmt: skip
    sets = StudyData(config, tmp_path).evaluation("mt")
    assert [scored.language for scored in sets] == ["de", "en", "mt"]
    scored = ContaminationFilter(evaluation_texts(sets, tmp_path))
    trained = ["alpha Haus", "beta Haus", "Gamma Haus!", "delta Haus", "delta house", "beta dar", "delta dar"]
    assert scored.find([normal_form(text) for text in trained])[0] == [False, False, True, True, True, False, True]


@pytest.mark.corpora
def test_questions_of_xquad_in_every_language_are_kept_out_of_training(loaded, corpora_root):
    from xlreach.study.data import StudyData

    config = loaded(
        "languages={high: [en], low: [th]}", "retrieval=[xquad-r]", "tagging=[]", "pairs=[crops]", "hypotheses=[]"
    )
    sets = StudyData(config, corpora_root).evaluation("th")
    assert len({scored.language for scored in sets}) == len(sets) == 11


def test_seeds_multiply_only_what_draws_at_random(planned):
    one, two = planned(), planned("seeds=[1,2]")
    assert keys(one) < keys(two)
    more = kinds(two, keys(two) - keys(one))
    # va, lapt; their diagnoses; all taggers; both aligned encoders; the indexes and scores of all but plain `none`.
    assert more == {"adapt": 2, "diagnose": 2, "tag": 8, "align": 2, "index": 6, "score": 3}
    seeds = {variant.seed for variant in two.encoders if variant.system.is_untreated}
    assert seeds == {None}


def test_each_language_its_own_encoder_or_one_for_all(planned):
    low = "languages.low=[qla,qlc]"
    joint, each = planned(low), planned(low, "specialise=each")
    adapted = {cost.variant.language for cost in joint.costs if cost.stage == "adapt"}
    assert adapted == {"qla+qlc"}
    assert {variant.language for variant in joint.encoders} == {"qla+qlc"}
    assert {variant.language for variant in each.encoders} == {"qla", "qlc"}
    # The plain base is one encoder, whatever it is for.
    plain = {stage.key for variant, stage in each.encoders.items() if variant.system.is_untreated}
    assert len(plain) == 1
    scored = [stage.inputs for stage in each.stages.values() if stage.kind == "score"]
    assert len(scored) == 8  # two recipes × two alignments × two languages, each against the high-resource one
    # Where each low-resource language has its own encoder, high-resource ones are tagged with the base alone.
    tagged = [(cost.variant.system.recipe, cost.variant.language) for cost in each.costs if cost.stage == "tag"]
    assert ("none", "qha") in tagged and ("va(20)+lapt(epochs=1)", "qha") not in tagged


@pytest.mark.parametrize("specialise", ["joint", "each"])
def test_no_figure_is_measured_twice(planned, specialise):
    """What tells two rows of the results apart: the encoder, the language, and what it was measured on."""
    plan = planned("languages.low=[qla,qlc]", f"specialise={specialise}", "seeds=[1,2]")
    told = [
        (variant, stage.kind, *(stage.inputs.get(name) and str(stage.inputs[name]) for name in _MEASURED_ON))
        for (variant, _), stage in plan.measured.items()
    ]
    assert len(set(told)) == len(told)


def test_parsing_takes_only_treebanks_with_trees_and_gaps_are_told(planned, data):
    shutil.rmtree(data / "ner" / "artificial" / "qla")
    plan = planned(data=data)
    assert plan.unavailable == ["ner(limit=12) is not measured in qla: the data hold no entity corpus."]
    shutil.rmtree(data / "ner")
    with pytest.raises(ConfigError, match=r"tagging\[1\]: The data hold no entity corpus"):
        planned(data=data)


def tagged(plan) -> set[tuple[str, str]]:
    return {(str(stage.task), stage.corpus) for stage in plan.stages.values() if stage.kind == "tag"}


def test_treebanks_and_entity_corpora_can_be_chosen(planned, data):
    pytest.importorskip("datasets")
    from datasets import Dataset

    for split in ("train", "validation", "test"):
        (data / "copy" / "qla").mkdir(parents=True, exist_ok=True)
        rows = Dataset.from_list([{"tokens": ["ra", "ta"], "ner_tags": [5, 0]}] * 3)
        rows.to_parquet(str(data / "copy" / "qla" / f"{split}.parquet"))
    (data / "qlb").mkdir()
    for split in ("train", "test"):
        (data / "qlb" / f"{split}.txt").write_text("ra NOUN\nta VERB\n", "utf-8")
    own = {("pos(limit=12)", "ud:qha_art"), ("pos(limit=12)", "ud:qla_art"),
           ("ner(limit=12)", "ner:artificial/qha"), ("ner(limit=12)", "ner:artificial/qla")}  # fmt: skip
    assert tagged(planned(data=data)) == own and keys(planned("corpora=[ud, artificial]", data=data)) == keys(planned())
    mapped, hub = "conll:qlb(language=qla,upos=2)", "hub:copy(config=[qla])"
    plan = planned(f"corpora=['{mapped}', 'hub:copy(config=qla)', 'ner:artificial/qha']", data=data)
    assert tagged(plan) == {("pos(limit=12)", mapped), ("ner(limit=12)", hub), ("ner(limit=12)", "ner:artificial/qha")}
    assert [lack for lack in plan.unavailable if "pos" in lack] == [
        "pos(limit=12) is not measured in qha: the data hold no treebank."
    ]
    assert {one["name"] for one in plan.credits} >= {mapped, hub}
    assert "hub:copy(config=qla)" not in {one["name"] for one in plan.credits}
    for name, message in (
        ("ud:qla_ar", r"corpora\[0\].*Did you mean 'ud:qla_art'"),
        ("folder:retrieval/artificial-test", "no treebank and no entity corpus"),
        ("conll:qlb(upos=2)", "none of the study's languages"),
    ):
        with pytest.raises(ConfigError, match=message):
            planned(f"corpora=['{name}']", data=data)


def test_transfer_is_learnt_once_with_the_most_sentences_and_tested_in_low_resource_languages(planned):
    curve = "tagging=['pos(limit=6)', 'pos(limit=12)', 'ner(limit=12)']"
    plain, plan = planned(curve), planned(curve, "transfer=[qha]")
    assert keys(plain) < keys(plan)
    added = {key: plan.stages[key] for key in keys(plan) - keys(plain)}
    assert {(stage.kind, str(stage.task), stage.corpus, stage.target) for stage in added.values()} == {
        ("tag", "pos(limit=12)", "ud:qha_art", "ud:qla_art"),
        ("tag", "ner(limit=12)", "ner:artificial/qha", "ner:artificial/qla"),
    }
    # With the encoder as it is, and with one adapted to the language that is tested.
    recipes = {variant.system.recipe for variant, key in plan.measured if key in added}
    assert recipes == {"none", "va(20)+lapt(epochs=1)"} and len(added) == 4
    assert {variant.language for variant, key in plan.measured if key in added} == {"qla"}


def test_rows_of_a_learning_curve_say_how_many_sentences(planned):
    plan = planned("tagging=['pos(limit=6)', 'pos(limit=12)', pos, 'ner(limit=12)']", "transfer=[qha]")
    tagged = [(key, stage) for key, stage in plan.stages.items() if stage.kind == "tag"]
    assert {(str(stage.task), plan.sentences.get(key)) for key, stage in tagged} == {
        ("pos(limit=6)", 6),
        ("pos(limit=12)", 12),
        ("pos", None),
        ("ner(limit=12)", None),
    }
    assert planned().sentences == {}, "one number of sentences is no curve"


def test_a_treebank_of_a_test_split_alone_is_no_treebank_to_learn_from(planned, data):
    folder = data / "ud" / "artificial" / "UD_Talmari-ART"
    (folder / "qla_art-ud-train.conllu").unlink()
    (lack,) = planned(data=data).unavailable
    assert lack.startswith("pos(limit=12) is not measured in qla")


def test_a_recipe_that_needs_text_says_where_to_put_it(planned, data):
    (data / "raw" / "artificial" / "qla.txt").unlink()
    with pytest.raises(ConfigError, match=r"no unlabelled text of 'qla'.*raw/<source>/qla\.txt"):
        planned(data=data)


def test_text_can_be_chosen_by_family_and_from_parallel_text(planned, data, tmp_path):
    (data / "raw" / "other").mkdir()
    shutil.copy(data / "raw" / "artificial" / "qla.txt", data / "raw" / "other" / "qla.txt")
    shutil.copy(data / "raw" / "artificial" / "qha.txt", data / "raw" / "other" / "qha.txt")

    def sources(*overrides):
        return {
            name
            for stage in planned(*overrides, data=data).stages.values()
            if stage.kind == "text" and "qla" in stage.title.split(":")[0]
            for name in stage.sources
        }

    assert sources() == {"text:artificial/qla", "text:other/qla"}
    assert sources("text=[other]") == {"text:other/qla"}
    assert sources("text=[other, 'text:artificial/qha', 'bitext:artificial']") == {
        "text:other/qla",
        "bitext:artificial",
    }


def test_a_base_can_be_an_encoder_that_is_there(tiny):
    config = load_config(tiny.config, [f"base={{own: '{tiny.encoder()}'}}"])
    plan = prepare(config, StudyPaths(tiny.root))
    assert not any("scratch" in stage.title for stage in plan.stages.values())
    assert {variant.system.base for variant, _ in plan.measured} == {"own"}


def test_titles_say_which_encoder(planned):
    titles = [stage.title for stage in planned().stages.values()]
    assert "pos(limit=12) on ud:qla_art: small, va(20)+lapt(epochs=1) for qla, seed 1" in titles
    assert "qha+qla: small, none for qla, hybrid(alpha=0.5,steps=4,batch=8), seed 1" in titles


def test_baselines_are_scored_once_and_keyed_by_what_ranks(planned, tiny):
    dense = planned()
    plan = planned("retrievers=[dense,bm25,'rrf(dense,bm25)']")
    added = keys(plan) - keys(dense)
    assert keys(dense) <= keys(plan) and kinds(plan, added) == {"score": 4 + 1}  # a fusion an encoder, BM25 once
    named = {variant.system for variant, key in plan.measured if key in added}
    hybrid = "hybrid(alpha=0.5,steps=4,batch=8)"
    lapt = "va(20)+lapt(epochs=1)"
    assert named == {
        System("small", retriever="bm25"),
        *(
            System("small", recipe, alignment, "rrf(dense,bm25)")
            for recipe in ("none", lapt)
            for alignment in ("none", hybrid)
        ),
    }
    (bm25,) = [plan.stages[key] for variant, key in plan.measured if variant.system.retriever == "bm25"]
    assert not bm25.needs and bm25.searched == ("qha", "qla")
    assert planned("retrievers=[random]").indexes == {}
    other = planned("retrievers=['bm25(b=0.5)']")
    assert bm25.key not in other.stages


def test_mixing_needs_the_text_of_the_other_languages(planned):
    def lapt(recipe: str) -> Stage:
        stages = planned(f'recipes=["{recipe}"]', "hypotheses=[]").stages.values()
        (found,) = (stage for stage in stages if stage.kind == "adapt" and stage.title.startswith("small, lapt"))
        return found

    plain, mixed = lapt("lapt(epochs=1)"), lapt("lapt(epochs=1,mix=0.5)")
    assert set(mixed.needs) - set(plain.needs) == {"others qha"}
    assert mixed.needs["others qha"].kind == "text"


def test_another_version_of_a_fused_part_is_another_key(planned, monkeypatch):
    from xlreach.retrieval.retrievers import BM25

    before = planned("retrievers=['rrf(dense,bm25)']")
    monkeypatch.setattr(BM25, "version", 99)
    assert kinds(before, keys(before) - keys(planned("retrievers=['rrf(dense,bm25)']"))) == {"score": 4}


def test_an_index_that_does_not_fit_the_encoder_is_refused_before_anything_is_run(planned):
    assert planned("index=PQ8").indexes
    with pytest.raises(ConfigError, match=r"index: .*'PQ48'.* for vectors of 32 numbers"):
        planned("index=PQ48")


def test_a_step_that_changes_nothing_is_left_out_and_said(planned):
    plain = planned("recipes=[none, lapt(epochs=1)]", "hypotheses=[]")
    both = planned("recipes=[none, lapt(epochs=1), translit(auto), translit(auto)+lapt(epochs=1)]", "hypotheses=[]")
    assert keys(both) == keys(plain), "the artificial low-resource languages are in Latin script"
    assert len(both.measured) == 2 * len(plain.measured), "and yet every recipe has its rows"
    assert any("translit(auto)+lapt(epochs=1) is lapt(epochs=1) for qla" in lack for lack in both.unavailable)


_REMAKE = """
import pickle, sys
from pathlib import Path
from xlreach.store import Store, digest
stage = pickle.loads(Path(sys.argv[1]).read_bytes())
del stage.__dict__["key"], stage.__dict__["recorded"]
print(digest(stage.recorded), stage.obtain(Store(Path(sys.argv[2]))))
"""


def test_every_stage_pickles_and_keeps_its_key(planned):
    for stage in planned("retrievers=[dense, bm25]").stages.values():
        again = pickle.loads(pickle.dumps(stage))
        again.__dict__.pop("key"), again.__dict__.pop("recorded")
        assert again.key == stage.key and again.title == stage.title
        assert {name: node.key for name, node in again.needs.items()} == {
            name: node.key for name, node in stage.needs.items()
        }


@pytest.mark.parametrize("kind", ["text", "adapt", "diagnose", "tag", "align", "index", "score"])
def test_a_stage_runs_in_another_process_that_plans_nothing(planned, tiny, tmp_path, kind):
    """The same result, from the pickled stage and the results of those that it needs."""
    stage = [stage for stage in planned().stages.values() if stage.kind == kind][-1]
    store = Store(tmp_path / "artifacts")
    for node in stage.needs.values():
        assert isinstance(node, Stage)
        shutil.copytree(node.path(StudyPaths(tiny.root).store), node.path(store))
    (tmp_path / "stage").write_bytes(pickle.dumps(stage))
    done = subprocess.run(
        [sys.executable, "-c", _REMAKE, str(tmp_path / "stage"), str(store.root)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [stage.key, str(stage.path(store))]
    before, after = (folder_files(stage.path(root)) for root in (StudyPaths(tiny.root).store, store))
    assert after == before and after


def folder_files(folder: Path) -> dict[str, bytes]:
    """The contents of the files below a folder, but for the record of how long they took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "artifact.json"
    }


def test_what_changes_nothing_is_in_no_key(planned):
    stage = next(stage for stage in planned().stages.values() if stage.kind == "adapt")
    assert dataclasses.replace(stage, title="another", base="another", sources=()).key == stage.key
    assert dataclasses.replace(stage, seed=2).key != stage.key
