"""The study configuration: YAML, typed, with overrides, and errors that name the field, the value and the fix."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xlreach.errors import ConfigError, XLReachError, nearest

Setting = Literal["mono", "cross", "multi"]
_LineOf = Callable[[tuple[Any, ...]], int | None]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Levels(_Model):
    """The study's languages by resource level (codes as `xlreach languages` knows them)."""

    high: tuple[str, ...] = Field(min_length=1)
    low: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _disjoint(self) -> Levels:
        both = set(self.high) & set(self.low)
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be both high and low")
        return self

    @property
    def all(self) -> tuple[str, ...]:
        return self.high + self.low


class StudyConfig(_Model):
    """One study; every field but `study`, `base` and `languages` has a default.

    Attributes:
        study: Its name, and the name of its folder below `runs/`.
        data: A folder in upstream's own layouts, or `artificial(...)`; by default what `XLREACH_DATA` names.
        base: The encoder to specialise (a folder, `package:NAME/FOLDER`, a hub id, or `scratch(...)` to pretrain
            one on the high-resource languages), or several by name.
        specialise: `each` low-resource language gets an encoder of its own, or one `joint` encoder serves all.
        text: Sources of unlabelled text; by default every one that the data hold.
        pairs: Sources of training pairs for the alignments.
        preset: How taggers are trained (`paper`, `fast`, …).
        depth: How many documents a search returns for each query.
        hypotheses: Claims to test, one a line.
        provenance: Versions that a finished run was made with; ignored when it is read again.
    """

    study: str
    data: str = Field(default="$XLREACH_DATA", validate_default=True)
    base: dict[str, str]
    languages: Levels
    specialise: Literal["each", "joint"] = "each"
    text: tuple[str, ...] = ()
    recipes: tuple[str, ...] = Field(default=("none",), min_length=1)
    alignments: tuple[str, ...] = Field(default=("none",), min_length=1)
    pairs: tuple[str, ...] = ()
    tagging: tuple[str, ...] = ()
    preset: str = "paper"
    retrieval: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ("mono", "cross", "multi")
    index: str = "Flat"
    measures: tuple[str, ...] = ("nDCG@10", "AP", "R@100", "RR")
    depth: int = Field(default=1000, ge=1, le=100_000)
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1)
    hypotheses: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict, exclude=True)

    @field_validator("study")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise ValueError("expected letters, digits, '.', '_' and '-' only: it names a folder")
        return value

    @field_validator("data")
    @classmethod
    def _expanded(cls, value: str) -> str:
        expanded = os.path.expandvars(value)
        if "$" in expanded:
            raise ValueError("expected a folder or artificial(...); the environment variable is not set")
        return expanded

    @field_validator("base", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {value: value} if isinstance(value, str) else value

    @field_validator("text", "recipes", "alignments", "pairs", "tagging", "retrieval", "settings", "measures", "seeds")
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        repeated = {one for one in value if value.count(one) > 1}
        if repeated:
            raise ValueError(f"{', '.join(map(str, sorted(repeated)))} is given twice")
        return value


def load_config(path: Path, overrides: Iterable[str] = ()) -> StudyConfig:
    """The configuration in a YAML file, with `a.b=c` overrides, every string in it checked.

    Raises:
        ConfigError: Not YAML, an unknown field, a wrong value; names file, line, field, value and the nearest
            valid one.
    """
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot be read ({error}).", fix="Name a study configuration in YAML.", path=path) from error
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
        values = yaml.load(source, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"Not YAML: {problem}.", path=path, line=mark and mark.line + 1) from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"Holds a {type(values).__name__}.", expected="Expected fields such as study, base.", path=path
        )
    for override in overrides:
        _override(values, override)

    def line_of(where: tuple[Any, ...]) -> int | None:
        return _line(root, where)

    return check_config(values, path, line_of)


def check_config(
    values: Mapping[str, Any],
    path: Path | None = None,
    line_of: _LineOf = lambda _: None,
) -> StudyConfig:
    """Types the fields, then parses every recipe, alignment, task, index, measure, language and preset."""
    try:
        config = StudyConfig.model_validate(dict(values))
    except ValidationError as error:
        problems = [_explain(one, values, line_of) for one in error.errors()]
        first = problems[0][1]
        raise ConfigError("; ".join(text for text, _ in problems) + ".", path=path, line=first) from error
    return _parsed(config, path, line_of)


def _parsed(config: StudyConfig, path: Path | None, line_of: _LineOf) -> StudyConfig:
    """Puts the printed form of every string in its place, so that one thing has one name throughout a study."""
    from xlreach.adapt.recipe import Recipe
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.factory import check_factory
    from xlreach.scoring.measures import parse_measure
    from xlreach.tagging.presets import check_preset
    from xlreach.tagging.tasks import TASKS

    def each(field: str, parse: Callable[[str], Any]) -> tuple[str, ...]:
        printed = []
        for position, text in enumerate(getattr(config, field)):
            try:
                printed.append(str(parse(text)))
            except XLReachError as error:
                where = line_of((field, position))
                raise ConfigError(f"Field {field}[{position}]: {error}", path=path, line=where) from error
        return tuple(printed)

    def one(field: str, check: Callable[[str], Any]) -> None:
        try:
            check(getattr(config, field))
        except XLReachError as error:
            raise ConfigError(f"Field {field}: {error}", path=path, line=line_of((field,))) from error

    one("index", lambda text: check_factory(text, 768))
    one("preset", check_preset)
    return config.model_copy(
        update={
            "recipes": each("recipes", Recipe.parse),
            "alignments": each("alignments", ALIGNMENTS.parse),
            "tagging": each("tagging", TASKS.parse),
            "measures": each("measures", parse_measure),
        }
    )


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"The override {override!r}.", expected="Expected field=value, such as seeds=[1,2].")
    *parents, last = name.strip().split(".")
    place: Any = values
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise ConfigError(f"The override {override!r}: {parent!r} holds no fields.")
    try:
        place[last] = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"The override {override!r} is not YAML.", expected="Quote special characters.") from error


def _explain(problem: Any, values: Mapping[str, Any], line_of: _LineOf) -> tuple[str, int | None]:
    where = tuple(problem["loc"])
    name = ".".join(map(str, where))
    line = line_of(where)
    if problem["type"] == "extra_forbidden":
        model = Levels if where[:-1] == ("languages",) else StudyConfig
        return f"Unknown field {name!r}. {nearest(str(where[-1]), model.model_fields)}".rstrip("."), line
    if problem["type"] == "missing":
        return f"Field {name!r} is missing", line
    seen: Any = problem["input"]
    message = problem["msg"].removeprefix("Value error, ")
    hint = ""
    if problem["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        hint = " " + nearest(str(seen), valid).rstrip(".")
        message = "not one of the valid values."
    shown = "nothing" if seen is None or (isinstance(seen, float) and math.isnan(seen)) else repr(seen)[:80]
    return f"Field {name!r} is {shown}: {message}{hint}", line


def _line(root: yaml.Node | None, where: tuple[Any, ...]) -> int | None:
    node, line = root, None
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line
