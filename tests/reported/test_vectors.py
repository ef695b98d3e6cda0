"""What FAISS and sentence-transformers offer is used as they mean it, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

import xlreach as xl
from xlreach.errors import IndexFolderError
from xlreach.retrieval.factory import check_factory, train_index

TEXTS = ["The Nile is long.", "Bread is baked.", "A moon."]


@pytest.mark.parametrize("factory", ["OPQ64,IVF8,PQ64", "OPQ64,PQ64", "OPQ16_64,Flat"])
def test_too_few_vectors_for_a_rotation_are_refused(factory):
    vectors = np.random.default_rng(0).normal(size=(360, 384)).astype(np.float32)
    with pytest.raises(IndexFolderError) as caught:
        train_index(check_factory(factory, 384), vectors, factory)
    assert factory in str(caught.value)
    assert "384" in str(caught.value)
    assert "360" in str(caught.value)


@pytest.mark.parametrize("factory", ["PCA64,L2norm,Flat", "PCAR64,L2norm,IVF4,Flat", "PQ8x10", "IVF8,PQ16"])
def test_too_few_vectors_for_what_faiss_checks_itself_are_refused(factory):
    vectors = np.random.default_rng(0).normal(size=(30, 384)).astype(np.float32)
    with pytest.raises(IndexFolderError, match="30"):
        train_index(check_factory(factory, 384), vectors, factory)


def test_truncated_dimensions_are_those_of_the_library(tiny_encoder, tmp_path):
    SentenceTransformer(str(tiny_encoder), truncate_dim=20).save(str(tmp_path / "mrl"))
    encoder = xl.Encoder(tmp_path / "mrl")
    expected = SentenceTransformer(str(tmp_path / "mrl")).encode(TEXTS, normalize_embeddings=True)
    assert expected.shape == (3, 20)
    assert encoder.dimension == 20
    assert np.abs(encoder.encode(TEXTS) - expected).max() < 1e-6
    index = xl.Index.build(encoder, {"en": TEXTS}, out=tmp_path / "index")
    assert index.search("Bread is baked.", k=1)[0].id == "en-2"


def test_another_pooling_keeps_the_truncated_dimension(tiny_encoder, tmp_path):
    SentenceTransformer(str(tiny_encoder), truncate_dim=20).save(str(tmp_path / "mrl"))
    vectors = xl.Encoder(tmp_path / "mrl", pooling="cls").encode(TEXTS)
    assert vectors.shape == (3, 20)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    trained = xl.train(tmp_path / "mrl", "none(pooling=cls)", out=tmp_path / "trained")
    assert np.abs(trained.encode(TEXTS) - vectors).max() < 1e-6
