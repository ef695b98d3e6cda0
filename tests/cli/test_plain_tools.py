"""What the toolkit writes is read by plain transformers, sentence-transformers, FAISS and ir-measures, without it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from xlreach.corpora import open_dataset
from xlreach.measurement import read_measurements

_BLOCKED = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "xlreach":
            raise ImportError("xlreach is not installed here")

sys.meta_path.insert(0, Blocked())
try:
    import xlreach
except ImportError:
    pass
else:
    raise SystemExit("xlreach can be imported")
"""
_VECTORS = """
import json, sys
from pathlib import Path
import faiss, numpy, torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
arrays, told = {}, {}
for name, folder in asked["encoders"].items():
    plain = SentenceTransformer(folder, device="cpu")
    arrays[f"{name} sentence"] = plain.encode(asked["texts"], convert_to_numpy=True)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    length = plain.max_seq_length
    rows = []
    for text in asked["texts"]:
        batch = tokenizer(text, return_tensors="pt", truncation=True, max_length=length)
        with torch.inference_mode():
            states = model(**batch).last_hidden_state[0]
        rows.append((states.mean(0) / states.mean(0).norm()).numpy())
    arrays[f"{name} auto"] = numpy.stack(rows)
    told[name] = {"ids": tokenizer(asked["texts"][0])["input_ids"], "type": type(model).__name__}
    if name != "aligned":
        AutoModelForMaskedLM.from_pretrained(folder)
    for other, folder_of_index in asked["indexes"].get(name, {}).items():
        index = faiss.read_index(str(Path(folder_of_index) / "index.faiss"))
        vectors = plain.encode(asked["documents"][other], convert_to_numpy=True)
        scores, found = index.search(vectors, 1)
        own = index.reconstruct_n(0, index.ntotal)
        told[name][other] = {
            "count": index.ntotal, "metric": index.metric_type == faiss.METRIC_INNER_PRODUCT,
            "cosine": float(scores.min()), "same": float(numpy.abs(own - vectors).max()),
            "itself": float(numpy.abs((own[found[:, 0]] * own).sum(1) - 1).max()),
        }
numpy.savez(asked["out"], **arrays)
print(json.dumps(told))
"""
TEXTS = [
    "Il-ħabbar żgħir jieħdu l-kotba.",
    "a b c",
    "",
    "Ğ ğ ﷺ ئۇيغۇر 中文 хвал 🙂",
    "x" * 400,
    " ".join(["word"] * 400),
]


@pytest.fixture(scope="module")
def plain(tiny, made, tmp_path_factory):
    """What plain libraries make of the folders, in a process in which the toolkit cannot be imported."""
    folder = tmp_path_factory.mktemp("plain")
    encoders = {
        "base": tiny.encoder(),
        "recipe": tiny.encoder("va"),
        "alignment": tiny.encoder("va", "hybrid"),
        "adapted": made.adapted,
        "trained": made.trained,
    }
    collection = open_dataset("folder:retrieval/artificial-test", tiny.data)
    passages = [f"{one.title} {one.text}" if one.title else one.text for one in collection.documents("qla")]
    asked = {
        "encoders": {name: str(path) for name, path in encoders.items()},
        "texts": TEXTS,
        "documents": {"study": passages, "lines": made.lines.read_text("utf-8").splitlines()},
        "indexes": {
            "alignment": {"study": str(tiny.indexes("va", "hybrid") / "qla")},
            "trained": {"lines": str(made.indexes / "qla")},
        },
        "out": str(folder / "vectors.npz"),
    }
    (folder / "asked.json").write_text(json.dumps(asked), "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-c", _BLOCKED + _VECTORS, str(folder / "asked.json")],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return encoders, np.load(folder / "vectors.npz"), json.loads(done.stdout)


