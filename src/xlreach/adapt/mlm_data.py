"""The data of masked language modelling: lines as piece ids, split for validation, batched by tokens, and masked.

All random numbers come from generators that the caller passes, so that an epoch can be repeated exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.adapt.clean_text import hold_out_order
from xlreach.adapt.tokenizer_file import special_tokens, token_id
from xlreach.errors import DataError

_STEP = 8  # lengths are rounded up to a multiple of it: few shapes keep memory down
_BLOCK = 2_000


@dataclass(frozen=True)
class Batch:
    """Lines padded to one length: `ids` and `attention` are (rows, length), int64; `tokens` counts the real ones."""

    ids: NDArray[np.int64]
    attention: NDArray[np.int64]
    tokens: int


@dataclass(frozen=True)
class EncodedText:
    """Lines of piece ids (1-d int32 arrays), special tokens included, with what is needed to pad and mask them.

    Attributes:
        special: Ids that are never masked and never drawn as a random replacement.
        held_out_at: For each line, the smallest share that holds it out (`clean_text.hold_out_order`).
        words: White-space words of each line; the first part of a line that was split has them all.
        more: More lines to train on, never held out.
    """

    lines: Sequence[NDArray[np.int32]]
    pad: int
    mask: int
    special: frozenset[int]
    vocabulary: int
    held_out_at: Sequence[float] = ()
    words: Sequence[int] = ()
    more: Sequence[NDArray[np.int32]] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @classmethod
    def read(
        cls, files: Mapping[str, Path], tokenizer: dict[str, Any], folder: Path | None, max_length: int
    ) -> EncodedText:
        """Encodes text files; a line longer than `max_length` pieces is split into several.

        Raises:
            DataError: There are fewer than two lines.
        """
        built = Tokenizer.from_str(json.dumps(tokenizer))
        roles = special_tokens(folder, tokenizer)
        first, last = (token_id(tokenizer, roles[role]) for role in ("cls_token", "sep_token"))
        room = max_length - 2
        lines: list[NDArray[np.int32]] = []
        held_out_at: list[float] = []
        words: list[int] = []
        for language in sorted(files):
            order = iter(hold_out_order(files[language]).tolist())
            with files[language].open(encoding="utf-8") as stream:
                while block := list(islice(stream, _BLOCK)):
                    encoded = built.encode_batch_fast([line.strip() for line in block], add_special_tokens=False)
                    for line, encoding in zip(block, encoded, strict=True):
                        ids, at = encoding.ids, next(order)
                        for start in range(0, len(ids), room):
                            lines.append(np.array([first, *ids[start : start + room], last], dtype=np.int32))
                            held_out_at.append(at)
                            words.append(0 if start else len(line.split()))
        if len(lines) < 2:
            raise DataError(
                f"There are {len(lines)} lines of text for {', '.join(sorted(files)) or 'no language'}.",
                expected="Expected two or more: one to train on, one to validate on.",
                fix="Give more text.",
            )
        special = frozenset(added["id"] for added in tokenizer["added_tokens"] if added["special"])
        return cls(
            lines,
            token_id(tokenizer, roles["pad_token"]),
            token_id(tokenizer, roles["mask_token"]),
            special,
            built.get_vocab_size(with_added_tokens=True),
            held_out_at,
            words,
        )

    def split(self, share: float) -> tuple[EncodedText, EncodedText]:
        """Lines to train on and lines held out, by whole documents; at least one of each."""
        at = np.asarray(self.held_out_at)
        held_out = (at < share) | (at == 0)
        if held_out.all():  # a single document
            held_out = np.arange(len(self.lines)) == len(self.lines) - 1
        fit, valid = (self._part(np.flatnonzero(part)) for part in (~held_out, held_out))
        return replace(fit, lines=[*fit.lines, *self.more]), valid

    def with_more(self, other: EncodedText, count: int, rng: np.random.Generator) -> EncodedText:
        """With `count` random lines of another text to train on, or all where it has fewer."""
        drawn = np.sort(rng.permutation(len(other.lines))[:count])
        return replace(self, more=[other.lines[at] for at in drawn])

    @property
    def pieces_per_word(self) -> float:
        """Pieces that can be masked per word; it converts a loss per piece into a loss per word."""
        special = np.array(sorted(self.special), dtype=np.int32)
        return sum(int((~np.isin(line, special)).sum()) for line in self.lines) / max(1, sum(self.words))

    def _part(self, numbers: NDArray[np.int64]) -> EncodedText:
        lines, at, words = ([values[i] for i in numbers] for values in (self.lines, self.held_out_at, self.words))
        return replace(self, lines=lines, held_out_at=at, words=words, more=())

    def in_use(self, also: Sequence[int] = ()) -> NDArray[np.int64]:
        """The ids in the text, of special tokens and in `also`, ascending; and all up to padding's, which must stay."""
        in_text = np.unique(np.concatenate([*self.lines, *self.more]))
        special = np.array([*self.special, self.mask, *also, *range(self.pad + 1)], dtype=np.int64)
        return np.union1d(in_text, special).astype(np.int64)

    def renumbered(self, rows: NDArray[np.int64]) -> EncodedText:
        """The text with other ids: `rows[i]` becomes `i`."""
        new = np.full(int(rows[-1]) + 1, -1, dtype=np.int32)
        new[rows] = np.arange(len(rows), dtype=np.int32)
        special = frozenset(int(new[id_]) for id_ in self.special)
        lines, more = ([new[line] for line in part] for part in (self.lines, self.more))
        return replace(self, lines=lines, more=more, mask=int(new[self.mask]), special=special, vocabulary=len(rows))


