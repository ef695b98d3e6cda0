"""Local copies in the hub's own layouts, written by `datasets` itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

datasets = pytest.importorskip("datasets")

from xlreach.corpora import EntityCorpus, ParallelText, Text, Treebank, find_datasets, open_dataset  # noqa: E402
from xlreach.corpora.formats.conllu import read_conllu, write_conllu  # noqa: E402
from xlreach.corpora.sources.hub import download  # noqa: E402
from xlreach.errors import DataError  # noqa: E402

CONLLU = "\n".join(
    [
        "# sent_id = s1",
        "# text = Vámonos al",
        "1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No",
        "1\tVamos\tir\tVERB\tv\tMood=Imp\t0\troot\t_\t_",
        "2\tnos\tNone\tPRON\t_\t_\t1\tobj\t_\t_",
        "2.1\tx\t_\t_\t_\t_\t_\t_\t1:dep\t_",
        "3\tal\ta\tADP\t_\t_\t1\tcase\t1:case\tx=y",
        "",
        "",
    ]
)
UPOS = ["_", "ADP", "NOUN", "PRON", "VERB"]


def ud_row(upos, head):
    return {
        "sent_id": "s1", "text": "Vámonos al", "comments": [], "tokens": ["Vamos", "nos", "al"],
        "lemmas": ["ir", "None", "a"], "upos": upos, "xpos": ["v", None, "None"], "feats": ["Mood=Imp", None, "None"],
        "head": head, "deprel": ["root", "obj", "case"], "deps": ["None", None, "1:case"], "misc": ["_", "_", "x=y"],
        "mwt": [{"id": "1-2", "form": "Vámonos", "feats": None, "misc": "SpaceAfter=No"}],
        "empty_nodes": [{"id": "2.1", "form": "x", "lemma": "_", "upos": "_", "xpos": None, "feats": None,
                         "head": None, "deprel": None, "deps": "1:dep", "misc": None}],
    }  # fmt: skip


def save(path, rows, **features):
    """Writes one file of a repository, <repository>/<configuration>/<split>….parquet, and its card."""
    table = datasets.Dataset.from_list(rows)
    for column, feature in features.items():
        table = table.cast_column(column, feature)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(str(path))
    if path.parent.name != "data":
        describe(path.parent.parent)


def describe(folder):
    """A card that names each folder as a configuration, as `push_to_hub` writes it."""
    configs = {}
    for path in sorted(folder.glob("*/*.parquet")):
        split = path.stem.partition("-")[0]
        configs.setdefault(path.parent.name, {})[split] = f"{path.parent.name}/{split}*"
    write_card(folder, configs)


def write_card(folder, configs, **metadata):
    rows = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
        if isinstance(splits, dict)
        else {"config_name": name, "data_files": splits}
        for name, splits in configs.items()
    ]
    written = yaml.safe_dump({"license": "mit", "configs": rows, **metadata}, sort_keys=False)
    (folder / "README.md").write_text(f"---\n{written}---\n# A data set\n", "utf-8")


@pytest.mark.parametrize(
    ("upos", "head", "labels"),
    [(["VERB", "PRON", "ADP"], [0, 1, 1], False), ([4, 3, 1], ["0", "1", "1"], True)],
)
def test_treebank_whatever_its_types(tmp_path, upos, head, labels):
    features = {"upos": datasets.List(datasets.ClassLabel(names=UPOS))} if labels else {}
    for split in ("train", "validation"):
        save(tmp_path / f"ud/es_x/{split}-00000-of-00001.parquet", [ud_row(upos, head)], **features)
    save(tmp_path / "ud/mt_mudt/test.parquet", [ud_row(upos, head)], **features)
    bank = open_dataset("hub:ud(config=es_x)", tmp_path)
    assert isinstance(bank, Treebank) and (bank.name, bank.language) == ("hub:ud(config=[es_x])", "es")
    assert list(bank.splits) == ["train", "dev"]
    (tmp_path / "a.conllu").write_text(CONLLU)
    assert list(bank.read("dev")) == list(read_conllu(tmp_path / "a.conllu"))
    write_conllu(tmp_path / "b.conllu", bank.read("dev"))
    assert (tmp_path / "b.conllu").read_text() == CONLLU
    with pytest.raises(DataError, match="Choose one"):
        open_dataset("hub:ud", tmp_path)
    with pytest.raises(DataError, match="Did you mean 'es_x'"):
        open_dataset("hub:ud(config=es_y)", tmp_path)


def test_broken_tree_names_the_row(tmp_path):
    good = ud_row(["VERB", "PRON", "ADP"], [0, 1, 1])
    save(tmp_path / "ud/es_x/test.parquet", [good, {**good, "head": [0, 0, 1]}])
    with pytest.raises(DataError, match="both roots") as caught:
        list(open_dataset("hub:ud", tmp_path).read("test"))
    assert caught.value.line == 2
    save(tmp_path / "ud/es_x/test.parquet", [{**good, "head": [0, 1]}])
    with pytest.raises(DataError, match="another number of 'head'"):
        list(open_dataset("hub:ud", tmp_path).read("test"))


def test_wikiann(tmp_path):
    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    rows = [{"tokens": ["Malta", "hi", "x"], "ner_tags": [5, 0, 6], "langs": ["mt"] * 3, "spans": ["LOC: Malta"]}]
    feature = datasets.List(datasets.ClassLabel(names=names))
    save(tmp_path / "wikiann/mt/validation-00000-of-00001.parquet", rows, ner_tags=feature)
    corpus = open_dataset(f"hub:{tmp_path}/wikiann(config=mt)", tmp_path)
    assert isinstance(corpus, EntityCorpus) and corpus.languages == ("mt",)
    (one,) = corpus.read("dev")
    assert (one.tokens, one.tags) == (("Malta", "hi", "x"), ("B-LOC", "O", "B-LOC"))


def test_copies_in_the_data_root_are_found(tmp_path):
    save(tmp_path / "hub/ud/es_x/test.parquet", [ud_row(["VERB", "PRON", "ADP"], [0, 1, 1])])
    save(tmp_path / "hub/ud/mt_mudt/test.parquet", [ud_row(["VERB", "PRON", "ADP"], ["0", "1", "1"])])
    save(tmp_path / "hub/wikiann/mt/test.parquet", [{"tokens": ["a"], "ner_tags": [5]}])
    retrieval(tmp_path / "hub/mlqa", "mt-mt", {"d": "a"}, {"q": "b"}, [("q", "d", 1)])
    assert find_datasets(tmp_path, "treebank", "mt") == ["hub:hub/ud(config=[mt_mudt])"]
    assert find_datasets(tmp_path, "entities", "mt") == ["hub:hub/wikiann(config=[mt])"]
    assert find_datasets(tmp_path, "treebank", "wo") == find_datasets(tmp_path, "collection", "mt") == []
    (one,) = open_dataset("hub:hub/ud(config=[mt_mudt])", tmp_path).read("test")
    assert [word.head for word in one.words] == [0, 1, 1]


def retrieval(folder, subset, texts, questions, qrels):
    def name(part):
        return folder / f"{subset}-{part}" / "test-00000-of-00001.parquet"

    save(name("corpus"), [{"_id": key, "title": "", "text": text} for key, text in texts.items()])
    save(name("queries"), [{"_id": key, "text": text} for key, text in questions.items()])
    save(name("qrels"), [{"query-id": q, "corpus-id": d, "score": s} for q, d, s in qrels])


def test_mteb_pairs_have_their_direction(tmp_path):
    # In A-B the documents are in A, the questions in B.
    retrieval(tmp_path / "mlqa", "eng-deu", {"d1": "A house.", "d2": "A sea."}, {"q": "Wo?"}, [("q", "d1", 1)])
    retrieval(tmp_path / "mlqa", "eng-eng", {"d1": "A house.", "d2": "A sea."}, {"q": "Where?"}, [("q", "d1", 1)])
    data = open_dataset("hub:mlqa", tmp_path)
    assert data.languages == ("de", "en")
    assert [one.id for one in data.documents("en")] == ["en/d1", "en/d2"] and list(data.documents("de")) == []
    assert data.qrels("de", "en") == {"de/q": {"en/d1": 1}} and data.qrels("en", "de") == {}
    assert {one.group for code in ("de", "en") for one in data.queries(code)} == {"q"}
    assert list(data.pairs("de", "en")) == [("Wo?", "A house.")] and len(data.files(["de"])) == 3
    assert open_dataset("hub:mlqa(config=eng-eng)", tmp_path).languages == ("en",)


def test_mteb_languages_apart(tmp_path):
    for code, split in (("ar", "dev"), ("yo", "dev")):
        retrieval(tmp_path / "miracl", code, {"1#0": code}, {"0": code}, [("0", "1#0", 1)])
        for part in ("corpus", "queries", "qrels"):
            (tmp_path / f"miracl/{code}-{part}/test-00000-of-00001.parquet").rename(
                tmp_path / f"miracl/{code}-{part}/{split}-00000-of-00001.parquet"
            )
    describe(tmp_path / "miracl")
    data = open_dataset("hub:miracl", tmp_path)
    assert data.qrels("yo", "yo") == {"yo/0": {"yo/1#0": 1}} and data.qrels("ar", "yo") == {}
    # Ids of two languages are no parallel questions.
    assert [one.group for code in ("ar", "yo") for one in data.queries(code)] == ["ar/0", "yo/0"]


def test_card_and_json_lines(tmp_path):
    folder = tmp_path / "beir"
    folder.mkdir()
    rows = {"corpus": {"_id": "d", "text": "x"}, "queries": {"_id": "q", "text": "y"}}
    for part, row in rows.items():
        (folder / f"{part}.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "qrels").mkdir()
    (folder / "qrels/test.jsonl").write_text(json.dumps({"query-id": "q", "corpus-id": "d", "score": 1}) + "\n")
    configs = {
        "default": {"test": "qrels/*.jsonl"},
        "corpus": {"corpus": "corpus.jsonl"},
        "queries": {"queries": "queries.jsonl"},
    }
    write_card(folder, configs)
    with pytest.raises(DataError, match="language="):
        open_dataset("hub:beir", tmp_path)
    data = open_dataset("hub:beir(language=eng)", tmp_path)
    assert data.qrels("en", "en") == {"en/q": {"en/d": 1}}


def test_belebele(tmp_path):
    def rows(text):
        return [
            {"link": "https://x/a", "question_number": n, "flores_passage": f"{text} a", "question": f"{text}{n}"}
            for n in (1, 2)
        ] + [{"link": "https://x/b", "question_number": 1, "flores_passage": f"{text} b", "question": f"{text}3"}]

    for code in ("mlt_Latn", "wol_Latn"):
        save(tmp_path / f"belebele/{code}/test.parquet", rows(code[:2]))
    data = open_dataset("hub:belebele(config=[mlt_Latn,wol_Latn])", tmp_path)
    assert [one.text for one in data.documents("mt")] == ["ml a", "ml b"]
    assert data.qrels("wo", "mt")["wo/https://x/b#1"] == {"mt/https://x/b": 1} and len(data.queries("wo")) == 3
    assert next(data.pairs("mt", "wo")) == ("ml1", "wo a")


def test_xquad(tmp_path):
    for code in ("ar", "en"):
        rows = [{"id": f"i{n}", "context": f"{code}{n // 2}", "question": f"{code}?{n}"} for n in range(3)]
        save(tmp_path / f"xquad/xquad.{code}/validation-00000-of-00001.parquet", rows)
    data = open_dataset("hub:xquad", tmp_path)
    assert data.qrels("ar", "en") == {"ar/i0": {"en/0": 1}, "ar/i1": {"en/0": 1}, "ar/i2": {"en/1": 1}}


def test_bitext_tables(tmp_path):
    rows = [
        {"id": 1, "eng_Latn": "one", "mlt_Latn": "wieħed", "zho_Hans": "一"},
        {"id": 2, "eng_Latn": "two", "mlt_Latn": "", "zho_Hans": "二"},
    ]
    for shard in (0, 1):
        save(tmp_path / f"flores/data/devtest-0000{shard}-of-00002.parquet", rows)
    data = open_dataset("hub:flores", tmp_path)
    assert isinstance(data, ParallelText) and data.languages == ("en", "mt", "zh")
    assert list(data.pairs("en", "mt")) == [("one", "wieħed")] * 2 and list(data.lines("zh")) == ["一", "二"] * 2
    assert [one.id for one in data.documents("en")] == ["en/1", "en/2", "en/3", "en/4"] and len(data.files(["en"])) == 2
    save(tmp_path / "tatoeba/deu-eng/test.parquet", [{"sentence1": "Haus", "sentence2": "house", "lang": "deu-eng"}])
    save(tmp_path / "tatoeba/uig-eng/test.parquet", [{"sentence1": "ئۆي", "sentence2": "house", "lang": "uig-eng"}])
    data = open_dataset("hub:tatoeba", tmp_path)
    assert data.qrels("ug", "en") == {"ug/uig-eng/1": {"en/deu-eng/1": 1, "en/uig-eng/1": 1}}


def test_flores_plus_has_a_file_a_language(tmp_path):
    def rows(code, *texts):
        return [{"id": at, "iso_639_3": code, "iso_15924": "Latn", "text": text} for at, text in enumerate(texts, 1)]

    for split in ("dev", "devtest"):
        save(tmp_path / f"flores_plus/{split}/eng_Latn.parquet", rows("eng", f"one {split}", "two", "three"))
        save(tmp_path / f"flores_plus/{split}/mlt_Latn.parquet", rows("mlt", "wieħed", "tnejn")[::-1])
    codes = ("eng_Latn", "mlt_Latn")
    configs = {code: {split: f"{split}/{code}.parquet" for split in ("dev", "devtest")} for code in codes}
    write_card(tmp_path / "flores_plus", configs)
    data = open_dataset("hub:flores_plus", tmp_path)
    assert isinstance(data, ParallelText) and data.languages == ("en", "mt")
    assert list(data.pairs("mt", "en")) == [("tnejn", "two"), ("wieħed", "one devtest")]
    assert [path.parent.name for path in data.files(["mt"])] == ["devtest"]
    assert next(open_dataset("hub:flores_plus(split=dev)", tmp_path).lines("en")) == "one dev"
    assert open_dataset("hub:flores_plus(config=[eng_Latn,mlt_Latn])", tmp_path).languages == ("en", "mt")


def test_belebele_as_released(tmp_path):
    for code in ("mlt_Latn", "wol_Latn"):
        row = {"link": "https://x/a", "question_number": 1, "flores_passage": code, "question": f"{code}?"}
        (tmp_path / "belebele").mkdir(exist_ok=True)
        (tmp_path / f"belebele/{code}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    write_card(tmp_path / "belebele", {code: {"test": f"{code}.jsonl"} for code in ("mlt_Latn", "wol_Latn")})
    data = open_dataset("hub:belebele", tmp_path)
    assert data.languages == ("mt", "wo") and data.queries("wo")[0].text == "wol_Latn?"
    assert data.qrels("wo", "mt") == {"wo/https://x/a#1": {"mt/https://x/a": 1}}


def test_queries_of_another_language_than_the_subset_names(tmp_path):
    retrieval(tmp_path / "neuclir", "fas", {"d": "متن"}, {"q": "Which?"}, [("q", "d", 3)])
    data = open_dataset("hub:neuclir(queries=eng)", tmp_path)
    assert data.languages == ("en", "fa") and data.qrels("en", "fa") == {"en/q": {"fa/d": 3}}
    assert data.searched(data.languages) == ("fa",) and data.qrels("fa", "fa") == {}


def test_errors(tmp_path):
    save(tmp_path / "odd/x/test.parquet", [{"a": 1, "b": 2}])
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad/mt").mkdir(parents=True)
    (tmp_path / "bad/mt/test.parquet").write_bytes(b"not parquet")
    (tmp_path / "script").mkdir()
    (tmp_path / "script/script.py").write_text("raise SystemExit")
    for text, message in (
        ("odd", "no layout"),
        ("empty", "It has no data files"),
        ("script", "scripts are never run"),
        ("bad", "Cannot be read as a data set"),
        ("./no", "no folder"),
    ):
        with pytest.raises(DataError, match=message):
            open_dataset(f"hub:{text}", tmp_path)


def test_the_hub_is_asked_only_for_what_is_needed(tmp_path, monkeypatch):
    for code in ("mt", "wo"):
        save(tmp_path / f"copy/{code}/test.parquet", [{"tokens": ["a"], "ner_tags": [0]}])
    asked = []

    def fetch(identifier, **options):
        asked.append((identifier, options))
        return str(tmp_path / "copy")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    corpus = open_dataset('hub:unimelb-nlp/wikiann(config=mt,revision="2.17")', tmp_path)
    assert corpus.license == "ODC-BY" and corpus.name == 'hub:unimelb-nlp/wikiann(config=[mt],revision="2.17")'
    assert {identifier for identifier, _ in asked} == {"unimelb-nlp/wikiann"}
    assert all((options["repo_type"], options["revision"]) == ("dataset", "2.17") for _, options in asked)
    # The card first, which says where the configuration's files are; then those.
    assert [options["allow_patterns"] for _, options in asked] == [["README.md"], ["README.md", "mt/test*"]]
    (tmp_path / "copy/README.md").unlink()
    download("a/b", "refs/convert/parquet", ("mt",))
    assert "mt/*.parquet" in asked[-1][1]["allow_patterns"]

    def refuse(identifier, **options):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(DataError, match="could not be fetched"):
        download("a/b", None)


def test_offline_and_without_a_copy_is_one_paragraph(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="could not be fetched") as caught:
        open_dataset("hub:nobody/nothing-of-that-name", tmp_path)
    assert "\n" not in str(caught.value)


def test_formats_of_the_hub(tmp_path):
    """One table as Parquet shards, JSON lines, CSV and TSV, plain and compressed, reads the same."""
    rows = [{"sentence1": "Haus, Hof", "sentence2": "house"}, {"sentence1": "Meer", "sentence2": ""}]
    pairs = [("Haus, Hof", "house")] * 2
    frame = datasets.Dataset.from_list(rows).to_pandas()
    for shard in (0, 1):
        save(tmp_path / f"parquet/deu-eng/test-0000{shard}-of-00002.parquet", rows)
    for ending, write in (
        ("jsonl", lambda path: frame.to_json(path, orient="records", lines=True, force_ascii=False)),
        ("jsonl.gz", lambda path: frame.to_json(path, orient="records", lines=True)),
        ("json", lambda path: frame.to_json(path, orient="records")),
        ("csv", lambda path: frame.to_csv(path, index=False)),
        ("tsv", lambda path: frame.to_csv(path, index=False, sep="\t")),
    ):
        folder = tmp_path / ending
        folder.mkdir()
        for shard in (0, 1):
            write(folder / f"{shard}.{ending}")
        write_card(folder, {"deu-eng": {"test": [f"0.{ending}", f"1.{ending}"]}})
    for kind in ("parquet", "jsonl", "jsonl.gz", "json", "csv", "tsv"):
        data = open_dataset(f"hub:{kind}", tmp_path)
        assert list(data.pairs("de", "en")) == pairs, kind
        assert len(data.files(["de"])) == 2 and list(data.lines("de")) == ["Haus, Hof", "Meer"] * 2, kind


def test_a_card_gives_splits_by_patterns_and_labels(tmp_path):
    folder = tmp_path / "ner"
    (folder / "deep").mkdir(parents=True)
    for name in ("deep/a.jsonl", "deep/b.jsonl", "held.jsonl", "not-named.jsonl"):
        (folder / name).write_text(json.dumps({"tokens": [name], "ner_tags": [1]}) + "\n")
    features = [
        {"name": "tokens", "list": "string"},
        {"name": "ner_tags", "list": {"class_label": {"names": {"0": "O", "1": "B-DATE"}}}},
    ]
    splits = {"train": "deep/*.jsonl", "validation": "held.jsonl"}
    write_card(folder, {"mt": splits}, dataset_info={"config_name": "mt", "features": features})
    corpus = open_dataset("hub:ner", tmp_path)
    assert {split: [path.name for path in paths] for split, paths in corpus.splits.items()} == {
        "train": ["a.jsonl", "b.jsonl"],
        "dev": ["held.jsonl"],
    }
    assert [sentence.tags for sentence in corpus.read("train")] == [("B-DATE",)] * 2
    assert [path.name for path in corpus.files(["mt"])] == ["a.jsonl", "b.jsonl", "held.jsonl"]


def test_without_a_card_a_folder_is_a_configuration(tmp_path):
    # The layout of the branch refs/convert/parquet.
    for code in ("mt", "wo"):
        save(tmp_path / f"c/{code}/validation/0000.parquet", [{"tokens": [code], "ner_tags": [5]}])
    (tmp_path / "c/mt/README.md").unlink(missing_ok=True)
    assert not (tmp_path / "c/README.md").exists()
    corpus = open_dataset("hub:c(config=wo)", tmp_path)
    assert [sentence.tokens for sentence in corpus.read("dev")] == [("wo",)]
    with pytest.raises(DataError, match="no configuration"):
        open_dataset('hub:c(config="../c/mt")', tmp_path)


def test_text(tmp_path):
    rows = [{"id": "1", "title": "A", "text": "One.\n\nTwo."}, {"id": "2", "title": "B", "text": "Three."}]
    save(tmp_path / "wiki/20231101.mt/train-00000-of-00001.parquet", rows)
    save(tmp_path / "wiki/20231101.wo/train-00000-of-00001.parquet", rows[1:])
    text = open_dataset("hub:wiki", tmp_path)
    assert isinstance(text, Text) and text.languages == ("mt", "wo") and len(text.files(["mt"])) == 1
    assert list(text.lines("mt")) == ["One.", "Two.", "Three."]
    assert list(text.documents("mt")) == ["One.", "", "Two.", "", "Three.", ""]
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/train.txt").write_text("One.\nTwo.\n")
    with pytest.raises(DataError, match="language=CODE"):
        open_dataset("hub:plain", tmp_path)
    assert list(open_dataset("hub:plain(language=mt)", tmp_path).lines("mt")) == ["One.", "Two."]


def test_no_cache_is_written(tmp_path):
    """Opened and read in a process of its own, whose home stays empty."""
    save(tmp_path / "ner/mt/test.parquet", [{"tokens": ["a"], "ner_tags": [5]}] * 3)
    code = "from xlreach.corpora import open_dataset; from pathlib import Path; import sys;"
    code += "print(len(list(open_dataset('hub:ner', Path(sys.argv[1])).read('test'))))"
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_"))}
    environment |= {"HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n" and done.stderr == ""
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_only_a_batch_is_held(tmp_path):
    """A table of 80 MB in row groups of 4 MB is read with little more than a row group in memory."""
    path = tmp_path / "big/mt/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    rows = pa.table({"text": [f"{at} " + "word " * 200 for at in range(80_000)]})
    pq.write_table(rows, path, row_group_size=4_000)
    describe(tmp_path / "big")
    del rows
    lines = open_dataset("hub:big", tmp_path).lines("mt")
    next(lines)
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() for _ in lines)
    assert most - before < 32 << 20
