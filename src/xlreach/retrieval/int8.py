"""Encoding with int8 weights, for CPUs without bf16 instructions: sentence-transformers' OpenVINO backend.

The model is converted in memory when it is opened (half a minute or more for a large one); the encoder's folder does
not change. How near the vectors are to those of fp32 depends on the model, so it is measured on a sample of the texts
before they are encoded.

ONNX is not supported: optimum-onnx 0.1.0 needs transformers 4, and optimum-intel 2.2, for OpenVINO, needs 5.5.
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
"""A model is refused if the cosines to the fp32 vectors are lower, on average or for any text."""

SAMPLE = 64
"""Texts that are compared, of all lengths."""


def int8_transformer(encoder: Path) -> Any:
    """The folder's first module (from pieces to their vectors) in int8, called as torch's is.

    Raises:
        MissingExtraError: OpenVINO or optimum-intel is not installed, or does not work with this transformers.
        ModelError: The model cannot be converted.
    """
    missing = MissingExtraError("optimum-intel", "openvino", "dtype int8")
    if importlib.util.find_spec("openvino") is None or importlib.util.find_spec("optimum") is None:
        raise missing
    try:
        import optimum.intel.openvino  # noqa: F401  (sentence-transformers' own error hides the reason)
    except ImportError as error:
        raise missing from error
    for name in ("nncf", "optimum", "optimum.intel"):  # they log every step
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):  # torch's tracer warns of every branch
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
    """Up to `SAMPLE` texts, evenly spaced from the shortest to the longest."""
    by_length = sorted(set(texts), key=len)
    positions = np.unique(np.linspace(0, len(by_length) - 1, min(SAMPLE, len(by_length))).round().astype(int))
    return [by_length[position] for position in positions]


def check_fidelity(ours: NDArray[np.float32], exact: NDArray[np.float32], path: Path) -> dict[str, float]:
    """Compares unit vectors with those of fp32, both (texts, dimension): `{texts, mean_cosine, lowest_cosine}`.

    Raises:
        ModelError: They are too far apart.
    """
    cosines = (ours.astype(np.float64) * exact).sum(axis=1)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    if not (mean >= LOWEST_MEAN and lowest >= LOWEST):  # true for NaN too
        raise ModelError(
            f"In int8 its vectors have a cosine of {mean:.4f} to those of fp32 on average, {lowest:.4f} at the lowest.",
            expected=f"Expected {LOWEST_MEAN} and {LOWEST} or more.",
            fix="Use --dtype fp32 or auto.",
            path=path,
        )
    return {"texts": len(cosines), "mean_cosine": round(mean, 5), "lowest_cosine": round(lowest, 5)}
