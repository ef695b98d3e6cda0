from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from xlreach.corpora.collection import Document
from xlreach.errors import DataError, IndexFolderError
from xlreach.retrieval import index_update
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import build_index, find_indexes, open_index
from xlreach.retrieval.index_update import update_index
from xlreach.store import exchange


@pytest.fixture(scope="module")
def encoder(encoder_folder) -> TextEncoder:
    return TextEncoder(encoder_folder, dtype="fp32")


@pytest.fixture(scope="module")
def many() -> list[Document]:
    rng = random.Random(7)
    return [
        Document(f"n{at}", "en", " ".join(f"xx{rng.randrange(60)}" for _ in range(rng.randint(4, 12))), f"xx{at % 7}")
        for at in range(2000)
    ]


@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat", "IVF16,SQ8,RFlat"])
def test_a_thousand_added_and_five_hundred_removed(encoder, many, tmp_path, factory, monkeypatch):
    folder = build_index(encoder, many[:1000], tmp_path / "en", factory, "en")
    gone = {one.id for one in random.Random(1).sample(many[:1000], 500)}
    encoded: list[int] = []
    encode = TextEncoder.encode
    monkeypatch.setattr(TextEncoder, "encode", lambda self, t, *more: encoded.append(len(t)) or encode(self, t, *more))
    assert update_index(folder, encoder, many[1000:], gone) == folder
    assert sum(encoded) == (1500 if factory == "IVF16,Flat" else 1000)
    expected = [one for one in many if one.id not in gone]
    afresh = open_index(build_index(encoder, expected, tmp_path / "afresh", factory, "en"), encoder)
    index = open_index(folder, encoder)
    assert index.ids == [one.id for one in expected] and index.documents(range(1500)) == expected
    said = {key: value for key, value in index.manifest.items() if key != "files"}
    assert said == {key: value for key, value in afresh.manifest.items() if key != "files"}
    queries = encoder.encode([one.text for one in many[:50]])
    scores, rows = index.search(queries, 10)
    assert scores == pytest.approx(afresh.search(queries, 10)[0], abs=1e-5)
    assert rows.min() >= 0 and faiss.read_index(str(folder / "index.faiss")).ntotal == 1500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["afresh", "en"]


def test_a_document_is_replaced(encoder, many, tmp_path):
    folder = build_index(encoder, many[:9], tmp_path / "en", language="en")
    update_index(folder, encoder, [Document("n3", "en", "xx50 xx51")], ["n3"])
    index = open_index(folder, encoder)
    assert index.ids == ["n0", "n1", "n2", "n4", "n5", "n6", "n7", "n8", "n3"]
    assert index.vectors()[-1] == pytest.approx(encoder.encode(["xx50 xx51"])[0], abs=1e-6)
    update_index(folder, encoder, remove=["n0"])
    assert open_index(folder, encoder).count == 8
    before = (folder / "index.faiss").read_bytes()
    update_index(folder, encoder)
    assert (folder / "index.faiss").read_bytes() == before


def test_wrong_updates_leave_the_index_as_it_was(encoder, encoder_folder, many, tmp_path):
    folder = build_index(encoder, many[:9], tmp_path / "en", language="en")
    with pytest.raises(DataError, match=r"no document 'n33', nor 1 others.*Did you mean 'n3'"):
        update_index(folder, encoder, remove=["n33", "x", "n1"])
    with pytest.raises(DataError, match="'n2' occurs twice"):
        update_index(folder, encoder, [many[20], many[2]])
    with pytest.raises(DataError, match="No document would be left"):
        update_index(folder, encoder, remove=[one.id for one in many[:9]])
    with pytest.raises(IndexFolderError, match="pooling"):
        update_index(folder, TextEncoder(encoder_folder, pooling="cls"), many[9:12])
    assert open_index(folder, encoder).ids == [one.id for one in many[:9]]
    assert find_indexes(tmp_path) == {"en": folder} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("moment", ["encoding", "writing", "exchange", "between the renames", "after the exchange"])
def test_killed_in_the_middle(encoder, many, tmp_path, moment, monkeypatch):
    folder = build_index(encoder, many[:100], tmp_path / "en", language="en")
    gone = [one.id for one in many[:50]]

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        # Nothing that starts threads is run in a forked process.
        monkeypatch.setattr(
            TextEncoder, "encode_stream", lambda _, texts, *__: np.zeros((len([*texts]), 32), np.float32)
        )
        if moment == "encoding":
            monkeypatch.setattr(TextEncoder, "encode_stream", die)
        elif moment == "writing":
            monkeypatch.setattr(faiss, "write_index", die)
        elif moment == "exchange":
            monkeypatch.setattr(index_update, "exchange", die)
        elif moment == "between the renames":  # of a system that cannot exchange
            monkeypatch.setattr(index_update, "exchange", lambda _, at: die(at.rename(at.with_name(".en.before"))))
        else:
            monkeypatch.setattr(index_update, "exchange", lambda one, at: die(exchange(one, at)))
        try:
            update_index(folder, encoder, (), gone)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    done = moment == "after the exchange"
    if moment != "between the renames":
        assert open_index(folder, encoder).ids == [one.id for one in many[50 if done else 0 : 100]]
        assert find_indexes(tmp_path) == {"en": folder}
    update_index(folder, encoder, many[200:300], [] if done else gone)
    assert open_index(folder, encoder).ids == [one.id for one in many[50:100] + many[200:300]]
    assert find_indexes(tmp_path) == {"en": folder} and len(list(tmp_path.iterdir())) == 1


def test_updates_at_once_wait_for_each_other_and_readers_see_whole_indexes(encoder, many, tmp_path):
    folder = build_index(encoder, many[:20], tmp_path / "en", language="en")
    before = open_index(folder, encoder)
    parts = [many[at : at + 10] for at in range(20, 80, 10)]
    sizes: list[int] = []
    with ThreadPoolExecutor(6) as pool:
        updates = [pool.submit(update_index, folder, encoder, part, [f"n{at}"]) for at, part in enumerate(parts)]
        while not all(one.done() for one in updates):
            index = open_index(folder, encoder)
            assert len(index.ids) == index.count == index.faiss.ntotal
            sizes.append(index.count)
        assert all(one.result() == folder for one in updates)
    assert sizes == sorted(sizes)
    after = open_index(folder, encoder)
    assert set(after.ids) == {one.id for one in many[6:80]} and len(list(tmp_path.iterdir())) == 1
    assert before.documents(range(20)) == many[:20]  # what was open stays what it was
    assert before.search(encoder.encode([many[3].text]), 1)[1].item() in range(20)


def test_documents_are_read_by_groups_of_rows(encoder, many, tmp_path, monkeypatch):
    monkeypatch.setattr("xlreach.retrieval.index.CHUNK", 7)
    index = open_index(build_index(encoder, many[:60], tmp_path / "en", language="en"), encoder)
    rows = [59, 0, 6, 7, 13, 7, 56]
    assert index.documents(rows) == [many[row] for row in rows] and index.documents([]) == []
