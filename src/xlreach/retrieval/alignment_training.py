"""Training: an alignment, an encoder and pairs become a SentenceTransformer folder.

Trainer and losses are those of sentence-transformers: MultipleNegativesRankingLoss with scale 1/temperature (InfoNCE
with in-batch negatives on cosines), or MSELoss for distillation. The batches (`batches`), the hard negatives
(`hard_negatives`) and the validation (`validation`) are ours. A killed run continues from its last checkpoint and gives
the same result.

Processes started by `torchrun` or `accelerate launch` train together: each computes an equal part of every batch, the
passages of all processes are negatives of every query, and the first process writes the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import wait_for_everyone
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MSELoss
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PrinterCallback

from xlreach.adapt.encoder import PROVENANCE_FILE, fingerprint
from xlreach.adapt.romanize import input_transform
from xlreach.compute.loading import attention_implementation, quiet_loading
from xlreach.compute.precision import fast_bfloat16
from xlreach.errors import ModelError, XLReachError
from xlreach.retrieval.alignment import Alignment, Contrastive, Distil, Trained
from xlreach.retrieval.batches import HybridBatches, PairTable, gather_pairs, trainer_sampler
from xlreach.retrieval.distillation import parallel_table, teacher_vectors
from xlreach.retrieval.encoding import SHAPE_STEP, Vectors
from xlreach.retrieval.hard_negatives import add_hard_negatives
from xlreach.retrieval.loading import load_encoder
from xlreach.retrieval.losses import WithMaskedLM, info_nce
from xlreach.retrieval.pair_sources import PairSource, pairs_of
from xlreach.retrieval.resumable_trainer import TimedCheckpoints, Trainer, agreed, usable_checkpoint, workspace
from xlreach.retrieval.validation import METRIC, RetrievalEvaluator, hold_out
from xlreach.retrieval.whitening import add_correction
from xlreach.store import replacing

PROMPTS = {"query": "Query: ", "document": "Passage: "}
"""The prefixes of Elmahdy, Lin and Ahmad 2024, by their names in the encoder's folder."""

_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "sentencepiece.bpe.model",
)  # fmt: skip
_CHECKPOINT_SECONDS = 300.0
_PAD_STEP = "pad_to_multiple_of"
_WIDE = 5_000_000  # weights outside the embedding table; mixed precision gains little below
_CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
---
# A retrieval encoder

* Alignment: `{alignment}`

