"""An encoder is an ordinary model folder: where a base comes from, whether it can be used, what tells two apart.

Nothing here loads a model; writing encoder folders is the business of `save.py`.
"""

from __future__ import annotations

import codecs
import dataclasses
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from xlreach.errors import ModelError
from xlreach.safe_io import as_path, read_json
from xlreach.store import digest, file_digest

PROVENANCE_FILE = "xlreach.json"
STATIC_FILE = "static.json"  # stands where an encoder has its config.json
_FORMAT = 1
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(@[\w./-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*/*.json", "*/*.safetensors"]
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "tf_model.h5", "flax_model.msgpack")
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json")
_UNTOLD = {  # of a file's keys, those that say who wrote it and not what the encoder does
    "config.json": ("_name_or_path", "transformers_version", "use_cache", "architectures"),
    "tokenizer_config.json": ("name_or_path", "special_tokens_map_file", "is_local", "local_files_only"),
    "config_sentence_transformers.json": ("__version__",),
}


@dataclass(frozen=True)
class Provenance:
    """What was done to an encoder: the content of `xlreach.json` in its folder.

    Attributes:
        base: What the study called the encoder that everything started from.
        recipe: The steps so far, printed, in order.
        languages: The languages whose text the steps saw.
        transliterated: The languages or scripts (`Cyrl`) that the tokenizer now turns into another script.
        new_pieces: The vocabulary that was added, in the order of its choice.
        tier: `{"rows": ids, "rate": times}` of embedding rows that the next `lapt` trains at a multiple of its rate;
            None where there are none, or when that is done.
        input: What text must go through before the encoder may read it (`romanize.input_transform`); empty for nothing.
        warnings: What a reader of results must know (a fresh MLM head, fewer pieces than asked).
        steps: For each step its name, version, seed and what it measured.
        data: Name and licence of the texts that the steps saw.
        diagnostics: By language, what the tokenizer made of its text `before` the first step and `after` the last.
    """

    base: str = ""
    recipe: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    transliterated: tuple[str, ...] = ()
    new_pieces: tuple[str, ...] = ()
    tier: dict[str, Any] | None = None
    input: str = ""
    warnings: tuple[str, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    data: tuple[dict[str, str], ...] = ()
    diagnostics: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Provenance:
        """The provenance of an encoder folder; that of an untouched base is empty but for its name.

        Raises:
            ModelError: `xlreach.json` is there but is not of this format.
        """
        path = folder / PROVENANCE_FILE
        if not path.is_file():
            return cls(base=folder.name)
        content = _json(path)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ModelError("Not an encoder's provenance.", expected=f"Expected format {_FORMAT}.", path=path)
        known = {one.name for one in dataclasses.fields(cls)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items() if k in known}
        return cls(**values)

    def write(self, folder: Path) -> None:
        content = {"format": _FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / PROVENANCE_FILE).write_text(text + "\n", "utf-8")


def resolve_base(text: str, *, static: bool = False) -> Path:
    """The folder of the encoder that `text` names.

    Args:
        text: A folder; `package:NAME/SUB/FOLDER`, a folder inside an installed package, which is located and not
            imported; or a hub id, with a revision to pin it: `FacebookAI/xlm-roberta-base@e73636d`.
        static: Whether a folder of static word vectors will do too.

    Raises:
        ModelError: There is no such folder or package, the hub does not give it, or it cannot be used.
    """
    if text.startswith("package:"):
        path = _inside_package(text.removeprefix("package:"), text)
    elif (named := as_path(text)) is not None and named.is_dir():
        path = named.resolve()
    elif _HUB_ID.fullmatch(text) and not text.startswith("."):
        path = _from_hub(text)
    else:
        raise ModelError(f"The base {text!r} is no folder.", fix="Name a folder, package:NAME/FOLDER or a hub id.")
    if not (static and is_static(path)):
        check_encoder(path, transforms=True)
    return path


def check_encoder(path: Path, *, transforms: bool = False) -> None:
    """Refuses a folder that the toolkit cannot or must not load.

    Args:
        path: The folder.
        transforms: Whether the caller passes text through `romanize.input_transform` before the encoder reads it, or
            gives it no text at all.

    Raises:
        ModelError: The folder, its config.json, tokenizer or safetensors weights are missing, the weights are
            pickles only, the model needs code of its own to be run, or its input would have to be transformed.
    """
    if not path.is_dir():
        raise ModelError("No such encoder folder.", path=path)
    if is_static(path):
        raise ModelError(
            "The folder holds static word vectors, which only taggers read.",
            expected="Expected an encoder.",
            path=path,
        )
    if not (path / "config.json").is_file():
        raise ModelError("The folder has no config.json.", expected="Expected a Hugging Face model folder.", path=path)
    config = _json(path / "config.json")
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError("It names no model_type.", path=path / "config.json")
    modules = _modules(path)
    foreign = [m["type"] for m in modules if not str(m.get("type", "")).startswith("sentence_transformers.")]
    tokenizer_config = path / "tokenizer_config.json"
    own_code = "auto_map" in config or (tokenizer_config.is_file() and "auto_map" in _json(tokenizer_config))
    if own_code or foreign:
        raise ModelError(
            f"The encoder brings its own code ({', '.join(foreign) or 'auto_map'}), which is never run.",
            expected="Expected an architecture that transformers and sentence-transformers know.",
            path=path,
        )
    if not any(path.glob("*.safetensors")):
        pickled = [name for name in _PICKLES if (path / name).exists()] or sorted(p.name for p in path.glob("*.bin"))
        if pickled:
            raise ModelError(
                f"The weights are pickled ({pickled[0]}), which is never opened.",
                fix="Convert them to model.safetensors, or take a revision that has it.",
                path=path,
            )
        raise ModelError("The folder has no weights.", expected="Expected model.safetensors.", path=path)
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError("The folder has no tokenizer.", expected="Expected tokenizer.json.", path=path)
    if not transforms and (wanted := Provenance.read(path).input):
        raise ModelError(
            f"The encoder reads text only after {wanted!r}, which is not done here.",
            expected="Expected an encoder that reads text as it is.",
            path=path,
        )


def is_static(path: Path) -> bool:
    """Whether a folder holds static word vectors (`static_vectors.StaticVectors`) and no encoder."""
    return (path / STATIC_FILE).is_file()


def _modules(path: Path) -> list[dict[str, Any]]:
    """What `modules.json` lists; none may lie outside of the folder, or hold weights that are only pickled."""
    modules = _json(path / "modules.json") if (path / "modules.json").is_file() else []
    if not isinstance(modules, list) or not all(isinstance(one, dict) for one in modules):
        raise ModelError("Not a list of modules.", path=path / "modules.json")
    for module in modules:
        inner = PurePosixPath(str(module.get("path", "")))
        if inner.is_absolute() or ".." in inner.parts or "\\" in str(inner):
            raise ModelError(f"The module {str(inner)!r} leads out of the folder.", path=path / "modules.json")
        folder = path / inner
        pickled = [one for ending in ("*.bin", "*.pt", "*.pkl") for one in folder.glob(ending)]
        if inner.parts and pickled and not any(folder.glob("*.safetensors")):
            raise ModelError(f"The weights are pickled ({inner / pickled[0].name}), which is never opened.", path=path)
    return modules


def fingerprint(encoder: Path) -> str:
    """A hash of all that decides an encoder's vectors: config, tokenizer, weights, sentence-transformers modules.

    Where the folder lies, its model card, who wrote it with which version and how its JSON is laid out do not count.

    Raises:
        ModelError: The folder is no encoder.
    """
    check_encoder(encoder, transforms=True)
    parts: dict[str, Any] = {}
    if wanted := Provenance.read(encoder).input:
        parts["input"] = wanted
    for path in _files_that_count(encoder):
        name = path.relative_to(encoder).as_posix()
        parts[name] = _content(path, name) if path.suffix == ".json" else file_digest(path)
    return digest(parts)


def _files_that_count(encoder: Path) -> Iterator[Path]:
    names = {*_TOKENIZER_FILES, *_UNTOLD, "special_tokens_map.json", "sentence_bert_config.json", "modules.json"}
    yield from sorted(path for path in encoder.iterdir() if path.name in names or path.suffix == ".safetensors")
    for module in _modules(encoder):
        folder = encoder / str(module.get("path", ""))
        if folder != encoder and folder.is_dir():
            yield from sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".safetensors", ".txt"))


