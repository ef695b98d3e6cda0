"""The study configuration: YAML, typed, with overrides, and errors that name the field, the value and the fix."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from xlreach.errors import ConfigError, SpecError, StoreError, XLReachError, nearest
from xlreach.study.shipped import find_config
from xlreach.study.source import Source, field_name, read_source

Setting = Literal["mono", "cross", "multi"]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # what every library that draws numbers takes


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Levels(_Model):
    """The study's languages by resource level (codes as `xlreach languages` knows them)."""

    high: tuple[str, ...] = Field(min_length=1)
    low: tuple[str, ...] = Field(min_length=1)

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
        divisions: Other lists of high and low languages, by name, to cut every gap by.
        specialise: `each` low-resource language gets an encoder of its own, or one `joint` encoder serves all.
        text: Sources of unlabelled text; by default every one that the data hold.
        text_lines: At most so many lines of text a language, spread evenly over its sources.
        pairs: Sources of training pairs for the alignments.
        corpora: Treebanks and entity corpora for the tagging tasks, by name (`ud:mt_mudt`, `hub:ID(config=mt)`), by
            kind or family (`ud`, `masakhaner2`), or by path; by default every one that the data hold.
        transfer: High-resource languages in which taggers are also trained to be tested in each low-resource one.
        preset: How taggers are trained (`paper`, `fast`, …).
        retrievers: What ranks the documents: `dense` (the encoder), `bm25`, `random`, `rrf(dense,bm25)`, …
        depth: How many documents a search returns for each query.
        hypotheses: Claims to test, one a line.
        provenance: Versions that a finished run was made with; ignored when it is read again.
    """

    study: str
    data: str = Field(default="$XLREACH_DATA", validate_default=True)
    base: dict[str, str] = Field(min_length=1)
    languages: Levels
    divisions: dict[str, Levels] = Field(default_factory=dict)
    specialise: Literal["each", "joint"] = "each"
    text: tuple[str, ...] = ()
    text_lines: int | None = Field(default=None, ge=2)
    recipes: tuple[str, ...] = Field(default=("none",), min_length=1)
    alignments: tuple[str, ...] = Field(default=("none",), min_length=1)
    pairs: tuple[str, ...] = ()
    tagging: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    transfer: tuple[str, ...] = ()
    preset: str = "paper"
    retrieval: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = Field(default=("mono", "cross", "multi"), min_length=1)
    retrievers: tuple[str, ...] = Field(default=("dense",), min_length=1)
    index: str = "Flat"
    measures: tuple[str, ...] = Field(default=("nDCG@10", "AP", "R@100", "RR"), min_length=1)
    depth: int = Field(default=1000, ge=1, le=100_000)
    seeds: tuple[Seed, ...] = Field(default=(1,), min_length=1)
    hypotheses: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict, exclude=True)
    _source: Source = PrivateAttr(default_factory=Source)

    @contextlib.contextmanager
    def at(self, *where: str | int) -> Iterator[None]:
        """Names the field, its file and its line in an error that only the data, or a parser, could find.

        Raises:
            ConfigError: In place of any error of the user's within the block.
        """
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

    @field_validator("data")
    @classmethod
    def _expanded(cls, value: str) -> str:
        return _expand(value, "a folder or artificial(...)")

    @field_validator("base", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {value: value} if isinstance(value, str) else value

    @field_validator("base")
    @classmethod
    def _located(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: _expand(text, "an encoder") for name, text in value.items()}

    @field_validator(
        "text",
        "recipes",
        "alignments",
        "pairs",
        "tagging",
        "corpora",
        "transfer",
        "retrieval",
        "settings",
        "retrievers",
        "measures",
        "seeds",
    )
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        repeated = {one for one in value if value.count(one) > 1}
        if repeated:
            raise ValueError(f"{', '.join(map(str, sorted(repeated)))} is given twice")
        return value


def _expand(value: str, expected: str) -> str:
    expanded = os.path.expandvars(value)
    if "$" in expanded:
        raise ValueError(f"expected {expected}; the environment variable is not set")
    return expanded


def load_config(path: Path, overrides: Iterable[str] = ()) -> StudyConfig:
    """The configuration in a YAML file, with `a.b=c` overrides, every string in it checked.

    A name without a file is that of a study that comes with the package, such as `quickstart`.

    Languages are written by their shortest code, all other strings in their printed form, so that one thing has one
    name throughout a study.

    Raises:
        ConfigError: Not YAML, an unknown field, a wrong value; names file, line, field, value and the nearest
            valid one.
    """
    source = read_source(find_config(path), overrides)
    try:
        config = StudyConfig.model_validate(source.values)
    except ValidationError as error:
        problems = [one for one in error.errors() if not _follows(one, error.errors())]
        problems.sort(key=lambda one: one["type"] == "missing")  # what is misspelt says why it is missing
        raise source.wrong(*((tuple(one["loc"]), _explain(one)) for one in problems)) from error
    config._source = source
    return _parsed(config)


def _parsed(config: StudyConfig) -> StudyConfig:
    """Parses every recipe, alignment, task, retriever, index, measure, language, preset and hypothesis."""
    from xlreach.adapt import Recipe
    from xlreach.comparison.hypotheses import parse_hypothesis, systems_missing
    from xlreach.comparison.levels import CUTS
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
                one = str(parse(text))
                if one in printed:
                    same = "" if text == one else f" is {one!r}, which"
                    raise ConfigError(f"{text!r}{same} is given already.")
                printed.append(one)
        return tuple(printed)

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
            if name in CUTS:
                raise ConfigError(f"{name!r} is the name of a division that every study has.", fix="Name it otherwise.")
    languages = divided(config.languages, "languages")
    transfer = each(_shortest_code, config.transfer, "transfer")
    for position, code in enumerate(transfer):
        with config.at("transfer", position):
            if code not in languages.high:
                fix = nearest(code, languages.high)
                raise ConfigError(f"{code!r} is none of the study's high-resource languages.", fix=fix)
    recipes = each(Recipe.parse, config.recipes, "recipes")
    alignments = each(ALIGNMENTS.parse, config.alignments, "alignments")
    retrievers = each(RETRIEVERS.parse, config.retrievers, "retrievers")
    ranked = [RETRIEVERS.parse(one).named(name) for one in retrievers for name in alignments]
    written = dict(zip((*config.recipes, *config.alignments), (*recipes, *alignments), strict=True))

    def claimed(text: str) -> str:
        """A claim, its systems as they are printed, with what the study has for each."""
        for given, printed in written.items():
            if given != printed:
                whole = rf"(?<![\w+]){re.escape(given)}(?![\w+(])"
                text = re.sub(whole, printed.replace("\\", r"\\"), text)
        # one system may be spelled in several ways: with what is the default, or 0.00005 for 5e-05
        for name in systems_missing(parse_hypothesis(text), recipes, (*alignments, *ranked)):
            for part, parse in itertools.product(name.split(" with "), (Recipe.parse, ALIGNMENTS.parse)):
                with contextlib.suppress(SpecError):
                    if (printed := str(parse(part))) in {*recipes, *alignments}:
                        text = text.replace(part, printed)
        claim = parse_hypothesis(text)
        if missing := systems_missing(claim, recipes, (*alignments, *ranked)):
            raise ConfigError(
                f"{text!r} names {' and '.join(map(repr, missing))}, which the study does not make.",
                fix=nearest(missing[0], {*recipes, *alignments, *ranked}),
            )
        return str(claim)

    return config.model_copy(
        update={
            "languages": languages,
            "transfer": transfer,
            "divisions": {name: divided(one, "divisions", name) for name, one in config.divisions.items()},
            "recipes": recipes,
            "alignments": alignments,
            "tagging": each(TASKS.parse, config.tagging, "tagging"),
            "retrievers": retrievers,
            "measures": each(parse_measure, config.measures, "measures"),
            "hypotheses": each(claimed, config.hypotheses, "hypotheses"),
        }
    )


def _shortest_code(text: str) -> str:
    """A language's code; whether a private-use one means anything is known only with the data."""
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
    """Whether a list is only too short because of what is wrong inside it."""
    where = problem["loc"]
    return problem["type"] == "too_short" and any(one["loc"][: len(where)] == where != one["loc"] for one in problems)


def _explain(problem: Any) -> str:
    where = tuple(problem["loc"])
    name = field_name(where)
    if problem["type"] == "extra_forbidden":
        model = Levels if where[:1] in (("languages",), ("divisions",)) and len(where) > 1 else StudyConfig
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
