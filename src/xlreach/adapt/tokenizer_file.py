"""The files of an encoder's tokenizer: reading `tokenizer.json` and what the special tokens are, writing both back.

A tokenizer is saved as `PreTrainedTokenizerFast`, so that `tokenizer.json` is used as it is: under a model's own
tokenizer class, transformers 5 builds the tokenizer anew from the vocabulary and drops a normalizer that a recipe put
there. Nothing here reads or writes weights (`save.py`).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

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


def read_tokenizer(folder: Path) -> dict[str, Any]:
    """Reads `tokenizer.json`, without truncation and padding; other tokenizer files are converted.

    Raises:
        ModelError: The folder has no tokenizer that can be read.
    """
    path = folder / "tokenizer.json"
    if path.is_file():
        return read_tokenizer_json(path)
    try:
        from transformers import AutoTokenizer

        content = json.loads(AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str())
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"The tokenizer cannot be read ({error}).", path=path) from error
    return _checked(content, path)


def read_tokenizer_json(path: Path) -> dict[str, Any]:
    """Reads one `tokenizer.json`, without truncation and padding.

    Raises:
        ModelError: The file cannot be read or holds no tokenizer.
    """
    return _checked(_object(path), path)


def _checked(content: dict[str, Any], path: Path) -> dict[str, Any]:
    added = content.get("added_tokens", [])
    if not isinstance(content.get("model"), dict) or not isinstance(added, list) or not all(map(_is_added, added)):
        raise ModelError("The tokenizer has no model, or added tokens without content and id.", path=path)
    return {**content, "added_tokens": added, "truncation": None, "padding": None}


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


def longest_input(source: Path | None, config: dict[str, Any]) -> int:
    """The longest input in pieces: as the base declares it, else as many as it has positions."""
    if source is not None:
        for name, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("tokenizer_config.json", "model_max_length"),
        ):
            path = source / name
            length = _object(path).get(key) if path.is_file() else None
            if length is not None and _number(length, key, path) < _UNLIMITED:
                return int(length)
    path = Path("config.json") if source is None else source / "config.json"
    positions = _number(config.get("max_position_embeddings"), "max_position_embeddings", path)
    offset = _number(config.get("pad_token_id") or 0, "pad_token_id", path) + 1
    return int(positions - offset if "roberta" in config["model_type"] else positions)


def save_tokenizer(out: Path, tokenizer: dict[str, Any], roles: dict[str, str], length: int) -> None:
    """Writes `tokenizer.json` and `tokenizer_config.json`, which names the special tokens by role."""
    by_content = {added["content"]: added for added in tokenizer.get("added_tokens", [])}
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length}
    for role, token in roles.items():
        flags = {k: v for k, v in by_content.get(token, {}).items() if k != "id"}
        config[role] = {"__type": "AddedToken", **flags} if flags else token
    types = ["token_type_ids"] if tokenizer["model"]["type"] == "WordPiece" else []
    config["model_input_names"] = ["input_ids", *types, "attention_mask"]
    write_json(out / "tokenizer_config.json", config)
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


def write_json(path: Path, content: Any) -> None:
    """Writes JSON with an indent of 2."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _object(path: Path) -> dict[str, Any]:
    content = read_json(path, ModelError)
    if not isinstance(content, dict):
        raise ModelError("The file is not a JSON object.", path=path)
    return content


def _number(value: Any, name: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ModelError(f"The value of {name} is {str(value)[:80]}.", expected="Expected a number.", path=path)
    return value


def _is_added(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("content"), str) and isinstance(token.get("id"), int)
