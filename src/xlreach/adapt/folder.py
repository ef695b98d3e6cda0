"""Writing encoder folders that plain transformers and plain sentence-transformers load, without this toolkit.

The tokenizer is saved as `PreTrainedTokenizerFast`, so that `tokenizer.json` is honoured as it is: under a model's
own tokenizer class, transformers 5 rebuilds it from the vocabulary and drops a normalizer that we put there. The
masked-language-model head stays in `model.safetensors`; weights are safetensors only.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlreach.adapt.card import model_card
from xlreach.adapt.encoder import Provenance, check_encoder
from xlreach.adapt.recipe import Job, Step
from xlreach.errors import ModelError
from xlreach.safe_io import read_json

_ROLES = {  # what the special tokens of the two families are for
    "<s>": ("bos_token", "cls_token"),
    "</s>": ("eos_token", "sep_token"),
    "<unk>": ("unk_token",),
    "<pad>": ("pad_token",),
    "<mask>": ("mask_token",),
    "[CLS]": ("cls_token",),
    "[SEP]": ("sep_token",),
    "[UNK]": ("unk_token",),
    "[PAD]": ("pad_token",),
    "[MASK]": ("mask_token",),
}
_ALL_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_UNLIMITED = 1_000_000
_DIAGNOSED_LINES = 500  # of each language, for the model card
_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def require_source(source: Path | None, step: Step) -> Path:
    """The folder that a step starts from, checked.

    Raises:
        ModelError: There is none, or it is no usable encoder.
    """
    if source is None:
        raise ModelError(f"The step {step} needs an encoder to start from.", fix="Name a base.")
    check_encoder(source, transforms=True)
    return source


def read_tokenizer(folder: Path) -> dict[str, Any]:
    """The content of `tokenizer.json`, without truncation and padding; converted where the folder has none."""
    path = folder / "tokenizer.json"
    try:
        if path.is_file():
            content = _object(path)
        else:
            from transformers import AutoTokenizer

            content = json.loads(AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str())
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"The tokenizer cannot be read ({error}).", path=path) from error
    added = content.get("added_tokens", [])
    if not isinstance(content.get("model"), dict) or not isinstance(added, list) or not all(map(_is_added, added)):
        raise ModelError("The tokenizer has no model, or added tokens without content and id.", path=path)
    return {**content, "truncation": None, "padding": None}


def special_tokens(folder: Path | None, tokenizer: dict[str, Any]) -> dict[str, str]:
    """The special tokens by role (`mask_token`: `<mask>`), as the folder declares them or by their usual names."""
    declared: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if folder is not None and (folder / name).is_file():
            declared |= _object(folder / name)
    roles: dict[str, str] = {}
    for added in tokenizer.get("added_tokens", []):
        for role in _ROLES.get(added["content"], ()):
            roles[role] = added["content"]
    for role in _ALL_ROLES:
        value = declared.get(role)
        if value is not None:
            roles[role] = str(value.get("content", "")) if isinstance(value, dict) else str(value)
    return roles


def token_id(tokenizer: dict[str, Any], token: str) -> int:
    """The id of a special token.

    Raises:
        ModelError: The tokenizer does not have it.
    """
    for added in tokenizer.get("added_tokens", []):
        if added["content"] == token:
            return int(added["id"])
    raise ModelError(f"The tokenizer has no special token {token!r}.")


def save_encoder(
    source: Path | None,
    job: Job,
    step: Step,
    *,
    tokenizer: dict[str, Any],
    model: Any,
    provenance: Provenance | None = None,
    measured: dict[str, Any] | None = None,
    max_length: int | None = None,
) -> None:
    """Writes model, tokenizer, sentence-transformers modules, provenance and model card into `job.out`.

    Args:
        source: The folder that the step started from; its modules (pooling, prompts, maximum length) and its pooler
            weights are kept.
        job: Where to write, and what to record.
        step: The step that was applied.
        tokenizer: The content of `tokenizer.json`.
        model: With its masked-language-model head.
        provenance: What came before and what the step adds to it, but for the step itself; read from `source` when
            not given.
        measured: What the step found out, recorded with it.
        max_length: The longest input in pieces, where `source` does not say.
    """
    import torch

    state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    if source is not None:
        prefix = model.base_model_prefix
        for name, tensor in _pooler(source).items():
            state.setdefault(f"{prefix}.{name}", tensor)
    with quiet(), torch.no_grad():
        model.save_pretrained(job.out, state_dict=state, max_shard_size="100GB")
    _save_rest(source, job, step, tokenizer, provenance, measured or {}, max_length)


def save_unchanged_weights(
    source: Path,
    job: Job,
    step: Step,
    *,
    tokenizer: dict[str, Any] | None = None,
    provenance: Provenance | None = None,
    measured: dict[str, Any] | None = None,
) -> None:
    """As `save_encoder`, for a step that leaves the weights alone."""
    for path in source.iterdir():
        if path.name in ("config.json", "model.safetensors.index.json") or path.suffix == ".safetensors":
            shutil.copyfile(path, job.out / path.name)
    _save_rest(source, job, step, tokenizer or read_tokenizer(source), provenance, measured or {}, None)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from drawing bars and reporting head weights, which folders here are expected to miss."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _save_rest(
    source: Path | None,
    job: Job,
    step: Step,
    tokenizer: dict[str, Any],
    provenance: Provenance | None,
    measured: dict[str, Any],
    max_length: int | None,
) -> None:
    config = json.loads((job.out / "config.json").read_text("utf-8"))
    length = max_length or longest_input(source, config)
    _save_tokenizer(job.out, tokenizer, special_tokens(source, tokenizer), length)
    if source is not None and (source / "modules.json").is_file():
        _copy_modules(source, job.out)
    else:
        _write_modules(job.out, int(config["hidden_size"]), length)
    before = provenance or (Provenance.read(source) if source is not None else Provenance())
    record_step(job, step, before, measured, source)


def record_step(job: Job, step: Step, before: Provenance, measured: dict[str, Any], source: Path | None = None) -> None:
    """Writes provenance and model card into `job.out`: what came before, then this step and what it measured."""
    record = {"step": str(step), "version": step.version, **({"seed": job.seed} if step.uses_seed else {}), **measured}
    languages = dict.fromkeys((*before.languages, *(sorted(job.text) if step.uses_text else ())))
    data = {one["name"]: dict(one) for one in (*before.data, *(job.data if step.uses_text else ()))}
    after = replace(
        before,
        base=job.base or before.base,
        recipe=(*before.recipe, str(step)),
        languages=tuple(languages),
        data=tuple(data.values()),
        steps=(*before.steps, record),
    )
    after.write(job.out)  # what the text must go through is read from there
    if job.text and not step.static:
        after = replace(after, diagnostics=_diagnosed(source, job, before))
        after.write(job.out)
    (job.out / "README.md").write_text(model_card(after, step.static), "utf-8")


def _diagnosed(source: Path | None, job: Job, before: Provenance) -> dict[str, dict[str, dict[str, float]]]:
    """What the tokenizer makes of each language's text now, and made of it before the first step."""
    from xlreach.adapt.diagnostics import diagnose

    found = dict(before.diagnostics)
    for language, path in sorted(job.text.items()):
        told = dict(found.get(language, {}))
        for when, folder in (("before", source), ("after", job.out)):
            if folder is None or (when == "before" and when in told):
                continue
            with path.open(encoding="utf-8") as stream:
                measured = diagnose(folder, (line.rstrip("\n") for line in stream), _DIAGNOSED_LINES)
            told[when] = {name: round(value, 4) for name, value in measured.items()}
        found[language] = told
    return found


