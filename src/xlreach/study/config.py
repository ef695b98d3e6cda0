"""The study configuration: YAML with overrides, typed; every error names the field, the value and what to do."""

from __future__ import annotations

import contextlib
import math
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import isclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from xlreach.errors import ConfigError, StoreError, XLReachError, nearest
from xlreach.study.shipped import find_config
from xlreach.study.source import Source, field_name, read_source
from xlreach.system import DENSE, UNTREATED, StudyNames

Setting = Literal["mono", "cross", "multi"]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # what every library that draws numbers takes
_AnyModel = TypeVar("_AnyModel", bound=BaseModel)
_NAME = re.compile(r"\w[\w.+-]{0,79}")


class Model(BaseModel):
    """Fields of a configuration file; it may have no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Levels(Model):
    """The study's languages by resource level (codes as `xlreach languages` lists them)."""

    high: tuple[str, ...] = Field(min_length=1)
    low: tuple[str, ...] = Field(min_length=1)

    @property
    def all(self) -> tuple[str, ...]:
        return self.high + self.low


def _expand(value: str, expected: str) -> str:
    expanded = os.path.expandvars(value)
    if "$" in expanded:
        raise ValueError(f"expected {expected}; the environment variable is not set")
    return expanded


_Folder = Annotated[str, AfterValidator(partial(_expand, expected="a folder or artificial(...)"))]
_Base = Annotated[str, AfterValidator(partial(_expand, expected="an encoder"))]


