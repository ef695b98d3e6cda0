"""Language-adaptive pretraining: more masked language modelling, on text of the language (Chau & Smith 2021)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step, require_source
from xlreach.adapt.romanize import with_input_of
from xlreach.adapt.save import save_encoder
from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer
from xlreach.errors import DataError, ModelError, nearest
from xlreach.spec import param

if TYPE_CHECKING:
    from xlreach.adapt.mlm_data import EncodedText


@STEPS.register
@dataclass(frozen=True)
class LanguageAdaptivePretraining(Step):
    """Continues masked language modelling on the text of the languages, from the encoder's own weights.

    The defaults are the paper's. AdamW with weight decay 0.01, gradients clipped at norm 1, linear warm-up and decay;
    the epoch with the lowest loss on held-out documents is kept. Where the warm-up would take more than a fifth of all
    steps, it takes a fifth. Rows that `tva` added just before are trained at the rate that it asks for.

    The loss is over the whole vocabulary. Of the embeddings, only the rows of pieces in the text are trained, to save
    time and memory; the others do not change, and random replacements of masked pieces are drawn from
    the text's pieces. `rows=all` trains every row, as the paper did; the rows of pieces that the text does not use then
    all move in about the same direction, and shrink by weight decay.

    Several processes of `torchrun` train together with the same `batch`, each on its part of every batch
    (`compute/distributed.py`).

    `mix` adds text of the study's other languages (or of `pivots` alone) to the training text, so that the encoder
    forgets less of them; the epoch is chosen on the languages themselves. In a study, the other languages are all that
    the encoder is not specialised for and that have text, without evaluation texts.

    Records `valid_loss`, in nats per masked piece, before training and after each epoch, which compares only encoders
    with the same vocabulary; and `valid_loss_per_word`, the loss of the kept epoch times the pieces per held-out word,
    which compares vocabularies too. Unknown pieces are never masked and add no loss, so compare it together with the
    share of unknown words.
    """

    name: ClassVar[str] = "lapt"
    version: ClassVar[int] = 5  # 5: fewer tokens at once, so other draws of dropout
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    epochs: int = param(20, "passes over the text; the best one is kept", minimum=1, maximum=1000)
    lr: float = param(2e-5, "highest learning rate", minimum=0.0)
    batch: int = param(32, "lines of full length per batch; more lines where they are shorter", minimum=1)
    max_length: int = param(128, "longest line in pieces; longer lines are split", minimum=8)
    mask: float = param(0.15, "share of pieces to mask and predict", minimum=0.01, maximum=0.9)
    warmup: int = param(1000, "steps until the learning rate is at its highest", minimum=0)
    valid: float = param(0.1, "share of the documents held out to choose the epoch", minimum=0.0, maximum=0.5)
    mix: float = param(0.0, "added lines of other languages, per line of text", minimum=0.0, maximum=100)
    pivots: tuple[str, ...] = param((), "the languages that mix takes lines from; all other languages when empty")
    dtype: Literal["auto", "bfloat16", "float32"] = param("auto", "of the forward pass; auto: bfloat16 where fast")
    rows: Literal["text", "all"] = param("text", "embedding rows to train: those of pieces in the text, or all")

    @property
    def uses_others(self) -> bool:
        return self.mix > 0

    def seen(self, languages: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
        return super().seen(languages, [code for code in others if not self.pivots or code in self.pivots])

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.masked_lm import load_masked_lm
        from xlreach.adapt.mlm import train_step
        from xlreach.adapt.mlm_data import EncodedText

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        self._check_length(folder)
        tokenizer = read_tokenizer(folder)
        text = EncodedText.read(job.text, tokenizer, folder, self.max_length)
        text, mixed = self._mixed(text, job, tokenizer, folder)
        tier = Provenance.read(folder).tier or {}
        model, warnings = load_masked_lm(folder, job.seed)
        rows, rate = tuple(tier.get("rows", ())), float(tier.get("rate", 1.0))
        measured = train_step(model, text, self, job, tier=rows, tier_rate=rate)
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            measured={**measured, **mixed, **({"tier_rows": len(rows)} if tier else {})},
            warnings=warnings,
            changes={"tier": None},
        )

    def _mixed(
        self, text: EncodedText, job: Job, tokenizer: dict[str, Any], folder: Path
    ) -> tuple[EncodedText, dict[str, Any]]:
        """The text with added lines of other languages, and what is recorded of them."""
        if not self.mix:
            return text, {}
        absent = [code for code in self.pivots if code not in job.others]
        if absent or not job.others:
            raise DataError(
                f"There is no text of {absent[0]!r} to mix in for {self}."
                if absent
                else f"There is no text of other languages to mix in for {self}.",
                fix=nearest(absent[0], job.others) if absent and job.others else "Give text of other languages.",
            )
        from xlreach.adapt.mlm_data import EncodedText

        pivots = {code: job.others[code] for code in self.pivots or sorted(job.others)}
        other = EncodedText.read(pivots, tokenizer, folder, self.max_length)
        count = max(1, round(self.mix * len(text)))
        text = text.with_more(other, count, np.random.default_rng([job.seed, 2]))
        return text, {"mixed_lines": len(text.more), "mixed_from": sorted(pivots)}

    def _check_length(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        most = longest_input(None, config)
        if self.max_length > most:
            raise ModelError(
                f"max_length={self.max_length} in {str(self)!r}, but the encoder has positions for {most} pieces.",
                fix=f"Write lapt(max_length={most}) or less.",
                path=folder,
            )
