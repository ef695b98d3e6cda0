"""From a model folder to a sentence encoder: which pooling it declares, and loading it with that or another one.

Layers below the last reach the pooling through sentence-transformers' own modules (`output_hidden_states` in the
model's configuration and WeightedLayerPooling with weights of one and zero), so that a saved folder needs no toolkit.

Any folder that plain `AutoModel` or plain `SentenceTransformer` loads will do. Only local folders: finding and
downloading models is `adapt.encoder`'s business.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Transformer, WeightedLayerPooling
from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

from xlreach.adapt.encoder import check_encoder
from xlreach.compute.loading import safe_loading
from xlreach.errors import ModelError, SpecError
from xlreach.retrieval.pooling import POOLINGS, Declared, Pooling


def folder_pooling(encoder: Path) -> str | None:
    """The pooling that the folder declares, printed; several are joined by `+`; None for a plain transformers folder.

    Raises:
        ModelError: `modules.json` or the pooling's configuration is no JSON.
    """
    layers: tuple[int, ...] = ()
    for module in _read_json(encoder / "modules.json") or ():
        kind, folder = str(module.get("type", "")), encoder / str(module.get("path", ""))
        if kind.endswith("WeightedLayerPooling"):
            layers = _weighted_layers(folder)
        elif kind.endswith("Pooling"):
            mode = "+".join(_modes(_read_json(folder / "config.json") or {}))
            return str(replace(POOLINGS.parse(mode), layers=layers)) if layers and mode in POOLINGS else mode
    return None


def load_encoder(
    encoder: Path,
    *,
    pooling: Pooling | str | None = None,
    max_length: int | None = None,
    device: str | None = None,
    attention: str | None = None,
) -> SentenceTransformer:
    """Loads a folder as a SentenceTransformer, without running code or pickles from it.

    Args:
        pooling: In place of what the folder declares; None and `auto` keep that, or take `mean`. What a pooling fits
            on text is not done here.
        max_length: Tokens that a text is truncated to; None keeps the folder's own limit.
        device: As torch names it; None takes an accelerator where there is one.
        attention: `eager` or `sdpa`; None leaves the choice to transformers.

    Raises:
        SpecError: No such pooling, or the encoder lacks a layer that it averages.
        ModelError: The folder cannot be loaded, or the length exceeds its positions.
    """
    encoder = Path(encoder)
    wanted = POOLINGS.parse(pooling or "auto") if not isinstance(pooling, Pooling) else pooling
    check_encoder(encoder, transforms=True)
    model_kwargs: dict[str, Any] = {"use_safetensors": True}
    if attention:
        model_kwargs["attn_implementation"] = attention
    with safe_loading(encoder) as options:
        model = SentenceTransformer(str(encoder), device=device, model_kwargs=model_kwargs, **options)
    _check_positions(model, encoder)
    # A folder that declares none is loaded with the mean.
    if wanted.unfitted != Declared() and str(wanted.unfitted) != (folder_pooling(encoder) or "mean"):
        model = _with_pooling(model, wanted.unfitted, encoder)
    if max_length is not None:
        limit = model.max_seq_length
        if limit is not None and not 1 <= max_length <= limit:
            raise ModelError(
                f"max_length={max_length}.", expected=f"Expected 1 to {limit}, the model's own limit.", path=encoder
            )
        model.max_seq_length = max_length
    return model


def _check_positions(model: SentenceTransformer, encoder: Path) -> None:
    """Refuses a declared length that the model has no positions for, where a long text would fail in the middle of a
    job; where none is declared, sets what there is."""
    first = model[0]
    table = getattr(getattr(getattr(first, "auto_model", None), "embeddings", None), "position_embeddings", None)
    if not isinstance(table, torch.nn.Embedding) or model.max_seq_length is None:
        return
    # RoBERTa's positions begin behind the padding's.
    positions = table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    if model.max_seq_length <= positions:
        return
    declared = (_read_json(encoder / "sentence_bert_config.json") or {}).get("max_seq_length")
    if declared is not None and declared > positions:
        raise ModelError(
            f"Declares max_seq_length {declared}, but has positions for {positions} pieces.",
            fix=f"Set max_seq_length to {positions} or less.",
            path=encoder / "sentence_bert_config.json",
        )
    model.max_seq_length = positions


def _with_pooling(model: SentenceTransformer, pooling: Pooling, encoder: Path) -> SentenceTransformer:
    """The same model with another pooling; layers behind the old one were trained for it and are dropped."""
    pools = [at for at, module in enumerate(model) if isinstance(module, (PoolingModule, WeightedLayerPooling))]
    kept: list[Any] = list(model)[: pools[0] if pools else len(model)]
    if not pools and len(kept) > 1:
        raise ModelError("Has no pooling that could be replaced.", fix="Leave the pooling as it is.", path=encoder)
    mode = pooling.name
    if isinstance(pooling, Declared):
        mode = next((module.pooling_mode for module in model if isinstance(module, PoolingModule)), "mean")
    width = kept[0].get_embedding_dimension()
    if isinstance(kept[0], Transformer):
        kept[0].auto_model.config.output_hidden_states = bool(pooling.layers)
    layers = [_layer_mean(kept[0], pooling, width)] if pooling.layers else []
    return SentenceTransformer(
        modules=[*kept, *layers, PoolingModule(width, pooling_mode=mode), Normalize()],
        prompts={name: text or "" for name, text in model.prompts.items()},
        default_prompt_name=model.default_prompt_name,
        device=str(model.device),
    )


def _layer_mean(first: Any, pooling: Pooling, width: int) -> WeightedLayerPooling:
    count = getattr(first.auto_model.config, "num_hidden_layers", None) if isinstance(first, Transformer) else None
    if count is None:
        raise SpecError(f"{pooling} asks for layers of an encoder that has none.")
    chosen = [layer + count + 1 if layer < 0 else layer for layer in pooling.layers]
    if any(not 0 <= layer <= count for layer in chosen):
        raise SpecError(
            f"{pooling} asks for a layer that the encoder does not have.",
            expected=f"Expected 0 (the embeddings) to {count}, or -1 to {-count - 1} from the last.",
        )
    weights = torch.tensor([float(layer in chosen) for layer in range(count + 1)])
    fixed = torch.nn.Parameter(weights, requires_grad=False)
    return WeightedLayerPooling(width, num_hidden_layers=count, layer_start=0, layer_weights=fixed)


def _weighted_layers(folder: Path) -> tuple[int, ...]:
    """The layers that weigh equally in a saved WeightedLayerPooling; none where the weights were learnt."""
    path = folder / "model.safetensors"
    if not path.is_file():
        return ()
    weights = load_file(path)["layer_weights"].tolist()
    start = (_read_json(folder / "config.json") or {}).get("layer_start", 0)
    return tuple(start + at for at, weight in enumerate(weights) if weight) if set(weights) <= {0.0, 1.0} else ()


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