class StudyConfig(Model):
    """One study; every field but `study`, `base` and `languages` has a default.

    Attributes:
        study: The study's name, and the name of its folder below `runs/`.
        data: A folder in the publishers' own layouts, or `artificial(...)`; by default what `XLREACH_DATA` names.
        base: The encoder to specialise (a folder, `package:NAME/FOLDER`, a hub id, or `scratch(...)` to pretrain
            one on the high-resource languages), or several by name.
        divisions: Other splits into high- and low-resource languages, by name; every gap is also computed for them.
        specialise: `each`: every low-resource language gets its own encoder; `joint`: one encoder serves all of them.
        text: Sources of unlabelled text; by default every source in the data.
        text_lines: At most so many lines of text for each language, taken evenly from all its sources.
        recipes: How the base is adapted, by name. A list is allowed too: then the name is the printed recipe.
        alignments: How an adapted encoder is trained for retrieval, by name; or a list.
        pairs: Sources of training pairs for the alignments.
        corpora: Treebanks and entity corpora for the tagging tasks, by name (`ud:mt_mudt`, `hub:ID(config=mt)`), by
            kind or family (`ud`, `masakhaner2`), or by path; by default every one in the data.
        transfer: High-resource languages; taggers trained in them are tested in each low-resource language.
        preset: How taggers are trained (`paper`, `fast`, …).
        settings: Search within a language (`mono`), across two (`cross`), or over all languages at once (`multi`).
        retrievers: What ranks the documents, by name: `dense` (the encoder), `bm25`, `rrf(dense,bm25)`, …; or a list.
        index: The kind of index, as a FAISS factory string.
        depth: How many documents a search returns for each query.
        seeds: Everything that draws at random is repeated with each of them.
        hypotheses: Claims to test, one string each; they use the names of the recipes, alignments and retrievers.
        provenance: Versions that a finished run was made with; ignored when the file is read again.
    """

    study: str
    data: _Folder = Field(default="$XLREACH_DATA", validate_default=True)
    base: dict[str, _Base] = Field(min_length=1)
    languages: Levels
    divisions: dict[str, Levels] = Field(default_factory=dict)
    specialise: Literal["each", "joint"] = "each"
    text: tuple[str, ...] = ()
    text_lines: int | None = Field(default=None, ge=2)
    recipes: dict[str, str] = Field(default={UNTREATED: UNTREATED}, min_length=1)
    alignments: dict[str, str] = Field(default={UNTREATED: UNTREATED}, min_length=1)
    pairs: tuple[str, ...] = ()
    tagging: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    transfer: tuple[str, ...] = ()
    preset: str = "paper"
    retrieval: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = Field(default=("mono", "cross", "multi"), min_length=1)
    retrievers: dict[str, str] = Field(default={DENSE: DENSE}, min_length=1)
    index: str = "Flat"
    measures: tuple[str, ...] = Field(default=("nDCG@10", "AP", "R@100", "RR"), min_length=1)
    depth: int = Field(default=1000, ge=1, le=100_000)
    seeds: tuple[Seed, ...] = Field(default=(1,), min_length=1)
    hypotheses: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict, exclude=True)
    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def names(self) -> StudyNames:
        """The names of what the study compares, for whoever reads a text that uses them."""
        from xlreach.adapt import Recipe

        steps = {name: tuple(map(str, Recipe.parse(text).steps)) for name, text in self.recipes.items()}
        return StudyNames(steps, tuple(self.alignments), tuple(self.retrievers))

    @contextlib.contextmanager
    def at(self, *where: str | int) -> Iterator[None]:
        """Adds the field, its file and its line to an error within the block, which becomes a ConfigError."""
        try:
            yield
        except StoreError:
            raise
        except XLReachError as error:
            raise self._source.wrong((where, f"Field {field_name(where)}: {error}")) from error

    @field_validator("study")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise ValueError("expected letters, digits, '.', '_' and '-' only: it names a folder")
        return value

    @field_validator("base", mode="before")
    @classmethod
    def _named_base(cls, value: Any) -> Any:
        return {value: value} if isinstance(value, str) else value

    @field_validator("recipes", "alignments", "retrievers", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if not all(isinstance(text, str) for text in value):
                raise ValueError("expected text for each, or a mapping from names to text")
            _refuse_repeats(value)
            return {text: text for text in value}
        if not isinstance(value, Mapping):
            raise ValueError("expected a list, such as [a, b], or a mapping, such as {name: a}")
        return value

    @field_validator("text", "pairs", "tagging", "corpora", "transfer", "retrieval", "settings", "measures", "seeds")
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        _refuse_repeats(value)
        return value


def _refuse_repeats(values: Sequence[Any]) -> None:
    if repeated := {value for value in values if values.count(value) > 1}:
        raise ValueError(f"{', '.join(map(str, sorted(repeated)))} is given twice")


def load_config(path: Path, overrides: Iterable[str] = ()) -> StudyConfig:
    """Reads a configuration from a YAML file, with `a.b=c` overrides, and checks every string in it.

    A name without a file is that of a study that comes with the package, such as `quickstart`. Languages are written
    by their shortest code and all other strings in their printed form, so that one thing has one name throughout a
    study.

    Raises:
        ConfigError: Not YAML, an unknown field, a wrong value; names file, line, field, value and the nearest
            valid one.
    """
    source = read_source(find_config(path), overrides)
    config = validate(StudyConfig, source)
    config._source = source
    return _parsed(config)


def validate(model: type[_AnyModel], source: Source) -> _AnyModel:
    """The fields of a file as a model.

    Raises:
        ConfigError: Fields are unknown, missing or wrong; see `load_config`.
    """
    try:
        return model.model_validate(source.values)
    except ValidationError as error:
        problems = [problem for problem in error.errors() if not _follows(problem, error.errors())]
        problems.sort(key=lambda problem: problem["type"] == "missing")  # a misspelt field explains a missing one
        explained = ((tuple(problem["loc"]), _explain(problem, model)) for problem in problems)
        raise source.wrong(*explained) from error


def _parsed(config: StudyConfig) -> StudyConfig:
    """Parses every recipe, alignment, task, retriever, index, measure, language, preset and hypothesis."""
    from xlreach.adapt import Recipe
    from xlreach.comparison.claims import parse_hypothesis
    from xlreach.comparison.groups.splits import SPLITS
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.factory import check_factory
    from xlreach.retrieval.retrievers import RETRIEVERS
    from xlreach.scoring.measures import parse_measure
    from xlreach.tagging.presets import check_preset
    from xlreach.tagging.tasks import TASKS

    def each(parse: Callable[[str], Any], texts: tuple[str, ...], *where: str) -> tuple[str, ...]:
        printed: list[str] = []
        for position, text in enumerate(texts):
            with config.at(*where, position):
                printed.append(_new(text, str(parse(text)), printed))
        return tuple(printed)

    def named(field: str, parse: Callable[[str], Any], default: str) -> dict[str, str]:
        """The things of a field by name, printed; `default` is the name of that very thing and of nothing else."""
        things: dict[str, str] = {}
        listed = isinstance(config._source.values.get(field), list)
        for position, (name, text) in enumerate(getattr(config, field).items()):
            with config.at(field, position if listed else name):
                printed = _new(text, str(parse(text)), things.values())
                name = printed if listed else name
                if name != printed and not _NAME.fullmatch(name):
                    expected = "Expected letters, digits, '.', '_', '+' and '-' only."
                    raise ConfigError(f"The name {name!r} is not a plain word.", expected=expected)
                if default in (name, printed) and name != printed:
                    raise ConfigError(f"{printed!r} is named {name!r}.", expected=f"{default!r} is always {default!r}.")
                for other, names in others.items():
                    if name in names and name != UNTREATED:
                        raise ConfigError(f"{name!r} is also the name of one of the {other}.", fix="Rename one.")
                things[name] = printed
        others[field] = things
        return things

    others: dict[str, dict[str, str]] = {}
    with config.at("index"):
        check_factory(config.index)
    with config.at("preset"):
        check_preset(config.preset)

    def divided(levels: Levels, *where: str) -> Levels:
        sides = {side: each(_shortest_code, getattr(levels, side), *where, side) for side in ("high", "low")}
        for position, code in enumerate(sides["low"]):
            with config.at(*where, "low", position):
                if code in sides["high"]:
                    raise ConfigError(f"{code!r} is among the high-resource languages already.")
        return Levels(**sides)

    for name in config.divisions:
        with config.at("divisions", name):
            if name in SPLITS:
                raise ConfigError(f"{name!r} is a division that every study has.", fix="Give it another name.")
    languages = divided(config.languages, "languages")
    transfer = each(_shortest_code, config.transfer, "transfer")
    for position, code in enumerate(transfer):
        with config.at("transfer", position):
            if code not in languages.high:
                fix = nearest(code, languages.high)
                raise ConfigError(f"{code!r} is none of the study's high-resource languages.", fix=fix)
    config = config.model_copy(
        update={
            "languages": languages,
            "transfer": transfer,
            "divisions": {name: divided(levels, "divisions", name) for name, levels in config.divisions.items()},
            "recipes": named("recipes", Recipe.parse, UNTREATED),
            "alignments": named("alignments", ALIGNMENTS.parse, UNTREATED),
            "tagging": each(TASKS.parse, config.tagging, "tagging"),
            "retrievers": named("retrievers", RETRIEVERS.parse, DENSE),
            "measures": each(parse_measure, config.measures, "measures"),
        }
    )

    names = config.names
    claims = each(lambda text: parse_hypothesis(text, names), config.hypotheses, "hypotheses")
    return config.model_copy(update={"hypotheses": claims})


def _new(text: str, printed: str, before: Iterable[str]) -> str:
    if printed in before:
        same = "" if text == printed else f" is {printed!r}, which"
        raise ConfigError(f"{text!r}{same} is given already.")
    return printed


def _shortest_code(text: str) -> str:
    """A language's code; what a private-use code means is known only with the data."""
    from xlreach.languages import canonical_code, get_language

    return canonical_code(text) or get_language(text).code


_EXPECTED = {
    "tuple_type": "expected a list, such as [a, b]",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "model_type": "expected fields below it",
    "model_attributes_type": "expected fields below it",
    "dict_type": "expected fields below it",
    "too_short": "expected at least one",
    "greater_than_equal": "expected a number from {ge}",
    "less_than_equal": "expected a number up to {le}",
    "less_than": "expected a number below {lt}",
    "invalid_key": "expected a word as a field's name",
}
_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxstring = 2, 80


def _follows(problem: Any, problems: Sequence[Any]) -> bool:
    """Whether a list is too short only because an element of it is wrong."""
    where = problem["loc"]
    inside = (other["loc"] for other in problems)
    return problem["type"] == "too_short" and any(loc[: len(where)] == where != loc for loc in inside)


def _explain(problem: Any, model: type[BaseModel]) -> str:
    where = tuple(problem["loc"])
    name = field_name(where)
    if problem["type"] == "extra_forbidden":
        for step in where[:-1]:
            field = model.model_fields.get(str(step))
            parts = () if field is None else (field.annotation, *get_args(field.annotation))
            model = next((part for part in parts if isclass(part) and issubclass(part, BaseModel)), model)
        return f"Unknown field {name!r}. {nearest(str(where[-1]), model.model_fields)}"
    if problem["type"] == "missing":
        return f"Field {name} is missing"
    seen: Any = problem["input"]
    message = _EXPECTED.get(problem["type"], "").format_map(problem.get("ctx", {})) or problem["msg"].removeprefix(
        "Value error, "
    )
    if problem["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        message = nearest(str(seen), valid)
    nothing = seen is None or (isinstance(seen, float) and math.isnan(seen))
    # Not repr: aliases in YAML can make a few lines into more than memory holds.
    return f"Field {name} is {'nothing' if nothing else _BRIEF.repr(seen)}: {message}"
