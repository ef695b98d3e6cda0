"""The losses of contrastive training, built on those of sentence-transformers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)

from xlreach.adapt.masked_lm import load_masked_lm, masked_lm_head
from xlreach.adapt.mlm_data import Batch, Masking
from xlreach.errors import ModelError
from xlreach.retrieval.alignment import Contrastive

_MASKED = 0.15


def info_nce(model: SentenceTransformer, alignment: Contrastive, devices: int = 1) -> torch.nn.Module:
    """The loss of an alignment: the mean of −log softmax over the batch of cos(query, positive) / temperature.

    With several devices, the passages of all devices are negatives of every query.
    """
    shared: dict[str, Any] = {"scale": 1 / alignment.temperature, "gather_across_devices": devices > 1}
    if alignment.mini_batch is None:
        return MultipleNegativesRankingLoss(model, **shared)
    return CachedMultipleNegativesRankingLoss(model, mini_batch_size=alignment.mini_batch, **shared)


class WithMaskedLM(torch.nn.Module):
    """A contrastive loss plus `weight` times a masked-language-model loss on the batch's passages, against forgetting.

    The head is that of the encoder's folder. Its output layer is tied to the trained embeddings; the rest of it is not
    trained.

    Raises:
        ModelError: The folder has no head; a new one would not know what the encoder must not forget.
    """

    def __init__(self, model: SentenceTransformer, loss: torch.nn.Module, weight: float, encoder: Path) -> None:
        super().__init__()
        whole, warnings = load_masked_lm(encoder, 0)
        if warnings:
            raise ModelError(
                "The encoder has no masked-language-model head, which mlm>0 needs.",
                fix="Adapt it with lapt first, or set mlm=0.",
                path=encoder,
            )
        head = masked_lm_head(whole).requires_grad_(False)
        first: Any = model[0]
        whole.get_output_embeddings().weight = first.auto_model.get_input_embeddings().weight
        self.model, self.loss, self.weight = model, loss, weight
        self._head = [head.eval()]  # in a list, so that torch does not train, save or share it as a part of this module
        tokenizer = model.tokenizer
        special = np.array(sorted(set(tokenizer.all_special_ids)), dtype=np.int64)
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), special)
        self._masking = Masking(_MASKED, int(tokenizer.mask_token_id), special, ordinary)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
        """The sum of both losses, a scalar."""
        columns = list(sentence_features)
        passages = dict(columns[1])  # a copy, as the losses write into their arguments
        return self.loss(columns, labels) + self.weight * self._masked_lm(passages)

    def _masked_lm(self, features: dict[str, Any]) -> torch.Tensor:
        ids, attention = (features[key].cpu().numpy() for key in ("input_ids", "attention_mask"))
        # The trainer restores torch's generator when a killed run goes on.
        generator = np.random.default_rng(int(torch.randint(1 << 62, ())))
        inputs, chosen, targets = self._masking.apply(Batch(ids, attention, int(attention.sum())), generator)
        device = features["input_ids"].device
        output = self.model({**features, "input_ids": torch.as_tensor(inputs, device=device)})
        hidden = output["all_layer_embeddings"][-1] if "all_layer_embeddings" in output else output["token_embeddings"]
        logits = self._head[0].to(device)(hidden.flatten(0, 1)[torch.as_tensor(chosen, device=device)])
        return torch.nn.functional.cross_entropy(logits.float(), torch.as_tensor(targets, device=device))
