"""Encoding with int8 weights: OpenVINO, through sentence-transformers' backend of that name.

For CPUs without bf16 instructions. The model is converted when it is opened, in memory (half a minute or more for a
large one), so the encoder's folder stays as it is. How near the vectors are to those of fp32 depends on the model, so
it is measured on the very texts, before any of them is encoded for good.

Not here: ONNX. optimum-onnx (0.1.0) wants transformers 4; what OpenVINO needs (optimum-intel 2.2) wants 5.5.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from xlreach.errors import MissingExtraError, ModelError

LOWEST_MEAN, LOWEST = 0.99, 0.95
"""Cosines to the fp32 vectors, on average and of any text, below which a model is refused."""

SAMPLE = 64
"""Texts that are compared, of all lengths there are."""


def int8_transformer(encoder: Path) -> Any:
    """The folder's first module (texts' pieces to their vectors), in int8; takes and gives what torch's does.

    Raises:
        MissingExtraError: OpenVINO or optimum-intel is not installed, or not with a version of transformers it takes.
        ModelError: The model cannot be converted.
    """
    missing = MissingExtraError("optimum-intel", "openvino", "dtype int8")
    if importlib.util.find_spec("openvino") is None or importlib.util.find_spec("optimum") is None:
        raise missing
    try:
        import optimum.intel.openvino  # noqa: F401  what sentence-transformers would say hides the reason
    except ImportError as error:
        raise missing from error
    for name in ("nncf", "optimum", "optimum.intel"):  # each tells of its steps
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):  # of torch's tracer, for every branch it sees
            model = SentenceTransformer(
                str(encoder),
                backend="openvino",
                device="cpu",
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"load_in_8bit": True},
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"OpenVINO cannot convert it: {reason[0]}", path=encoder) from error
    return model[0]


def sample(texts: Sequence[str]) -> list[str]:
    """Up to `SAMPLE` texts, from the shortest to the longest at even steps."""
    by_length = sorted(set(texts), key=len)
    positions = np.unique(np.linspace(0, len(by_length) - 1, min(SAMPLE, len(by_length))).round().astype(int))
    return [by_length[position] for position in positions]


def check_fidelity(ours: NDArray[np.float32], exact: NDArray[np.float32], path: Path) -> dict[str, float]:
    """How near unit vectors are to those of fp32.

    Args:
        ours: Shape (texts, dimension).
        exact: The same texts in fp32.

    Returns:
        `{texts, mean_cosine, lowest_cosine}`.

    Raises:
        ModelError: They are too far.
    """
    cosines = (ours.astype(np.float64) * exact).sum(axis=1)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    if not (mean >= LOWEST_MEAN and lowest >= LOWEST):  # also where one is no number
        raise ModelError(
            f"In int8 its vectors have a cosine of {mean:.4f} to those of fp32 on average, {lowest:.4f} at the lowest.",
            expected=f"Expected {LOWEST_MEAN} and {LOWEST} or more.",
            fix="Use --dtype fp32 or auto.",
            path=path,
        )
    return {"texts": len(cosines), "mean_cosine": round(mean, 5), "lowest_cosine": round(lowest, 5)}
