"""Pieces, windows, layer mix and word vectors."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from xlreach.tagging.backbone import drop_unused_rows, load_backbone, reading_limit
from xlreach.tagging.representations import ScalarMix, WordEncoder, WordTokenizer, collate, plan_windows

CPU = torch.device("cpu")
SENTENCES = [
    ["darba", "jikca", "."],
    ["darba", "\u200b", "jikba", "."],  # a word without any piece of its own
    ["Xã hội", "darba", "."],  # a word with a blank inside, as in Vietnamese-VTB
    ["darba" * 30, "."],  # a word longer than the encoder reads at once
    ["darba", "jikba", ","] * 40,  # a sentence much longer than that
    ["."],
]


def vectors(encoder: Path, sentences: list[list[str]], pooling: str = "mean") -> list[torch.Tensor]:
    tokenizer, body = load_backbone(encoder, CPU)
    words = WordEncoder(body, 0.0).eval()
    pieces = WordTokenizer(tokenizer, reading_limit(body), pooling)(sentences)
    with torch.no_grad():
        batch = collate(pieces, tokenizer.pad_token_id, CPU)
        return [row[mask] for row, mask in zip(words(batch), batch.mask, strict=True)]


def test_every_word_has_one_vector(encoder: Path):
    for pooling in ("mean", "first", "last"):
        for words, found in zip(SENTENCES, vectors(encoder, SENTENCES, pooling), strict=True):
            assert found.shape == (len(words), 32)
            assert (found.abs().sum(1) > 0).all()


def test_vectors_do_not_depend_on_the_company(encoder: Path):
    together = vectors(encoder, SENTENCES)
    for words, expected in zip(SENTENCES, together, strict=True):
        torch.testing.assert_close(vectors(encoder, [words])[0], expected, atol=1e-5, rtol=1e-4)


def test_equals_the_mean_of_plain_transformers_layers(encoder: Path):
    tokenizer, body = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    encoded = tokenizer(SENTENCES[0], is_split_into_words=True, return_tensors="pt", padding=False, truncation=False)
    with torch.no_grad():
        layers = body(**encoded, output_hidden_states=True).hidden_states
    mixed = torch.stack(layers).mean(0)[0]
    for word, found in enumerate(vectors(encoder, SENTENCES[:1])[0]):
        own = [i for i, w in enumerate(encoded.word_ids(0)) if w == word]
        torch.testing.assert_close(found, mixed[own].mean(0), atol=1e-5, rtol=1e-4)


def test_windows_own_every_word_once_and_fit(encoder: Path):
    tokenizer, body = load_backbone(encoder, CPU)
    limit = reading_limit(body)
    assert limit == 64
    for one, words in zip(WordTokenizer(tokenizer, limit)(SENTENCES), SENTENCES, strict=True):
        assert one.longest <= limit
        assert sorted(set(one.word.tolist())) == list(range(len(words)))
        assert all(window[0] != window[-1] for window in one.windows)


@pytest.mark.parametrize("seed", range(20))
def test_plan_windows(seed: int):
    rng = np.random.default_rng(seed)
    capacity = int(rng.integers(5, 40))
    lengths = rng.integers(1, capacity + 1 if seed % 2 else 4, size=int(rng.integers(1, 200))).tolist()
    plan = plan_windows(lengths, capacity, capacity // 4)
    owned = [word for _, _, first, last in plan for word in range(first, last)]
    assert owned == list(range(len(lengths)))
    for first, last, own_first, own_last in plan:
        assert first <= own_first < own_last <= last
        assert sum(lengths[first:last]) <= capacity
    if seed % 2 == 0 and capacity >= 12:  # words shorter than the overlap: neighbours share context
        assert all(b[0] < a[1] for a, b in pairwise(plan))


def test_leaving_out_unused_rows_changes_nothing(encoder: Path):
    tokenizer, body = load_backbone(encoder, CPU)
    tokenize = WordTokenizer(tokenizer, reading_limit(body))
    pieces = tokenize(SENTENCES[4:])
    rows = body.get_input_embeddings().num_embeddings
    (fewer,), _ = drop_unused_rows(body, tokenizer.pad_token_id, [pieces])
    assert body.get_input_embeddings().num_embeddings < rows
    with torch.no_grad():
        batch = collate(fewer, tokenizer.pad_token_id, CPU)
        found = WordEncoder(body, 0.0).eval()(batch)[batch.mask]
    torch.testing.assert_close(found, torch.cat(vectors(encoder, SENTENCES[4:])))


def test_scalar_mix():
    mix = ScalarMix(3, dropout=0.5)
    layers = [torch.full((1, 2, 4), float(i)) for i in range(3)]
    torch.testing.assert_close(mix.eval()(layers), torch.ones(1, 2, 4))
    mix.train()
    seen = {round(mix(layers)[0, 0, 0].item(), 3) for _ in range(100)}
    assert seen == {0.0, 0.5, 1.0, 1.5, 2.0}  # means of every subset; all dropped is the mean of all
    mix.weights.data = torch.tensor([0.0, 50.0, 0.0])
    mix.factor.data = torch.tensor(2.0)
    torch.testing.assert_close(mix.eval()(layers), torch.full((1, 2, 4), 2.0))


def test_frozen_encoder_gets_no_gradient_but_the_mix_does(bert: Path):
    tokenizer, body = load_backbone(bert, CPU)
    words = WordEncoder(body, 0.0)
    words.frozen = True
    words(collate(WordTokenizer(tokenizer, 64)(SENTENCES[:1]), 0, CPU)).sum().backward()
    assert all(weight.grad is None for weight in body.parameters())
    assert words.mix.factor.grad is not None
