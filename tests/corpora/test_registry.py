from __future__ import annotations

import dataclasses
import json

import pytest

from xlreach.corpora import DATASETS, EntityCorpus, Text, Treebank, find_datasets, open_dataset
from xlreach.errors import DataError, SpecError
from xlreach.languages import get_language, table

ROW = "1\tw\t_\tX\t_\t_\t0\troot\t_\t_\n\n"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_extended", {})
    for split in ("train", "dev", "test"):
        put(tmp_path / f"ud/v2.5/UD_Maltese-MUDT/mt_mudt-ud-{split}.conllu", ROW)
        put(tmp_path / f"ner/masakhaner2/wol/{split}.txt", "Dakar I-LOC\n")
        put(tmp_path / f"ner/il_ner/Urdu/Urdu-{split}.txt", "a\tO\n")
        put(tmp_path / f"pos/masakhapos/wol/{split}.txt", "kër NOUN\ngi DET\n\nkër NOUN\n")
    put(tmp_path / "ud/v2.5/UD_Maltese-MUDT/README.md", "# Summary\nLicense: CC BY-SA 4.0\n")
    put(tmp_path / "ner/UNER_English-EWT/en_ewt-ud-train.2022-12-02.iob2", "# x\n1\tPaul\tB-PER\t-\t-\n")
    put(tmp_path / "ner/UNER_English-EWT/en_ewt-ud-test.iob2", "1\tx\tB-OTH\t-\t-\n")
    put(tmp_path / "raw/lapt9/mt.txt", "wieħed\n\ntnejn\n")
    put(tmp_path / "raw/lapt9/README.md", "about\n")
    put(tmp_path / "raw/common_voice/en/a.txt", "one\n")
    put(tmp_path / "raw/common_voice/en/b.txt", "two\n")
    put(tmp_path / "raw/oldi_seed/eng_Latn", "seed\n")
    put(tmp_path / "raw/oldi_seed/LICENSE", "free\n")
    yield tmp_path
    get_language.cache_clear()


def test_find(root):
    assert find_datasets(root, "treebank", "mlt") == ["ud:mt_mudt"]
    assert find_datasets(root, "treebank", "wo") == ["pos:masakhapos/wol"]
    assert find_datasets(root, "entities", "wo") == ["ner:masakhaner2/wol"]
    assert find_datasets(root, "entities", "en") == ["ner:uner/en_ewt"]
    assert find_datasets(root, "entities", "ur") == ["ner:il_ner/Urdu"]
    assert find_datasets(root, "text", "en") == ["text:common_voice/en", "text:oldi_seed/en"]
    assert find_datasets(root, "parallel", "en") == find_datasets(root, "collection", "en") == []
    with pytest.raises(ValueError, match="none of"):
        find_datasets(root, "images", "en")


def test_what_is_found_opens_and_keeps_its_name(root):
    for kind, language in (("treebank", "mt"), ("entities", "wo"), ("entities", "en"), ("text", "en"), ("text", "mt")):
        for name in find_datasets(root, kind, language):
            data = open_dataset(name, root)
            assert data.name == name and data.languages == (language,) and data.license
            assert all(path.is_file() for path in data.files([language])) and data.files(["xx"]) == []


def test_kinds(root):
    bank = open_dataset("ud:mt_mudt", root)
    assert isinstance(bank, Treebank) and list(bank.splits) == ["train", "dev", "test"]
    assert bank.license == "CC BY-SA 4.0" and len(list(bank.read("dev"))) == 1
    with pytest.raises(DataError, match=r"no split 'tets'.*'test'"):
        list(bank.read("tets"))
    words = next(open_dataset("pos:masakhapos/wol", root).read("test")).words
    assert [(word.form, word.upos, word.head) for word in words] == [("kër", "NOUN", None), ("gi", "DET", None)]
    uner = open_dataset("ner:uner/en_ewt", root)
    assert isinstance(uner, EntityCorpus) and list(uner.splits) == ["train", "test"]
    assert next(uner.read("train")).tags == ("B-PER",) and next(uner.read("test")).tags == ("O",)
    assert next(open_dataset("ner:masakhaner2/wol", root).read("test")).tags == ("B-LOC",)
    with pytest.raises(DataError, match="I-LOC"):
        list(open_dataset("ner:masakhaner2/wol(repair=false)", root).read("test"))
    text = open_dataset("text:common_voice/en", root)
    assert isinstance(text, Text) and list(text.lines("en")) == ["one", "two"]
    assert list(open_dataset("text:oldi_seed/en", root).lines("en")) == ["seed"]