@pytest.mark.parametrize("name", ["base", "recipe", "alignment", "adapted", "trained"])
def test_plain_libraries_give_the_same_vectors(plain, name):
    from xlreach.retrieval.encoding import TextEncoder

    encoders, vectors, told = plain
    encoder = TextEncoder(encoders[name], dtype="fp32", device="cpu")
    ours = encoder.encode(TEXTS)
    np.testing.assert_allclose(ours, vectors[f"{name} sentence"], atol=1e-5)
    np.testing.assert_allclose(ours, vectors[f"{name} auto"], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert told[name]["type"] == "XLMRobertaModel" and len(told[name]["ids"]) > 2


def test_plain_faiss_finds_every_document_itself(plain, made):
    for name, other, count in (("alignment", "study", 40), ("trained", "lines", 30)):
        told = plain[2][name][other]
        assert told["count"] == count and told["metric"]
        assert told["cosine"] == pytest.approx(1, abs=1e-5)
        assert told["same"] < 1e-5 and told["itself"] < 1e-5


def test_folders_hold_no_pickle_and_no_code(tiny, made):
    for folder in (tiny.root / "encoders", tiny.root / "indexes", made.adapted, made.trained, made.indexes):
        for path in filter(Path.is_file, folder.rglob("*")):
            assert path.suffix in (".json", ".safetensors", ".md", ".faiss", ".parquet"), path
            if path.suffix == ".json":
                assert "auto_map" not in path.read_text("utf-8")


@pytest.mark.parametrize(("setting", "pair"), [("cross", ("qla", "qha")), ("multi", ("qla", None))])
def test_the_ir_measures_command_gives_the_figures_of_the_results(tiny, setting, pair):
    encoder = tiny.encoder("va", "hybrid").name
    name = f"*.{setting}.{'-'.join(code for code in pair if code)}"
    (run,), (qrels,) = ((tiny.run / "trec" / encoder).glob(f"{name}.{end}") for end in ("run", "qrels"))
    done = subprocess.run(
        [sys.executable, "-m", "ir_measures", str(qrels), str(run), "nDCG@10", "AP", "RR", "--places", "6"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = {measure: float(value) for measure, value in (line.split("\t") for line in done.stdout.splitlines())}
    ours = {
        row.measure: row.value
        for row in read_measurements(tiny.run / "results.jsonl")
        if row.kind == "retrieval"
        and row.setting == setting
        and (row.query_language, row.document_language) == pair
        and row.recipe != "none"
        and row.alignment != "none"
        and row.measure in theirs
    }
    assert set(ours) == {"nDCG@10", "AP", "RR"}
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("setting", "codes"), [("cross", ("qha",)), ("multi", ("qha", "qla"))])
def test_a_run_of_search_gives_the_figures_of_the_results(xlreach, tiny, tmp_path, setting, codes):
    """Questions in qla, asked by `xlreach search --trec` of one language or all, scored by the ir_measures command."""
    collection = open_dataset("folder:retrieval/artificial-test", tiny.data)
    ran = Ran(tiny.run, tiny.encoder(), tiny.indexes())
    theirs = figures_of_a_run(xlreach, ran, collection, codes, setting, tmp_path)
    assert theirs == pytest.approx(figures_of_the_results(ran, setting, theirs), abs=1e-8)


@pytest.fixture(scope="module")
def translations(tiny, tmp_path_factory):
    """A study of finding translations, in which sentences occur twice, with the base of the tiny study."""
    from xlreach.study.config import load_config
    from xlreach.study.paths import StudyPaths
    from xlreach.study.run import run_study

    root = tmp_path_factory.mktemp("translations")
    (root / "data/parallel/two").mkdir(parents=True)
    for code in ("qha", "qla"):
        lines = (tiny.data / f"parallel/artificial/{code}.txt").read_text("utf-8").splitlines(keepends=True)
        (root / f"data/parallel/two/{code}.txt").write_text("".join([*lines, *lines[:9]]), "utf-8")
    shutil.copy(tiny.data / "languages.yaml", root / "data")
    (root / "study.yaml").write_text(
        f"{{study: two, data: {root / 'data'}, base: {tiny.encoder()}, languages: {{high: [qha], low: [qla]}}, "
        "recipes: [none], alignments: [none], retrieval: ['bitext:two'], measures: [nDCG@10, AP, RR]}",
        "utf-8",
    )
    run_study(load_config(root / "study.yaml"), StudyPaths(root), lambda text: None)
    (encoder,), (indexes,) = (root / "encoders/two").iterdir(), (root / "indexes/two").glob("*/*")
    return Ran(root / "runs/two", encoder, indexes), open_dataset("bitext:two", root / "data")


@pytest.mark.parametrize(("setting", "codes"), [("cross", ("qha",)), ("multi", ("qha", "qla"))])
def test_a_run_of_search_in_bitext_leaves_out_the_query_itself(xlreach, translations, tmp_path, setting, codes):
    ran, collection = translations
    theirs = figures_of_a_run(xlreach, ran, collection, codes, setting, tmp_path)
    assert theirs == pytest.approx(figures_of_the_results(ran, setting, theirs), abs=1e-8)
    rows = [line.split(" ") for line in (tmp_path / "x.run").read_text("utf-8").splitlines()]
    assert len(rows) == 49 * (49 * len(codes) - (setting == "multi"))
    assert all(query != document for query, _, document, *_ in rows)


@dataclass(frozen=True)
class Ran:
    """A study's run folder, an encoder of it that nothing was done to, and the indexes of that."""

    run: Path
    encoder: Path
    indexes: Path


def figures_of_a_run(xlreach, ran, collection, codes, setting, folder):
    """What the ir_measures command makes of a run that `xlreach search` wrote of the queries in qla."""
    queries = folder / "queries.jsonl"
    rows = [json.dumps({"_id": query.id, "text": query.text}) for query in collection.queries("qla")]
    queries.write_text("\n".join(rows) + "\n", "utf-8")
    wanted = [part for code in codes for part in ("--lang", code)]
    arguments = ("--queries", queries, "--trec", folder / "x.run", "-k", 1000, "--self-retrieving", *wanted)
    assert xlreach("search", ran.encoder, ran.indexes, *arguments).code == 0
    place = "qla" if setting == "multi" else "qla-qha"
    (qrels,) = (ran.run / "trec" / ran.encoder.name).glob(f"*.{setting}.{place}.qrels")
    done = subprocess.run(
        [sys.executable, "-m", "ir_measures", qrels, folder / "x.run", "nDCG@10", "AP", "RR", "--places", "9"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {measure: float(value) for measure, value in (line.split("\t") for line in done.stdout.splitlines())}


def figures_of_the_results(ran, setting, wanted):
    """Those measures of the queries in qla as the study has them."""
    found = {
        row.measure: row.value
        for row in read_measurements(ran.run / "results.jsonl")
        if (row.kind, row.setting, row.query_language, row.recipe, row.alignment)
        == ("retrieval", setting, "qla", "none", "none")
        and row.document_language == (None if setting == "multi" else "qha")
        and row.measure in wanted
    }
    assert len(found) == 3
    return found


def test_runs_and_qrels_have_the_columns_of_trec(tiny):
    for path in (tiny.run / "trec").rglob("*.run"):
        rows = [line.split(" ") for line in path.read_text("utf-8").splitlines()]
        assert all(len(row) == 6 and row[1] == "Q0" for row in rows)
        qrels = [line.split(" ") for line in path.with_suffix(".qrels").read_text("utf-8").splitlines()]
        assert all(len(row) == 4 and row[3].isdigit() for row in qrels)
        assert {row[0] for row in qrels} == {row[0] for row in rows}


def test_vectors_of_a_study_are_found_where_it_says(tiny):
    """Each index names, by fingerprint, the encoder of its own name."""
    from xlreach.adapt.encoder import fingerprint

    for folder in (tiny.root / "encoders" / "tiny").iterdir():
        for manifest in Path(tiny.root / "indexes" / "tiny" / folder.name).rglob("manifest.json"):
            assert json.loads(manifest.read_text("utf-8"))["encoder_fingerprint"] == fingerprint(folder)
