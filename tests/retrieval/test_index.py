from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import faiss
import numpy as np
import pyarrow.parquet as pq
import pytest

from xlreach.corpora.collection import Document
from xlreach.errors import DataError, IndexFolderError, SpecError
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.factory import check_factory
from xlreach.retrieval.index import build_index, find_indexes, open_index
from xlreach.retrieval.search import rank, search, write_search_run
from xlreach.store import digest

EXACT = ["Flat", "HNSW16", "IVF16,Flat", "NSG16", "L2norm,Flat"]
CODES = [
    "SQ8", "PQ16", "PQ16x4", "IVF4,PQ16", "IVF4,PQ16x4", "IVF16,SQ8", "HNSW16,SQ8", "OPQ16,IVF4,PQ16", "RaBitQ",
    "SQbf16", "PCA31,L2norm,Flat", "PCA16,L2norm,Flat",
]  # fmt: skip
REFINED = ["SQ8,RFlat", "OPQ16,IVF4,PQ16,RFlat", "PQ16,Refine(Flat)"]
NEAR = {"SQfp16": 0.001, "PQ16,Refine(SQfp16)": 0.001, "HNSW16,SQ8,Refine(SQ8)": 0.01}
ROUGH = {"PQ16x4,Refine(PQ16x4)": 0.15}  # four bits for two numbers


@pytest.fixture(scope="module")
def encoder(encoder_folder) -> TextEncoder:
    return TextEncoder(encoder_folder, dtype="fp32")


@pytest.fixture
def built(encoder, documents, tmp_path) -> Path:
    return build_index(encoder, documents, tmp_path / "en", language="en")


@pytest.mark.parametrize("factory", [*EXACT, *CODES, *REFINED, *NEAR, *ROUGH])
def test_a_vector_finds_itself_at_cosine_one(encoder, documents, tmp_path, factory):
    folder = build_index(encoder, documents, tmp_path / "en", factory=factory, language="en")
    index = open_index(folder, encoder)
    vectors = encoder.encode([one.text for one in documents])
    scores, rows = index.search(vectors, 3)
    assert index.manifest["factory"] == factory + ",RFlat" * (factory in CODES)
    allowed = {**dict.fromkeys([*EXACT, *CODES, *REFINED], 1e-5), **NEAR, **ROUGH}[factory]
    own = np.array(
        [dict(zip(r, s, strict=True)).get(at, 0) for at, (r, s) in enumerate(zip(rows, scores, strict=True))]
    )
    assert np.quantile(np.abs(own - 1), 0.5 if factory in ROUGH else 1.0) <= allowed
    if factory not in ROUGH:
        assert (rows[:, 0] == np.arange(len(documents))).mean() > 0.98
    assert index.exact == (factory == "Flat")
    assert ("recall@10" in index.manifest) != index.exact
    scores, rows = index.search(vectors, 10)
    cosines = np.take_along_axis(vectors @ vectors.T, rows, axis=1)
    assert index.manifest.get("score_error", 0) == pytest.approx(
        np.abs(scores - cosines)[rows >= 0].mean(), rel=0.1, abs=2e-5
    )
    assert index.estimates or factory not in ROUGH
    assert not index.estimates or factory not in (*EXACT, *CODES, *REFINED)
    plain = faiss.read_index(str(folder / "index.faiss"))
    assert (plain.ntotal, plain.d, plain.metric_type) == (len(documents), 32, faiss.METRIC_INNER_PRODUCT)


def test_the_folder_says_what_it_is(built, encoder, documents):
    index = open_index(built, encoder)
    said = index.manifest
    assert (said["encoder_fingerprint"], said["dimension"], said["count"]) == (encoder.fingerprint, 32, len(documents))
    assert (said["factory"], said["pooling"], said["language"], said["max_length"]) == ("Flat", "mean", "en", 48)
    assert index.ids == [one.id for one in documents]
    assert index.documents([5, 2]) == [documents[5], documents[2]]
    assert pq.read_table(built / "ids.parquet").column_names == ["id", "text", "title"]
    assert index.vectors() == pytest.approx(encoder.encode([one.text for one in documents]), abs=1e-6)
    assert find_indexes(built.parent) == {"en": built}


def test_strange_ids_titles_and_empty_texts_survive(encoder, tmp_path):
    documents = [Document("a b", "mt", "xx1", "xx2"), Document("line\nbreak", "mt", ""), Document("ħ", "mt", "xx2 xx1")]
    index = open_index(build_index(encoder, documents, tmp_path / "mt", language="mt"), encoder)
    assert index.documents([0, 1, 2]) == documents
    assert index.vectors()[0] @ index.vectors()[2] == pytest.approx(1, abs=1e-6)  # title, blank, text
    assert index.vectors()[1] == pytest.approx(encoder.encode([""])[0], abs=1e-6)


