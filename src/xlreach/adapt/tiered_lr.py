"""Training some rows of the embeddings at their own learning rate ("tiered" augmentation, Chau & Smith 2021).

The rows are copied into separate parameters, which the optimizer steps at their rate. After each step the copies are
written back over the same rows of the whole table, so that every number gets one step and one weight decay, at one
rate. (The published code has two optimizers for one matrix, but by mistake gives both the same rate.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Tier:
    """Rows of a model's input embeddings and, where it is not tied to them, of its output layer; none is allowed."""

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
        """Copies the rows' gradients, before the optimizer's step and after clipping."""
        for copy, table in zip(self.copies.values(), self._tables.values(), strict=True):
            copy.grad = None if table.grad is None else table.grad[self._rows].clone()

    @torch.no_grad()
    def write_back(self) -> None:
        """Writes the rows into the tables, after the optimizer's step."""
        for copy, table in zip(self.copies.values(), self._tables.values(), strict=True):
            table[self._rows] = copy
