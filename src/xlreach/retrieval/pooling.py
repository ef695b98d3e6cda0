"""From a model folder to a sentence encoder: which pooling it declares, and loading it with that or another one.

Any folder that plain `AutoModel` or plain `SentenceTransformer` loads will do. Only local folders: finding and
downloading models is `adapt.encoder`'s business.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from transformers.utils import logging as transformers_logging

from xlreach.adapt.encoder import check_encoder
from xlreach.errors import ModelError, SpecError, nearest

POOLINGS = ("mean", "cls", "max", "weightedmean", "lasttoken", "mean_sqrt_len_tokens")


def folder_pooling(encoder: Path) -> str | None:
    """The pooling that the folder declares; several are joined by `+`; None for a plain transformers folder.

    Raises:
        ModelError: `modules.json` or the pooling's configuration is no JSON.
    """
    modules = _read_json(encoder / "modules.json")
    for module in modules or ():
        if str(module.get("type", "")).endswith("Pooling"):
            config = _read_json(encoder / str(module.get("path", "")) / "config.json") or {}
            return "+".join(_modes(config))
    return None


def load_encoder(
    encoder: Path,
    *,
    pooling: str | None = None,
    max_length: int | None = None,
    device: str | None = None,
    attention: str | None = None,
) -> SentenceTransformer:
    """Loads a folder as a SentenceTransformer, without running code or pickles from it.

    Args:
        encoder: The folder.
        pooling: One of `POOLINGS` in place of what the folder declares; None keeps that, or takes `mean`.
        max_length: Pieces a text is cut to; None keeps the folder's own limit.
        device: As torch names it; None takes an accelerator where there is one.
        attention: `eager` or `sdpa`; None leaves the choice to transformers.

    Raises:
        SpecError: No such pooling.
        ModelError: The folder cannot be loaded, or the length exceeds its positions.
    """
    encoder = Path(encoder)
    if pooling is not None and pooling not in POOLINGS:
        raise SpecError(f"Unknown pooling {pooling!r}.", fix=nearest(pooling, POOLINGS))
    check_encoder(encoder, transforms=True)
    model_kwargs: dict[str, Any] = {"use_safetensors": True}
    if attention:
        model_kwargs["attn_implementation"] = attention
    try:
        with quiet_loading():
            model = SentenceTransformer(
                str(encoder), device=device, trust_remote_code=False, local_files_only=True, model_kwargs=model_kwargs
            )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"Cannot be loaded as an encoder: {reason[0]}", path=encoder) from error
    if pooling is not None and pooling != folder_pooling(encoder):
        model = _with_pooling(model, pooling, encoder)
    if max_length is not None:
        limit = model.max_seq_length
        if limit is not None and not 1 <= max_length <= limit:
            raise ModelError(
                f"max_length={max_length}.", expected=f"Expected 1 to {limit}, the model's own limit.", path=encoder
            )
        model.max_seq_length = max_length
    return model


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Silences the libraries' remarks and bars while a model is loaded."""
    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "transformers")]
    levels = [logger.level for logger in loggers]
    bars = transformers_logging.is_progress_bar_enabled()
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        transformers_logging.disable_progress_bar()
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _with_pooling(model: SentenceTransformer, pooling: str, encoder: Path) -> SentenceTransformer:
    """The same model with another pooling; layers behind the old one were trained for it and are dropped."""
    kept = list(model)[: next((at for at, one in enumerate(model) if isinstance(one, Pooling)), len(model))]
    if len(kept) == len(model) and len(kept) > 1:
        raise ModelError("Has no pooling that could be replaced.", fix="Leave the pooling as it is.", path=encoder)
    modules: list[Any] = list(kept)
    return SentenceTransformer(
        modules=[*modules, Pooling(modules[0].get_embedding_dimension(), pooling_mode=pooling), Normalize()],
        prompts={name: text or "" for name, text in model.prompts.items()},
        default_prompt_name=model.default_prompt_name,
        device=str(model.device),
    )


def _modes(config: dict[str, Any]) -> list[str]:
    given = config.get("pooling_mode")
    if given is not None:
        return [given] if isinstance(given, str) else list(given)
    old = {"cls_token": "cls", "max_tokens": "max", "mean_tokens": "mean", "weightedmean_tokens": "weightedmean"}
    old |= {"mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "lasttoken": "lasttoken"}
    return [mode for key, mode in old.items() if config.get(f"pooling_mode_{key}")] or ["mean"]


def _read_json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"Not JSON ({error}).", path=path) from error