def test_another_encoder_is_refused(built, encoder_folder, encoder):
    with pytest.raises(IndexFolderError, match="Built with the encoder"):
        open_index(built, "another fingerprint")
    with pytest.raises(IndexFolderError, match="pooling 'mean', but opened for 'cls'"):
        open_index(built, TextEncoder(encoder_folder, pooling="cls"))
    with pytest.raises(IndexFolderError, match="max_length"):
        open_index(built, TextEncoder(encoder_folder, max_length=7))
    assert open_index(built, encoder.fingerprint).count == open_index(built).count


@pytest.mark.parametrize("name", ["index.faiss", "ids.parquet"])
def test_damaged_files_are_refused(built, encoder, name):
    path = built / name
    content = path.read_bytes()
    path.write_bytes(content[:-7])
    with pytest.raises(IndexFolderError, match=f"{name}.* were written"):
        open_index(built, encoder)
    path.write_bytes(content[:99] + bytes([content[99] ^ 1]) + content[100:])
    with pytest.raises(IndexFolderError, match="checksum"):
        open_index(built, encoder)
    path.unlink()
    with pytest.raises(IndexFolderError, match="missing"):
        open_index(built, encoder)


def test_an_edited_manifest_is_refused(built, encoder):
    path = built / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**manifest, "encoder_fingerprint": "mine"}), "utf-8")
    with pytest.raises(IndexFolderError, match="edited"):
        open_index(built, "mine")
    manifest["dimension"] = 31
    manifest["checksum"] = digest({k: v for k, v in manifest.items() if k != "checksum"})
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(IndexFolderError, match=r"has .* vectors of 32 numbers"):
        open_index(built)
    path.write_text("[]", "utf-8")
    with pytest.raises(IndexFolderError, match="Not a manifest"):
        open_index(built)
    path.unlink()
    with pytest.raises(IndexFolderError, match=r"manifest\.json is missing"):
        open_index(built)


def test_index_strings_are_checked_before_encoding(encoder, tmp_path):
    def never():
        raise AssertionError("documents were read")
        yield

    for factory, expected in (
        ("HNWS32", "Did you mean 'HNSW32'"),
        ("PQ7", "multiple"),
        ("LSH", "Known"),
        ("IDMap,Flat", "ids"),
        ("PCA16,Flat", "Write 'PCA16,L2norm,Flat'"),
    ):
        with pytest.raises(SpecError, match=expected):
            build_index(encoder, never(), tmp_path / "x", factory=factory)
    assert check_factory("IVF4096,PQ64") is not None
    with pytest.raises(SpecError, match="Did you mean 'Flat'"):
        check_factory("flat")


def test_too_few_documents_for_an_index(encoder, documents, tmp_path):
    with pytest.raises(IndexFolderError, match=r"512 vectors or more, but there are only 400 documents.*'Flat'"):
        build_index(encoder, documents, tmp_path / "x", factory="IVF512,Flat")
    assert not (tmp_path / "x").exists()


