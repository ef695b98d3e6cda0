"""Some rows of the embeddings at a learning rate of their own ("tiered" augmentation, Chau & Smith 2021).

The new rows are copied into parameters of their own, which the optimizer steps at their rate; after each step they
are put back over what it did to the same rows of the whole table. So every number gets one step and one weight decay,
at one rate. (The published code meant this with two optimizers over one matrix, but gave both the same rate.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Tier:
    """Rows of a model's input embeddings and, where it is not tied to them, of its output layer.

    Args:
        model: Already on the device where it is trained.
        rows: Ids of the rows; none makes a tier that does nothing.
    """

    def __init__(self, model: Any, rows: Sequence[int]) -> None:
        self._tables: dict[str, torch.nn.Parameter] = {}
        if rows:
            tables = {"input": model.get_input_embeddings().weight}
            output = model.get_output_embeddings()
            if output is not None and output.weight is not tables["input"]:
                tables["output"] = output.weight
            self._tables = {name: table for name, table in tables.items() if table.requires_grad}
            self._rows = torch.tensor(list(rows), device=tables["input"].device)
        self.copies = {
            f"tier.{name}": torch.nn.Parameter(table.detach()[self._rows].clone())
            for name, table in self._tables.items()
        }

    def take_gradients(self) -> None:
        """Before the optimizer's step, gradients already clipped."""
        for copy, table in zip(self.copies.values(), self._tables.values(), strict=True):
            copy.grad = None if table.grad is None else table.grad[self._rows].clone()

    @torch.no_grad()
    def put_back(self) -> None:
        """After the optimizer's step: the tables get the rows as the tier has them."""
        for copy, table in zip(self.copies.values(), self._tables.values(), strict=True):
            table[self._rows] = copy
