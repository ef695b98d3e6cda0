from __future__ import annotations

import logging

import pytest

from xlreach.corpora import EntityCorpus, Treebank, open_dataset
from xlreach.errors import DataError, SpecError


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_entities_by_a_map_with_quirks(tmp_path, caplog):
    put(tmp_path / "x/mt/train.conll", "\ufeff# id 1\r\nB-LOC\tNN\tmt:Malta\r\nI-PER\tNN\tmt:Pawlu\r\nB-OTH\t_\tmt::")
    put(tmp_path / "x/mt/test.txt", "O\tNN\tmt:a\n\nO\tNN\tmt:b\n")
    put(tmp_path / "x/mt/README.md", "about\n")
    text = "conll:x/mt(token=3,ner=1,prefix=true,outside=[OTH])"
    corpus = open_dataset(text, tmp_path)
    assert isinstance(corpus, EntityCorpus) and (corpus.name, corpus.language) == (text, "mt")
    assert list(corpus.splits) == ["train", "test"] and len(list(corpus.read("test"))) == 2
    with caplog.at_level(logging.INFO, "xlreach"):
        (one,) = corpus.read("train")
    assert (one.tokens, one.tags) == (("Malta", "Pawlu", ":"), ("B-LOC", "B-PER", "O"))
    assert "1 tags repaired" in caplog.text and "1 tags read as O" in caplog.text
    strict = open_dataset("conll:x/mt(token=3,ner=1,prefix=true,repair=false)", tmp_path)
    with pytest.raises(DataError, match="Expected B-PER") as caught:
        list(strict.read("train"))
    assert caught.value.line == 3


def test_tags_and_trees_by_a_map(tmp_path):
    put(tmp_path / "pos.conll", "Dakar PROPN x\n# SYM x\n\nla DET x")
    bank = open_dataset("conll:pos.conll(language=wol,token=1,upos=-2)", tmp_path)
    assert isinstance(bank, Treebank) and bank.language == "wo" and not bank.trees and list(bank.splits) == ["test"]
    assert [[(w.form, w.upos, w.head) for w in one.words] for one in bank.read("test")] == [
        [("Dakar", "PROPN", None), ("#", "SYM", None)],
        [("la", "DET", None)],
    ]
    put(tmp_path / "wo/train.tsv", "a\tN\t2\tnsubj\nb c\tV\t0\troot\n")
    put(tmp_path / "wo/test.tsv", "a\tN\t0\troot\n\na\tN\t2\tx\nb\tN\t1\tx\n")
    bank = open_dataset("conll:wo(xpos=2,head=3,deprel=4)", tmp_path)
    (one,) = bank.read("train")
    assert bank.trees and [(w.form, w.xpos, w.head, w.deprel) for w in one.words] == [
        ("a", "N", 2, "nsubj"),
        ("b c", "V", 0, "root"),
    ]
    with pytest.raises(DataError, match="cycle") as caught:
        list(bank.read("test"))
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ("", SpecError, "names no annotation"),
        ("ner=2,upos=3", SpecError, "or both kinds"),
        ("head=3", SpecError, "Expected both"),
        ("ner=0", SpecError, "no column 0"),
        ("ner=1", SpecError, "Column 1 is named twice"),
    ],
)
def test_maps_that_say_nothing(tmp_path, arguments, kind, message):
    put(tmp_path / "wo/test.txt", "a O\n")
    with pytest.raises(kind, match=message):
        open_dataset(f"conll:wo({arguments})", tmp_path)


def test_mistakes_are_told(tmp_path):
    put(tmp_path / "wo/test.txt", "a NOUN\nb\n")
    with pytest.raises(DataError, match="1 column") as caught:
        list(open_dataset("conll:wo(upos=2)", tmp_path).read("test"))
    assert (caught.value.path, caught.value.line) == (tmp_path / "wo/test.txt", 2)
    put(tmp_path / "wo/test.tsv", "a\tNOUN\n")
    with pytest.raises(DataError, match="2 files could be the test split"):
        open_dataset("conll:wo(upos=2)", tmp_path)
    put(tmp_path / "notes/train.txt", "a NOUN\n")
    with pytest.raises(DataError, match="language=CODE"):
        open_dataset("conll:notes(upos=2)", tmp_path)
    with pytest.raises(DataError, match="no train, dev or test"):
        open_dataset("conll:nowhere(upos=2)", tmp_path)
    with pytest.raises(DataError, match="leads out"):
        open_dataset("conll:../wo(upos=2)", tmp_path)
    put(tmp_path / "wo/train.txt", "\n")
    (tmp_path / "wo/test.tsv").unlink()
    with pytest.raises(DataError, match="no sentence"):
        list(open_dataset("conll:wo(upos=2)", tmp_path).read("train"))
