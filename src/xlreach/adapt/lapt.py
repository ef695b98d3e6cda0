"""Language-adaptive pretraining: masked language modelling goes on, on text of the language (Chau & Smith 2021)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.folder import longest_input
from xlreach.adapt.recipe import STEPS, Job, Step
from xlreach.errors import ModelError
from xlreach.spec import param


@STEPS.register
@dataclass(frozen=True)
class LanguageAdaptivePretraining(Step):
    """Masked language modelling on the text of the languages, from the encoder's own weights.

    The defaults are the paper's. AdamW with weight decay 0.01, gradients clipped at norm 1, linear warm-up and decay;
    the epoch with the lowest loss on held-out lines is kept. On a text so small that the warm-up would take more than
    a fifth of all steps, it takes a fifth. Rows that `tva` added just before are trained at the rate it asks for.

    The loss is that of the whole vocabulary. Of the embeddings, the rows of the text's pieces are trained; the others
    stay bit for bit as they were, for the sake of speed and memory, and a piece that stands in for a masked one is one
    of the text's. `rows=all` trains every row, as the paper did: it pushes pieces that the text does not use away from
    it, all in about one direction, and decays them.
    """

    name: ClassVar[str] = "lapt"
    version: ClassVar[int] = 3  # 3: rows of pieces that the text does not use stay as they are
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    epochs: int = param(20, "passes over the text; the best one is kept", minimum=1, maximum=1000)
    lr: float = param(2e-5, "highest learning rate", minimum=0.0)
    batch: int = param(32, "lines of full length in a batch; shorter lines share it", minimum=1)
    max_length: int = param(128, "longest line in pieces; longer ones are cut into several", minimum=8)
    mask: float = param(0.15, "share of pieces to predict", minimum=0.01, maximum=0.9)
    warmup: int = param(1000, "steps until the learning rate is reached", minimum=0)
    valid: float = param(0.1, "share of lines held out to choose the epoch", minimum=0.0, maximum=0.5)
    dtype: Literal["auto", "bfloat16", "float32"] = param("auto", "what the forward pass computes in")
    rows: Literal["text", "all"] = param("text", "embeddings to train: of the pieces in the text, or of all")

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.folder import read_tokenizer, require_source, save_encoder
        from xlreach.adapt.inputs import with_input_of
        from xlreach.adapt.lines import EncodedText
        from xlreach.adapt.mlm import JobState, Training, load_masked_lm, train

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        self._check_length(folder)
        tokenizer = read_tokenizer(folder)
        text = EncodedText.read(job.text, tokenizer, folder, self.max_length)
        before = Provenance.read(folder)
        tier = before.tier or {}
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
        known = dict.fromkeys((*before.warnings, *warnings))
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            provenance=replace(before, warnings=tuple(known), tier=None),
            measured={**history.as_dict(), **({"tier_rows": len(training.tier)} if tier else {})},
        )

    def _check_length(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        most = longest_input(None, config)
        if self.max_length > most:
            raise ModelError(
                f"max_length={self.max_length} in {str(self)!r}, but the encoder has positions for {most} pieces.",
                fix=f"Write lapt(max_length={most}) or less.",
                path=folder,
            )
