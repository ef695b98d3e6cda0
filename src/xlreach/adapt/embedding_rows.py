"""Changing how many rows an encoder's embeddings, output layer and output bias have, for another vocabulary.

XLM-R's masked-language-model head holds its output bias twice, in the head and in its last layer; transformers resizes
the first only where the weights are tied, so both are handled here.
"""

from __future__ import annotations

from typing import Any

import torch

from xlreach.adapt.mlm import masked_lm_head


def resize_vocabulary(model: Any, size: int) -> None:
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
def set_output_bias(model: Any, bias: torch.Tensor) -> None:
    """Writes the output bias, shape (vocabulary,), wherever the head holds it."""
    model.get_output_embeddings().bias.copy_(bias)
    for module in _with_second_bias(model, len(bias)):
        module.bias.copy_(bias)


def _with_second_bias(model: Any, size: int) -> list[Any]:
    """The modules of the head that hold a bias for each piece and are no linear layer."""
    modules = [module for module in masked_lm_head(model).modules() if not isinstance(module, torch.nn.Linear)]
    return [module for module in modules if getattr(getattr(module, "bias", None), "shape", None) == (size,)]
