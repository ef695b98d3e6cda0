"""Words as vectors without a transformer: static vectors and a BiLSTM, Chau and Smith's fastText baseline.

The table holds one row for every word of the data: fastText's vector of it (for a word that was not in fastText's
training text, from its character n-grams). Rows of training words are trained, the others do not change. On top are
bidirectional LSTMs, for the parser with highway connections (Srivastava, Greff and Schmidhuber 2015) between layers.
Chau and Smith have these inside the cell, with dropout in the recurrence, which no fused LSTM offers: here there is one
gate between layers, and one dropout mask per sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from xlreach.tagging.representations import SentenceBatch, SentenceDropout, TokenizedSentence, WordRepresentations
from xlreach.tagging.tasks import Recurrent

PADDING = 0


@dataclass(frozen=True)
class Vocabulary:
    """The number of each word of a data set; 0 is padding."""

    numbers: dict[str, int]

    @classmethod
    def of(cls, splits: Sequence[Sequence[Sequence[str]]]) -> Vocabulary:
        """The vocabulary of all splits, in order of appearance."""
        words = dict.fromkeys(word for split in splits for sentence in split for word in sentence)
        return cls({word: number for number, word in enumerate(words, PADDING + 1)})

    def __call__(self, sentences: Sequence[Sequence[str]]) -> list[TokenizedSentence]:
        """Sentences with one piece per word, in one window of any length."""
        tokenized = []
        for words in sentences:
            positions = np.arange(len(words))
            ids = np.array([self.numbers[word] for word in words], dtype=np.int64)
            tokenized.append(TokenizedSentence((ids,), np.zeros_like(positions), positions, positions, len(words)))
        return tokenized


class RecurrentWordEncoder(WordRepresentations):
    """Static vectors under bidirectional LSTMs.

    Args:
        vectors: (words, size) the vector of each word of a `Vocabulary`, without padding.
    """

    def __init__(self, vectors: np.ndarray, settings: Recurrent) -> None:
        super().__init__()
        table = torch.cat([torch.zeros(1, vectors.shape[1]), torch.from_numpy(vectors).float()])
        self.table = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=PADDING)
        self.size = 2 * settings.hidden
        self.dropout = SentenceDropout(settings.dropout)
        widths = [vectors.shape[1], *[self.size] * (settings.layers - 1)]
        self.layers = nn.ModuleList(
            nn.LSTM(width, settings.hidden, batch_first=True, bidirectional=True) for width in widths
        )
        self.gates = nn.ModuleList(nn.Linear(width, self.size) for width in widths if settings.highway)
        self.carries = nn.ModuleList(nn.Linear(width, self.size, bias=False) for width in widths if settings.highway)

    def forward(self, batch: SentenceBatch) -> Tensor:
        mask = batch.mask
        lengths = mask.sum(1).cpu()
        words = self.dropout(self.table(batch.ids[:, : mask.shape[1]]))
        for number, layer in enumerate(self.layers):
            packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
            read, _ = pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=mask.shape[1])
            if self.gates:
                gate = self.gates[number](words).sigmoid()
                read = gate * read + (1 - gate) * self.carries[number](words)
            words = read if number == len(self.layers) - 1 else self.dropout(read)
        return words
