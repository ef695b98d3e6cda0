"""Encoding in int8: how near it must be to fp32, with a stand-in; and with OpenVINO itself where it is installed."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from xlreach.errors import MissingExtraError, ModelError, SpecError
from xlreach.retrieval import encoding
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import build_index, open_index
from xlreach.retrieval.int8 import check_fidelity, int8_transformer, sample


def rounded(steps: float):
    """In place of OpenVINO: torch's own module, its output rounded to so many steps a unit."""

    def load(folder):
        exact = TextEncoder(folder, dtype="fp32").model[0]

        def forward(features):
            features = exact(features)
            features["token_embeddings"] = torch.round(features["token_embeddings"] * steps) / steps
            return features

        return forward

    return load


def test_near_vectors_are_taken_and_the_manifest_says_how_near(encoder_folder, documents, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "int8_transformer", rounded(20))
    quick, exact = TextEncoder(encoder_folder, dtype="int8"), TextEncoder(encoder_folder, dtype="fp32")
    assert quick.fidelity is None
    folder = build_index(quick, documents, tmp_path / "en", language="en")
    manifest = open_index(folder, quick).manifest
    assert manifest["dtype"] == "int8" and manifest["fidelity"] == quick.fidelity
    texts = [one.text for one in documents]
    ours, theirs = quick.encode(texts), exact.encode(texts)
    assert 1e-5 < np.abs(ours - theirs).max() < 0.05
    some = sample(texts)
    cosines = (quick.encode(some).astype(np.float64) * exact.encode(some)).sum(1)
    assert manifest["fidelity"] == {
        "texts": 64,
        "mean_cosine": pytest.approx(cosines.mean(), abs=2e-5),
        "lowest_cosine": pytest.approx(cosines.min(), abs=2e-5),
    }
    plain = build_index(exact, documents, tmp_path / "plain", language="en")
    assert "fidelity" not in json.loads((plain / "manifest.json").read_text("utf-8"))
    assert open_index(folder, exact).count == len(documents)  # queries may be asked in fp32


def test_far_vectors_are_refused_before_an_index_is_built(encoder_folder, documents, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "int8_transformer", rounded(0.7))
    with pytest.raises(ModelError, match=r"In int8 .* fp32 .*Expected 0\.99 and 0\.95"):
        build_index(TextEncoder(encoder_folder, dtype="int8"), documents, tmp_path / "en")
    assert not (tmp_path / "en").exists()


def test_what_counts_as_near(tmp_path):
    exact = np.eye(4, dtype=np.float32)
    assert check_fidelity(exact, exact, tmp_path) == {"texts": 4, "mean_cosine": 1.0, "lowest_cosine": 1.0}
    one_is_far = exact.copy()
    one_is_far[2] *= 0.9
    for far in (exact * np.float32(0.98), one_is_far, np.full_like(exact, np.nan)):
        with pytest.raises(ModelError, match="In int8"):
            check_fidelity(far, exact, tmp_path)


def test_the_sample_is_of_all_lengths():
    texts = ["x" * length for length in range(1000)]
    some = sample([*texts, *texts])
    assert (len(some), len(some[0]), len(some[-1])) == (64, 0, 999) and len(set(some)) == 64
    assert sample(["b", "b"]) == ["b"]


def test_without_openvino_it_is_said_how_to_install_it(encoder_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "optimum.intel.openvino", None)
    with pytest.raises(MissingExtraError, match=r"dtype int8 needs .*optimum-intel.*pip install 'xlreach\[openvino\]'"):
        int8_transformer(encoder_folder)


def test_layers_below_the_last_are_refused(encoder_folder):
    with pytest.raises(SpecError, match="int8 is for transformers, pooled from the last layer"):
        TextEncoder(encoder_folder, pooling="mean(layers=1)", dtype="int8")


def test_openvino_itself(encoder_folder, documents, tmp_path):
    pytest.importorskip("optimum.intel.openvino", reason="OpenVINO is an extra", exc_type=ImportError)
    quick, exact = TextEncoder(encoder_folder, dtype="int8"), TextEncoder(encoder_folder, dtype="fp32")
    texts = [*(one.text for one in documents), "", "xx1 " * 200]
    ours, theirs = quick.encode(texts, "document"), exact.encode(texts, "document")
    cosines = (ours * theirs).sum(1)
    assert cosines.min() > 0.98 and np.abs(ours - theirs).max() > 0
    assert np.linalg.norm(ours, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    assert quick.fidelity is not None and quick.fidelity["mean_cosine"] == pytest.approx(cosines.mean(), abs=0.01)
    index = open_index(build_index(quick, documents, tmp_path / "en", language="en"), exact)
    assert (
        index.search(exact.encode([one.text for one in documents]), 1)[1][:, 0] == range(len(documents))
    ).mean() > 0.9
