"""Words as vectors, from any encoder: pieces, windows, layer mix, pooling.

A sentence is a list of words. The encoder's tokenizer splits each word into pieces, and its word ids say which piece
belongs to which word; strings are never compared. Sentences longer than the encoder reads are split into overlapping
windows, and each word is taken from the window in which it has more context. The layers are mixed by learned weights
(ELMo, Peters et al. 2018), with layer dropout (UDify, Kondratyuk and Straka 2019). This file reads no corpora and does
not depend on the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from xlreach.adapt.segmentation import pieces_of_words

Pooling = Literal["mean", "first", "last"]
_MULTIPLE = 8  # padded lengths, so that batches have few shapes


@dataclass(frozen=True)
class TokenizedSentence:
    """A sentence as the encoder reads it: `windows` has the ids of each window, special tokens included.

    A pooled piece stands in window `row` at position `column` and belongs to word `word`; each of the `words` words has
    at least one.
    """

    windows: tuple[np.ndarray, ...]
    row: np.ndarray
    column: np.ndarray
    word: np.ndarray
    words: int

    @property
    def longest(self) -> int:
        """The length of the longest window."""
        return max(len(window) for window in self.windows)

    @property
    def padded(self) -> int:
        """The length of the longest window, padded to a multiple of eight."""
        return -(-self.longest // _MULTIPLE) * _MULTIPLE


class WordTokenizer:
    """Splits words into pieces and sentences into windows, with a fast tokenizer.

    `limit` is the number of pieces that the encoder reads at once, special tokens included; `transform` is applied to
    each word first (`adapt.romanize.input_transform`).
    """

    def __init__(
        self, tokenizer: Any, limit: int, pooling: Pooling = "mean", transform: Callable[[str], str] = str
    ) -> None:
        self._tokenizer = tokenizer
        self._transform = transform
        self._pooled = {"mean": slice(None), "first": slice(1), "last": slice(-1, None)}[pooling]
        self._before, self._after = _special_tokens(tokenizer)
        self._capacity = limit - len(self._before) - len(self._after)
        unknown = tokenizer.unk_token_id
        self._unknown = tokenizer.pad_token_id or 0 if unknown is None else unknown

    def __call__(self, sentences: Sequence[Sequence[str]]) -> list[TokenizedSentence]:
        """The pieces of each sentence; a word without pieces (such as a zero-width space) becomes the unknown piece."""
        tokenized = []
        for start in range(0, len(sentences), 1000):
            chunk = [[self._transform(word) for word in words] for words in sentences[start : start + 1000]]
            for pieces in pieces_of_words(self._encode, chunk):
                # Of a word longer than a whole window, only the beginning is read.
                tokenized.append(self._windows([ids[: self._capacity] or [self._unknown] for ids in pieces]))
        return tokenized

    def _encode(self, texts: list[str]) -> Any:
        return self._tokenizer(texts, add_special_tokens=False, verbose=False).encodings

    def _windows(self, pieces: list[list[int]]) -> TokenizedSentence:
        windows: list[np.ndarray] = []
        pooled: list[tuple[int, int, int]] = []
        plan = plan_windows([len(ids_of_word) for ids_of_word in pieces], self._capacity, self._capacity // 4)
        for row, (first, last, first_owned, last_owned) in enumerate(plan):
            ids = list(self._before)
            for word in range(first, last):
                if first_owned <= word < last_owned:
                    columns = range(len(ids), len(ids) + len(pieces[word]))
                    pooled.extend((row, column, word) for column in columns[self._pooled])
                ids.extend(pieces[word])
            windows.append(np.array([*ids, *self._after], dtype=np.int64))
        pooled_rows, pooled_columns, pooled_words = np.array(pooled, np.int64).reshape(-1, 3).T
        return TokenizedSentence(tuple(windows), pooled_rows, pooled_columns, pooled_words, len(pieces))


def plan_windows(lengths: Sequence[int], capacity: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """Splits a long sentence into windows, from the number of pieces of each word, at most `capacity`.

    Neighboring windows share at most `overlap` pieces. Returns (first word, last + 1, first owned word, last owned + 1)
    of each window; every word is owned by one window.
    """
    bounds: list[tuple[int, int]] = []
    first = 0
    while True:
        last, used = first, 0
        while last < len(lengths) and used + lengths[last] <= capacity:
            used += lengths[last]
            last += 1
        bounds.append((first, last))
        if last >= len(lengths):
            break
        # The next window must have room for the word that did not fit into this one.
        following, shared, most = last, 0, min(overlap, capacity - lengths[last])
        while following - 1 > first and shared + lengths[following - 1] <= most:
            following -= 1
            shared += lengths[following]
        first = following
    # Words that two windows share are split in the middle.
    cuts = [0, *((b[0] + a[1] + 1) // 2 for a, b in pairwise(bounds)), len(lengths)]
    return [(*bound, cuts[i], cuts[i + 1]) for i, bound in enumerate(bounds)]


@dataclass(frozen=True)
class SentenceBatch:
    """Sentences as tensors.

    Attributes:
        ids: (windows, pieces) padded piece ids.
        attention: (windows, pieces) 1 for pieces, 0 for padding.
        piece: (pooled,) indices into the flattened (windows × pieces).
        word: (pooled,) indices into the flattened (sentences × words).
        mask: (sentences, words) true for words.
    """

    ids: Tensor
    attention: Tensor
    piece: Tensor
    word: Tensor
    mask: Tensor


def collate(sentences: Sequence[TokenizedSentence], padding: int, device: torch.device) -> SentenceBatch:
    """One batch of sentences."""
    longest = max(sentence.padded for sentence in sentences)
    rows = sum(len(sentence.windows) for sentence in sentences)
    words = max(sentence.words for sentence in sentences)
    ids = np.full((rows, longest), padding, dtype=np.int64)
    attention = np.zeros((rows, longest), dtype=np.int64)
    piece, word, row = [], [], 0
    for i, sentence in enumerate(sentences):
        piece.append((sentence.row + row) * longest + sentence.column)
        word.append(sentence.word + i * words)
        for window in sentence.windows:
            ids[row, : len(window)] = window
            attention[row, : len(window)] = 1
            row += 1
    mask = np.arange(words) < np.array([[sentence.words] for sentence in sentences])
    arrays = (ids, attention, np.concatenate(piece), np.concatenate(word), mask)
    return SentenceBatch(*(torch.from_numpy(array).to(device) for array in arrays))


class SentenceDropout(nn.Module):
    """Variational dropout: one mask for all words of a sentence (Gal and Ghahramani 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drops entries of (sentences, words, size) vectors."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.full((x.shape[0], 1, x.shape[2]), 1 - self.rate, device=x.device)
        return x * (torch.bernoulli(kept) / (1 - self.rate)).to(x.dtype)


class ScalarMix(nn.Module):
    """A weighted mean of layers, weights by softmax, times one learned factor.

    Args:
        dropout: The probability that a layer is left out of a training step.
    """

    def __init__(self, layers: int, dropout: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))
        self.factor = nn.Parameter(torch.ones(()))
        self.dropout = dropout

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """The mix of equally shaped layers, float32."""
        weights: Tensor = self.weights
        if self.training and self.dropout > 0:
            # As in UDify: so low that softmax gives 0, but a mean if all are dropped.
            weights = weights.masked_fill(torch.rand(len(weights)).to(weights.device) < self.dropout, -1e20)
        shares = self.factor * weights.softmax(0)
        mixed = shares[0] * layers[0].float()
        for share, layer in zip(shares[1:], layers[1:], strict=True):
            mixed = mixed + share * layer.float()
        return mixed


