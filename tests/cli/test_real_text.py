"""The verbs on real Maltese: a treebank, and lines of raw text."""

from __future__ import annotations

import json
from itertools import islice

import pytest

pytestmark = pytest.mark.corpora


def test_tag_maltese(xlreach, corpora_root, tiny, tmp_path):
    done = xlreach(
        "tag", tiny.encoder(), "ud:mt_mudt", "--task", "pos(limit=60)", "--preset", "quick",
        "--data", corpora_root, "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    assert (row["language"], row["dataset"], row["measure"]) == ("mt", "ud:mt_mudt", "accuracy")
    assert 0.05 < row["value"] < 1 and row["n"] > 10_000
    assert (tmp_path / "out" / "predictions.conllu").read_text("utf-8").count("\n\n") == 518


def test_index_and_search_maltese(xlreach, corpora_root, tiny, tmp_path):
    with (corpora_root / "raw" / "lapt9" / "mt.txt").open(encoding="utf-8") as stream:
        lines = list(dict.fromkeys(line.strip() for line in islice(stream, 300) if line.strip()))
    (tmp_path / "mt.txt").write_text("\n".join(lines) + "\n", "utf-8")
    done = xlreach("index", tiny.encoder(), "--text", f"mlt={tmp_path / 'mt.txt'}", "--out", tmp_path / "ix")
    assert done.code == 0, done.err
    wanted = lines[17]
    found = json.loads(xlreach("search", tiny.encoder(), tmp_path / "ix", wanted, "--lang", "mt", "--json").out)
    assert found[0]["score"] == pytest.approx(1, abs=1e-5)
    assert {"mt"} == {hit["language"] for hit in found} and wanted in [hit["text"] for hit in found]
