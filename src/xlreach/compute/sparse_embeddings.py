"""Training only the rows of the embeddings that a text uses, under the loss of the whole vocabulary.

Of XLM-R's 250,002 rows, text of one language uses a few thousand, and yet the rows of all pieces take three quarters
of the memory of a training (weight, gradient, two moments) and most of an optimizer step. Here the rows in use become
a table of their own. The other rows stay as they are, in the precision of the forward pass, and take part only in the
softmax of a language model. So loss and gradients are those of the whole model. One thing differs from training
everything: weight decay and the loss do not move the other rows.

The loss goes through the vocabulary in blocks and computes its gradients on the way, so that memory never holds the
probabilities of all pieces at once, nor their gradients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

_POSITIONS, _PIECES = 256, 1 << 15  # of a block of logits


class SparseEmbeddings:
    """Narrows a model, in place, to some rows of its embeddings and of its output layer, if it has one.

    `rows` ascend; piece `rows[i]` is `i` from now on, and the padding id must keep its number. The whole tables lie in
    `folder` until `restore`; without a folder they are dropped. `rest` holds the rows of the output layer left out,
    (pieces, hidden), in `dtype`, and their biases; None without an output layer.
    """

    def __init__(
        self, model: Any, rows: NDArray[np.int64], dtype: torch.dtype = torch.float32, folder: Path | None = None
    ) -> None:
        embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
        self._file = None if folder is None else folder / "whole-tables.safetensors"
        self._rows = torch.from_numpy(rows).to(embeddings.weight.device)
        self._tables = [(embeddings, "weight")]
        self.rest: tuple[Tensor, Tensor] | None = None
        if output is not None:
            size = embeddings.weight.shape[0]
            others = torch.from_numpy(np.setdiff1d(np.arange(size), rows)).to(self._rows.device)
            with torch.no_grad():
                bias = torch.zeros(size, device=self._rows.device) if output.bias is None else output.bias
                self.rest = (output.weight[others].to(dtype), bias[others].float())
            self._tables += [(output, name) for name in ("weight", "bias") if getattr(output, name) is not None]
        self._whole = [getattr(module, name) for module, name in self._tables]
        # Tied tables are one parameter: each parameter is stored and narrowed once.
        self._first = {id(table): number for number, table in reversed(list(enumerate(self._whole)))}
        if self._file is not None:
            stored = {str(number): self._whole[number].detach().contiguous() for number in self._first.values()}
            save_file(stored, self._file)
        narrow = {}
        for key, number in self._first.items():
            table = self._whole[number]
            narrow[key] = torch.nn.Parameter(table.detach()[self._rows].clone(), table.requires_grad)
        for (module, name), table in zip(self._tables, self._whole, strict=True):
            setattr(module, name, narrow[id(table)])
        embeddings.num_embeddings = len(rows)
        for table in self._whole:
            table.data = table.data.new_empty(0)

    def restore(self) -> None:
        """Gives the model its whole tables back, with the trained rows in them."""
        assert self._file is not None
        stored = load_file(self._file)
        for number in self._first.values():
            module, name = self._tables[number]
            trained = getattr(module, name).detach()
            table = stored[str(number)].to(trained.device)
            table[self._rows] = trained
            self._whole[number].data = table
        for (module, name), table in zip(self._tables, self._whole, strict=True):
            setattr(module, name, table)
        embeddings = self._tables[0][0]
        embeddings.num_embeddings = len(embeddings.weight)
        self._file.unlink()


def cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, rest: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """The mean cross-entropy of pieces, in nats, float32.

    `hidden` is (positions, hidden), `weight` (pieces, hidden), `bias` (pieces,); negative `targets` are left out of the
    mean. `rest` has rows and biases of more pieces, none of them ever right, that get no gradient.
    """
    loss: Tensor = _CrossEntropy.apply(hidden, weight, bias, targets, rest, torch.is_grad_enabled())
    return loss


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        rest: tuple[Tensor, Tensor] | None,
        with_gradients: bool,
    ) -> Tensor:
        cast = weight.to(hidden.dtype)
        biases = hidden.new_zeros(len(weight), dtype=torch.float32) if bias is None else bias.float()
        tables = [(cast, biases)] if rest is None else [(cast, biases), rest]
        blocks = [(w[i : i + _PIECES], b[i : i + _PIECES]) for w, b in tables for i in range(0, len(w), _PIECES)]
        counted = (targets >= 0).sum().clamp(min=1)
        total = hidden.new_zeros((), dtype=torch.float32)
        d_hidden, d_weight, d_bias = torch.zeros_like(hidden), None, torch.zeros_like(biases)
        if with_gradients:
            d_weight = torch.zeros_like(weight)
        for start in range(0, len(hidden), _POSITIONS):
            part, right = hidden[start : start + _POSITIONS], targets[start : start + _POSITIONS]
            logits = [part @ w.T for w, _ in blocks]
            sums = torch.stack([(x.float() + b).logsumexp(1) for x, (_, b) in zip(logits, blocks, strict=True)])
            log_z = sums.logsumexp(0)
            use = right >= 0
            own = torch.where(use, right, 0)
            score = (cast[own].float() * part.float()).sum(1) + biases[own]
            total += torch.where(use, log_z - score, 0.0).sum()
            if d_weight is None:
                continue
            scale = (use / counted).unsqueeze(1)
            first = 0
            gradient = torch.zeros_like(part, dtype=torch.float32)
            for x, (w, b) in zip(logits, blocks, strict=True):
                p = (x.float() + (b - log_z.unsqueeze(1))).exp_().mul_(scale)
                if first < len(weight):
                    last = first + len(w)
                    inside = torch.nonzero(use & (right >= first) & (right < last)).squeeze(1)
                    p[inside, right[inside] - first] -= scale[inside, 0]
                    d_bias[first:last] += p.sum(0)
                    d_weight[first:last] += p.to(part.dtype).T @ part
                gradient += p.to(part.dtype) @ w
                first += len(w)
            d_hidden[start : start + _POSITIONS] = gradient
        ctx.save_for_backward(d_hidden, d_weight, d_bias if bias is not None else None)
        return total / counted

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = [None if g is None else g * upstream[0] for g in ctx.saved_tensors]
        return (*gradients, None, None, None)
