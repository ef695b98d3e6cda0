"""Writing encoder folders that plain transformers and plain sentence-transformers load, without this toolkit.

The masked-language-model head stays in `model.safetensors`; weights are safetensors only. Diagnostics and the model
card are not written here but by `pipeline.apply_step`, when the folder is complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import Job, Step
from xlreach.adapt.tokenizer_file import longest_input, read_tokenizer, save_tokenizer, special_tokens, write_json
from xlreach.compute.loading import quiet_loading

_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def save_encoder(
    source: Path | None,
    job: Job,
    step: Step,
    *,
    tokenizer: dict[str, Any] | None = None,
    model: Any = None,
    measured: Mapping[str, Any] | None = None,
    warnings: Iterable[str] = (),
    changes: Mapping[str, Any] | None = None,
    max_length: int | None = None,
) -> None:
    """Writes weights, tokenizer, sentence-transformers modules and provenance into `job.out`.

    What is not given (`tokenizer`, `model` with its masked-language-model head) is copied from `source`, the folder
    that the step started from; so are pooling, prompts, maximum length and pooler weights. `changes` are new values of
    fields of `Provenance`; `max_length` is in pieces.
    """
    if model is not None:
        _save_weights(source, job.out, model)
    elif source is not None:
        for path in source.iterdir():
            if path.name in ("config.json", "model.safetensors.index.json") or path.suffix == ".safetensors":
                shutil.copyfile(path, job.out / path.name)
    if tokenizer is None:
        assert source is not None
        tokenizer = read_tokenizer(source)
    config = json.loads((job.out / "config.json").read_text("utf-8"))
    length = max_length or longest_input(source, config)
    save_tokenizer(job.out, tokenizer, special_tokens(source, tokenizer), length)
    if source is not None and (source / "modules.json").is_file():
        _copy_modules(source, job.out)
    else:
        _write_modules(job.out, int(config["hidden_size"]), length)
    before = Provenance() if source is None else Provenance.read(source)
    record_step(before, job, step, measured or {}, warnings, changes or {})


def record_step(
    before: Provenance,
    job: Job,
    step: Step,
    measured: Mapping[str, Any],
    warnings: Iterable[str] = (),
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Writes the provenance of `job.out`: what came before, then this step and what it measured."""
    record = {"step": str(step), "version": step.version, **({"seed": job.seed} if step.uses_seed else {}), **measured}
    languages = dict.fromkeys((*before.languages, *(sorted(job.text) if step.uses_text else ())))
    data = {source["name"]: dict(source) for source in (*before.data, *(job.data if step.uses_text else ()))}
    fields: dict[str, Any] = {
        "base": job.base or before.base,
        "recipe": (*before.recipe, str(step)),
        "languages": tuple(languages),
        "data": tuple(data.values()),
        "steps": (*before.steps, record),
        "warnings": tuple(dict.fromkeys((*before.warnings, *warnings))),
    }
    replace(before, **fields, **(changes or {})).write(job.out)


def _save_weights(source: Path | None, out: Path, model: Any) -> None:
    import torch

    state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    if source is not None:
        for name, tensor in _pooler(source).items():
            state.setdefault(f"{model.base_model_prefix}.{name}", tensor)
    with quiet_loading(), torch.no_grad():
        model.save_pretrained(out, state_dict=state, max_shard_size="100GB")


def _pooler(source: Path) -> dict[str, Any]:
    """The weights of the source's pooler, which a model with a masked-language-model head does not load."""
    from safetensors import safe_open

    pooler = {}
    for path in source.glob("*.safetensors"):
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118  (the handle is no mapping)
                if name.startswith("pooler.") or ".pooler." in name:
                    pooler[name[name.index("pooler.") :]] = weights.get_tensor(name)
    return pooler


def _copy_modules(source: Path, out: Path) -> None:
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)
    for module in json.loads((source / "modules.json").read_text("utf-8")):
        folder = Path(str(module["path"]))
        if folder.parts and not folder.is_absolute() and ".." not in folder.parts:
            (out / folder).mkdir(parents=True, exist_ok=True)  # Normalize has no file, so its folder may be missing
            if (source / folder).is_dir():
                shutil.copytree(source / folder, out / folder, dirs_exist_ok=True)


def _write_modules(out: Path, hidden: int, length: int) -> None:
    for folder in ("1_Pooling", "2_Normalize"):
        (out / folder).mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    write_json(out / "modules.json", _MODULES)
    write_json(out / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    write_json(out / "1_Pooling" / "config.json", pooling)
    write_json(out / "2_Normalize" / "config.json", {})
