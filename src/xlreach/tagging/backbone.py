"""Loading an encoder folder for tagging: tokenizer, body, limits, and only the embedding rows in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from xlreach.adapt.encoder import check_encoder
from xlreach.compute.loading import WEIGHTS, attention_implementation, check_weights, position_limit, safe_loading
from xlreach.compute.sparse_embeddings import SparseEmbeddings
from xlreach.errors import ModelError
from xlreach.tagging.representations import TokenizedSentence

_LONGEST = 512  # pieces at once, also for encoders that can read more: the cost of attention is quadratic
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")  # the names in BERT's and in other configs
_HIDDEN_DROPOUT = ("hidden_dropout_prob", "dropout", "embedding_dropout", "mlp_dropout")
_LOW_PADDING = 1000  # a padding id up to here keeps its row when other rows are dropped


def load_backbone(
    path: Path, device: torch.device, attention_dropout: float | None = None, hidden_dropout: float | None = None
) -> tuple[Any, Any]:
    """The tokenizer and the encoder of a folder, in float32; a dropout of None keeps the encoder's.

    Raises:
        ModelError: The folder is not an encoder, or its tokenizer gives no word ids.
    """
    check_encoder(path, transforms=True)
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    with safe_loading(path) as options:
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        config = AutoConfig.from_pretrained(path, **options)
        for keys, dropout in ((_ATTENTION_DROPOUT, attention_dropout), (_HIDDEN_DROPOUT, hidden_dropout)):
            for key in keys:
                if dropout is not None and hasattr(config, key):
                    setattr(config, key, dropout)
        encoder, info = AutoModel.from_pretrained(
            path,
            config=config,
            attn_implementation=attention_implementation(device.type),
            output_loading_info=True,
            **WEIGHTS,
            **options,
        )
    check_weights(encoder, info, path)
    if not tokenizer.is_fast:
        raise ModelError("Its tokenizer is not a fast one, so it gives no word ids.", path=path)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return tokenizer, encoder.to(device)


def reading_limit(encoder: Any) -> int:
    """The number of pieces that the encoder reads at once, special tokens included."""
    positions = position_limit(encoder) or getattr(encoder.config, "max_position_embeddings", None)
    return min(positions or _LONGEST, _LONGEST)


def drop_unused_rows(
    encoder: Any, padding: int, splits: Iterable[list[TokenizedSentence]], folder: Path | None = None
) -> tuple[list[list[TokenizedSentence]], SparseEmbeddings | None]:
    """Keeps only the embedding rows of pieces that occur in the `splits`, and renumbers the pieces.

    No result changes: the other rows get no gradient and reach no output. Of XLM-R's 192 million embedding weights a
    treebank uses a twentieth, but the optimizer would update all of them at every step. The padding id does not change,
    because the RoBERTa family derives positions from it. `folder` stores the whole table; None drops it.

    Returns:
        The sentences with the new ids, and the narrowed embeddings, which can be restored; None if nothing was dropped.
    """
    splits = list(splits)
    table = encoder.get_input_embeddings()
    if not isinstance(table, nn.Embedding) or padding > _LOW_PADDING:
        return splits, None
    windows = [window for split in splits for sentence in split for window in sentence.windows]
    kept = np.unique(np.concatenate([np.arange(padding + 1), *windows]))
    if len(kept) > 0.9 * table.num_embeddings:
        return splits, None
    narrowed = SparseEmbeddings(encoder, kept, folder=folder)
    return [
        [replace(sentence, windows=tuple(np.searchsorted(kept, ids) for ids in sentence.windows)) for sentence in split]
        for split in splits
    ], narrowed
