"""Encoder folders: finding one, checking that it is safe and complete, its provenance and its fingerprint.

An encoder is an ordinary model folder. Nothing here loads a model; `save.py` writes encoder folders.
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
STATIC_FILE = "static.json"  # the header of static word vectors, in place of config.json
_FORMAT = 1
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(@[\w./-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*/*.json", "*/*.safetensors"]
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "tf_model.h5", "flax_model.msgpack")
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json")
_IRRELEVANT = {  # keys that say who wrote a file, and not what the encoder does
    "config.json": ("_name_or_path", "transformers_version", "use_cache", "architectures"),
    "tokenizer_config.json": ("name_or_path", "special_tokens_map_file", "is_local", "local_files_only"),
    "config_sentence_transformers.json": ("__version__",),
}


@dataclass(frozen=True)
class Provenance:
    """What was done to an encoder: the content of `xlreach.json` in its folder.

    Attributes:
        base: The study's name of the encoder that the first step started from.
        recipe: The steps so far, printed, in order.
        languages: The languages whose text the steps read.
        transliterated: The languages or scripts (`Cyrl`) that the tokenizer converts into another script.
        new_pieces: The pieces added to the vocabulary, in the order in which they were chosen.
        tier: `{"rows": ids, "rate": times}` of embedding rows that the next `lapt` trains at a multiple of its rate;
            None where there are none, and after that step.
        input: The function that text must go through before the encoder reads it (`romanize.input_transform`); empty
            for none.
        warnings: What a reader of results must know (a new head, fewer new pieces than asked for).
        steps: For each step its name, version, seed and what it measured.
        data: Name and license of the texts that the steps read.
        diagnostics: By language, the diagnostics of its text `before` the first step and `after` the last.
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
        """Reads the provenance of an encoder folder; that of an untreated base is empty except for its name.

        Raises:
            ModelError: `xlreach.json` is there but is not of this format.
        """
        path = folder / PROVENANCE_FILE
        if not path.is_file():
            return cls(base=folder.name)
        content = _json(path)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ModelError("Not an encoder's provenance.", expected=f"Expected format {_FORMAT}.", path=path)
        names = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items() if k in names}
        return cls(**values)

    def write(self, folder: Path) -> None:
        content = {"format": _FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / PROVENANCE_FILE).write_text(text + "\n", "utf-8")


def resolve_base(text: str, *, static: bool = False) -> Path:
    """Finds the folder of the encoder that `text` names, and checks it; `static` accepts static word vectors too.

    `text` is a folder; `package:NAME/SUB/FOLDER`, a folder inside an installed package, which is found without
    importing it; or a hub id, with a revision to pin it: `FacebookAI/xlm-roberta-base@e73636d`.

    Raises:
        ModelError: There is no such folder or package, the hub does not have it, or it cannot be used.
    """
    if text.startswith("package:"):
        path = _inside_package(text.removeprefix("package:"), text)
    elif (folder := as_path(text)) is not None and folder.is_dir():
        path = folder.resolve()
    elif _HUB_ID.fullmatch(text) and not text.startswith("."):
        path = _from_hub(text)
    else:
        raise ModelError(f"The base {text!r} is not a folder.", fix="Name a folder, package:NAME/FOLDER or a hub id.")
    if not (static and is_static(path)):
        check_encoder(path, transforms=True)
    return path


def check_encoder(path: Path, *, transforms: bool = False) -> None:
    """Refuses a folder that cannot be loaded, or not safely.

    `transforms` says that the caller passes text through `romanize.input_transform`, or gives the encoder no text.

    Raises:
        ModelError: The folder, its config.json, tokenizer or safetensors weights are missing, the weights are only
            pickled, the model needs its own code to run, or its input must be transformed first.
    """
    if not path.is_dir():
        raise ModelError("There is no such encoder folder.", path=path)
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
        raise ModelError("The configuration names no model_type.", path=path / "config.json")
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
            f"The encoder reads text only after {wanted!r}, which is not applied here.",
            expected="Expected an encoder that reads raw text.",
            path=path,
        )


def is_static(path: Path) -> bool:
    """Whether a folder holds static word vectors (`static_vectors.StaticVectors`) and no encoder."""
    return (path / STATIC_FILE).is_file()


def _modules(path: Path) -> list[dict[str, Any]]:
    """The modules that `modules.json` lists; refuses one outside of the folder or with pickled weights only."""
    modules = _json(path / "modules.json") if (path / "modules.json").is_file() else []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelError("The file is not a list of modules.", path=path / "modules.json")
    for module in modules:
        inner = PurePosixPath(str(module.get("path", "")))
        if inner.is_absolute() or ".." in inner.parts or "\\" in str(inner):
            raise ModelError(f"The module {str(inner)!r} leads out of the folder.", path=path / "modules.json")
        folder = path / inner
        pickled = [file for pattern in ("*.bin", "*.pt", "*.pkl") for file in folder.glob(pattern)]
        if inner.parts and pickled and not any(folder.glob("*.safetensors")):
            raise ModelError(f"The weights are pickled ({inner / pickled[0].name}), which is never opened.", path=path)
    return modules


def fingerprint(encoder: Path) -> str:
    """Hashes all that determines an encoder's vectors: config, tokenizer, weights, sentence-transformers modules.

    The path of the folder, its model card, the versions that wrote it and the layout of its JSON make no difference.

    Raises:
        ModelError: The folder is not an encoder.
    """
    check_encoder(encoder, transforms=True)
    parts: dict[str, Any] = {}
    if wanted := Provenance.read(encoder).input:
        parts["input"] = wanted
    for path in _relevant_files(encoder):
        name = path.relative_to(encoder).as_posix()
        parts[name] = _content(path, name) if path.suffix == ".json" else file_digest(path)
    return digest(parts)


def _relevant_files(encoder: Path) -> Iterator[Path]:
    names = {*_TOKENIZER_FILES, *_IRRELEVANT, "special_tokens_map.json", "sentence_bert_config.json", "modules.json"}
    yield from sorted(path for path in encoder.iterdir() if path.name in names or path.suffix == ".safetensors")
    for module in _modules(encoder):
        folder = encoder / str(module.get("path", ""))
        if folder != encoder and folder.is_dir():
            yield from sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".safetensors", ".txt"))


def _content(path: Path, name: str) -> str:
    """A hash of the content of a JSON file, independent of its layout."""
    content = _json(path)
    if name == "modules.json":  # class paths moved between versions of sentence-transformers
        content = [[str(m["type"]).rsplit(".", 1)[-1], m["path"]] for m in content]
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key not in _IRRELEVANT.get(name, ())}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _inside_package(inner: str, text: str) -> Path:
    name, _, below = inner.partition("/")
    try:
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The base {text!r} names the package {name!r}, which is not installed.")
    root = Path(next(iter(spec.submodule_search_locations))).resolve()
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
            f"The base {text!r} is not a folder here, and the hub does not give it ({reason}).",
            fix="Check the name, or download it and name its folder.",
        ) from error


def _json(path: Path) -> Any:
    content = read_json(path, ModelError)
    with path.open("rb") as stream:
        if stream.read(3) == codecs.BOM_UTF8:
            raise ModelError("Begins with a byte-order mark, which transformers refuses.", fix="Remove it.", path=path)
    return content
