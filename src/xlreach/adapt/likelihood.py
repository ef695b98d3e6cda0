"""The pseudo-likelihood of words under an encoder, which compares encoders of different vocabularies.

The likelihood of a word is that of its pieces from left to right, each predicted while it and the later pieces of the
word are masked and the rest of the line is visible (Kauf and Ivanova 2023). With one piece masked at a time (Salazar
et al. 2020) the other pieces of a long word almost give it away, and a finer vocabulary looks better. The mean is over
words without an unknown piece. Words with one are usually the harder ones: compare their share (`unk_words`) too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from tqdm import tqdm

from xlreach.adapt.masked_lm import load_masked_lm, masked_lm_head
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.segmentation import pieces_of_words
from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer, special_tokens, token_id

_LINES, _WORDS = 2_000, 300  # read, and drawn from them
_LONGEST = 128  # pieces of a line that the encoder sees
_BATCH = 4_096  # pieces per batch

_Masked = tuple[list[int], int, int]  # a line's pieces with some masked, the position to predict, the piece there


def word_likelihood(encoder: Path, lines: Iterable[str], most_words: int = _WORDS) -> tuple[float, int] | None:
    """The pseudo-likelihood of words drawn from the first 2,000 lines, the same words for every encoder.

    Returns:
        The mean negative log-likelihood in nats per word, and the number of words; None where the encoder has no
        masked-language-model head, or every drawn word has an unknown piece.
    """
    model, new_head = load_masked_lm(encoder, 0)
    if new_head:
        return None
    content = read_tokenizer(encoder)
    roles = special_tokens(encoder, content)
    unknown = token_id(content, roles["unk_token"]) if "unk_token" in roles else -1
    first, last, mask, pad = (
        token_id(content, roles[role]) for role in ("cls_token", "sep_token", "mask_token", "pad_token")
    )
    config = json.loads((encoder / "config.json").read_text("utf-8"))
    room = min(_LONGEST, longest_input(None, config)) - 2
    inputs: list[_Masked] = []
    words = 0
    for pieces, start, end in _drawn_words(encoder, content, lines, most_words):
        if end - start > room or unknown in pieces[start:end]:
            continue
        words += 1
        left = max(0, min(start - (room - (end - start)) // 2, len(pieces) - room))
        window, word_end = pieces[left : left + room], end - left
        for target in range(start - left, word_end):
            masked = [mask if target <= at < word_end else piece for at, piece in enumerate(window)]
            inputs.append(([first, *masked, last], target + 1, window[target]))
    return (_total_loss(model, inputs, pad) / words, words) if words else None


def _drawn_words(
    encoder: Path, content: dict[str, Any], lines: Iterable[str], most: int
) -> Iterator[tuple[list[int], int, int]]:
    """Yields for each drawn word the pieces of its line, and where the word begins and ends in them."""
    by_line = [words for line, _ in zip(lines, range(_LINES), strict=False) if (words := line.split())]
    line_ids = np.repeat(np.arange(len(by_line)), [len(words) for words in by_line])
    word_ids = np.concatenate([np.arange(0), *(np.arange(len(words)) for words in by_line)])
    drawn = np.sort(np.random.default_rng(0).permutation(len(line_ids))[:most])
    tokenizer, transform = Tokenizer.from_str(json.dumps(content)), input_transform(encoder)
    encode = partial(tokenizer.encode_batch, add_special_tokens=False)
    for at in drawn:
        (pieces,) = pieces_of_words(encode, [[transform(word) for word in by_line[line_ids[at]]]])
        start, own = sum(map(len, pieces[: word_ids[at]])), len(pieces[word_ids[at]])
        if own:
            yield list(chain.from_iterable(pieces)), start, start + own


@torch.no_grad()
def _total_loss(model: Any, inputs: list[_Masked], pad: int) -> float:
    """The summed negative log-likelihood of the pieces to predict, in nats."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    head, total = masked_lm_head(model), 0.0
    inputs = sorted(inputs, key=lambda masked: len(masked[0]))
    with tqdm(total=len(inputs), desc="pseudo-likelihood", unit="piece", disable=None) as bar:
        while inputs:
            rows = max(1, _BATCH // len(inputs[-1][0]))
            batch, inputs = inputs[-rows:], inputs[:-rows]
            longest = len(batch[-1][0])
            ids = torch.tensor([pieces + [pad] * (longest - len(pieces)) for pieces, _, _ in batch], device=device)
            lengths = torch.tensor([len(pieces) for pieces, _, _ in batch], device=device)
            attention = (torch.arange(longest, device=device) < lengths.unsqueeze(1)).long()
            states = model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
            positions = torch.tensor([position for _, position, _ in batch], device=device)
            targets = torch.tensor([target for _, _, target in batch], device=device)
            logits = head(states[torch.arange(len(batch), device=device), positions])
            total += float(F.cross_entropy(logits.float(), targets, reduction="sum"))
            bar.update(len(batch))
    return total
