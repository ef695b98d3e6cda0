from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, XLMRobertaConfig, XLMRobertaModel

from xlreach.errors import DataError, ModelError, SpecError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.alignment_training import train_alignment
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.loading import declared_pooling, load_encoder
from xlreach.retrieval.pooling import POOLINGS

TEXTS = ["xx1 xx2 xx3", "", "yy5", "zz1 zz9 zz8 zz7 zz3 xx4"]


def pooled(folder: Path, pooling: str, out: Path, text: dict[str, Path] | None = None) -> Path:
    return train_alignment(ALIGNMENTS.parse(f"none(pooling={pooling})"), folder, [], [], seed=1, out=out, text=text)


def plain(folder: Path, texts: list[str]) -> np.ndarray:
    return SentenceTransformer(str(folder), device="cpu").encode(texts)


def by_hand(folder: Path, text: str, layers: list[int], mode: str) -> np.ndarray:
    inputs = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder).eval()(**inputs, output_hidden_states=True).hidden_states
    vectors = torch.stack([hidden[layer] for layer in layers]).mean(0)[0]
    one = vectors[0] if mode == "cls" else vectors.amax(0) if mode == "max" else vectors.mean(0)
    return torch.nn.functional.normalize(one, dim=0).numpy()


@pytest.mark.parametrize(
    ("pooling", "layers", "mode"),
    [
        ("mean(layers=1)", [1], "mean"),
        ("cls(layers=[0,2])", [0, 2], "cls"),
        ("max(layers=[-1,-2])", [2, 1], "max"),
        ("mean(layers=-1)", [2], "mean"),
    ],
)
def test_any_layer_or_mean_of_layers(encoder_folder, tmp_path, pooling, layers, mode):
    expected = np.stack([by_hand(encoder_folder, text, layers, mode) for text in TEXTS])
    assert TextEncoder(encoder_folder, pooling=pooling, dtype="fp32").encode(TEXTS) == pytest.approx(expected, abs=1e-5)
    out = pooled(encoder_folder, pooling, tmp_path / "out")
    assert plain(out, TEXTS) == pytest.approx(expected, abs=1e-5)
    assert TextEncoder(out).encode(TEXTS) == pytest.approx(expected, abs=1e-5)
    half = TextEncoder(out, dtype="bf16").encode(TEXTS)
    assert (half * expected).sum(1).min() > 0.999
    assert declared_pooling(load_encoder(out)) == str(
        POOLINGS.parse(f"{mode}(layers=[{','.join(map(str, sorted(layers)))}])")
    )
    back = pooled(out, "mean", tmp_path / "back")
    ordinary = pooled(encoder_folder, "mean", tmp_path / "ordinary")
    assert plain(back, TEXTS) == pytest.approx(plain(ordinary, TEXTS), abs=1e-5)


@pytest.fixture(scope="module")
def text(parallel, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("text")
    files = {}
    for code in ("en", "de", "mt"):
        files[code] = folder / f"{code}.txt"
        files[code].write_text("\n".join(parallel.lines(code)) + "\n", "utf-8")
    return files


def test_language_means_are_taken_out(encoder_folder, parallel, text, tmp_path):
    out = pooled(encoder_folder, "mean(centre=true)", tmp_path / "out", text)
    vectors = {code: plain(out, list(parallel.lines(code))) for code in text}
    before = {code: plain(encoder_folder, list(parallel.lines(code))) for code in text}

    def apart(found):
        means = np.stack([one.mean(0) / np.linalg.norm(one, axis=1).mean() for one in found.values()])
        return np.linalg.norm(means - means.mean(0), axis=1).max()

    assert apart(vectors) < 0.1 * apart(
        {code: one - np.stack([*before.values()]).mean((0, 1)) for code, one in before.items()}
    )
    ours = TextEncoder(out, dtype="fp32").encode(TEXTS)
    assert ours == pytest.approx(plain(out, TEXTS), abs=1e-5)
    unnormalised = SentenceTransformer(modules=list(SentenceTransformer(str(out), device="cpu"))[:-1], device="cpu")
    for code in text:
        assert unnormalised.encode(list(parallel.lines(code))).mean(0) == pytest.approx(np.zeros(32), abs=1e-4)


def test_whitened_components_are_uncorrelated(encoder_folder, parallel, text, tmp_path):
    one = {"en": text["en"]}
    out = pooled(encoder_folder, "cls(whiten=8)", tmp_path / "out", one)
    model = SentenceTransformer(str(out), device="cpu")
    found = SentenceTransformer(modules=list(model)[:-1], device="cpu").encode(list(parallel.lines("en")))
    assert np.cov(found, rowvar=False) == pytest.approx(np.eye(8), abs=1e-2)
    encoder = TextEncoder(out, dtype="fp32")
    assert encoder.dimension == 8
    assert encoder.encode(TEXTS) == pytest.approx(model.encode(TEXTS), abs=1e-5)
    assert not [path for path in out.rglob("*") if path.suffix in (".bin", ".pt")]
    both = pooled(encoder_folder, "mean(centre=true,whiten=4)", tmp_path / "both", text)
    assert TextEncoder(both).dimension == 4
    with pytest.raises(SpecError, match="at most"):
        pooled(encoder_folder, "mean(whiten=4000)", tmp_path / "more", one)


def test_mistakes_are_named(encoder_folder, text, tmp_path):
    with pytest.raises(SpecError, match=r"Did you mean 'mean'"):
        ALIGNMENTS.parse("cross(pooling=meen)")
    with pytest.raises(SpecError, match="xlreach train"):
        TextEncoder(encoder_folder, pooling="mean(whiten=8)")
    with pytest.raises(SpecError, match=r"0 \(the embeddings\) to 2"):
        TextEncoder(encoder_folder, pooling="mean(layers=3)")
    with pytest.raises(DataError, match="--text"):
        pooled(encoder_folder, "mean(whiten=8)", tmp_path / "out")
    with pytest.raises(DataError, match="two languages"):
        pooled(encoder_folder, "mean(centre=true)", tmp_path / "out", {"en": text["en"]})
    empty = tmp_path / "empty.txt"
    empty.write_text("\n", "utf-8")
    with pytest.raises(DataError, match="no two lines"):
        pooled(encoder_folder, "mean(whiten=8)", tmp_path / "out", {"en": empty})


def test_positions_are_checked_when_an_encoder_is_opened(encoder_folder, tmp_path):
    folder = tmp_path / "roberta"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((encoder_folder / name).read_bytes())
    config = XLMRobertaConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=34, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)
    encoder = TextEncoder(folder)
    assert encoder.max_length == 32  # 34 positions, two of them before the first piece's
    assert np.isfinite(encoder.encode(["xx1 " * 100])).all()
    (folder / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]', "utf-8"
    )
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48}', "utf-8")
    with pytest.raises(ModelError, match="max_seq_length 48, but the model has positions for 32"):
        TextEncoder(folder)
