"""Loads any folder that plain `AutoModel` or `SentenceTransformer` loads, with its own pooling or another one.

Layers below the last reach the pooling through sentence-transformers' own modules (`output_hidden_states` in the
model's configuration and WeightedLayerPooling with weights of one and zero), so that a saved folder loads without this
toolkit. Models are found and downloaded in `adapt.encoder`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Transformer, WeightedLayerPooling
from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

from xlreach.adapt.encoder import check_encoder
from xlreach.compute.loading import WEIGHTS, check_weights, position_limit, safe_loading
from xlreach.errors import ModelError, SpecError
from xlreach.retrieval.pooling import POOLINGS, Declared, Pooling
from xlreach.safe_io import read_json


def load_encoder(
    encoder: Path,
    *,
    pooling: Pooling | str | None = None,
    max_length: int | None = None,
    device: str | None = None,
    attention: str | None = None,
) -> SentenceTransformer:
    """Loads a folder as a SentenceTransformer, without running code or pickles from it.

    None keeps what the folder declares (pooling, which is not fitted here, and the tokens that a text is truncated to),
    takes an accelerator where there is one, and leaves `attention` (`eager` or `sdpa`) to transformers.

    Raises:
        SpecError: There is no such pooling, or the encoder does not have a layer that it averages.
        ModelError: The folder cannot be loaded, or the length exceeds its positions.
    """
    encoder = Path(encoder)
    wanted = POOLINGS.parse(pooling or "auto") if not isinstance(pooling, Pooling) else pooling
    check_encoder(encoder, transforms=True)
    model_kwargs = WEIGHTS | ({"attn_implementation": attention} if attention else {})
    with safe_loading(encoder) as options:
        model = SentenceTransformer(str(encoder), device=device, model_kwargs=model_kwargs, **options)
        if isinstance(model[0], Transformer):  # it does not tell what it loaded: asked again, without reading weights
            body = model[0].auto_model
            given = {**options, **WEIGHTS, "config": body.config, "device_map": "meta", "output_loading_info": True}
            check_weights(body, type(body).from_pretrained(encoder, **given)[1], encoder)
    _check_positions(model, encoder)
    if wanted.unfitted != Declared() and str(wanted.unfitted) != declared_pooling(model):
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
    """Limits texts to the positions that the model has; refuses a longer limit that the folder declares."""
    positions = position_limit(model[0])
    if positions is None or model.max_seq_length is None or model.max_seq_length <= positions:
        return
    path = encoder / "sentence_bert_config.json"
    declared = read_json(path, ModelError).get("max_seq_length") if path.is_file() else None
    if declared is not None and declared > positions:
        raise ModelError(
            f"The folder declares max_seq_length {declared}, but the model has positions for {positions} pieces.",
            fix=f"Set max_seq_length to {positions} or less.",
            path=path,
        )
    model.max_seq_length = positions


def _with_pooling(model: SentenceTransformer, pooling: Pooling, encoder: Path) -> SentenceTransformer:
    """The same model with another pooling; modules after the old pooling were trained for it and are dropped."""
    pools = [at for at, module in enumerate(model) if isinstance(module, (PoolingModule, WeightedLayerPooling))]
    kept: list[Any] = list(model)[: pools[0] if pools else len(model)]
    if not pools and len(kept) > 1:
        raise ModelError("The encoder has no pooling to replace.", fix="Leave the pooling as it is.", path=encoder)
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
        truncate_dim=model.truncate_dim,
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


def declared_pooling(model: SentenceTransformer) -> str:
    """The pooling of a model's modules, printed; several are joined by `+`; `mean` if it has none."""
    layers: tuple[int, ...] = ()
    for module in model:
        if isinstance(module, WeightedLayerPooling):
            weights = module.layer_weights.tolist()
            if set(weights) <= {0.0, 1.0}:  # others were learned, and no pooling here is the same
                layers = tuple(module.layer_start + at for at, weight in enumerate(weights) if weight)
        elif isinstance(module, PoolingModule):
            mode = module.pooling_mode if isinstance(module.pooling_mode, str) else "+".join(module.pooling_mode)
            return str(replace(POOLINGS.parse(mode), layers=layers)) if layers and mode in POOLINGS else mode
    return "mean"
