"""MIRACL, Mr. TyDi, CIRAL and AfriCLIRMatrix in their publishers' layouts, tiny."""

from __future__ import annotations

import gzip
import json

import pytest

from xlreach.corpora import open_dataset
from xlreach.corpora.registry import find_datasets
from xlreach.errors import DataError


def lay(root, files):
    for name, content in files.items():
        path = root / "qa" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())


def miracl(code, split="dev"):
    return {
        f"miracl/miracl-v1.0-{code}/topics/topics.miracl-v1.0-{code}-{split}.tsv": f"0\tWho {code}?\n7\tWhat?\n",
        f"miracl/miracl-v1.0-{code}/qrels/qrels.miracl-v1.0-{code}-{split}.tsv": "0\tQ0\t1#0\t1\n7 Q0 2#0 0\n",
        f"miracl/miracl-corpus-v1.0-{code}/docs-0.jsonl.gz": [{"docid": "1#0", "title": "A", "text": f"a {code}"}],
        f"miracl/miracl-corpus-v1.0-{code}/docs-1.jsonl.gz": [{"docid": "2#0", "title": "B", "text": "b"}],
    }


def test_miracl(tmp_path):
    lay(tmp_path, {**miracl("sw"), **miracl("yo"), **miracl("en", "train")})
    data = open_dataset("miracl", tmp_path)
    assert (data.name, data.languages, data.license) == ("miracl", ("sw", "yo"), "Apache-2.0") and data.pooled
    assert [(d.id, d.title, d.text) for d in data.documents("sw")] == [("sw/1#0", "A", "a sw"), ("sw/2#0", "B", "b")]
    first = data.queries("yo")[0]
    assert (first.id, first.text, first.group) == ("yo/0", "Who yo?", "yo/0")
    assert data.qrels("sw", "sw") == {"sw/0": {"sw/1#0": 1}, "sw/7": {"sw/2#0": 0}} and data.qrels("sw", "yo") == {}
    assert all("-sw" in path.as_posix() for path in data.files(["sw"])) and len(data.files(["sw"])) == 4
    assert find_datasets(tmp_path, "collection", "en") == ["miracl(split=train)"]
    with pytest.raises(DataError, match="Did you mean 'train'"):
        open_dataset("miracl(split=trian)", tmp_path)


def test_only_the_languages_asked_for_are_opened(tmp_path):
    lay(tmp_path, {**miracl("sw"), **miracl("yo")})
    for path in (tmp_path / "qa/miracl").rglob("*yo*/*.gz"):
        path.write_bytes(b"not gzip")
    data = open_dataset("miracl", tmp_path)
    assert len(list(data.documents("sw"))) == 2 and data.queries("yo") and data.searched(["sw"]) == ("sw",)
    with pytest.raises(DataError, match=r"docs-0\.jsonl\.gz: Not a whole gzip file"):
        list(data.documents("yo"))


def test_mr_tydi(tmp_path):
    folder = "mr-tydi/mrtydi-v1.1-swahili"
    lay(tmp_path, {
        f"{folder}/topic.test.tsv": "3\tNani?\n", f"{folder}/topic.dev.tsv": "9\tLini?\n",
        f"{folder}/qrels.test.txt": "3 Q0 5#1 1\n", f"{folder}/qrels.dev.txt": "9 Q0 5#1 1\n",
        f"{folder}/collection/docs.jsonl":
            [{"id": "5#1", "contents": "Title\nBody\nmore"}, {"id": "6", "contents": "x"}],
    })  # fmt: skip
    data = open_dataset("mr-tydi", tmp_path)
    assert [(d.title, d.text) for d in data.documents("sw")] == [("Title", "Body\nmore"), ("", "x")]
    assert data.qrels("sw", "sw") == {"sw/3": {"sw/5#1": 1}}
    assert open_dataset("mr-tydi(split=dev)", tmp_path).queries("sw")[0].text == "Lini?"


