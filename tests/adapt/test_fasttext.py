from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xlreach.adapt import Recipe, check_encoder, is_static, resolve_base
from xlreach.adapt.encoder import Provenance
from xlreach.adapt.pipeline import apply_step
from xlreach.adapt.static_vectors import StaticVectors
from xlreach.errors import DataError, ModelError, SpecError

UNKNOWN = ["xyzzy", "ħażo", "გადა", "日本語", "a", "", "😀😀", "Ünïcödé"]


@pytest.fixture(scope="module")
def gensim_model(texts: dict[str, Path]):
    """gensim itself on the same words and settings."""
    models = pytest.importorskip("gensim.models")
    from xlreach.adapt.fasttext import split_words
    from xlreach.adapt.static_vectors import TokenizedText

    words = list(TokenizedText([texts["mt"]], split_words))
    return models.FastText(
        words, sg=1, alpha=0.05, vector_size=12, min_count=5, bucket=500, epochs=2, seed=3, workers=1
    )


def _made(job, text: str, *languages: str, seed: int = 3) -> Path:
    work = job(*languages, seed=seed)
    apply_step(Recipe.parse(text).steps[0], None, work)
    return work.out


def test_vectors_are_gensims(job, gensim_model) -> None:
    folder = _made(job, "fasttext(dim=12,epochs=2,buckets=500)", "mt")
    vectors = StaticVectors.load(folder)
    known = list(gensim_model.wv.index_to_key)
    assert vectors.dim == 12 and set(vectors.rows) == set(known) and len(known) > 20
    for words in (known, [word for word in UNKNOWN if word]):
        np.testing.assert_array_equal(vectors.vectors(words), np.stack([gensim_model.wv[word] for word in words]))
    assert vectors.vectors([]).shape == (0, 12) and vectors.vectors(["x"]).dtype == np.float32
    assert vectors.vectors(UNKNOWN)[0].any()  # a word that training never saw has a vector


def test_a_seed_gives_the_same_vectors(job) -> None:
    folders = [_made(job, "fasttext(dim=8,epochs=1,buckets=100)", "mt", "en", seed=seed) for seed in (1, 1, 2)]
    first, again, other = ((folder / "static.safetensors").read_bytes() for folder in folders)
    assert first == again != other
    told = Provenance.read(folders[0])
    assert told.recipe == ("fasttext(dim=8,epochs=1,buckets=100)",) and told.languages == ("en", "mt")
    assert {path.name for path in folders[0].iterdir()} == {
        "README.md",
        "static.json",
        "static.safetensors",
        "xlreach.json",
    }


def test_the_folder_is_no_encoder(job, tmp_path: Path) -> None:
    folder = _made(job, "fasttext(dim=8,epochs=1,buckets=100)", "mt")
    assert is_static(folder)
    for refuse in (lambda: check_encoder(folder), lambda: resolve_base(str(folder))):
        with pytest.raises(ModelError, match="static word vectors"):
            refuse()
    assert resolve_base(str(folder), static=True) == folder.resolve()
    with pytest.raises(ModelError, match="static word vectors cannot be read"):
        StaticVectors.load(tmp_path)


def test_files_that_do_not_belong_together_are_refused(job) -> None:
    folder = _made(job, "fasttext(dim=8,epochs=1,buckets=100)", "mt")
    told = json.loads((folder / "static.json").read_text("utf-8"))
    (folder / "static.json").write_text(json.dumps(told | {"words": told["words"][1:]}), "utf-8")
    with pytest.raises(ModelError, match="words"):
        StaticVectors.load(folder)


def test_too_little_text(job, texts: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="min_count"):
        _made(job, "fasttext(min_count=100000)", "mt")


def test_nothing_can_follow() -> None:
    assert Recipe.parse("fasttext").static and Recipe.parse("fasttext").starts
    assert str(Recipe.parse("fasttext(100)")) == "fasttext" and not Recipe.parse("lapt").static
    for wrong in ("fasttext+lapt", "lapt+fasttext", "none+fasttext"):
        with pytest.raises(SpecError):
            Recipe.parse(wrong)