def test_wikiann_prefix_is_dropped(root):
    for split in ("train", "dev", "test"):
        put(root / f"ner/wikiann/mt/{split}", "mt:Malta\tI-LOC\nmt::\tO\n")
    (name,) = find_datasets(root, "entities", "mt")
    (one,) = open_dataset(name, root).read("train")
    assert name == "ner:wikiann/mt" and (one.tokens, one.tags) == (("Malta", ":"), ("B-LOC", "O"))


def test_releases_and_parts(root):
    put(root / "ud/v2.17/UD_Maltese-MUDT/mt_mudt-ud-train-a.conllu", ROW)
    put(root / "ud/v2.17/UD_Maltese-MUDT/mt_mudt-ud-train-b.conllu", ROW)
    with pytest.raises(DataError, match=r"2 copies.*v2\.17"):
        open_dataset("ud:mt_mudt", root)
    names = find_datasets(root, "treebank", "mt")
    assert names == ["ud:mt_mudt(release=v2.17)", "ud:mt_mudt(release=v2.5)"]
    assert len(list(open_dataset(names[0], root).read("train"))) == 2


def test_nynorsk(root):
    put(root / "ud/UD_Norwegian-Nynorsk/no_nynorsk-ud-test.conllu", ROW)
    assert open_dataset("ud:no_nynorsk", root).languages == ("nn",)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("ud:mt_mud", DataError, "Did you mean 'ud:mt_mudt'"),
        ("ner:masakhaner/wol", DataError, "Did you mean 'ner:masakhaner2/wol'"),
        ("pos:masakhapos/wo", DataError, "masakhapos/wol"),
        ("text:lapt9/mlz", DataError, "Did you mean 'text:lapt9/mt'"),
        ("text:lapt9", DataError, "SOURCE"),
        ("bitext:x", DataError, "two or more files"),
        ("folder:x", DataError, "no folder 'x'"),
        ("ntrex", DataError, "no data set 'ntrex'"),
        ("tatoeba", DataError, "no data set 'tatoeba'"),
        ("mafand", DataError, "no data set 'mafand'"),
        ("xquad-r", DataError, "no XQUAD-R"),
        ("afriqa", DataError, "no AfriQA"),
        ("lapt9/mt", SpecError, "Did you mean 'text:lapt9/mt'"),
        ("ntrexx", SpecError, "Did you mean 'ntrex'"),
        ("ntrex(half=third)", SpecError, "first, second"),
        ("ud", SpecError, "needs 'member'"),
        ("./no.txt", DataError, "no such file or folder"),
        ("text:../mt", DataError, "leads out of"),
        ("folder:../../etc", DataError, "leads out of"),
        ("folder:/etc", DataError, "leads out of"),
        ("ner:../wol", DataError, "leads out of"),
        ("bitext:..", DataError, "leads out of"),
    ],
)
def test_errors(root, text, kind, message):
    with pytest.raises(kind, match=message):
        open_dataset(text, root)


def test_missing_root(tmp_path):
    for call in (lambda: open_dataset("ntrex", tmp_path / "no"), lambda: find_datasets(tmp_path / "no", "text", "mt")):
        with pytest.raises(DataError, match="no such folder of corpora"):
            call()


def test_languages_of_the_root(root):
    put(root / "languages.yaml", "qaa: {name: Avelan, script: Latn}\n")
    put(root / "raw/artificial/qaa.txt", "ave\n")
    assert find_datasets(root, "text", "qaa") == ["text:artificial/qaa"]
    assert get_language("qaa").name == "Avelan"


def test_every_spec_prints_back_and_is_documented():
    for spec in DATASETS:
        assert spec.__doc__
        text = spec.name + (":a/b" if any(one.metadata["member"] for one in dataclasses.fields(spec)) else "")
        assert DATASETS.parse(str(DATASETS.parse(text))) == DATASETS.parse(text)


def test_paths(root, monkeypatch):
    monkeypatch.chdir(root)
    assert open_dataset("raw/lapt9/mt.txt", root).languages == ("mt",)
    assert open_dataset(str(root / "raw/lapt9"), root).languages == ("mt",)
    assert list(open_dataset("ner/masakhaner2/wol", root).splits) == ["train", "dev", "test"]
    assert list(open_dataset("ner/UNER_English-EWT/en_ewt-ud-test.iob2", root).splits) == ["test"]
    bank = open_dataset("ud/v2.5/UD_Maltese-MUDT", root)
    assert bank.name == "ud/v2.5/UD_Maltese-MUDT" and bank.language == "mt"
    one = open_dataset("ud/v2.5/UD_Maltese-MUDT/mt_mudt-ud-dev.conllu", root)
    assert list(one.splits) == ["dev"]
    put(root / "x/notes.txt", "a\n")
    put(root / "x/data.bin", "a\n")
    for path, message in (
        ("x/notes.txt", "does not give the language"),
        ("x/data.bin", r"'\.bin'"),
        ("x", "The folder holds"),
    ):
        with pytest.raises(DataError, match=message):
            open_dataset(path, root)


