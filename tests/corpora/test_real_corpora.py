"""The data sets as published: counts of their papers, and the traps in their files."""

from __future__ import annotations

import json

import pytest

from xlreach.corpora import find_datasets, open_dataset
from xlreach.corpora.formats.conllu import read_conllu, write_conllu

pytestmark = pytest.mark.corpora

XQUAD_R = {
    "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244,
    "ru": 1219, "th": 852, "tr": 1167, "vi": 1209, "zh": 1196,
}  # fmt: skip


def test_treebanks_round_trip_byte_for_byte(corpora_root, tmp_path):
    paths = sorted((corpora_root / "ud").rglob("*.conllu"))
    assert paths
    for path in paths:
        write_conllu(tmp_path / "out", read_conllu(path))
        assert (tmp_path / "out").read_bytes() == path.read_bytes(), path


def test_counts_of_treebanks(corpora_root):
    expected = {"mt_mudt": (1123, 433, 518), "ug_udt": (1656, 900, 900), "wo_wtb": (1188, 449, 470)}
    for code, sizes in expected.items():
        bank = open_dataset(f"ud:{code}", corpora_root)
        assert tuple(sum(1 for _ in bank.read(split)) for split in bank.splits) == sizes
        assert bank.license == "CC BY-SA 4.0"


def test_counts_of_entity_corpora(corpora_root):
    expected = {
        "masakhaner2/wol": (4593, 656, 1312),
        "masakhaner2/yor": (6876, 983, 1964),
        "uner/en_ewt": (12543, 2001, 2077),
        "il_ner/Urdu": (8720, 1094, 1096),
    }
    for name, sizes in expected.items():
        corpus = open_dataset(f"ner:{name}", corpora_root)
        assert tuple(sum(1 for _ in corpus.read(split)) for split in corpus.splits) == sizes
    tags = {tag for one in open_dataset("ner:uner/en_ewt", corpora_root).read("train") for tag in one.tags}
    assert tags == {"O"} | {f"{letter}-{kind}" for letter in "BI" for kind in ("PER", "LOC", "ORG")}


def test_xquad_r(corpora_root):
    for passage in ("sentence", "context"):
        data = open_dataset(f"xquad-r(passage={passage})", corpora_root)
        documents = {code: list(data.documents(code)) for code in data.languages}
        assert {code: len(found) for code, found in documents.items()} == XQUAD_R
        ids = {one.id for found in documents.values() for one in found}
        assert len(ids) == sum(XQUAD_R.values()) == 13_014
        assert not any(
            "\ufeff" in one.text or one.text != one.text.strip() for found in documents.values() for one in found
        )
    groups = [[query.group for query in data.queries(code)] for code in data.languages]
    assert all(group == groups[0] for group in groups) and len(set(groups[0])) == 1190
    places = {
        code: [next(iter(judged)).split("/", 1)[1] for judged in data.qrels("en", code).values()]
        for code in ("en", "th")
    }
    # The answer's sentence has another place in each language.
    assert sum(a == b for a, b in zip(places["en"], places["th"], strict=True)) == 544


def test_xquad_r_answers_lie_in_their_sentences(corpora_root):
    for code in ("tr", "th", "ru"):
        data = open_dataset("xquad-r", corpora_root)
        text = {one.id: one.text for one in data.documents(code)}
        relevant = {query.split("/")[1]: next(iter(judged)) for query, judged in data.qrels(code, code).items()}
        articles = json.loads((corpora_root / f"qa/lareqa/xquad-r/{code}.json").read_text("utf-8"))["data"]
        answers = {
            qa["id"]: qa["answers"][0]["text"] for one in articles for par in one["paragraphs"] for qa in par["qas"]
        }
        missed = [key for key, answer in answers.items() if answer.strip("\ufeff")[:2] not in text[relevant[key]]]
        assert not missed, code


def test_parallel(corpora_root):
    ntrex = open_dataset("ntrex", corpora_root)
    halves = [open_dataset(f"ntrex(half={half})", corpora_root) for half in ("first", "second")]
    for code in ("mt", "ug", "wo", "zh"):
        assert sum(1 for _ in ntrex.documents(code)) == 1997
        assert sum(sum(1 for _ in half.documents(code)) for half in halves) == 1997
        assert len(ntrex.qrels("en", code)) == 1997
        assert not any(line != line.strip() or "\r" in line for line in ntrex.lines(code))
    tatoeba = open_dataset("tatoeba(ug)", corpora_root)
    assert sum(1 for _ in tatoeba.documents("en")) == len(tatoeba.qrels("ug", "en")) == 1000
    sizes = [
        sum(1 for _ in open_dataset(f"mafand(split={one})", corpora_root).pairs("wo", "fr"))
        for one in ("train", "dev", "test")
    ]
    assert sizes == [3360, 1506, 1500]


def test_afriqa(corpora_root):
    data = open_dataset("afriqa", corpora_root)
    assert {code: len(data.queries(code)) for code in ("ha", "ig", "sw", "yo")} == {
        "ha": 300,
        "ig": 409,
        "sw": 295,
        "yo": 253,
    }
    texts = [one.text for one in data.documents("en")]
    assert len(texts) == len(set(texts)) and all(texts)


def test_everything_found_opens(corpora_root):
    for language in ("mt", "wo", "ug", "ur", "en", "tr", "ha", "zh"):
        for kind in ("text", "treebank", "entities", "parallel", "collection"):
            for name in find_datasets(corpora_root, kind, language):
                data = open_dataset(name, corpora_root)
                assert data.name == name and language in data.languages
                assert data.license != "not stated" and data.files([language])
