"""Text as piece ids: lines cut to length, split for validation, batched by a budget of tokens, masked.

All drawing is from generators that the caller passes, so that an epoch can be repeated exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.adapt.folder import special_tokens, token_id
from xlreach.errors import DataError

_STEP = 8  # lengths are rounded up to it: few shapes keep the allocator's memory down
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Batch:
    """Lines padded to one length: `ids` and `attention` are (rows, length), int64; `tokens` counts the real ones."""

    ids: NDArray[np.int64]
    attention: NDArray[np.int64]
    tokens: int


@dataclass(frozen=True)
class EncodedText:
    """Lines of piece ids, special tokens included, with what is needed to pad and mask them.

    Attributes:
        lines: Each a 1-d int32 array.
        pad: The padding id.
        mask: The mask id.
        special: Ids that are never masked and never stand in for another piece.
        vocabulary: One more than the largest id.
    """

    lines: Sequence[NDArray[np.int32]]
    pad: int
    mask: int
    special: frozenset[int]
    vocabulary: int

    def __len__(self) -> int:
        return len(self.lines)

    @classmethod
    def read(
        cls, files: Mapping[str, Path], tokenizer: dict[str, Any], folder: Path | None, max_length: int
    ) -> EncodedText:
        """Encodes text files; a line longer than `max_length` pieces becomes several.

        Args:
            files: By language, a line per text.
            tokenizer: The content of `tokenizer.json`.
            folder: The encoder folder, which may name the special tokens.
            max_length: In pieces, special tokens included.

        Raises:
            DataError: There are fewer than two lines.
        """
        built = Tokenizer.from_str(json.dumps(tokenizer))
        roles = special_tokens(folder, tokenizer)
        first, last = (token_id(tokenizer, roles[role]) for role in ("cls_token", "sep_token"))
        room = max_length - 2
        lines: list[NDArray[np.int32]] = []
        for language in sorted(files):
            with files[language].open(encoding="utf-8") as stream:
                while block := list(islice(stream, _AT_ONCE)):
                    for encoding in built.encode_batch_fast([line.strip() for line in block], add_special_tokens=False):
                        ids = encoding.ids
                        for start in range(0, len(ids), room):
                            lines.append(np.array([first, *ids[start : start + room], last], dtype=np.int32))
        if len(lines) < 2:
            raise DataError(
                f"{len(lines)} lines of text for {', '.join(sorted(files)) or 'no language'}.",
                expected="Masked language modelling needs two or more: one to train on, one to validate on.",
            )
        special = frozenset(added["id"] for added in tokenizer["added_tokens"] if added["special"])
        return cls(
            lines,
            token_id(tokenizer, roles["pad_token"]),
            token_id(tokenizer, roles["mask_token"]),
            special,
            built.get_vocab_size(with_added_tokens=True),
        )

    def split(self, share: float, seed: int) -> tuple[EncodedText, EncodedText]:
        """Lines to train on and lines held out, by chance; at least one of each."""
        order = np.random.default_rng([seed, 1 << 20]).permutation(len(self.lines))
        held_out = min(max(1, round(share * len(order))), len(order) - 1)
        parts = (np.sort(order[held_out:]), np.sort(order[:held_out]))
        fit, valid = ([self.lines[i] for i in part] for part in parts)
        rest = (self.pad, self.mask, self.special, self.vocabulary)
        return EncodedText(fit, *rest), EncodedText(valid, *rest)

    def in_use(self, also: Sequence[int] = ()) -> NDArray[np.int64]:
        """The ids of the text, of special tokens and of `also`, ascending; and those up to padding's, which stays."""
        mine = np.unique(np.concatenate(self.lines))
        special = np.array([*self.special, self.mask, *also, *range(self.pad + 1)], dtype=np.int64)
        return np.union1d(mine, special).astype(np.int64)

    def renumbered(self, rows: NDArray[np.int64]) -> EncodedText:
        """The text in other ids: `rows[i]` becomes `i`."""
        new = np.full(int(rows[-1]) + 1, -1, dtype=np.int32)
        new[rows] = np.arange(len(rows), dtype=np.int32)
        special = frozenset(int(new[id_]) for id_ in self.special)
        return EncodedText([new[line] for line in self.lines], self.pad, int(new[self.mask]), special, len(rows))


def batches(text: EncodedText, budget: int, rng: np.random.Generator) -> Iterator[Batch]:
    """All lines once, in batches of like length with at most `budget` tokens each (but always one line), shuffled.

    How many batches there are does not depend on `rng`.
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
    """BERT's rule: of the pieces chosen, 80 % become the mask, 10 % another piece, 10 % stay (Devlin et al. 2019)."""

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
        """Inputs (rows, length) with pieces hidden, the chosen positions in the flattened batch, and what was there.

        At least one position is chosen.
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
