"""Local copies in the hub's own layouts, written by `datasets` itself."""

from __future__ import annotations

import json

import pytest

datasets = pytest.importorskip("datasets")

from xlreach.corpora import EntityCorpus, ParallelText, Treebank, find_datasets, open_dataset  # noqa: E402
from xlreach.corpora.formats.conllu import read_conllu, write_conllu  # noqa: E402
from xlreach.corpora.sources import hub  # noqa: E402
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
    table = datasets.Dataset.from_list(rows)
    for column, feature in features.items():
        table = table.cast_column(column, feature)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(str(path))


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
    with pytest.raises(DataError, match="Say which"):
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
    configs = [
        ("default", "test", "qrels/*.jsonl"),
        ("corpus", "corpus", "corpus.jsonl"),
        ("queries", "queries", "queries.jsonl"),
    ]
    lines = [
        f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {path}" for name, split, path in configs
    ]
    (folder / "README.md").write_text("---\nlicense: mit\nconfigs:\n" + "\n".join(lines) + "\n---\n# Text\n")
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
    for text, message in (
        ("odd", "no layout"),
        ("empty", "no Parquet"),
        ("bad", "Not a Parquet file"),
        ("./no", "no folder"),
    ):
        with pytest.raises(DataError, match=message):
            open_dataset(f"hub:{text}", tmp_path)


def test_the_hub_is_asked_only_for_what_is_needed(tmp_path, monkeypatch):
    save(tmp_path / "copy/mt/test.parquet", [{"tokens": ["a"], "ner_tags": [0]}])
    asked = []

    def fetch(identifier, **options):
        asked.append((identifier, options))
        return str(tmp_path / "copy")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    corpus = open_dataset('hub:unimelb-nlp/wikiann(config=mt,revision="2.17")', tmp_path)
    assert corpus.licence == "ODC-BY" and corpus.name == 'hub:unimelb-nlp/wikiann(config=[mt],revision="2.17")'
    ((identifier, options),) = asked
    assert identifier == "unimelb-nlp/wikiann" and options["repo_type"] == "dataset" and options["revision"] == "2.17"
    assert "mt/*" in options["allow_patterns"] and "*.parquet" not in options["allow_patterns"]

    def refuse(identifier, **options):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(DataError, match="could not be fetched"):
        hub.download("a/b", None, [])
