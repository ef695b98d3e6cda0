from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from xlreach.errors import DataError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.alignment_training import train_alignment
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.loading import load_encoder
from xlreach.retrieval.losses import info_nce
from xlreach.retrieval.pair_sources import open_pairs
from xlreach.retrieval.resumable_trainer import Trainer

LANGUAGES = ["en", "de", "mt"]


def train(text, encoder, pairs, out, *, seed=1, languages=LANGUAGES, **kwargs):
    return train_alignment(ALIGNMENTS.parse(text), encoder, pairs, languages, seed=seed, out=out, **kwargs)


def accuracy(folder: Path, parallel) -> float:
    """How often the nearest German line is the translation of the English one."""
    encoder = TextEncoder(folder)
    one, other = ([*parallel.lines(code)] for code in ("en", "de"))
    scores = encoder.encode(one, "query") @ encoder.encode(other, "document").T
    return float((scores.argmax(1) == np.arange(len(one))).mean())


def features(model, texts):
    return [model.preprocess(column) for column in texts]


def test_the_loss_is_info_nce(encoder_folder):
    model = load_encoder(encoder_folder, device="cpu").eval()
    texts = [["xx1 xx2", "xx3", "xx4 xx5 xx6"], ["yy1 yy2", "yy3", "yy4 yy5 yy6"]]
    alignment = ALIGNMENTS.parse("cross(temperature=0.07)")
    loss = info_nce(model, alignment)(features(model, texts), torch.zeros(3))
    queries, passages = (torch.tensor(model.encode(column, normalize_embeddings=True)) for column in texts)
    expected = 0.0
    for at in range(3):
        similar = [float(queries[at] @ passage) / 0.07 for passage in passages]
        expected -= similar[at] - np.log(np.exp(similar).sum())
    assert float(loss.detach()) == pytest.approx(expected / 3, abs=1e-5)


def test_gradient_caching_changes_neither_loss_nor_gradients(encoder_folder):
    texts = [[f"xx{n} xx{n + 1}" for n in range(7)], [f"yy{n} yy{n + 1}" for n in range(7)]]
    found = []
    for text in ("cross", "cross(mini_batch=3)"):
        model = load_encoder(encoder_folder, device="cpu").eval()
        loss = info_nce(model, ALIGNMENTS.parse(text))(features(model, texts), torch.zeros(7))
        loss.backward()
        found.append((float(loss.detach()), model[0].auto_model.embeddings.word_embeddings.weight.grad))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


def test_no_alignment_pools_only(encoder_folder, tmp_path):
    out = train("none", encoder_folder, [], tmp_path / "out")
    texts = ["xx1 xx2", "yy5"]
    assert TextEncoder(out).encode(texts) == pytest.approx(TextEncoder(encoder_folder).encode(texts), abs=1e-6)
    cls = train("none(pooling=cls)", encoder_folder, [], tmp_path / "cls")
    assert TextEncoder(cls).pooling == "cls"
    norms = np.linalg.norm(SentenceTransformer(str(out), device="cpu").encode(texts), axis=1)
    assert norms == pytest.approx(1, abs=1e-5)


def test_cross_batches_align_languages(encoder_folder, parallel, tmp_path):
    cost: dict[str, float] = {}
    before = accuracy(encoder_folder, parallel)
    out = train(
        "cross(steps=60,batch=32,lr=0.003,prefixes=true)", encoder_folder, [parallel], tmp_path / "out", cost=cost
    )
    assert accuracy(out, parallel) > before + 0.3
    assert (cost["steps"], cost["pairs"]) == (60, 60 * 32)
    record = json.loads((out / "alignment.json").read_text("utf-8"))
    assert record["alignment"] == "cross(steps=60,batch=32,lr=0.003,prefixes=true)" and record["sources"] == ["toy"]
    assert len(record["loss"]) == 60 and record["loss"][-1] < record["loss"][0]
    assert record["pools"]["toy"]["en-mt"] == 120


