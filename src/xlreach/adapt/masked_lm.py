"""Masked language models: loading one with its head, and changing the size of its vocabulary.

XLM-R's head holds its output bias twice, in the head and in its last layer; transformers resizes the first only where
the weights are tied, so both are handled here. Training is in `mlm.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from xlreach.compute.loading import WEIGHTS, attention_implementation, check_weights, safe_loading
from xlreach.errors import ModelError

Model = Any  # a model with a masked-language-model head; transformers has no common type for these


def load_masked_lm(source: Path, seed: int) -> tuple[Model, list[str]]:
    """Loads an encoder with its masked-language-model head in float32; the warnings say whether that head is new.

    Raises:
        ModelError: transformers does not know the architecture, or it has no masked-language-model form.
    """
    with safe_loading(source) as options, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, info = AutoModelForMaskedLM.from_pretrained(
            source,
            attn_implementation=attention_implementation("cuda" if torch.cuda.is_available() else "cpu"),
            output_loading_info=True,
            **WEIGHTS,
            **options,
        )
    masked_lm_head(model)
    check_weights(model, info, source)
    missing = [name for name in info["missing_keys"] if not name.startswith(f"{model.base_model_prefix}.")]
    new_head = "The base has no masked-language-model head; it got a new one, tied to its embeddings."
    return model, [new_head] if missing else []


def masked_lm_head(model: Model) -> torch.nn.Module:
    """The module that turns hidden states, shape (n, hidden), into logits, shape (n, vocabulary).

    Raises:
        ModelError: The architecture is not known.
    """
    for name in ("lm_head", "cls"):
        head = getattr(model, name, None)
        if isinstance(head, torch.nn.Module):
            return head
    raise ModelError(
        f"The masked-language-model head of {type(model).__name__} is not known.",
        expected="Expected an encoder shaped like XLM-R or BERT.",
    )


def resize_vocabulary(model: Model, size: int) -> None:
    """Resizes embeddings, output layer and both output biases to `size` rows; new rows wait to be written."""
    old_size = model.get_input_embeddings().weight.shape[0]
    if size == old_size:
        return
    # With mean_resizing all new rows would be practically one vector.
    model.resize_token_embeddings(size, mean_resizing=False)
    for module in _with_second_bias(model, old_size):
        bias = module.bias.data
        module.bias = torch.nn.Parameter(torch.cat([bias[:size], bias.new_zeros(max(0, size - old_size))]))


@torch.no_grad()
def set_output_bias(model: Model, bias: torch.Tensor) -> None:
    """Writes the output bias, shape (vocabulary,), wherever the head holds it."""
    model.get_output_embeddings().bias.copy_(bias)
    for module in _with_second_bias(model, len(bias)):
        module.bias.copy_(bias)


def _with_second_bias(model: Model, size: int) -> list[Any]:
    """The modules of the head that hold a bias for each piece and are no linear layer."""
    modules = [module for module in masked_lm_head(model).modules() if not isinstance(module, torch.nn.Linear)]
    return [module for module in modules if getattr(getattr(module, "bias", None), "shape", None) == (size,)]
