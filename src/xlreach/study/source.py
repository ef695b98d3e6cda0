"""A study configuration before it is typed: YAML with overrides, and the line of each field for error messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from xlreach.errors import ConfigError
from xlreach.safe_io import parse_yaml, read_text

Where = tuple[str | int, ...]
"""The path to a field: `("languages", "low", 0)`."""


class OverrideError(ConfigError):
    """An override (`--set FIELD=VALUE`) that does not validate, and its field."""

    def __init__(self, override: str, problem: str, field: str | None = None) -> None:
        super().__init__(f"--set {override}: {problem}")
        self.field, self.problem = field or override, problem


@dataclass(frozen=True)
class Source:
    """The fields of a configuration file with overrides, not yet typed; `root` is the file as YAML nodes.

    Any two are equal, so that configurations compare by their values and not by their files and lines.
    """

    values: dict[str, Any] = field(default_factory=dict, compare=False)
    path: Path | None = field(default=None, compare=False)
    root: yaml.Node | None = field(default=None, compare=False)
    overridden: Sequence[Where] = field(default=(), compare=False)

    def wrong(self, *problems: tuple[Where, str]) -> ConfigError:
        """Builds the error of one field or several, with file and line, or the option of the command line."""
        (first, message), *others = problems
        text = "; ".join([message.rstrip("."), *(self._located(where, text) for where, text in others)])
        text += "" if text.endswith("?") else "."
        given = self._from_command_line(first)
        if given is not None:
            return OverrideError(given, text)
        return ConfigError(text, path=self.path, line=self._line(first))

    def _located(self, where: Where, message: str) -> str:
        given, line = self._from_command_line(where), self._line(where)
        prefix = f"--set {given}: " if given is not None else "" if line is None else f"line {line}: "
        return prefix + message.rstrip(".")

    def _from_command_line(self, where: Where) -> str | None:
        given = next((part for part in self.overridden if where[: len(part)] == part), None)
        return None if given is None else field_name(given)

    def _line(self, where: Where) -> int | None:
        """The line of the field, or of what holds it."""
        node, line = self.root, None
        for step in where:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
                if pair is None:
                    return line
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            else:
                return line
        return line


def read_source(path: Path, overrides: Iterable[str] = ()) -> Source:
    """Reads a configuration file and applies `a.b=c` overrides.

    Raises:
        ConfigError: The file cannot be read, is not YAML or holds no fields, or an override is not `field=value`.
    """
    text = read_text(path, ConfigError)
    values = parse_yaml(text, path, ConfigError, strict=True)
    if not isinstance(values, dict):
        seen = "The file is empty." if values is None else f"Holds a {'list' if isinstance(values, list) else 'value'}."
        raise ConfigError(seen, expected="Expected fields: study, base, languages, …", path=path)
    overridden = [_override(values, override) for override in overrides]
    return Source(values, path, yaml.compose(text, Loader=yaml.SafeLoader), overridden)


def field_name(where: Where) -> str:
    """The path to a field as people write it: `languages.low[0]`."""
    name = ""
    for step in where:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else str(step)
    return name


def _override(values: dict[str, Any], override: str) -> Where:
    """Applies one override; returns the path to its field."""
    name, equals, text = override.partition("=")
    where = tuple(part.strip() for part in name.split("."))
    if not equals or not all(where):
        raise ConfigError(f"--set {override}: not of the form field=value.", expected="Such as: --set seeds=[1,2]")
    fields: Any = values
    for parent in where[:-1]:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise ConfigError(f"--set {override}: {parent!r} holds no fields.", fix=f"Set {parent!r} as a whole.")
    try:
        fields[where[-1]] = parse_yaml(text, error=ConfigError, strict=True)
    except ConfigError as error:
        raise ConfigError(f"--set {override}: {error}", fix="Quote special characters.") from error
    return where
