"""The layers on top of the word representations: softmax, biaffine parser, CRF.

A head takes words (batch, length, size) and a mask (batch, length), and gives a loss against gold annotations, or
predictions. Shapes and dropout rates follow Chau and Smith 2021 (AllenNLP).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlreach.tagging.crf import LinearChainCRF
from xlreach.tagging.labels import IGNORED, Labels, Prediction
from xlreach.tagging.representations import SentenceDropout
from xlreach.tagging.trees import decode_heads


class Head(nn.Module, ABC):
    """What all heads can do."""

    @abstractmethod
    def loss(self, words: Tensor, mask: Tensor, labels: Tensor, heads: Tensor) -> Tensor:
        """Mean loss per word, of word representations of shape (batch, length, size); `mask` is true for words.

        `labels` are label indices and `heads` gold heads counted from 1, 0 for the root, both (batch, length), with
        `IGNORED` for padding and unknown labels; tasks without trees ignore the heads.
        """

    @abstractmethod
    def predict(self, words: Tensor, mask: Tensor) -> list[Prediction]:
        """Label indices, and heads where the task has them, of each sentence; arguments as in `loss`."""


class SoftmaxHead(Head):
    """A label for each word on its own: dropout, one linear layer, cross entropy."""

    def __init__(self, size: int, labels: Labels, dropout: float = 0.4) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(size, len(labels))

    def loss(self, words: Tensor, mask: Tensor, labels: Tensor, heads: Tensor) -> Tensor:
        scores = self.score(self.dropout(words)).float()
        return F.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

    def predict(self, words: Tensor, mask: Tensor) -> list[Prediction]:
        best = self.score(words).argmax(2).tolist()
        return [Prediction(row[:n]) for row, n in zip(best, mask.sum(1).tolist(), strict=True)]


class CRFHead(Head):
    """A sequence of IOB2 tags: dropout, one linear layer, linear-chain CRF."""

    def __init__(self, size: int, labels: Labels, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(size, len(labels))
        self.crf = LinearChainCRF(labels.names)

    def loss(self, words: Tensor, mask: Tensor, labels: Tensor, heads: Tensor) -> Tensor:
        emissions = self.score(self.dropout(words))
        return -self.crf.log_likelihood(emissions, labels, mask).sum() / mask.sum()

    def predict(self, words: Tensor, mask: Tensor) -> list[Prediction]:
        return [Prediction(row) for row in self.crf.viterbi(self.score(words), mask)]


class BiaffineHead(Head):
    """A dependency tree: deep biaffine attention (Dozat and Manning 2017).

    Arcs and relations have separate perceptrons (ELU). Relations are scored only at the gold heads in training and
    at the predicted heads in decoding, (batch, length, relations) rather than (batch, length, length, relations).
    The relation `root` (with its subtypes) is predicted with head 0 and only there, as UD demands.
    """

    at_root: Tensor

    def __init__(self, size: int, labels: Labels, dropout: float = 0.3, arc: int = 100, relation: int = 100) -> None:
        super().__init__()
        self.dropout = SentenceDropout(dropout)
        self.root = nn.Parameter(torch.randn(size) / size**0.5)
        self.arc_dependent, self.arc_head = nn.Linear(size, arc), nn.Linear(size, arc)
        self.relation_dependent, self.relation_head = nn.Linear(size, relation), nn.Linear(size, relation)
        self.arc = nn.Parameter(torch.empty(arc + 1, arc))
        self.relation = nn.Parameter(torch.empty(relation + 1, len(labels), relation + 1))
        nn.init.xavier_uniform_(self.arc)
        bound = (6 / (2 * relation + 2)) ** 0.5
        nn.init.uniform_(self.relation, -bound, bound)
        at_root = torch.tensor([name.split(":")[0] == "root" for name in labels.names])
        self.register_buffer("at_root", at_root, persistent=False)

    def loss(self, words: Tensor, mask: Tensor, labels: Tensor, heads: Tensor) -> Tensor:
        nodes = self._nodes(words)
        arcs = self._arc_scores(nodes, mask)
        arc_loss = F.cross_entropy(arcs.flatten(0, 1), heads.flatten(), ignore_index=IGNORED)
        relations = self._relation_scores(nodes, heads.clamp(min=0))
        return arc_loss + F.cross_entropy(relations.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

    def predict(self, words: Tensor, mask: Tensor) -> list[Prediction]:
        nodes = self._nodes(words)
        scores = self._arc_scores(nodes, mask).log_softmax(2).cpu().numpy()
        lengths = mask.sum(1).tolist()
        trees = np.zeros(mask.shape, np.int64)
        for tree, row, n in zip(trees, scores, lengths, strict=True):
            # Rows are dependents, without the root; decoding expects a row for the root too, but does not read it.
            tree[:n] = decode_heads(np.pad(row[:n, : n + 1], ((1, 0), (0, 0))))
        heads = torch.from_numpy(trees).to(words.device)
        relations = self._relation_scores(nodes, heads)
        if self.at_root.any() and not self.at_root.all():
            relations = relations.masked_fill(self.at_root != (heads == 0).unsqueeze(2), -torch.inf)
        best = relations.argmax(2).tolist()
        return [Prediction(row[:n], tree[:n].tolist()) for row, n, tree in zip(best, lengths, trees, strict=True)]

    def _nodes(self, words: Tensor) -> Tensor:
        """The root's vector, then the words: (batch, length + 1, size), with dropout."""
        root = self.root.to(words.dtype).expand(len(words), 1, -1)
        nodes: Tensor = self.dropout(torch.cat([root, words], dim=1))
        return nodes

    def _arc_scores(self, nodes: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, length + 1): the score of each node as the head of each word; no word is its own head."""
        dependents = _with_one(self.dropout(F.elu(self.arc_dependent(nodes[:, 1:]))))
        heads = self.dropout(F.elu(self.arc_head(nodes)))
        scores = (dependents @ self.arc @ heads.transpose(1, 2)).float()
        length = mask.shape[1]
        closed = ~F.pad(mask, (1, 0), value=True).unsqueeze(1).expand(-1, length, -1)
        itself = torch.eye(length + 1, dtype=torch.bool, device=mask.device)[1:]
        # Not -inf: a row of padding has no open column but the root, and its softmax must stay finite.
        return scores.masked_fill(closed | itself, -1e9)

    def _relation_scores(self, nodes: Tensor, heads: Tensor) -> Tensor:
        """(batch, length, relations) at the given heads (batch, length)."""
        dependents = _with_one(self.dropout(F.elu(self.relation_dependent(nodes[:, 1:]))))
        above = self.dropout(F.elu(self.relation_head(nodes)))
        chosen = _with_one(above.gather(1, heads.unsqueeze(2).expand(-1, -1, above.shape[2])))
        return torch.einsum("bld,drh,blh->blr", dependents, self.relation, chosen).float()


def _with_one(x: Tensor) -> Tensor:
    """Appends a constant 1 to the last dimension: the bias of a biaffine form."""
    return F.pad(x, (0, 1), value=1.0)