Load it with `SentenceTransformer(path)`; `alignment.json` and `xlreach.json` say how it was made.
"""


def train_alignment(
    alignment: Alignment,
    encoder: Path,
    pairs: Sequence[Any],
    languages: Sequence[str],
    *,
    seed: int,
    out: Path,
    low: Collection[str] = (),
    text: Mapping[str, Path] | None = None,
    checkpoint: Path | None = None,
    cost: dict[str, float] | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
) -> Path:
    """Makes a retrieval encoder; returns its folder `out`, which plain `SentenceTransformer(out)` loads.

    `alignment.json` in it records the training. `pairs` are pair sources (bound, if they use prepared text), parallel
    text or collections; `low` are the low-resource languages, for validation; `text` has a file of unlabeled text for
    each language, for a pooling that is fitted on it. A killed run continues from `checkpoint`. `cost` receives the
    `steps`, `pairs` (drawn, at most) and `loss` (mean of the last tenth of the steps).

    Raises:
        DataError: There are no pairs for a kind of batch, too few to validate, or no text to fit the pooling on.
        ModelError: The folder cannot be loaded, a teacher does not fit, or training diverges.
    """
    encoder, out = Path(encoder), Path(out)
    cost = {} if cost is None else cost
    # Before loading, which draws weights that a folder does not have (a pooler).
    torch.manual_seed(seed)
    attention = attention_implementation("cuda" if torch.cuda.is_available() else "cpu") if alignment.trains else None
    model = load_encoder(encoder, pooling=alignment.pooling, attention=attention)
    _require_normalized(model)
    record: dict[str, Any] = {"alignment": str(alignment), "version": alignment.version, "seed": seed}
    if isinstance(alignment, Trained):
        record |= alignment.identity()
        run = _Run(alignment, encoder, model, seed)
        table = run.gather([pairs_of(source) for source in pairs], languages)
        record |= {
            "languages": list(languages),
            "sources": [pairs_of(source).name for source in pairs],
            "pools": _pool_sizes(table),
        }
        record |= run.train(table, low, checkpoint, checkpoint_seconds)
        cost |= {"steps": alignment.steps, "pairs": alignment.steps * alignment.batch}
        cost["loss"] = _late_loss(record["loss"])
    if alignment.pooling.fitted:
        add_correction(model, alignment.pooling, text or {}, input_transform(encoder))
        record["pooling_fitted_on"] = sorted(text or {})
    if not alignment.trains or PartialState().is_main_process:
        with replacing(out) as folder:
            _save(model, encoder, folder, record)
    if alignment.trains:
        wait_for_everyone()
    return out


class _Run:
    """One training run: from pairs to trained weights in `model`."""

    def __init__(self, alignment: Trained, encoder: Path, model: SentenceTransformer, seed: int) -> None:
        self.alignment, self.encoder, self.model, self.seed = alignment, encoder, model, seed
        self.devices = int(os.environ.get("WORLD_SIZE", "1"))
        if alignment.batch % self.devices:
            raise XLReachError(
                f"A batch of {alignment.batch} pairs cannot be divided among {self.devices} processes.",
                fix=f"Take a multiple of {self.devices}.",
            )
        self._labels: Vectors | None = None

    def gather(self, sources: Sequence[PairSource], languages: Sequence[str]) -> PairTable:
        """The pairs, with hard negatives or a teacher's vectors, as the encoder reads them."""
        alignment = self.alignment
        if isinstance(alignment, Distil):
            table = parallel_table(alignment, sources, languages, self.seed)
            self._labels = teacher_vectors(alignment, table, self.model)
        else:
            share = alignment.mono_share
            table = gather_pairs(sources, languages, mono=share > 0, cross=share < 1, seed=self.seed)
        if isinstance(alignment, Contrastive):
            if alignment.hard:
                add_hard_negatives(table, alignment, self.encoder, self.seed)
            if alignment.prefixes:
                self.model.prompts = {**self.model.prompts, **PROMPTS}
        transform = input_transform(self.encoder)
        table.queries[:] = map(transform, table.queries)
        table.passages[:] = map(transform, table.passages)
        table.negatives[:] = [tuple(map(transform, texts)) for texts in table.negatives]
        return table

    def train(self, table: PairTable, low: Collection[str], checkpoint: Path | None, every: float) -> dict[str, Any]:
        """Trains; returns the losses, and the results of validation."""
        alignment, levels = self.alignment, sorted(low) if self.alignment.validate else []
        made_from = [str(alignment), alignment.version, alignment.identity(), fingerprint(self.encoder), self.seed]
        made_from += [_pool_sizes(table), levels, self.devices]
        held = hold_out(table, levels, self.seed) if alignment.validate else []
        evaluator = RetrievalEvaluator(held, alignment.batch) if held else None
        arguments = self._arguments(table)  # creating them connects the processes that train together
        with workspace(checkpoint) as work:
            arguments.output_dir = str(work)
            resume = usable_checkpoint(work, made_from)
            trainer = Trainer(
                model=self.model,
                args=arguments,
                train_dataset=self._dataset(table),
                loss=self._loss(),
                evaluator=evaluator,
                callbacks=[TimedCheckpoints(every)] if checkpoint else [],
            )
            trainer.remember(resume)
            trainer.remove_callback(PrinterCallback)
            own_length = self.model.max_seq_length
            self.model.max_seq_length = min(alignment.max_length, own_length or alignment.max_length)
            _pad_by_steps(self.model, True)
            with quiet_loading():
                trainer.train(resume_from_checkpoint=str(resume) if resume else None)
            _pad_by_steps(self.model, False)
            self.model.max_seq_length = own_length
        self.model.eval()
        losses = trainer.mean_losses()
        if not torch.isfinite(torch.tensor(losses)).all():
            raise ModelError(f"Training diverged: the loss of {alignment} is not finite.", fix="Lower its lr.")
        outcome: dict[str, Any] = {"loss": [round(loss, 5) for loss in losses]}
        if evaluator is not None:
            validations = agreed(evaluator.history)
            best = max(validations, key=lambda validation: validation[METRIC])
            outcome |= {"validation": validations, "best_step": best["step"]}
        return outcome

    def _dataset(self, table: PairTable) -> Dataset:
        columns: dict[str, Any] = {"query": table.queries, "passage": table.passages}
        for number, texts in enumerate(zip(*table.negatives, strict=True), 1):
            columns[f"negative_{number}"] = list(texts)
        if self._labels is not None:
            columns["label"] = self._labels
        return Dataset.from_dict(columns)

    def _loss(self) -> torch.nn.Module:
        if not isinstance(self.alignment, Contrastive):
            return MSELoss(self.model)
        loss = info_nce(self.model, self.alignment, self.devices)
        if not self.alignment.mlm:
            return loss
        return WithMaskedLM(self.model, loss, self.alignment.mlm, self.encoder)

    def _arguments(self, table: PairTable) -> SentenceTransformerTrainingArguments:
        alignment = self.alignment
        batches = HybridBatches(
            table, alignment.mono_share, alignment.batch, alignment.steps, self.seed, alignment.sampling
        )
        saving: dict[str, Any] = {"save_strategy": "no"}
        if alignment.validate:
            saving = {"eval_strategy": "steps", "eval_steps": alignment.validate, "load_best_model_at_end": True}
            saving |= {"save_strategy": "best", "metric_for_best_model": METRIC, "greater_is_better": True}
        return SentenceTransformerTrainingArguments(
            max_steps=alignment.steps,
            per_device_train_batch_size=alignment.batch // self.devices,
            learning_rate=alignment.lr,
            weight_decay=alignment.weight_decay,
            warmup_steps=round(alignment.warmup * alignment.steps),
            lr_scheduler_type="linear",
            batch_sampler=trainer_sampler(batches, self.devices),
            prompts=self._prompts(),
            seed=self.seed,
            data_seed=self.seed,
            use_cpu=self.model.device.type == "cpu",
            bf16=_trains_in_bf16(self.model),
            save_total_limit=1,
            logging_strategy="no",
            report_to="none",
            disable_tqdm=not sys.stderr.isatty(),
            dataloader_pin_memory=torch.cuda.is_available(),
            **saving,
        )

    def _prompts(self) -> dict[str, str] | None:
        if not (isinstance(self.alignment, Contrastive) and self.alignment.prefixes):
            return None
        negatives = {f"negative_{number}": PROMPTS["document"] for number in range(1, self.alignment.hard + 1)}
        return {"query": PROMPTS["query"], "passage": PROMPTS["document"], **negatives}


