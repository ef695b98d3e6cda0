"""Vocabulary augmentation (Chau & Smith 2021): pieces of the language replace unused entries, or are appended.

New WordPiece pieces are written over `[unusedN]`, as published, and appended when those are used up; Unigram pieces
are appended to the vocabulary inside `tokenizer.json`. transformers' `add_tokens` is not used: it splits text before
the tokenizer's model sees it, which breaks words apart and changes other languages. The ids and embedding rows of old
pieces never change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step, require_source
from xlreach.adapt.romanize import with_input_of
from xlreach.adapt.save import save_encoder
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.spec import param

if TYPE_CHECKING:
    from xlreach.adapt.segmentation import Segmenter
    from xlreach.adapt.static_vectors import Mixture

_SLOT = re.compile(r"\[unused(\d+)\]")


@STEPS.register
@dataclass(frozen=True)
class VocabularyAugmentation(Step):
    """Adds pieces for the languages to the vocabulary, chosen from their text.

    `by=auto` is `unk` for WordPiece, as published, and `fragmentation` for Unigram, which has almost no unknown
    pieces. `init=auto` keeps the checkpoint's row where a piece takes an unused slot, as published; elsewhere it is
    `mean`: the mean of the rows of the pieces that the string was split into before. A piece whose characters are all
    unknown to the base keeps its slot's row, or gets a random row with the mean and variance of the other rows.
    `init=focus` mixes the rows of old pieces by static vectors (FOCUS, Dobler and de Melo 2023); a piece too rare for
    a vector gets a random row.

    Pieces are chosen from all of the text (and vectors trained on it), including the lines that a later `lapt` holds
    out for validation, but never from evaluation texts. So the validation loss of that `lapt` is slightly lower than
    on text that the vocabulary was not chosen from.
    """

    name: ClassVar[str] = "va"
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    n: int = param(99, "number of new pieces", positional=True, shown=True, minimum=1, maximum=500_000)
    by: Literal["auto", "unk", "fragmentation", "frequency"] = param("auto", "the rule that ranks candidate pieces")
    init: Literal["auto", "mean", "slot", "random", "focus"] = param("auto", "how the embedding of a new piece starts")

    @property
    def uses_others(self) -> bool:
        return True

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.candidates import choose_pieces, with_pieces
        from xlreach.adapt.masked_lm import load_masked_lm
        from xlreach.adapt.segmentation import Segmenter

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        base = Segmenter(read_tokenizer(folder))
        rule = self.by if self.by != "auto" else "unk" if base.kind == "WordPiece" else "fragmentation"
        choice = choose_pieces(base, job.text, job.others, self.n, rule)
        if base.kind == "WordPiece":
            tokenizer, ids = _into_slots(base.content, choice.pieces)
        else:
            tokenizer = with_pieces(base, choice.pieces).content
            first = len(tokenizer["model"]["vocab"]) - len(choice.pieces)
            ids = {piece: first + i for i, piece in enumerate(choice.pieces)}
        model, warnings = load_masked_lm(folder, job.seed)
        mixtures: dict[str, Mixture] = {}
        if self.init == "focus":
            mixtures = _focus(base, tokenizer, ids, [job.text[language] for language in sorted(job.text)], job.seed)
        starts = _write_rows(model, base, ids, self.init, job.seed, mixtures)
        if len(choice.pieces) < self.n:
            warnings.append(f"{self}: the text gives only {len(choice.pieces)} new pieces of {self.n}.")
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            measured={"by": rule, "added": len(ids), "by_rule": choice.by_rule, "rows": starts},
            warnings=warnings,
            changes={
                "new_pieces": (*Provenance.read(folder).new_pieces, *choice.pieces),
                "tier": self._tier(ids),
            },
        )

    def _tier(self, ids: dict[str, int]) -> dict[str, Any] | None:
        """The rows that the next `lapt` trains at their own rate, as `Provenance.tier` records them."""
        return None


@STEPS.register
@dataclass(frozen=True)
class TieredVocabularyAugmentation(VocabularyAugmentation):
    """`va` whose new rows the next `lapt` trains at a higher learning rate than everything else ("tiered", TVA).

    With the defaults of `lapt` the rates are 1e-4 and 2e-5, as Chau & Smith (2021) describe. No published figure can
    be compared with it: an error in their code gave all rows 2e-5, so their results for TVA are those of plain `va`.
    """

    name: ClassVar[str] = "tva"
    awaits: ClassVar[str] = "lapt"

    rate: float = param(5.0, "learning rate of the new rows, as a multiple of the next lapt's", minimum=0.0)

    def _tier(self, ids: dict[str, int]) -> dict[str, Any] | None:
        return {"rows": sorted(ids.values()), "rate": self.rate}


def _into_slots(content: dict[str, Any], pieces: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, int]]:
    """The WordPiece tokenizer with pieces in the place of `[unusedN]`, by N, and the rest appended; and their ids."""
    vocab = dict(content["model"]["vocab"])
    added = {token["content"] for token in content.get("added_tokens", [])}
    numbers = {piece: int(match[1]) for piece in vocab if piece not in added and (match := _SLOT.fullmatch(piece))}
    slots = sorted(numbers, key=numbers.__getitem__)
    last = max([*vocab.values(), *(token["id"] for token in content.get("added_tokens", []))])
    ids: dict[str, int] = {}
    for index, piece in enumerate(pieces):
        ids[piece] = vocab.pop(slots[index]) if index < len(slots) else last + 1 + index - len(slots)
    vocab = dict(sorted({**vocab, **ids}.items(), key=lambda entry: entry[1]))
    return {**content, "model": {**content["model"], "vocab": vocab}}, ids


def _focus(
    base: Segmenter, tokenizer: dict[str, Any], ids: dict[str, int], files: list[Path], seed: int
) -> dict[str, Mixture]:
    from xlreach.adapt.static_vectors import focus

    special = {token["content"] for token in base.content["added_tokens"]}
    taken = set(ids.values())
    old = base.tokenizer.get_vocab(with_added_tokens=True)
    overlap = {piece: id_ for piece, id_ in old.items() if piece not in special and id_ not in taken}
    return focus(tokenizer, files, ids, overlap, seed)


def _write_rows(
    model: Any, base: Segmenter, ids: dict[str, int], init: str, seed: int, mixtures: Mapping[str, Mixture]
) -> dict[str, int]:
    """Writes a row for each new piece into the embeddings, into the output layer where it is not tied, and its bias.

    Returns:
        How many rows started from `mean`, `slot` and `random` (and `focus`, where that was asked for).
    """
    import torch

    from xlreach.adapt.masked_lm import resize_vocabulary

    old_size = model.get_input_embeddings().weight.shape[0]
    resize_vocabulary(model, max(old_size, max(ids.values(), default=-1) + 1))
    output = model.get_output_embeddings()
    tables = [model.get_input_embeddings().weight]
    if output is not None and output.weight.data_ptr() != tables[0].data_ptr():
        tables.append(output.weight)
    if output is not None and output.bias is not None:
        tables.append(output.bias)
    generator = torch.Generator().manual_seed(seed)
    starts = {"mean": 0, "slot": 0, "random": 0} | ({"focus": 0} if init == "focus" else {})
    old_ids = set(base.tokenizer.get_vocab(with_added_tokens=True).values())
    with torch.no_grad():
        old_tables = [table[:old_size].clone() for table in tables]
        spreads = [(table.mean(0), table.std(0)) for table in old_tables]
        for piece, row in ids.items():
            is_slot = row in old_ids
            sources = [id_ for id_ in base.old_ids(piece) if id_ != base.unknown]
            if init == "focus":
                start = "focus" if piece in mixtures else "random"
            elif init in ("slot", "auto") and is_slot:
                start = "slot"
            elif init == "random" or (not sources and not is_slot):
                start = "random"
            else:
                start = "mean" if sources else "slot"
            starts[start] += 1
            for table, old, (mean, std) in zip(tables, old_tables, spreads, strict=True):
                if start == "mean":
                    table[row] = old[sources].mean(0)
                elif start == "focus":
                    rows, weights = mixtures[piece]
                    table[row] = torch.tensor(weights) @ old[rows]
                elif start == "random":
                    table[row] = mean + std * torch.randn(mean.shape, generator=generator)
    return starts
