"""Training: an alignment, an encoder and pairs become a SentenceTransformer folder.

The contrastive loss is InfoNCE with in-batch negatives on cosines: sentence-transformers'
MultipleNegativesRankingLoss with scale 1/temperature, through its trainer; what is ours is which pairs make a batch
(`batches`). The loss of distillation is its MSELoss. A run killed in the middle goes on from its last checkpoint to the
same result.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MSELoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PrinterCallback, TrainerCallback

from xlreach.adapt.encoder import PROVENANCE_FILE, fingerprint
from xlreach.adapt.inputs import input_transform
from xlreach.errors import DataError, ModelError
from xlreach.retrieval.alignment import Alignment, Contrastive, Distil, NoAlignment
from xlreach.retrieval.batches import HybridBatches, PairTable, gather_pairs, trainer_sampler
from xlreach.retrieval.distillation import parallel_table, teacher_vectors
from xlreach.retrieval.encoding import SHAPE_STEP, Vectors, computes_bf16
from xlreach.retrieval.pairs import pairs_of
from xlreach.retrieval.pooling import load_encoder, quiet_loading
from xlreach.retrieval.trainer import LOSSES_FILE, TimedCheckpoints, Trainer, usable_checkpoint, workspace

PROMPTS = {"query": "Query: ", "document": "Passage: "}
"""The prefixes of Elmahdy, Lin and Ahmad 2024, as the folder stores them."""

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
    checkpoint: Path | None = None,
    cost: dict[str, float] | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
) -> Path:
    """Makes a retrieval encoder.

    Args:
        alignment: What `ALIGNMENTS.parse` gave.
        encoder: The folder to start from; left as it is.
        pairs: Where training pairs come from: pair sources (those that wait for text must be bound), parallel text,
            collections.
        languages: The languages to draw pairs of.
        seed: For batches, crops, dropout and fresh weights.
        out: The folder to fill: model, pooling, `alignment.json` with what was done.
        checkpoint: Where a killed run goes on from; None keeps no checkpoints.
        cost: Receives `steps`, `pairs` (drawn, at most) and `loss` (the last tenth's mean).
        checkpoint_seconds: Time between checkpoints.

    Returns:
        `out`, loadable with plain `SentenceTransformer(out)`.

    Raises:
        DataError: There are no pairs for a kind of batch that the alignment draws.
        ModelError: The folder cannot be loaded, a teacher does not fit, or training diverges.
    """
    encoder, out = Path(encoder), Path(out)
    cost = {} if cost is None else cost
    # Before loading: weights that a folder lacks (a pooler) are drawn.
    torch.manual_seed(seed)
    pooling = getattr(alignment, "pooling", "auto")
    on_cpu = not torch.cuda.is_available()
    # On CPUs the backward pass of the fused attention takes nearly half of a step.
    model = load_encoder(
        encoder,
        pooling=None if pooling == "auto" else pooling,
        attention="eager" if on_cpu and isinstance(alignment, Contrastive | Distil) else None,
    )
    _require_normalised(model)
    record: dict[str, Any] = {"alignment": str(alignment), "version": alignment.version, "seed": seed}
    if isinstance(alignment, Contrastive | Distil):
        share, sources = alignment.mono_share, [pairs_of(one) for one in pairs]
        labels = None
        if isinstance(alignment, Contrastive):
            table = gather_pairs(sources, languages, mono=share > 0, cross=share < 1, seed=seed)
            if alignment.prefixes:
                model.prompts = {**model.prompts, **PROMPTS}
        else:
            table = parallel_table(alignment, sources, languages, seed)
            labels = teacher_vectors(alignment, table, model)
            record |= alignment.identity()
        transform = input_transform(encoder)
        table.queries[:] = map(transform, table.queries)
        table.passages[:] = map(transform, table.passages)
        with workspace(checkpoint) as work:
            made_from = [str(alignment), alignment.version, alignment.identity(), fingerprint(encoder), seed]
            made_from.append(_pool_sizes(table))
            resume = usable_checkpoint(work, made_from)
            keep = [TimedCheckpoints(checkpoint_seconds)] if checkpoint else []
            losses = _train(alignment, model, table, labels, work, resume, seed=seed, callbacks=keep)
        cost |= {"steps": len(losses), "pairs": alignment.steps * alignment.batch, "loss": _late_loss(losses)}
        record |= {
            "languages": list(languages),
            "sources": [source.name for source in sources],
            "pools": _pool_sizes(table),
            "loss": [round(loss, 5) for loss in losses],
        }
    elif not isinstance(alignment, NoAlignment):
        raise DataError(f"The alignment {alignment} has no training here.")
    _save(model, encoder, out, record)
    return out


def info_nce(model: SentenceTransformer, alignment: Contrastive) -> torch.nn.Module:
    """The loss of an alignment: −log softmax over the batch of cos(query, own passage) / temperature, averaged."""
    if alignment.mini_batch is None:
        return MultipleNegativesRankingLoss(model, scale=1 / alignment.temperature)
    return CachedMultipleNegativesRankingLoss(
        model, scale=1 / alignment.temperature, mini_batch_size=alignment.mini_batch
    )


def _train(
    alignment: Contrastive | Distil,
    model: SentenceTransformer,
    table: PairTable,
    labels: Vectors | None,
    work: Path,
    resume: Path | None,
    *,
    seed: int,
    callbacks: Sequence[TrainerCallback],
) -> list[float]:
    batches = HybridBatches(table, alignment.mono_share, alignment.batch, alignment.steps, seed)
    on_gpu = torch.cuda.is_available()
    prefixes = isinstance(alignment, Contrastive) and alignment.prefixes
    columns: dict[str, Any] = {"query": table.queries, "passage": table.passages}
    if labels is not None:
        columns["label"] = labels
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=alignment.steps,
        per_device_train_batch_size=alignment.batch,
        learning_rate=alignment.lr,
        weight_decay=alignment.weight_decay,
        warmup_steps=round(alignment.warmup * alignment.steps),
        lr_scheduler_type="linear",
        batch_sampler=trainer_sampler(batches),
        prompts={"query": PROMPTS["query"], "passage": PROMPTS["document"]} if prefixes else None,
        seed=seed,
        data_seed=seed,
        use_cpu=model.device.type == "cpu",
        bf16=_trains_in_bf16(model),
        save_strategy="no",
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=on_gpu,
    )
    own_length = model.max_seq_length
    model.max_seq_length = min(alignment.max_length, own_length or alignment.max_length)
    _pad_by_steps(model, True)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=info_nce(model, alignment) if isinstance(alignment, Contrastive) else MSELoss(model),
        callbacks=list(callbacks),
    )
    trainer.losses = json.loads((resume / LOSSES_FILE).read_text("utf-8")) if resume else []
    trainer.remove_callback(PrinterCallback)
    with quiet_loading():
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    _pad_by_steps(model, False)
    model.max_seq_length = own_length
    model.eval()
    if not torch.isfinite(torch.tensor(trainer.losses)).all():
        raise ModelError(f"Training diverged: the loss of {alignment} is no number.", fix="Lower its lr.")
    return trainer.losses


def _pad_by_steps(model: SentenceTransformer, on: bool) -> None:
    """Pads the batches of training to lengths that recur; as `encoding.SHAPE_STEP` explains."""
    first, limit = model[0], model.max_seq_length
    if isinstance(first, Transformer) and limit is not None and limit % SHAPE_STEP == 0:
        text = {key: value for key, value in first.processing_kwargs.get("text", {}).items() if key != _PAD_STEP}
        first.processing_kwargs = {**first.processing_kwargs, "text": {**text, _PAD_STEP: SHAPE_STEP} if on else text}


def _trains_in_bf16(model: SentenceTransformer) -> bool:
    """Mixed precision where the machine computes bf16; on CPUs for wide models only, so that toys are reproducible."""
    weights = sum(one.numel() for name, one in model.named_parameters() if "embeddings" not in name)
    kind = model.device.type
    return computes_bf16(kind) and (kind != "cpu" or weights >= _WIDE)


def _require_normalised(model: SentenceTransformer) -> None:
    """Adds the normalising layer, so that plain `encode` gives unit vectors."""
    if not any(isinstance(module, Pooling) for module in model):
        raise ModelError("Has no pooling layer, so it gives no text vectors.")
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())


def _save(model: SentenceTransformer, encoder: Path, out: Path, record: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with quiet_loading():
        model.save_pretrained(str(out), create_model_card=False)
    # Training leaves the tokenizer alone; saved by transformers it could lose a normalizer, so its files are copied.
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
    sizes: dict[str, dict[str, int]] = {}
    for name, by_language in table.mono.items():
        sizes.setdefault(name, {}).update({code: len(rows) for code, rows in by_language.items()})
    for name, by_pair in table.cross.items():
        sizes.setdefault(name, {}).update({f"{a}-{b}": len(rows) for (a, b), rows in by_pair.items()})
    return sizes


def _late_loss(losses: list[float]) -> float:
    """Mean of the last tenth."""
    late = losses[-max(1, len(losses) // 10) :]
    return round(sum(late) / len(late), 5)
