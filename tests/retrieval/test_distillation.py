from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MSELoss
from transformers import BertConfig, BertModel

from xlreach.adapt.encoder import fingerprint
from xlreach.errors import DataError, ModelError, SpecError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.alignment_training import train_alignment
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.loading import load_encoder
from xlreach.retrieval.pair_sources import open_pairs


def train(text, encoder, pairs, out, languages=("en", "de", "mt")):
    return train_alignment(ALIGNMENTS.parse(text), encoder, pairs, languages, seed=1, out=out)


@pytest.fixture(scope="module")
def student(encoder_folder, tmp_path_factory):
    """Another network over the same tokenizer."""
    folder = tmp_path_factory.mktemp("student")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((encoder_folder / name).read_bytes())
    torch.manual_seed(5)
    BertModel(BertConfig.from_pretrained(encoder_folder)).save_pretrained(folder)
    return folder


def test_source_and_translation_move_to_the_teachers_vector(encoder_folder, student, parallel, tmp_path):
    text = f'distil(teacher="{encoder_folder}",steps=80,batch=32,lr=0.005)'
    out = train(text, student, [parallel], tmp_path / "out")
    lines = {code: list(parallel.lines(code)) for code in ("en", "de", "mt")}
    target = TextEncoder(encoder_folder).encode(lines["en"])
    for code in lines:
        before = (TextEncoder(student).encode(lines[code]) * target).sum(1).mean()
        after = (TextEncoder(out).encode(lines[code]) * target).sum(1).mean()
        assert after > max(0.9, before + 0.1), (code, before, after)
    record = json.loads((out / "alignment.json").read_text("utf-8"))
    assert record["teacher"] == fingerprint(encoder_folder) and set(record["pools"]["toy"]) == {"en-de", "en-mt"}
    assert record["loss"][-1] < record["loss"][0] / 2


def test_the_loss_is_the_mean_squared_error(encoder_folder):
    model = load_encoder(encoder_folder, device="cpu").eval()
    columns = [["xx1 xx2", "xx3"], ["yy1 yy2", "yy3"]]
    target = torch.randn(2, 32)
    loss = MSELoss(model)([model.preprocess(column) for column in columns], target)
    errors = [(torch.tensor(model.encode(column)) - target).square().mean() for column in columns]
    assert float(loss.detach()) == pytest.approx(float(sum(errors)) / 2, abs=1e-5)


def test_what_does_not_fit_is_said(encoder_folder, student, parallel, tmp_path):
    text = tmp_path / "en.txt"
    text.write_text("xx1 xx2 xx3\n" * 9, "utf-8")
    crops = open_pairs("crops", tmp_path).bind({"en": text})
    distil = f'distil(teacher="{encoder_folder}",steps=1,batch=4)'
    with pytest.raises(DataError, match="learns from translations; crops has none"):
        train(distil, student, [crops], tmp_path / "out")
    with pytest.raises(DataError, match="across two languages"):
        train(distil.replace("steps", "source=fr,steps"), student, [parallel], tmp_path / "out")
    wide = tmp_path / "wide"
    wide.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (wide / name).write_bytes((encoder_folder / name).read_bytes())
    config = BertConfig.from_pretrained(encoder_folder)
    config.hidden_size = 64
    BertModel(config).save_pretrained(wide)
    with pytest.raises(ModelError, match="64 numbers, the encoder's 32"):
        train(f'distil(teacher="{wide}",steps=1)', student, [parallel], tmp_path / "out")
    with pytest.raises(ModelError, match="not a folder"):
        train('distil(teacher="/nowhere",steps=1)', student, [parallel], tmp_path / "out")
    with pytest.raises(SpecError, match="needs 'teacher'"):
        ALIGNMENTS.parse("distil")
    assert np.isclose(ALIGNMENTS.parse("distil(teacher=a/b)").mono_share, 0)