def _pooler(source: Path) -> dict[str, Any]:
    """The weights of the base's pooler, which a model with an MLM head does not load."""
    from safetensors import safe_open

    found = {}
    for path in source.glob("*.safetensors"):
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118  (the handle is no mapping)
                if name.startswith("pooler.") or ".pooler." in name:
                    found[name[name.index("pooler.") :]] = weights.get_tensor(name)
    return found


def longest_input(source: Path | None, config: dict[str, Any]) -> int:
    """In pieces: what the base says of itself, else what its positions allow."""
    if source is not None:
        for name, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("tokenizer_config.json", "model_max_length"),
        ):
            path = source / name
            told = _object(path).get(key) if path.is_file() else None
            if told is not None and _number(told, key, path) < _UNLIMITED:
                return int(told)
    where = Path("config.json") if source is None else source / "config.json"
    positions = _number(config.get("max_position_embeddings"), "max_position_embeddings", where)
    offset = _number(config.get("pad_token_id") or 0, "pad_token_id", where) + 1
    return int(positions - offset if "roberta" in config["model_type"] else positions)


def _is_added(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("content"), str) and isinstance(token.get("id"), int)


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path, ModelError)
    if not isinstance(found, dict):
        raise ModelError("Not a JSON object.", path=path)
    return found


def _number(value: Any, name: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ModelError(f"{name} is {str(value)[:80]}.", expected="Expected a number.", path=path)
    return value


def _save_tokenizer(out: Path, tokenizer: dict[str, Any], roles: dict[str, str], length: int) -> None:
    by_content = {added["content"]: added for added in tokenizer.get("added_tokens", [])}
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length}
    for role, token in roles.items():
        flags = {k: v for k, v in by_content.get(token, {}).items() if k != "id"}
        config[role] = {"__type": "AddedToken", **flags} if flags else token
    types = ["token_type_ids"] if tokenizer["model"]["type"] == "WordPiece" else []
    config["model_input_names"] = ["input_ids", *types, "attention_mask"]
    _write_json(out / "tokenizer_config.json", config)
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


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
    _write_json(out / "modules.json", _MODULES)
    _write_json(out / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    for folder in ("1_Pooling", "2_Normalize"):
        (out / folder).mkdir(exist_ok=True)
    _write_json(
        out / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    )
    _write_json(out / "2_Normalize" / "config.json", {})


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
