from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from xlreach.corpora import find_datasets, open_dataset
from xlreach.errors import DataError, MissingExtraError


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_verses(tmp_path):
    put(tmp_path / "parallel/bible/mlt.txt", "# language: mlt\n40001001\tKtieb\n40001003\tĠuda\n40001004\t\n")
    put(tmp_path / "parallel/bible/wol-x-bible.txt", "40001003\tYuda\n40001002\tx\n40001004\ty\n")
    put(tmp_path / "parallel/plain/mt.txt", "a\n")
    put(tmp_path / "parallel/plain/wo.txt", "b\n")
    assert [name for name in find_datasets(tmp_path, "parallel", "mt") if "bible" in name] == ["verses:bible"]
    data = open_dataset("verses:bible", tmp_path)
    assert list(data.pairs("mt", "wo")) == [("Ġuda", "Yuda")]
    assert data.qrels("wo", "mt") == {"wo/40001003": {"mt/40001003": 1}}
    assert list(data.lines("mt")) == ["Ktieb", "Ġuda"]
    put(tmp_path / "parallel/bible/wol-x-bible-2.txt", "40001003\tYuda\n")
    with pytest.raises(DataError, match="Several translations in 'wo'"):
        open_dataset("verses:bible", tmp_path)
    assert "verses:bible" not in find_datasets(tmp_path, "parallel", "mt")
    with pytest.raises(DataError, match="two or more files"):
        open_dataset("verses:none", tmp_path)
    with pytest.raises(DataError, match="verse number") as caught:
        list(open_dataset("verses:plain", tmp_path).lines("wo"))
    assert caught.value.line == 1


class Toy:
    def __init__(self, language):
        self.language = language

    def docs_lang(self):
        return self.language

    def queries_lang(self):
        return "en"

    def docs_iter(self):
        yield SimpleNamespace(doc_id="d1", title="T", text="x")
        yield SimpleNamespace(doc_id="d2", default_text=lambda: "y")

    def queries_iter(self):
        yield SimpleNamespace(query_id="q1", default_text=lambda: "what")

    def has_qrels(self):
        return True

    def qrels_defs(self):
        return {3: "relevant", **({} if self.language else {0: "not relevant"})}

    def qrels_iter(self):
        yield SimpleNamespace(query_id="q1", doc_id="d1", relevance=3)


@pytest.mark.parametrize("number", ["9" * 5000, "1.5", "-3", "²"])
def test_a_verse_number_that_is_none_is_refused_by_line(tmp_path, number):
    put(tmp_path / "parallel/bible/mlt.txt", f"40001001\tKtieb\n{number}\tĠuda\n")
    put(tmp_path / "parallel/bible/wol.txt", "40001001\tTéere\n")
    with pytest.raises(DataError, match=r":2: "):
        list(open_dataset("verses:bible", tmp_path).lines("mt"))


def test_ir_datasets(tmp_path, monkeypatch):
    known = {"toy/fa": Toy("fa"), "toy/mixed": Toy(None)}
    monkeypatch.setitem(sys.modules, "ir_datasets", SimpleNamespace(load=known.__getitem__))
    data = open_dataset("ir_datasets:toy/fa", tmp_path)
    assert data.name == "ir_datasets:toy/fa" and data.languages == ("en", "fa")
    assert [(one.text, one.title) for one in data.documents("fa")] == [("x", "T"), ("y", "")]
    assert list(data.documents("en")) == [] and data.queries("fa") == []
    assert data.qrels("en", "fa") == {"q1": {"d1": 3}} and data.qrels("fa", "fa") == {}
    mixed = open_dataset("ir_datasets:toy/mixed(documents=zho)", tmp_path)
    assert mixed.languages == ("en", "zh") and mixed.pooled and not data.pooled
    with pytest.raises(DataError, match="documents=CODE"):
        open_dataset("ir_datasets:toy/mixed", tmp_path)
    with pytest.raises(DataError, match="has no data set 'toy/none'"):
        open_dataset("ir_datasets:toy/none", tmp_path)
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MissingExtraError, match=r"xlreach\[ir-datasets\]"):
        open_dataset("ir_datasets:toy/fa", tmp_path)
