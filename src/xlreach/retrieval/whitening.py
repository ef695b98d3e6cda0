"""The correction that a pooling fits on unlabeled text: removes language means, whitens components; one linear layer.

The layer computes W'P(x − m), where x is a pooled vector, m the mean of the languages' means, P the projection that
removes the directions in which these means differ, and W the leading eigenvectors of the covariance of P(x − m), each
divided by the root of its eigenvalue. All languages have the same weight, however much text they have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.modules import Normalize

from xlreach.corpora.formats.lines import read_lines
from xlreach.errors import DataError, SpecError
from xlreach.retrieval.pooling import Pooling

LINES = 2000
"""Lines of each language that the correction is fitted on, drawn at random."""

_FLAT = 1e-9  # share of the largest eigenvalue below which a direction holds no variance
Matrix = NDArray[np.float64]


def add_correction(
    model: SentenceTransformer, pooling: Pooling, text: Mapping[str, Path], transform: Callable[[str], str]
) -> None:
    """Fits the layer on a file of unlabeled text for each language; inserts it before the normalizing one, the last.

    Raises:
        DataError: There is no text, or text of one language only although language means are to be removed.
        SpecError: More components are asked for than there are.
    """
    if not text or (pooling.centre and len(text) < 2):
        raise DataError(
            f"{pooling} is fitted on unlabeled text of {'two languages or more' if pooling.centre else 'a language'}; "
            f"given: {', '.join(text) or 'none'}.",
            fix="Give text: --text LANG=FILE, or in a study the field 'text'.",
        )
    *modules, last = model
    assert isinstance(last, Normalize)
    pooled: Any = SentenceTransformer(modules=modules, device=str(model.device))
    prefix = model.prompts.get("document") or ""
    vectors = []
    for path in text.values():
        lines = [prefix + transform(line) for line in _sample(read_lines(path))]
        if len(lines) < 2:
            raise DataError("The file has no two lines of text.", path=path)
        vectors.append(pooled.encode(lines, show_progress_bar=False).astype(np.float64))
    weight, bias = linear_layer(vectors, pooling)
    layer = Dense(
        weight.shape[1],
        weight.shape[0],
        activation_function=None,
        init_weight=torch.tensor(weight, dtype=torch.float32),
        init_bias=torch.tensor(bias, dtype=torch.float32),
    )
    model.pop(len(model) - 1)
    model.append(layer.to(model.device))
    model.append(last)


def linear_layer(languages: list[Matrix], pooling: Pooling) -> tuple[Matrix, Matrix]:
    """The layer's weight, shape (components, dimension), and bias, (components,), from the vectors of each language.

    Raises:
        SpecError: More components are asked for than have a variance above zero.
    """
    means = np.stack([vectors.mean(0) for vectors in languages])
    middle, width = means.mean(0), means.shape[1]
    projection = np.eye(width)
    if pooling.centre:
        _, sizes, directions = np.linalg.svd(means - middle, full_matrices=False)
        apart = directions[sizes > sizes.max() * 1e-6]
        projection -= apart.T @ apart
    if pooling.whiten is not None:
        covariance = np.mean([np.cov((vectors - middle) @ projection, rowvar=False) for vectors in languages], axis=0)
        values, components = np.linalg.eigh(covariance)
        available = int((values > values[-1] * _FLAT).sum())
        if pooling.whiten > available:
            raise SpecError(
                f"{pooling} keeps {pooling.whiten} components.",
                expected=f"Expected at most {available}: more have no variance in this text.",
            )
        kept = np.argsort(-values)[: pooling.whiten]
        projection = projection @ (components[:, kept] / np.sqrt(values[kept]))
    return projection.T.copy(), -middle @ projection


def _sample(lines: Iterable[str]) -> list[str]:
    """`LINES` lines at random, all equally likely, in one pass (reservoir sampling)."""
    generator, kept = random.Random(0), []
    for number, line in enumerate(filter(str.strip, lines)):
        if number < LINES:
            kept.append(line)
        elif (at := generator.randrange(number + 1)) < LINES:
            kept[at] = line
    return kept