def test_the_saved_folder_is_an_ordinary_one(encoder_folder, parallel, tmp_path):
    out = train("cross(steps=2,batch=8,prefixes=true)", encoder_folder, [parallel], tmp_path / "out")
    assert not [path for path in out.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    assert (out / "model.safetensors").is_file()
    plain = SentenceTransformer(str(out), device="cpu")
    assert plain.prompts == {"query": "Query: ", "document": "Passage: "} and plain.max_seq_length == 48
    text = "xx1 yy2 zz3"
    assert plain.encode_query([text]) == pytest.approx(TextEncoder(out).encode([text], "query"), abs=1e-5)
    inputs = AutoTokenizer.from_pretrained(out)(text, return_tensors="pt")
    assert inputs["input_ids"].tolist() == AutoTokenizer.from_pretrained(encoder_folder)([text])["input_ids"]
    hidden = AutoModel.from_pretrained(out).eval()(**inputs).last_hidden_state[0].mean(0)
    pooled = torch.nn.functional.normalize(hidden, dim=0).detach().numpy()
    assert plain.encode([text])[0] == pytest.approx(pooled, abs=1e-5)


def test_training_pads_to_lengths_that_recur_and_leaves_no_trace(encoder_folder, parallel, tmp_path, monkeypatch):
    widths = set()
    compute = Trainer.compute_loss
    monkeypatch.setattr(
        Trainer,
        "compute_loss",
        lambda self, model, inputs, **more: (
            widths.update({value.shape[1] for key, value in inputs.items() if key.endswith("input_ids")})
            or compute(self, model, inputs, **more)
        ),
    )
    out = train("cross(steps=6,batch=8)", encoder_folder, [parallel], tmp_path / "out")
    assert widths and {width % 8 for width in widths} == {0}
    assert not any("pad_to_multiple_of" in path.read_text("utf-8") for path in out.rglob("*.json"))


def test_the_tokenizer_file_is_untouched(encoder_folder, parallel, tmp_path):
    out = train("cross(steps=1,batch=4)", encoder_folder, [parallel], tmp_path / "out")
    assert (out / "tokenizer.json").read_bytes() == (encoder_folder / "tokenizer.json").read_bytes()


def test_a_seed_decides_everything(encoder_folder, parallel, tmp_path):
    text = "cross(steps=4,batch=8)"
    one, same, other = (
        train(text, encoder_folder, [parallel], tmp_path / name, seed=seed)
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    assert TextEncoder(one).fingerprint == TextEncoder(same).fingerprint != TextEncoder(other).fingerprint


def test_hybrid_with_crops_of_bound_text(encoder_folder, parallel, tmp_path):
    text = tmp_path / "mt.txt"
    rng = random.Random(5)
    text.write_text("".join(" ".join(f"zz{rng.randrange(60)}" for _ in range(9)) + "\n" for _ in range(60)), "utf-8")
    crops = open_pairs("crops(lines=1)", tmp_path).bind({"mt": text})
    out = train("hybrid(steps=4,batch=8)", encoder_folder, [parallel, crops], tmp_path / "out")
    pools = json.loads((out / "alignment.json").read_text("utf-8"))["pools"]
    assert set(pools) == {"toy", "crops(lines=1)"} and set(pools["crops(lines=1)"]) == {"mt"}


def test_missing_pairs_are_found_before_training(encoder_folder, parallel, tmp_path):
    with pytest.raises(DataError, match="mono batches"):
        train("hybrid", encoder_folder, [parallel], tmp_path / "out")
    assert not (tmp_path / "out").exists()


class StoppedError(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_result(encoder_folder, parallel, tmp_path, monkeypatch):
    text = "cross(steps=12,batch=8)"
    whole = train(text, encoder_folder, [parallel], tmp_path / "whole")
    monkeypatch.setattr(Trainer, "compute_loss", _killing(Trainer.compute_loss, at=8))
    work = tmp_path / "checkpoint"
    with pytest.raises(StoppedError):
        train(text, encoder_folder, [parallel], tmp_path / "out", checkpoint=work, checkpoint_seconds=0)
    assert len(list(work.glob("checkpoint-*"))) == 1
    (work / "checkpoint-9999").mkdir()  # one that a kill cut short
    monkeypatch.undo()
    steps = []
    original = Trainer.compute_loss
    monkeypatch.setattr(Trainer, "compute_loss", lambda self, *a, **k: steps.append(1) or original(self, *a, **k))
    out = train(text, encoder_folder, [parallel], tmp_path / "out", checkpoint=work, checkpoint_seconds=0)
    assert len(steps) == 12 - 7
    assert TextEncoder(out).fingerprint == TextEncoder(whole).fingerprint
    losses = [json.loads((folder / "alignment.json").read_text("utf-8"))["loss"] for folder in (whole, out)]
    assert losses[0] == pytest.approx(losses[1])
    steps.clear()
    train(text, encoder_folder, [parallel], tmp_path / "other", seed=2, checkpoint=work)
    assert len(steps) == 12  # another run's checkpoints are not taken


def _killing(original, at):
    calls = []

    def compute_loss(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            raise StoppedError
        return original(self, *args, **kwargs)

    return compute_loss