def _content(path: Path, name: str) -> str:
    """A hash of what a JSON file says, whatever its layout."""
    content = _json(path)
    if name == "modules.json":  # class paths moved between versions of sentence-transformers
        content = [[str(m["type"]).rsplit(".", 1)[-1], m["path"]] for m in content]
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key not in _UNTOLD.get(name, ())}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _inside_package(inner: str, text: str) -> Path:
    name, _, below = inner.partition("/")
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise ModelError(f"The base {text!r} names the package {name!r}, which is not installed.")
    root = Path(next(iter(found.submodule_search_locations))).resolve()
    path = (root / below).resolve()
    if not path.is_relative_to(root) or not path.is_dir():
        raise ModelError(f"The package {name!r} has no folder {below!r}.", path=root)
    return path


def _from_hub(text: str) -> Path:
    from huggingface_hub import snapshot_download  # late: reading local folders needs no network library
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = text.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"The base {text!r} is no folder here, and the hub does not give it ({reason}).",
            fix="Check the name, or download it and name its folder.",
        ) from error


def _json(path: Path) -> Any:
    found = read_json(path, ModelError)
    with path.open("rb") as stream:
        if stream.read(3) == codecs.BOM_UTF8:
            raise ModelError("Begins with a byte-order mark, which transformers refuses.", fix="Remove it.", path=path)
    return found
