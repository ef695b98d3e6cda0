"""Loading models of transformers and sentence-transformers: from local folders, without code or pickles, quietly."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xlreach.errors import ModelError

_LOCAL_WITHOUT_CODE = {"trust_remote_code": False, "local_files_only": True}
WEIGHTS: dict[str, Any] = {"dtype": "float32", "use_safetensors": True, "ignore_mismatched_sizes": True}
"""Loads weights in float32, however a checkpoint is kept; `check_weights` must follow, and names what does not fit."""
_DERIVED = ("position_ids", "inv_freq", "token_type_ids")  # buffers that old checkpoints hold and models compute


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


def check_weights(model: Any, info: Mapping[str, Any], folder: Path) -> None:
    """Raises a ModelError where weights of the body are missing, too many or mis-shaped; `info` is what was loaded."""
    prefix, body = f"{model.base_model_prefix}.", {name for name, _ in model.base_model.named_children()} - {"pooler"}

    kinds = {"lack": "missing_keys", "have another shape of": "mismatched_keys", "have too much:": "unexpected_keys"}
    for problem, kind in kinds.items():
        names = sorted(name if isinstance(name, str) else name[0] for name in info[kind])
        inner = [name for name in names if name.removeprefix(prefix).split(".")[0] in body]
        if unfit := [name for name in inner if not name.endswith(_DERIVED)]:
            others = sorted(info["unexpected_keys"])[:1] if problem == "lack" else ()
            instead = "".join(f", and have {name!r} instead" for name in others)
            seen = f"The weights {problem} {unfit[0]!r} ({len(unfit)} of this kind){instead}."
            fix = "Save it again: of a compiled or parallel model, the module inside (`model._orig_mod`)."
            raise ModelError(seen, expected="Expected those that config.json describes.", fix=fix, path=folder)


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
