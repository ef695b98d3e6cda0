"""What can befall an index: killed builds, encoders without numbers, texts and ids of any kind."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from xlreach.corpora.collection import Document
from xlreach.errors import DataError, IndexFolderError, ModelError
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import build_index, open_index
from xlreach.retrieval.index_update import update_index
from xlreach.retrieval.search import rank, search, write_search_run


@pytest.fixture(scope="module")
def encoder(encoder_folder) -> TextEncoder:
    return TextEncoder(encoder_folder, dtype="fp32")


def test_a_killed_build_leaves_nothing_half_and_can_be_done_again(encoder, encoder_folder, tmp_path):
    lines = tmp_path / "en.txt"
    lines.write_text("".join(f"xx{at % 60} xx{at % 59} xx{at % 53}\n" for at in range(40_000)), "utf-8")
    place = tmp_path / "ix"
    command = [sys.executable, "-c", "from xlreach.cli import main; main()", "index", str(encoder_folder),
               "--text", f"en={lines}", "--out", str(place)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(place.glob(".en.*.tmp/ids.parquet")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (place / "en").exists()
    with pytest.raises(IndexFolderError, match="No index"):
        open_index(place / "en")
    few = [Document(f"d{at}", "en", f"xx{at}") for at in range(30)]
    build_index(encoder, few, place / "en", language="en")  # other documents: nothing of the killed one is taken over
    assert open_index(place / "en", encoder).vectors() == pytest.approx(encoder.encode([d.text for d in few]), abs=1e-6)
    assert [path.name for path in place.iterdir()] == ["en"]


def test_a_build_that_goes_on_is_left_alone(encoder, tmp_path):
    other = tmp_path / f".en.{os.getppid()}.tmp"
    other.mkdir()
    build_index(encoder, [Document("a", "en", "xx1")], tmp_path / "en")
    assert other.is_dir()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vectors_that_are_no_numbers_leave_no_index(encoder_folder, tmp_path, value):
    broken = TextEncoder(encoder_folder, dtype="fp32")
    folder = build_index(broken, [Document("a", "en", "xx1")], tmp_path / "en", language="en")
    broken.model[0].auto_model.embeddings.word_embeddings.weight.data.fill_(value)
    with pytest.raises(ModelError, match="not finite"):
        build_index(broken, [Document("a", "en", "xx1")], tmp_path / "new")
    with pytest.raises(ModelError, match="not finite"):
        update_index(folder, broken, [Document("b", "en", "xx2")])
    assert [path.name for path in tmp_path.iterdir()] == ["en"] and open_index(folder).ids == ["a"]


def test_another_dimension_is_refused(encoder, tmp_path, monkeypatch):
    folder = build_index(encoder, [Document("a", "en", "xx1")], tmp_path / "en", language="en")
    monkeypatch.setattr(encoder, "dimension", 48)
    with pytest.raises(IndexFolderError, match="dimension 32, but opened for 48"):
        open_index(folder, encoder)
    with pytest.raises(IndexFolderError, match="dimension"):
        update_index(folder, encoder, [Document("b", "en", "xx2")])


def test_empty_and_very_long_documents(encoder, tmp_path):
    long = "xx1 " * 25_000
    documents = [Document("empty", "en", ""), Document("blank", "en", " \n\t"), Document("long", "en", long)]
    documents.append(Document("emoji", "en", "👩‍👩‍👧‍👦\u0000\u202e" * 10))
    index = open_index(build_index(encoder, documents, tmp_path / "en", language="en"), encoder)
    assert len(long) == 100_000 and index.documents(range(4)) == documents
    vectors = index.vectors()
    assert np.isfinite(vectors).all() and np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    found = search(encoder, [long, ""], [index], 1)
    assert found[0][0].id == "long" and found[0][0].score == pytest.approx(1, abs=1e-5)
    assert {found[1][0].id} <= {"empty", "blank"}


def test_ids_with_blanks_and_line_feeds_are_kept_and_never_put_into_a_run(encoder, tmp_path):
    names = ["a b", "line\nbreak", "tab\there", " ", "\u2028", 'q"uote', "ħ"]
    documents = [Document(name, "en", f"xx{at}") for at, name in enumerate(names)]
    folder = build_index(encoder, documents, tmp_path / "en", language="en")
    update_index(folder, encoder, [Document("new one", "en", "xx9")], ["tab\there"])
    index = open_index(folder, encoder)
    assert index.ids == [name for name in names if name != "tab\there"] + ["new one"]
    ranked = rank(encoder.encode(["xx1"], "query"), [index], 9)
    with pytest.raises(DataError, match="white space"):
        write_search_run(tmp_path / "run", ["q"], ranked)
    hit = search(encoder, ["xx1"], [index], 1)[0][0]
    assert (hit.id, dataclasses.asdict(hit)["text"]) == ("line\nbreak", "xx1")


def test_what_is_shown_stays_in_its_line():
    from xlreach.front.table import one_line, shortened

    assert one_line("a\nb\x1b[31m\tc\u2028d\r") == "a b [31m c d"
    assert shortened("ab cd") == "ab cd" and shortened("ab cd ef gh", 8) == "ab cd…"
    assert shortened("x" * 100_000) == "x" * 299 + "…"
    assert one_line("ക്‍ഷ می‌خواهم") == "ക്‍ഷ می‌خواهم"  # joiners are letters there


def test_the_index_of_a_path_object_is_a_path(encoder, tmp_path):
    assert isinstance(build_index(encoder, [Document("a", "en", "xx1")], str(tmp_path / "en")), Path)


def test_one_id_in_two_languages_is_shown_and_never_put_into_a_run(encoder, tmp_path):
    indexes = []
    for code in ("en", "de"):
        folder = build_index(encoder, [Document("1", code, f"xx1 xx2 {code}")], tmp_path / code, language=code)
        indexes.append(open_index(folder, encoder))
    hits = search(encoder, ["xx1 xx2"], indexes, 5)[0]
    assert sorted((hit.id, hit.language, hit.text) for hit in hits) == [
        ("1", "de", "xx1 xx2 de"),
        ("1", "en", "xx1 xx2 en"),
    ]
    ranked = rank(encoder.encode(["xx1"], "query"), indexes, 5)
    with pytest.raises(DataError, match="'q' finds the document id '1' in two indexes"):
        write_search_run(tmp_path / "run", ["q"], ranked)
    assert not (tmp_path / "run").exists()