def test_wrong_documents_are_refused(encoder, documents, tmp_path):
    with pytest.raises(DataError, match="'d0' occurs twice"):
        build_index(encoder, [documents[0], documents[0]], tmp_path / "x")
    with pytest.raises(DataError, match="No documents"):
        build_index(encoder, [], tmp_path / "x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…", "utf-8")
    with pytest.raises(IndexFolderError, match="not an index"):
        build_index(encoder, documents, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_a_killed_build_goes_on(encoder, documents, tmp_path, monkeypatch):
    whole = build_index(encoder, documents, tmp_path / "whole")
    monkeypatch.setattr(TextEncoder.encode_stream, "__kwdefaults__", {"chunk": 50})

    def killed():
        yield from islice(documents, 130)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(encoder, killed(), tmp_path / "en", checkpoint=tmp_path / "checkpoint")
    assert not (tmp_path / "en").exists()
    encoded: list[int] = []
    original = TextEncoder.encode
    monkeypatch.setattr(
        TextEncoder, "encode", lambda self, part, *more: encoded.append(len(part)) or original(self, part, *more)
    )
    build_index(encoder, documents, tmp_path / "en", checkpoint=tmp_path / "checkpoint")
    assert sum(encoded) == len(documents) - 100
    one, other = open_index(whole, encoder), open_index(tmp_path / "en", encoder)
    assert one.ids == other.ids
    assert one.vectors() == pytest.approx(other.vectors(), abs=1e-6)


def test_search_over_languages_merges_them(encoder, documents, tmp_path):
    half = len(documents) // 2
    second = [Document("é" + one.id, "de", one.text) for one in documents[half - 1 :]]
    indexes = []
    for code, some in (("en", documents[:half]), ("de", second)):
        indexes.append(open_index(build_index(encoder, some, tmp_path / code, language=code), encoder))
    everything = open_index(build_index(encoder, [*documents[:half], *second], tmp_path / "all"), encoder)
    queries = [documents[3].text, "xx9 xx8", documents[half - 1].text]
    found = search(encoder, queries, indexes, k=20)
    together = search(encoder, queries, [everything], k=20)
    for one, other in zip(found, together, strict=True):
        assert [hit.id for hit in one] == [hit.id for hit in other]
    assert found[0][0].id == "d3" and found[0][0].text == documents[3].text
    assert found[0][0].score == pytest.approx(1, abs=1e-5)
    tied = found[2][:2]
    assert [hit.language for hit in tied] == ["de", "en"]  # equal texts: the later id first
    assert search(encoder, [], indexes) == []
    ranked = rank(encoder.encode(queries, "query"), indexes, 20)
    assert [[name for name, _ in one] for one in ranked] == [[hit.id for hit in one] for one in found]
    assert write_search_run(tmp_path / "run", ["a", "b", "c"], ranked) == 60
    with pytest.raises(DataError, match="white space"):
        write_search_run(tmp_path / "run", ["a b", "b", "c"], ranked)


@pytest.mark.parametrize("factory", ["PQ8x4,Refine(PQ8x4)", "IVF64,Flat", "SQ4,Refine(SQ4)"])
def test_the_stated_recall_is_that_of_exact_search(encoder, documents, tmp_path, factory):
    some = documents[:128]  # no more than are sampled, so the manifest's figure is over all of them
    index = open_index(build_index(encoder, some, tmp_path / "en", factory=factory, language="en"), encoder)
    vectors = encoder.encode([one.text for one in some], "document")
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    nearest = np.argsort(-cosines, axis=1)[:, :10]
    found = index.search(vectors, 10)[1]
    shared = [len(set(one) & set(other)) / 10 for one, other in zip(nearest.tolist(), found.tolist(), strict=True)]
    assert index.manifest["recall@10"] == pytest.approx(np.mean(shared), abs=1e-3)
    assert 0.1 < index.manifest["recall@10"] < 0.999


@pytest.mark.parametrize("factory", ["OPQ16,IVF4,PQ16", "RQ2x8", "PQ16,Refine(PQ16)"])
def test_faiss_is_quiet_about_small_samples(encoder, documents, tmp_path, factory, capfd):
    build_index(encoder, documents, tmp_path / "en", factory=factory)
    assert "WARNING" not in "".join(capfd.readouterr())


def test_of_equal_documents_any_counts_as_found(encoder, tmp_path):
    """Each of seven texts stands there twenty times, and the ten that codes and vectors come upon may be others."""
    same = [Document(f"d{at}", "en", f"xx{at % 7} xx{at % 7 + 20}") for at in range(140)]
    for factory in ("SQ8", "HNSW16"):
        index = open_index(build_index(encoder, same, tmp_path / factory, factory=factory), encoder)
        assert index.manifest["recall@10"] == 1


def test_ties_beyond_the_cut_are_ordered_by_id(encoder, tmp_path):
    """Of four equal documents in two languages the two with the later ids are found, as trec_eval would cut."""
    indexes = []
    for code, names in (("en", ["a", "d"]), ("de", ["b", "c"])):
        same = [Document(name, code, "xx1 xx2") for name in names]
        other = [Document(f"other {code}", code, "xx40 xx41 xx42")]
        indexes.append(open_index(build_index(encoder, same + other, tmp_path / code, language=code), encoder))
    vectors = encoder.encode(["xx1 xx2"], "query")
    assert [name for name, _ in rank(vectors, indexes, 2)[0]] == ["d", "c"]
    assert [name for name, _ in rank(vectors, indexes, 9)[0]][:4] == ["d", "c", "b", "a"]
    assert [name for name, _ in rank(vectors, indexes[:1], 9)[0]][:2] == ["d", "a"]
    assert [hit.id for hit in search(encoder, ["xx1 xx2"], indexes, 3)[0]] == ["d", "c", "b"]
