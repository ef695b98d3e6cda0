from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from xlreach.adapt import Recipe
from xlreach.adapt.diagnostics import parity, pseudo_perplexity, training_loss
from xlreach.adapt.likelihood import word_likelihood
from xlreach.adapt.masked_lm import load_masked_lm
from xlreach.errors import DataError


def _by_hand(encoder: Path, lines: list[str], mask: int) -> tuple[float, int]:
    """Every word of short lines, a piece at a time, one sequence a forward pass."""
    model, _ = load_masked_lm(encoder, 0)
    model.eval()
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    total, words = 0.0, 0
    for line in lines:
        encoding = tokenizer.encode(line.split(), is_pretokenized=True)
        for word in range(len(line.split())):
            own = [i for i, owner in enumerate(encoding.word_ids) if owner == word]
            words += 1
            for at in own:
                hidden = [mask if i in own and i >= at else piece for i, piece in enumerate(encoding.ids)]
                with torch.no_grad():
                    logits = model(input_ids=torch.tensor([hidden])).logits[0, at]
                total -= float(logits.log_softmax(-1)[encoding.ids[at]])
    return total / words, words


def test_is_the_sum_by_hand(xlmr: Path, texts: dict[str, Path]) -> None:
    lines = texts["en"].read_text("utf-8").splitlines()[:12]
    mask = Tokenizer.from_file(str(xlmr / "tokenizer.json")).token_to_id("<mask>")
    expected, words = _by_hand(xlmr, lines, mask)
    assert word_likelihood(xlmr, lines, most_words=1000) == (pytest.approx(expected, rel=1e-4), words)


def test_training_lowers_it_and_a_bounded_sample_is_always_the_same(xlmr: Path, job, texts: dict[str, Path]) -> None:
    work = job("en")
    Recipe.parse("lapt(epochs=4,lr=0.003,batch=8,max_length=32,dtype=float32)").steps[0].apply(xlmr, work)
    lines = texts["en"].read_text("utf-8").splitlines()
    before, n = pseudo_perplexity(xlmr, lines)
    after, again = pseudo_perplexity(work.out, lines)
    assert n == again == 300 and pseudo_perplexity(xlmr, iter(lines)) == (before, n)
    assert after["pseudo_nll_per_word"] < before["pseudo_nll_per_word"] - 0.5
    assert after["pseudo_perplexity_per_word"] == pytest.approx(math.exp(after["pseudo_nll_per_word"]))
    told = json.loads((work.out / "xlreach.json").read_text("utf-8"))["steps"][-1]
    assert training_loss(work.out) == {"valid_loss_per_word": told["valid_loss_per_word"]}
    assert training_loss(xlmr) == {}


def test_loss_per_word_is_loss_per_piece_times_pieces(xlmr: Path, job, texts: dict[str, Path]) -> None:
    from xlreach.adapt.mlm_data import EncodedText
    from xlreach.adapt.tokenizer_file import read_tokenizer

    text = EncodedText.read({"mt": texts["mt"]}, read_tokenizer(xlmr), xlmr, 128)
    lines = texts["mt"].read_text("utf-8").splitlines()
    tokenizer = Tokenizer.from_file(str(xlmr / "tokenizer.json"))
    known = [sum(i != 3 for i in tokenizer.encode(line, add_special_tokens=False).ids) for line in lines]
    assert text.pieces_per_word == pytest.approx(sum(known) / sum(len(line.split()) for line in lines))
    assert sum(text.words) == sum(len(line.split()) for line in lines)


def test_without_a_head_or_known_words_there_is_none(bert: Path, xlmr: Path) -> None:
    assert pseudo_perplexity(bert, ["ta ta"]) == ({}, 0)  # as MiniLM, it has no masked-language-model head
    assert word_likelihood(xlmr, ["გადა მებისუ"]) is None
    assert word_likelihood(xlmr, []) is None


def test_parity(xlmr: Path, bert: Path) -> None:
    tokenizer = Tokenizer.from_file(str(xlmr / "tokenizer.json"))
    pairs = [("ħaża waġe", "balo keta"), ("xita ", "mina lo")]
    sides = [0, 0]
    for pair in pairs:
        for side, text in enumerate(pair):
            sides[side] += len(tokenizer.encode(text.strip(), add_special_tokens=False).ids)
    assert parity(xlmr, pairs) == (sides[0] / sides[1], 2)
    assert parity(xlmr, [(b, a) for a, b in pairs])[0] == pytest.approx(sides[1] / sides[0])
    assert parity(xlmr, pairs * 5, most_pairs=2) == parity(xlmr, pairs)
    with pytest.raises(DataError):
        parity(xlmr, [("balo", "")])


def test_long_lines_are_seen_through_a_window(xlmr: Path) -> None:
    line = "balo keta " * 400
    measured = word_likelihood(xlmr, [line])
    assert measured is not None and measured[1] == 300 and np.isfinite(measured[0])