class WordRepresentations(nn.Module, ABC):
    """A module that gives one vector per word.

    Attributes:
        frozen: Whether the pretrained weights are not trained at the moment.
    """

    size: int
    frozen: bool = False

    @abstractmethod
    def forward(self, batch: SentenceBatch) -> Tensor:
        """(sentences, words, size) vectors; those of padding are never read."""

    def pretrained(self) -> Iterable[nn.Parameter]:
        """The weights that take the encoder's learning rate."""
        return ()

    @contextmanager
    def predicting(self, dtype: torch.dtype) -> Iterator[None]:
        """Prepares the module for prediction, which needs neither exact weights nor gradients."""
        yield


class WordEncoder(WordRepresentations):
    """An encoder whose output is one vector per word; while it is frozen, the layer mix is still trained.

    Args:
        encoder: Any `transformers` encoder that gives hidden states.
        layer_dropout: See `ScalarMix`.
    """

    def __init__(self, encoder: Any, layer_dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.mix = ScalarMix(encoder.config.num_hidden_layers + 1, layer_dropout)
        self.size = encoder.config.hidden_size

    def pretrained(self) -> Iterable[nn.Parameter]:
        return self.encoder.parameters()

    @contextmanager
    def predicting(self, dtype: torch.dtype) -> Iterator[None]:
        """Gives the encoder weights in `dtype` and fused attention, whose forward pass is faster.

        Autocast would convert the weights again for every batch. The large embedding table stays as it is; only the
        rows that are looked up are converted.
        """
        table = self.encoder.get_input_embeddings()
        weights = [
            weight for weight in self.encoder.parameters() if weight is not table.weight and weight.dtype != dtype
        ]
        exact, attention = [weight.data for weight in weights], self.encoder.config._attn_implementation
        fused = attention != "sdpa" and getattr(self.encoder, "_supports_sdpa", False)
        converting = table.register_forward_hook(lambda *args: args[-1].to(dtype))
        try:
            for weight in weights:
                weight.data = weight.data.to(dtype)
            if fused:
                self.encoder.set_attn_implementation("sdpa")
            yield
        finally:
            converting.remove()
            for weight, data in zip(weights, exact, strict=True):
                weight.data = data
            if fused:
                self.encoder.set_attn_implementation(attention)

    def forward(self, batch: SentenceBatch) -> Tensor:
        """(sentences, words, size) vectors, 0 for padding."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            layers = self.encoder(
                input_ids=batch.ids, attention_mask=batch.attention, output_hidden_states=True
            ).hidden_states
        flat = self.mix(layers).flatten(0, 1)
        sentences, words = batch.mask.shape
        count = torch.zeros(sentences * words, device=flat.device)
        count.index_add_(0, batch.word, torch.ones(len(batch.word), device=flat.device))
        summed = flat.new_zeros(sentences * words, self.size).index_add(0, batch.word, flat[batch.piece])
        return (summed / count.clamp(min=1).unsqueeze(1)).view(sentences, words, self.size)


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after a sentence."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for at in range(len(whole) - len(bare) + 1):
        if whole[at : at + len(bare)] == bare:
            return whole[:at], whole[at + len(bare) :]
    return [], []
