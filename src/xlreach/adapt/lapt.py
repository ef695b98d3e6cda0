"""Language-adaptive pretraining: masked language modelling goes on, on text of the language (Chau & Smith 2021)."""

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
    from xlreach.adapt.mlm import History
    from xlreach.adapt.mlm_data import EncodedText


@STEPS.register
@dataclass(frozen=True)
class LanguageAdaptivePretraining(Step):
    """Masked language modelling on the text of the languages, from the encoder's own weights.

    The defaults are the paper's. AdamW with weight decay 0.01, gradients clipped at norm 1, linear warm-up and decay;
    the epoch with the lowest loss on held-out documents is kept. On a text so small that the warm-up would take more
    than a fifth of all steps, it takes a fifth. Rows that `tva` added just before are trained at the rate it asks for.

    The loss is that of the whole vocabulary. Of the embeddings, the rows of the text's pieces are trained; the others
    stay bit for bit as they were, for the sake of speed and memory, and a piece that stands in for a masked one is one
    of the text's. `rows=all` trains every row, as the paper did: it pushes pieces that the text does not use away from
    it, all in about one direction, and decays them.

    Several processes of `torchrun` train together with the same `batch`, each on its part of every batch
    (`compute/distributed.py`).

    `mix` puts text of the study's other languages (or of `pivots` alone) among what is trained on, so that the encoder
    forgets less of them; the epoch is chosen by the languages themselves. In a study these are all its languages that
    the encoder is not specialised for and that have text, rid of what is scored like all text.

    What it records: `valid_loss`, in nats per masked piece, before training and after each epoch, which compares only
    encoders of one vocabulary; and `valid_loss_per_word`, that of the kept epoch times the pieces that a held-out word
    takes, which compares vocabularies too. An unknown piece is never masked and costs nothing, so look at the share of
    unknown words beside it.
    """

    name: ClassVar[str] = "lapt"
    version: ClassVar[int] = 5  # 5: fewer tokens at once, so other draws of dropout
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    epochs: int = param(20, "passes over the text; the best one is kept", minimum=1, maximum=1000)
    lr: float = param(2e-5, "highest learning rate", minimum=0.0)
    batch: int = param(32, "lines of full length in a batch; shorter lines share it", minimum=1)
    max_length: int = param(128, "longest line in pieces; longer ones are cut into several", minimum=8)
    mask: float = param(0.15, "share of pieces to predict", minimum=0.01, maximum=0.9)
    warmup: int = param(1000, "steps until the learning rate is reached", minimum=0)
    valid: float = param(0.1, "share of the text held out to choose the epoch, by document", minimum=0.0, maximum=0.5)
    mix: float = param(0.0, "lines of other languages' text for each line of the languages'", minimum=0.0, maximum=100)
    pivots: tuple[str, ...] = param((), "the languages that mix takes; all the others when empty")
    dtype: Literal["auto", "bfloat16", "float32"] = param("auto", "what the forward pass computes in")
    rows: Literal["text", "all"] = param("text", "embeddings to train: of the pieces in the text, or of all")

    @property
    def uses_others(self) -> bool:
        return self.mix > 0

    def seen(self, languages: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
        return super().seen(languages, [code for code in others if not self.pivots or code in self.pivots])

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.mlm import JobState, Training, load_masked_lm, train
        from xlreach.adapt.mlm_data import EncodedText

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        self._check_length(folder)
        tokenizer = read_tokenizer(folder)
        text = EncodedText.read(job.text, tokenizer, folder, self.max_length)
        text, mixed = self._mixed(text, job, tokenizer, folder)
        tier = Provenance.read(folder).tier or {}
        model, warnings = load_masked_lm(folder, job.seed)
        training = Training(
            self.epochs,
            self.lr,
            self.batch,
            self.max_length,
            self.mask,
            self.warmup,
            self.valid,
            self.dtype,
            job.seed,
            tuple(tier.get("rows", ())),
            float(tier.get("rate", 1.0)),
            self.rows,
        )
        history = train(model, text, training, JobState(job.checkpoint, job.cost, f"{self} {job.seed}"))
        measured = {**history.as_dict(), **per_word(history, text, self.valid)}
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            measured={**measured, **mixed, **({"tier_rows": len(training.tier)} if tier else {})},
            warnings=warnings,
            changes={"tier": None},
        )

    def _mixed(
        self, text: EncodedText, job: Job, tokenizer: dict[str, Any], folder: Path
    ) -> tuple[EncodedText, dict[str, Any]]:
        """The text with lines of other languages among it, and what is to be recorded of them."""
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
        wanted = max(1, round(self.mix * len(text)))
        text = text.with_more(other, wanted, np.random.default_rng([job.seed, 2]))
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


def per_word(history: History, text: EncodedText, share: float) -> dict[str, float]:
    """The kept epoch's validation loss in nats per word, for the record."""
    held_out = text.split(share)[1]
    return {"valid_loss_per_word": round(history.valid_loss[history.best_epoch] * held_out.pieces_per_word, 6)}
