"""Words as vectors without a transformer: static vectors and a BiLSTM, Chau and Smith's fastText baseline.

The table holds a row for every word of the data, from fastText's own vector of it (of its character n-grams where the
text for the vectors had it not); rows of training words are trained along, the others stay as they are. On it stand
bidirectional LSTMs, for the parser with highway connections (Srivastava, Greff and Schmidhuber 2015) from layer to
layer. Theirs are inside the cell, with dropout in the recurrence, which no fused LSTM has: here one gate and one
dropout mask a sentence stand between layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from xlreach.tagging.representations import SentenceBatch, TokenizedSentence, WordRepresentations
from xlreach.tagging.tasks import Recurrent

PADDING = 0


@dataclass(frozen=True)
class Vocabulary:
    """The words of some data by number; 0 is padding."""

    numbers: dict[str, int]

    @classmethod
    def of(cls, splits: Sequence[Sequence[Sequence[str]]]) -> Vocabulary:
        """Of the sentences of splits, in order of appearance."""
        words = dict.fromkeys(word for split in splits for sentence in split for word in sentence)
        return cls({word: number for number, word in enumerate(words, PADDING + 1)})

    def __call__(self, sentences: Sequence[Sequence[str]]) -> list[TokenizedSentence]:
        """Sentences of one piece a word and one window each, however long."""
        read = []
        for words in sentences:
            places = np.arange(len(words))
            ids = np.array([self.numbers[word] for word in words], dtype=np.int64)
            read.append(TokenizedSentence((ids,), np.zeros_like(places), places, places, len(words)))
        return read


class RecurrentWordEncoder(WordRepresentations):
    """Static vectors under bidirectional LSTMs.

    Args:
        vectors: (words, size) the vector of each word of a `Vocabulary`, padding left out.
    """

    def __init__(self, vectors: np.ndarray, settings: Recurrent) -> None:
        super().__init__()
        table = torch.cat([torch.zeros(1, vectors.shape[1]), torch.from_numpy(vectors).float()])
        self.table = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=PADDING)
        self.size = 2 * settings.hidden
        self.rate = settings.dropout
        widths = [vectors.shape[1], *[self.size] * (settings.layers - 1)]
        self.layers = nn.ModuleList(
            nn.LSTM(width, settings.hidden, batch_first=True, bidirectional=True) for width in widths
        )
        self.gates = nn.ModuleList(nn.Linear(width, self.size) for width in widths if settings.highway)
        self.carries = nn.ModuleList(nn.Linear(width, self.size, bias=False) for width in widths if settings.highway)

    def forward(self, batch: SentenceBatch) -> Tensor:
        mask = batch.mask
        lengths = mask.sum(1).cpu()
        words = self._drop(self.table(batch.ids[:, : mask.shape[1]]))
        for number, layer in enumerate(self.layers):
            packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
            read, _ = pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=mask.shape[1])
            if self.gates:
                gate = self.gates[number](words).sigmoid()
                read = gate * read + (1 - gate) * self.carries[number](words)
            words = read if number == len(self.layers) - 1 else self._drop(read)
        return words

    def _drop(self, x: Tensor) -> Tensor:
        """One mask for all words of a sentence."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.full((x.shape[0], 1, x.shape[2]), 1 - self.rate, device=x.device)
        return x * (torch.bernoulli(kept) / (1 - self.rate))