def _pad_by_steps(model: SentenceTransformer, on: bool) -> None:
    """Pads training batches to multiples of `encoding.SHAPE_STEP`, or stops doing so."""
    first, limit = model[0], model.max_seq_length
    if isinstance(first, Transformer) and limit is not None and limit % SHAPE_STEP == 0:
        text = {key: value for key, value in first.processing_kwargs.get("text", {}).items() if key != _PAD_STEP}
        first.processing_kwargs = {**first.processing_kwargs, "text": {**text, _PAD_STEP: SHAPE_STEP} if on else text}


def _trains_in_bf16(model: SentenceTransformer) -> bool:
    """Whether to train in mixed precision: if bf16 is fast; on CPUs only for large models, so that small ones stay
    reproducible."""
    weights = sum(weight.numel() for name, weight in model.named_parameters() if "embeddings" not in name)
    kind = model.device.type
    return fast_bfloat16(kind) and (kind != "cpu" or weights >= _WIDE)


def _require_normalized(model: SentenceTransformer) -> None:
    """Adds the normalizing layer, so that plain `encode` gives unit vectors."""
    if not any(isinstance(module, Pooling) for module in model):
        raise ModelError("The encoder has no pooling layer, so it gives no vectors of texts.")
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())


def _save(model: SentenceTransformer, encoder: Path, out: Path, record: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with quiet_loading():
        model.save_pretrained(str(out), create_model_card=False)
    # The tokenizer's files are copied: transformers could lose a normalizer when it saves them.
    for name in _TOKENIZER_FILES:
        if (encoder / name).is_file():
            shutil.copyfile(encoder / name, out / name)
    config_file = out / "tokenizer_config.json"
    if config_file.is_file() and model.max_seq_length:
        config = json.loads(config_file.read_text("utf-8"))
        config["model_max_length"] = model.max_seq_length
        config_file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if (encoder / PROVENANCE_FILE).is_file():
        shutil.copyfile(encoder / PROVENANCE_FILE, out / PROVENANCE_FILE)
    (out / "alignment.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (out / "README.md").write_text(_CARD.format(alignment=record["alignment"]), "utf-8")


def _pool_sizes(table: PairTable) -> dict[str, dict[str, int]]:
    """The number of pairs by data set and `LANGUAGE` or `LANGUAGE-LANGUAGE`."""
    sizes: dict[str, dict[str, int]] = {}
    for name, a, b, rows in table.pools():
        sizes.setdefault(name, {})[a if a == b else f"{a}-{b}"] = len(rows)
    return sizes


def _late_loss(losses: list[float]) -> float:
    """The mean of the last tenth."""
    late = losses[-max(1, len(losses) // 10) :]
    return round(sum(late) / len(late), 5)
