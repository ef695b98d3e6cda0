"""Validation while an encoder is trained: retrieval among held-out pairs, in low- and high-resource languages.

Whole groups are held out, so that no translation of a held-out sentence is trained on. In each pool (data set, query
language, passage language) every held-out query is searched among the pool's held-out passages; the measure is the mean
reciprocal rank of the query's passage, and ties count against it. A pool counts as low-resource if either of its
languages is one. The weights kept are those with the best mean of the two levels.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from sentence_transformers.base.evaluation import BaseEvaluator

from xlreach.errors import DataError
from xlreach.retrieval.batches import PairTable

METRIC = "mrr"
_SHARE, _MOST = 0.05, 200  # of the groups, held out


@dataclass(frozen=True)
class HeldOut:
    """The held-out pairs of a pool; the passage of a query has the same position as the query."""

    name: str
    low: bool
    queries: tuple[str, ...]
    passages: tuple[str, ...]


def hold_out(table: PairTable, low: Collection[str], seed: int) -> list[HeldOut]:
    """Removes whole groups of pairs from the table's pools, and returns them.

    Raises:
        DataError: A pool has nothing left to train on, or there is too little to hold out.
    """
    groups = np.unique(table.groups)
    count = min(_MOST, int(len(groups) * _SHARE))
    chosen = np.random.default_rng([seed, 2]).choice(groups, count, replace=False)
    out = np.isin(table.groups, chosen)
    held: list[HeldOut] = []
    for name, a, b, rows in table.pools():
        taken = [row for row in rows if out[row]]
        kept = [row for row in rows if not out[row]]
        if not kept:
            raise DataError(f"All pairs of {name} in {a}-{b} would be held out.", fix="Set validate=0.")
        if len(taken) > 1:
            texts = zip(*((table.queries[row], table.passages[row]) for row in taken), strict=True)
            queries, passages = map(tuple, texts)
            held.append(HeldOut(f"{name} {a}-{b}", bool({a, b} & set(low)), queries, passages))
        table.by_dataset[name][a, b] = kept
    if not held:
        raise DataError(
            f"Of {len(groups)} groups of pairs, too few can be held out for validation.", fix="Set validate=0."
        )
    return held


class RetrievalEvaluator(BaseEvaluator):
    """What the trainer calls to validate.

    `history` holds, for each validation, its step, the MRR of `low` and of `high`, and the mean of the two.
    """

    def __init__(self, held: list[HeldOut], batch: int) -> None:
        super().__init__()
        self._held, self._batch = held, batch
        self.primary_metric = METRIC
        self.history: list[dict[str, float]] = []

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """The `mrr` of the model and, where there are such pools, that of `low` and `high`."""
        levels: dict[str, list[float]] = {}
        # A text can be a query in one pool and a passage in another; it is encoded once as each.
        vectors = {}
        for part, prompt in (("queries", "query"), ("passages", "document")):
            texts = list(dict.fromkeys(text for pool in self._held for text in getattr(pool, part)))
            prefix = model.prompts.get(prompt) or None
            encoded = model.encode(
                texts, prompt=prefix, batch_size=self._batch, normalize_embeddings=True, show_progress_bar=False
            )
            vectors[part] = dict(zip(texts, encoded, strict=True))
        for pool in self._held:
            queries = np.stack([vectors["queries"][text] for text in pool.queries])
            passages = np.stack([vectors["passages"][text] for text in pool.passages])
            levels.setdefault("low" if pool.low else "high", []).append(mean_reciprocal_rank(queries @ passages.T))
        means = {level: fmean(values) for level, values in levels.items()}
        means[METRIC] = fmean(means.values())
        self.history.append({"step": steps, **{name: round(value, 5) for name, value in means.items()}})
        return means


def mean_reciprocal_rank(scores: np.ndarray) -> float:
    """The mean reciprocal rank of the diagonal in scores of shape (queries, passages); ties count against it."""
    return float((1 / (scores >= np.diagonal(scores)[:, None]).sum(1)).mean())
