"""How surprising words are to an encoder: pseudo-perplexity per word, which compares encoders of any vocabularies.

A word's likelihood is that of its pieces from left to right, each predicted with itself and the pieces of the word
behind it masked, all else of the line in view (Kauf and Ivanova 2023; with one piece masked at a time, Salazar et al.
2020, a word of many pieces all but gives itself away, and a finer vocabulary looks better). The mean is over words, but
for those with an unknown piece, which are most often the harder ones: look at their share (`unk_words`) beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from tqdm import tqdm

from xlreach.adapt.mlm import load_masked_lm, masked_lm_head
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer, special_tokens, token_id

_LINES, _WORDS = 2_000, 300  # looked at, and drawn from them
_LONGEST = 128  # pieces in view
_BATCH = 4_096  # pieces at once


@dataclass(frozen=True)
class WordLikelihood:
    """`nll` is the mean in nats per word, over `words` words; drawn words with an unknown piece are left out."""

    nll: float
    words: int


def word_likelihood(encoder: Path, lines: Iterable[str], most_words: int = _WORDS) -> WordLikelihood | None:
    """The pseudo-likelihood of words drawn from text, the same ones whatever the encoder.

    Args:
        encoder: The encoder folder.
        lines: Text that the encoder was not trained on; the first 2,000 lines are drawn from.
        most_words: How many words are drawn.

    Returns:
        None where the encoder has no masked-language-model head, or every drawn word has an unknown piece.
    """
    model, made_up = load_masked_lm(encoder, 0)
    if made_up:
        return None
    content = read_tokenizer(encoder)
    roles = special_tokens(encoder, content)
    unknown = token_id(content, roles["unk_token"]) if "unk_token" in roles else -1
    first, last, mask = (token_id(content, roles[role]) for role in ("cls_token", "sep_token", "mask_token"))
    pad = token_id(content, roles["pad_token"])
    config = json.loads((encoder / "config.json").read_text("utf-8"))
    room = min(_LONGEST, longest_input(None, config)) - 2
    asked: list[tuple[list[int], int, int]] = []  # pieces with some masked, the place to predict, what was there
    words = 0
    for pieces, start, end in _drawn(encoder, content, lines, most_words):
        if end - start > room or unknown in pieces[start:end]:
            continue
        words += 1
        left = max(0, min(start - (room - (end - start)) // 2, len(pieces) - room))
        seen, here = pieces[left : left + room], range(start - left, end - left)
        for place in here:
            hidden = [mask if place <= at < here.stop else piece for at, piece in enumerate(seen)]
            asked.append(([first, *hidden, last], place + 1, seen[place]))
    if not words:
        return None
    return WordLikelihood(_total(model, asked, pad) / words, words)


def _drawn(
    encoder: Path, content: dict[str, Any], lines: Iterable[str], most: int
) -> Iterator[tuple[list[int], int, int]]:
    """For each drawn word the pieces of its line, and where its own begin and end."""
    some = [words for line, _ in zip(lines, range(_LINES), strict=False) if (words := line.split())]
    owners = np.repeat(np.arange(len(some)), [len(words) for words in some])
    places = np.concatenate([np.arange(0), *(np.arange(len(words)) for words in some)])
    drawn = np.sort(np.random.default_rng(0).permutation(len(owners))[:most])
    tokenizer, transform = Tokenizer.from_str(json.dumps(content)), input_transform(encoder)
    for at in drawn:
        words = [transform(word) for word in some[owners[at]]]
        encoding = tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        own = [i for i, word in enumerate(encoding.word_ids) if word == places[at]]
        if own:
            yield encoding.ids, own[0], own[-1] + 1


@torch.no_grad()
def _total(model: Any, asked: list[tuple[list[int], int, int]], pad: int) -> float:
    """The summed negative log-likelihood of what was asked."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    head, total = masked_lm_head(model), 0.0
    asked = sorted(asked, key=lambda one: len(one[0]))
    with tqdm(total=len(asked), desc="pseudo-likelihood", unit="piece", disable=None) as bar:
        while asked:
            rows = max(1, _BATCH // len(asked[-1][0]))
            batch, asked = asked[-rows:], asked[:-rows]
            longest = len(batch[-1][0])
            ids = torch.tensor([pieces + [pad] * (longest - len(pieces)) for pieces, _, _ in batch], device=device)
            lengths = torch.tensor([len(pieces) for pieces, _, _ in batch], device=device)
            attention = (torch.arange(longest, device=device) < lengths.unsqueeze(1)).long()
            states = model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
            places = torch.tensor([place for _, place, _ in batch], device=device)
            targets = torch.tensor([target for _, _, target in batch], device=device)
            logits = head(states[torch.arange(len(batch), device=device), places])
            total += float(F.cross_entropy(logits.float(), targets, reduction="sum"))
            bar.update(len(batch))
    return total
