"""Vocabulary augmentation (Chau & Smith 2021): pieces of the language take the place of unused ones, or are added.

WordPiece pieces are written over `[unusedN]`, as published, and appended beyond those; Unigram pieces are appended to
the vocabulary inside `tokenizer.json`. `add_tokens` is not used: it cuts text before the model sees it, which breaks
words apart and changes other languages. Old ids and old rows of the embeddings never change.
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
    from xlreach.adapt.static_vectors import Blend

_SLOT = re.compile(r"\[unused(\d+)\]")


@STEPS.register
@dataclass(frozen=True)
class VocabularyAugmentation(Step):
    """New pieces for the languages, chosen from their text.

    `by=auto` is `unk` for WordPiece, as published, and `fragmentation` for Unigram, where unknown pieces are next to
    none. `init=auto` keeps the checkpoint's row where a piece takes an unused slot, as published, and is `mean`
    elsewhere: the mean of the rows of the pieces that the string was cut into before. A piece of which the base knew
    nothing keeps its slot's row, or is drawn like the other rows. `init=focus` mixes the rows of old pieces by static
    vectors (FOCUS, Dobler and de Melo 2023); a piece too rare for a vector is drawn.

    Pieces are chosen from, and vectors trained on, all of the text, with the lines that a `lapt` behind it holds out
    for validation among it (but never what is scored): its validation loss is a little kinder than on text that the
    vocabulary never saw.
    """

    name: ClassVar[str] = "va"
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    n: int = param(99, "how many pieces", positional=True, shown=True, minimum=1, maximum=500_000)
    by: Literal["auto", "unk", "fragmentation", "frequency"] = param("auto", "what a piece is chosen for")
    init: Literal["auto", "mean", "slot", "random", "focus"] = param("auto", "what its embedding starts from")

    @property
    def uses_others(self) -> bool:
        return True

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.candidates import choose, with_pieces
        from xlreach.adapt.mlm import load_masked_lm
        from xlreach.adapt.segmentation import Segmenter

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        base = Segmenter(read_tokenizer(folder))
        rule = self.by if self.by != "auto" else "unk" if base.kind == "WordPiece" else "fragmentation"
        choice = choose(base, job.text, job.others, self.n, rule)
        if base.kind == "WordPiece":
            tokenizer, ids = _into_slots(base.content, choice.pieces)
        else:
            tokenizer = with_pieces(base, choice.pieces).content
            first = len(tokenizer["model"]["vocab"]) - len(choice.pieces)
            ids = {piece: first + i for i, piece in enumerate(choice.pieces)}
        model, warnings = load_masked_lm(folder, job.seed)
        blends: dict[str, Blend] = {}
        if self.init == "focus":
            blends = _focus(base, tokenizer, ids, [job.text[language] for language in sorted(job.text)], job.seed)
        started = _write_rows(model, base, ids, self.init, job.seed, blends)
        if len(choice.pieces) < self.n:
            warnings.append(f"{self}: the text gives {len(choice.pieces)} new pieces, {self.n} were asked for.")
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            measured={"by": rule, "added": len(ids), "by_rule": choice.by_rule, "rows": started},
            warnings=warnings,
            changes={
                "new_pieces": (*Provenance.read(folder).new_pieces, *choice.pieces),
                "tier": self._tier(ids),
            },
        )

    def _tier(self, ids: dict[str, int]) -> dict[str, Any] | None:
        """What the next `lapt` shall train differently."""
        return None


@STEPS.register
@dataclass(frozen=True)
class TieredVocabularyAugmentation(VocabularyAugmentation):
    """`va`, whose new rows the next `lapt` trains at a higher learning rate than all else ("tiered", TVA).

    With the defaults of `lapt` that is 1e-4 against 2e-5, what Chau & Smith (2021) describe. No published figure can
    be compared with it: an error in their code gave all rows 2e-5, so what was published as TVA is plain `va`.
    """

    name: ClassVar[str] = "tva"
    awaits: ClassVar[str] = "lapt"

    rate: float = param(5.0, "the new rows' learning rate, as a multiple of the next lapt's", minimum=0.0)

    def _tier(self, ids: dict[str, int]) -> dict[str, Any] | None:
        return {"rows": sorted(ids.values()), "rate": self.rate}


def _into_slots(content: dict[str, Any], pieces: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, int]]:
    """WordPiece: pieces over `[unusedN]` in the order of N, the rest behind the vocabulary."""
    vocab = dict(content["model"]["vocab"])
    added = {token["content"] for token in content.get("added_tokens", [])}
    slots = sorted((piece for piece in vocab if _SLOT.fullmatch(piece) and piece not in added), key=_slot_number)
    last = max([*vocab.values(), *(token["id"] for token in content.get("added_tokens", []))])
    ids: dict[str, int] = {}
    for index, piece in enumerate(pieces):
        ids[piece] = vocab.pop(slots[index]) if index < len(slots) else last + 1 + index - len(slots)
    vocab = dict(sorted({**vocab, **ids}.items(), key=lambda entry: entry[1]))
    return {**content, "model": {**content["model"], "vocab": vocab}}, ids


def _slot_number(piece: str) -> int:
    found = _SLOT.fullmatch(piece)
    return int(found.group(1)) if found else 0


def _focus(
    base: Segmenter, tokenizer: dict[str, Any], ids: dict[str, int], files: list[Path], seed: int
) -> dict[str, Blend]:
    from xlreach.adapt.static_vectors import focus

    special = {token["content"] for token in base.content["added_tokens"]}
    taken = set(ids.values())
    old = base.tokenizer.get_vocab(with_added_tokens=True)
    overlap = {piece: id_ for piece, id_ in old.items() if piece not in special and id_ not in taken}
    return focus(tokenizer, files, ids, overlap, seed)


def _write_rows(
    model: Any, base: Segmenter, ids: dict[str, int], init: str, seed: int, blends: Mapping[str, Blend]
) -> dict[str, int]:
    """Gives each new piece its row in the embeddings (and, where it is not tied, in the output), and its bias.

    Returns:
        How many rows started from `mean`, `slot` and `random` (and `focus`, where that was asked for).
    """
    import torch

    from xlreach.adapt.embedding_rows import resize_vocabulary

    old_size = model.get_input_embeddings().weight.shape[0]
    size = max(old_size, max(ids.values(), default=-1) + 1)
    resize_vocabulary(model, size)
    output = model.get_output_embeddings()
    tables = [model.get_input_embeddings().weight]
    if output is not None and output.weight.data_ptr() != tables[0].data_ptr():
        tables.append(output.weight)
    if output is not None and output.bias is not None:
        tables.append(output.bias)
    generator = torch.Generator().manual_seed(seed)
    started = {"mean": 0, "slot": 0, "random": 0} | ({"focus": 0} if init == "focus" else {})
    taken = set(base.tokenizer.get_vocab(with_added_tokens=True).values())
    with torch.no_grad():
        known = [table[:old_size].clone() for table in tables]
        spread = [(table.mean(0), table.std(0)) for table in known]
        for piece, row in ids.items():
            is_slot = row in taken
            sources = [id_ for id_ in base.recut(piece) if id_ != base.unknown]
            if init == "focus":
                how = "focus" if piece in blends else "random"
            elif init in ("slot", "auto") and is_slot:
                how = "slot"
            elif init == "random" or (not sources and not is_slot):
                how = "random"
            else:
                how = "mean" if sources else "slot"
            started[how] += 1
            for table, before, (mean, std) in zip(tables, known, spread, strict=True):
                if how == "mean":
                    table[row] = before[sources].mean(0)
                elif how == "focus":
                    old, weights = blends[piece]
                    table[row] = torch.tensor(weights) @ before[old]
                elif how == "random":
                    table[row] = mean + std * torch.randn(mean.shape, generator=generator)
    return started