def batches(text: EncodedText, budget: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yields all lines once, shuffled, in batches of similar length with at most `budget` tokens (or a single line).

    The number of batches does not depend on `rng`.
    """
    lengths = np.array([-(-len(line) // _STEP) * _STEP for line in text.lines])
    plan: list[NDArray[np.int64]] = []
    for length in np.unique(lengths):
        members = rng.permutation(np.flatnonzero(lengths == length))
        rows = max(1, budget // int(length))
        plan += [members[start : start + rows] for start in range(0, len(members), rows)]
    for index in rng.permutation(len(plan)):
        members = plan[index]
        ids = np.full((len(members), int(lengths[members[0]])), text.pad, dtype=np.int64)
        attention = np.zeros_like(ids)
        for row, member in enumerate(members):
            line = text.lines[member]
            ids[row, : len(line)] = line
            attention[row, : len(line)] = 1
        yield Batch(ids, attention, int(attention.sum()))


@dataclass(frozen=True)
class Masking:
    """BERT's masking: of chosen pieces 80 % become the mask, 10 % a random piece, 10 % stay (Devlin et al. 2019)."""

    share: float
    mask: int
    special: NDArray[np.int64]
    ordinary: NDArray[np.int64]

    @classmethod
    def of(cls, text: EncodedText, share: float) -> Masking:
        special = np.array(sorted(text.special), dtype=np.int64)
        return cls(share, text.mask, special, np.setdiff1d(np.arange(text.vocabulary), special))

    def apply(
        self, batch: Batch, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Chooses positions, at least one, and masks them.

        Returns:
            The masked ids, shape (rows, length); the chosen positions in the flattened batch; the ids there before.
        """
        flat = batch.ids.reshape(-1)
        eligible = np.flatnonzero((batch.attention.reshape(-1) == 1) & ~np.isin(flat, self.special))
        if not len(eligible):  # a batch of nothing but unknown pieces
            eligible = np.flatnonzero(batch.attention.reshape(-1) == 1)
        chosen = eligible[rng.random(len(eligible)) < self.share]
        if not len(chosen):
            chosen = eligible[[rng.integers(len(eligible))]]
        labels, inputs, fate = flat[chosen], flat.copy(), rng.random(len(chosen))
        inputs[chosen[fate < 0.8]] = self.mask
        other = chosen[fate >= 0.9]
        inputs[other] = rng.choice(self.ordinary, len(other))
        return inputs.reshape(batch.ids.shape), chosen, labels
