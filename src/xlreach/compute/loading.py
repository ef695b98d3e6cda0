"""Loading models of transformers and sentence-transformers: from local folders, without code or pickles, quietly."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlreach.errors import ModelError

_LOCAL_WITHOUT_CODE = {"trust_remote_code": False, "local_files_only": True}


@contextlib.contextmanager
def safe_loading(folder: Path) -> Iterator[dict[str, Any]]:
    """A block that loads a model: gives the keyword arguments that keep loading local and free of foreign code.

    Raises:
        ModelError: The library cannot load what is in the folder.
    """
    with quiet_loading():
        try:
            yield dict(_LOCAL_WITHOUT_CODE)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"The encoder cannot be loaded ({reason}).", path=folder) from error


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """A block in which the libraries draw no progress bars and do not report weights that a model lacks or leaves."""
    from transformers.utils import logging as transformers_logging

    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "transformers")]
    levels, bars = [logger.level for logger in loggers], transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()


def position_limit(model: Any) -> int | None:
    """How many pieces the learned position embeddings of a transformer allow; None if it has no such embeddings."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(module, "num_embeddings"):
            # The RoBERTa family counts positions from the padding id on.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return None


def attention_implementation(device: str) -> str:
    """The attention code to train with: on CPUs the backward pass of fused attention is the slower one."""
    return "eager" if device == "cpu" else "sdpa"