def afriqa(root, split, rows):
    path = root / f"qa/afriqa/data/gold_passages/hau/gold_span_passages.afriqa.hau.en.{split}.json"
    put(path, "".join(json.dumps(row) + "\n" for row in rows))


def row(question, context, translation="t", title="T"):
    return {"question_lang": question, "question_translated": translation, "context": context, "title": title}


def test_afriqa(root):
    nan = float("nan")
    rows = [row("q1", " c "), row("q2", "c"), row(nan, "d"), row("q4", None), row("q5", " "), row("q6", "e", nan, None)]
    afriqa(root, "test", rows)
    afriqa(root, "train", [row("Q1!", "z"), row("other", "y")])
    data = open_dataset("afriqa", root)
    assert data.languages == ("en", "ha")
    assert [(one.id, one.text, one.title) for one in data.documents("en")] == [("en/0", "c", "T"), ("en/1", "e", "")]
    assert data.qrels("ha", "en") == {"ha/ha-1": {"en/0": 1}, "ha/ha-2": {"en/0": 1}, "ha/ha-6": {"en/1": 1}}
    assert data.qrels("en", "en") == {"en/ha-1": {"en/0": 1}, "en/ha-2": {"en/0": 1}}
    assert data.qrels("en", "ha") == {} and list(data.documents("ha")) == []
    assert [one.group for one in data.queries("en")] == ["ha-1", "ha-2"]
    train = open_dataset("afriqa(split=train)", root)
    assert [one.text for one in train.queries("ha")] == ["other"]
    with pytest.raises(DataError, match="no split 'dev'"):
        open_dataset("afriqa(split=dev)", root)
    put(root / "qa/afriqa/data/gold_passages/hau/gold_span_passages.afriqa.hau.en.dev.json", '{"id": 1}\n')
    with pytest.raises(DataError, match="Not a row of AfriQA") as caught:
        list(open_dataset("afriqa(split=dev)", root).documents("en"))
    assert caught.value.line == 1


def squad(context, breaks, answers, sentences=None):
    qas = [
        {"id": f"i{at}", "question": f" q{at}\ufeff", "answers": [{"answer_start": start, "text": "x"}]}
        for at, start in enumerate(answers)
    ]
    sentences = sentences or [context[start:end] for start, end in breaks]
    return {
        "data": [{"paragraphs": [{"context": context, "qas": qas, "sentences": sentences, "sentence_breaks": breaks}]}]
    }


def test_xquad_r_relevance_comes_from_each_file(root):
    put(root / "qa/lareqa/xquad-r/en.json", json.dumps(squad("Aa bb. Cc dd.", [[0, 6], [7, 13]], [0, 7])))
    put(root / "qa/lareqa/xquad-r/th.json", json.dumps(squad("\ufeffaabbccdd", [[0, 9]], [3, 5])))
    data = open_dataset("xquad-r", root)
    assert data.name == "xquad-r(passage=sentence)"
    assert [one.text for one in data.documents("en")] == ["Aa bb.", "Cc dd."]
    assert [one.text for one in data.documents("th")] == ["aabbccdd"]
    assert data.qrels("th", "en") == {"th/i0": {"en/0/0": 1}, "th/i1": {"en/0/1": 1}}
    assert data.qrels("en", "th") == {"en/i0": {"th/0/0": 1}, "en/i1": {"th/0/0": 1}}
    assert [(one.text, one.group) for one in data.queries("en")] == [("q0", "i0"), ("q1", "i1")]
    assert list(data.pairs("th", "en")) == [("q0", "Aa bb."), ("q1", "Cc dd.")]
    context = open_dataset("xquad-r(passage=context)", root)
    assert next(context.documents("en")).text == "Aa bb. Aa bb. Cc dd."
    put(root / "qa/lareqa/xquad-r/tr.json", json.dumps(squad("a", [[0, 1]], [0], ["a", "b"])))
    put(root / "qa/lareqa/xquad-r/de.json", "{")
    for code in ("tr", "de"):
        with pytest.raises(DataError, match=r"Not a file of LAReQA|Not JSON"):
            open_dataset("xquad-r", root).queries(code)
