"""The pieces of a sentence that is given as words are those of the sentence as text."""

from __future__ import annotations

import json
from itertools import chain

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from xlreach.adapt import likelihood
from xlreach.adapt.diagnostics import diagnose
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.tagging.backbone import drop_unused_rows, load_backbone
from xlreach.tagging.representations import WordTokenizer

SENTENCES = [
    ["Malti", "qal"],
    ["Il-belt", "kbira", "qed", "tikber", "."],
    ["(", "Malti", ")", "qal", ":", "«", "xejn", "»"],
    ["qal", "10", "000", "laħam"],
    ["kelb"],
    ["日本", "語", "kelb", "ħ", "🙂🙂", "ħħħ"],
]


def pieces_by_word(tokenizer: WordTokenizer, words: list[str]) -> tuple[list[int], list[list[int]]]:
    (sentence,) = tokenizer([words])
    (window,) = sentence.windows
    by_word = [window[sentence.column[sentence.word == number]].tolist() for number in range(len(words))]
    return window.tolist(), by_word


def test_tagging_reads_words_as_running_text(encoder):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    for words in SENTENCES:
        window, by_word = pieces_by_word(WordTokenizer(tokenizer, 512), words)
        assert window == tokenizer(" ".join(words))["input_ids"]
        assert all(by_word)
        assert list(chain(*by_word)) == tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]


def test_a_word_has_the_pieces_of_its_own_characters(encoder):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    for words in SENTENCES[:5]:
        for word, ids in zip(words, pieces_by_word(WordTokenizer(tokenizer, 512), words)[1], strict=True):
            unknown = tokenizer.unk_token_id in ids
            assert unknown or tokenizer.decode(ids).replace(" ", "").replace("##", "").replace("▁", "") == word


def test_the_space_marker_is_kept(family):
    tokenizer = AutoTokenizer.from_pretrained(family("modernbert"))
    _, (_, ids) = pieces_by_word(WordTokenizer(tokenizer, 512), ["Malti", "qal"])
    assert tokenizer.convert_ids_to_tokens(ids)[0].startswith("Ġ")


def test_words_without_pieces_become_the_unknown_one(family):
    tokenizer = AutoTokenizer.from_pretrained(family("bert"))
    _, by_word = pieces_by_word(WordTokenizer(tokenizer, 512), ["Malti", "\u200b", "qal"])
    assert by_word[1] == [tokenizer.unk_token_id]
    assert by_word[0] == tokenizer("Malti", add_special_tokens=False)["input_ids"]
    assert by_word[2] == tokenizer("qal", add_special_tokens=False)["input_ids"]


def test_diagnostics_count_the_pieces_of_running_text(encoder):
    lines = ["Malti qal li l-kelb jiekol il-laħam", "Il-qattus qal xejn"]
    measured = diagnose(encoder, lines)
    tokenizer = Tokenizer.from_str(json.dumps(read_tokenizer(encoder)))
    pieces = sum(len(tokenizer.encode(line, add_special_tokens=False).ids) for line in lines)
    assert measured["fertility"] == pytest.approx(pieces / sum(len(line.split()) for line in lines))


def test_pseudo_likelihood_masks_the_pieces_of_running_text(family, monkeypatch):
    seen: list = []
    monkeypatch.setattr(likelihood, "_total_loss", lambda model, inputs, pad: seen.extend(inputs) or 1.0)
    assert likelihood.word_likelihood(family("roberta"), ["Malti qal xejn"]) is not None
    text = AutoTokenizer.from_pretrained(family("roberta"))("Malti qal xejn")["input_ids"]
    assert sorted({target for _, target, _ in seen}) == list(range(1, len(text) - 1))
    for ids, target, piece in seen:
        assert len(ids) == len(text)
        assert text[target] == piece


def test_narrowed_embeddings_keep_their_scale(encoder):
    # Gemma multiplies what it looks up by the square root of its width.
    tokenizer, model = load_backbone(encoder, torch.device("cpu"))
    words = WordTokenizer(tokenizer, 512)
    splits = [words([["Malti", "qal"]])]
    model.eval()
    with torch.no_grad():
        before = model(input_ids=torch.tensor(splits[0][0].windows[0])[None]).last_hidden_state
    renumbered, narrowed = drop_unused_rows(model, tokenizer.pad_token_id, splits)
    assert narrowed is not None
    with torch.no_grad():
        after = model(input_ids=torch.tensor(renumbered[0][0].windows[0])[None]).last_hidden_state
    assert np.allclose(before, after, atol=1e-6)
