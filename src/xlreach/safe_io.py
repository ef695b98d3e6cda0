"""Reads JSON, YAML and numbers from untrusted files as plain values, or refuses them with file and line.

Besides wrong syntax it refuses what would fail or do harm later: nesting so deep that a parser overflows its stack,
lone surrogates (which cannot be written to a file), and YAML aliases that expand to more than fits in memory. YAML tags
that would construct objects are refused too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml

from xlreach.errors import DataError, XLReachError

Row = TypeVar("Row")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MOST_NODES = 1_000_000
_DIGITS = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
    """The number written by up to 18 ASCII digits; None for any other text.

    (`int` itself accepts the digits of every script, and raises for texts of some thousand digits.)
    """
    return int(text) if _DIGITS.fullmatch(text) else None


def parse_json(
    text: str, path: Path | str | None = None, line: int | None = None, error: type[XLReachError] = DataError
) -> Any:
    """The value of a JSON text; NaN and Infinity are taken, as Python writes them."""
    try:
        value = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as cause:
        raise error(f"Not JSON ({cause.msg}, column {cause.colno}).", path=path, line=line or cause.lineno) from None
    except UnicodeEncodeError:
        raise error(
            "Half of a surrogate pair.", expected="Expected characters, or both halves.", path=path, line=line
        ) from None
    except RecursionError:
        raise error("Brackets are nested too deeply.", path=path, line=line) from None
    except ValueError as cause:  # a number of thousands of digits
        raise error(f"Not JSON ({cause}).", path=path, line=line) from None
    return value


def read_json(path: Path, error: type[XLReachError] = DataError) -> Any:
    """The value of a JSON file, with or without a byte-order mark."""
    return parse_json(read_text(path, error), path, error=error)


def read_rows(path: Path, row: type[Row], expected: str) -> list[Row]:
    """The rows of a JSON list that a study wrote, as dataclasses; none where there is no such file.

    Raises:
        DataError: The file is no list of such rows; `expected` describes one.
    """
    from pydantic import TypeAdapter, ValidationError  # here, because it takes a while to import

    try:
        return TypeAdapter(list[row]).validate_python(read_json(path) if path.is_file() else [])  # type: ignore[valid-type]
    except ValidationError as cause:
        raise DataError(
            f"Not a list of rows ({cause.errors()[0]['msg']}).",
            expected=f"Expected {expected} in each row.",
            fix="Run the study again.",
            path=path,
        ) from cause


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a field given twice, and fields whose name is not text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a field's name is not text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(
    text: str,
    path: Path | str | None = None,
    error: type[XLReachError] = DataError,
    strict: bool = False,
) -> Any:
    """The value of a YAML text: mappings, lists, words, numbers, dates; nothing else is ever built.

    `strict` refuses a field that is given twice, and fields whose name is not text.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        check_aliases(root)
        return yaml.load(text, Loader=_StrictLoader) if strict else yaml.safe_load(text)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        problem = getattr(cause, "problem", None) or " ".join(str(cause).split())
        raise error(f"Not YAML: {problem}.", path=path, line=None if mark is None else mark.line + 1) from None
    except RecursionError:
        raise error("Not YAML: brackets are nested too deeply.", path=path) from None
    except (ValueError, TypeError) as cause:  # a date of month 99, a list as a key
        raise error(f"Not YAML: {cause}.", path=path) from None


def read_yaml(path: Path, error: type[XLReachError] = DataError) -> Any:
    """The value of a YAML file."""
    return parse_yaml(read_text(path, error), path, error)


def check_aliases(root: yaml.Node | None) -> None:
    """Refuses YAML whose aliases make it endless or enormous."""
    if root is None:
        return
    sizes: dict[int, int] = {}
    under_way: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in under_way:
            raise yaml.composer.ComposerError(None, None, "an alias stands for what it is part of", node.start_mark)
        if id(node) not in sizes:
            under_way.add(id(node))
            below = 1
            if isinstance(node, yaml.SequenceNode):
                below += sum(map(size, node.value))
            elif isinstance(node, yaml.MappingNode):
                below += sum(size(key) + size(value) for key, value in node.value)
            under_way.discard(id(node))
            sizes[id(node)] = below
            if below > _MOST_NODES:
                raise yaml.composer.ComposerError(
                    None, None, f"its aliases stand for more than {_MOST_NODES:,} values", node.start_mark
                )
        return sizes[id(node)]

    size(root)


def as_path(text: str) -> Path | None:
    """The path that a text names, with `~` expanded; None where it cannot be a path on any file system."""
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL or a lone surrogate in it, a user that is none
        return None
    return path


def read_text(path: Path, error: type[XLReachError] = DataError) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark."""
    try:
        return Path(path).read_text("utf-8-sig")
    except OSError as cause:
        raise error(f"Cannot be read ({cause.strerror}).", path=path) from cause
    except UnicodeDecodeError as cause:
        raise error(
            f"Byte {cause.start + 1} is 0x{cause.object[cause.start]:02x}, which is not UTF-8.", path=path
        ) from None