def test_ciral_is_asked_in_english(tmp_path):
    files = {}
    for name, code in (("hausa", "ha"), ("yoruba", "yo")):
        for part in ("test-a", "test-a-pools"):
            files[f"ciral/ciral-{name}/topics/topics.ciral-v1.0-{code}-{part}.tsv"] = "1\tWho?\n2\tWhere?\n"
            files[f"ciral/ciral-{name}/qrels/qrels.ciral-v1.0-{code}-{part}.tsv"] = f"1 Q0 d#{name} 1\n"
        rows = [{"docid": f"d#{name}", "title": "T", "text": name, "url": "http://x"}]
        files[f"ciral/ciral-corpus/ciral-{name}/part-0.jsonl"] = rows
    lay(tmp_path, files)
    data = open_dataset("ciral(split=test-a)", tmp_path)
    assert data.languages == ("en", "ha", "yo") and data.searched(data.languages) == ("ha", "yo")
    assert data.qrels("en", "ha") == {"en/ha/1": {"ha/d#hausa": 1}} and data.qrels("ha", "ha") == {}
    assert len({query.id for query in data.queries("en")}) == 4 and data.queries("ha") == []
    assert len(data.files(["ha"])) == 3 and len(data.files(["en"])) == 6
    assert find_datasets(tmp_path, "collection", "en") == ["ciral(split=test-a)", "ciral(split=test-a-pools)"]
    from xlreach.scoring.evaluation import evaluate

    rows = evaluate(None, data, ["ha", "yo"], measures=["RR"], query_languages=["en", "ha", "yo"],
                    retriever="random", out=tmp_path / "out")  # fmt: skip
    cells = {(row.setting, row.query_language, row.document_language) for row in rows if row.measure == "RR"}
    assert cells == {("cross", "en", "ha"), ("cross", "en", "yo"), ("multi", "en", None)}


def test_africlirmatrix(tmp_path):
    lay(tmp_path, {
        "africlirmatrix/test/queries/topics.africlirmatrix-v1.0.en.tir.tsv": "55300292\tCanoeing South Africa\n",
        "africlirmatrix/test/qrels/qrels.africlirmatrix-v1.0.en.tir.txt": "55300292 Q0 3702 5\n",
        "africlirmatrix/corpus/africlirmatrix-v1.0-tir.jsonl": [{"id": 3702, "contents": "ታንኳ"}],
    })  # fmt: skip
    data = open_dataset("africlirmatrix", tmp_path)
    assert data.languages == ("en", "ti") and data.qrels("en", "ti") == {"en/ti/55300292": {"ti/3702": 5}}
    assert list(data.pairs("en", "ti")) == [("Canoeing South Africa", "ታንኳ")]


def test_damage_is_named_by_line(tmp_path):
    lay(tmp_path, miracl("sw"))
    folder = tmp_path / "qa/miracl/miracl-v1.0-sw"
    data = open_dataset("miracl", tmp_path)
    (folder / "qrels/qrels.miracl-v1.0-sw-dev.tsv").write_text("0 Q0 1#0 1\n0 1#0\n", "utf-8")
    with pytest.raises(DataError, match=r"dev\.tsv:2: .*Expected a query id, Q0"):
        data.qrels("sw", "sw")
    (folder / "topics/topics.miracl-v1.0-sw-dev.tsv").write_text("0 Who?\n", "utf-8")
    with pytest.raises(DataError, match=r"dev\.tsv:1: .*a tab"):
        data.queries("sw")
    lay(tmp_path, {"miracl/miracl-corpus-v1.0-sw/docs-1.jsonl": [{"text": "x"}]})
    with pytest.raises(DataError, match=r"docs-1\.jsonl:1: No passage"):
        list(open_dataset("miracl", tmp_path).documents("sw"))
    for path in (tmp_path / "qa/miracl/miracl-corpus-v1.0-sw").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="passages of 'sw' are missing"):
        list(open_dataset("miracl", tmp_path).documents("sw"))
