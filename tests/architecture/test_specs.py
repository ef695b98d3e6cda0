"""Whatever has a string is itself again when its string is read, and explains every parameter it takes."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from xlreach.adapt.recipe import STEPS
from xlreach.corpora.artificial import ARTIFICIAL
from xlreach.corpora.registry import DATASETS
from xlreach.errors import SpecError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.pair_sources import PAIR_SOURCES
from xlreach.retrieval.pooling import POOLINGS
from xlreach.spec import Registry, Spec, folder_name
from xlreach.tagging.tasks import TASKS

REGISTRIES: tuple[Registry[Any], ...] = (STEPS, ALIGNMENTS, POOLINGS, TASKS, DATASETS, PAIR_SOURCES, ARTIFICIAL)
KINDS = [(registry, cls) for registry in REGISTRIES for cls in registry]


def name_of(case: Any) -> str:
    return case.__name__ if isinstance(case, type) else case.kind


def values_of(hint: Any, metadata: Any) -> Iterator[Any]:
    """Values of a type that differ in how they print, within the bounds."""
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for choice in choices:
            yield from (None,) if choice is type(None) else values_of(choice, metadata)
    elif origin is Literal:
        yield from choices
    elif metadata["of"] is not None:
        yield from (one(**plain(one)) for one in metadata["of"])
    elif origin is tuple:
        yield from ((), ("a",), ("a b", "c,d", 'e"f', "ħ")) if choices[0] is str else ((), (1,), (1, 2))
    elif hint is bool:
        yield from (True, False)
    elif hint is str:
        yield from ("word", "two words", 'quote"', "a,b(c)=d", "12", "true", "none", "x/y.yaml", "ħ中", "a+b")
    elif hint in (int, float):
        low, high = metadata["minimum"], metadata["maximum"]
        candidates = (low, high, 1, 2, 16, 64) if hint is int else (low, high, 0.5, 0.25, 1e-5, 1.0, 3.0)
        for value in candidates:
            if value is not None and (low is None or value >= low) and (high is None or value <= high):
                yield hint(value)
    else:
        raise AssertionError(f"a parameter of type {hint}")


def plain(cls: type[Spec]) -> dict[str, Any]:
    """What a thing of the class needs to be made at all."""
    return {
        field.name: "some/member" if field.metadata["member"] else 2 if field.type in ("int", int) else "word"
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING
    }


@pytest.mark.parametrize(("registry", "cls"), KINDS, ids=name_of)
def test_every_parameter_is_explained(registry, cls):
    assert (cls.__doc__ or "").strip().splitlines()[0].endswith(".")
    for name, kind, default, explanation in cls.describe():
        assert explanation and not explanation.endswith("."), name
        assert "<class" not in kind and default


@pytest.mark.parametrize(("registry", "cls"), KINDS, ids=name_of)
def test_what_is_printed_is_read_back(registry, cls):
    needed = plain(cls)
    hints = typing.get_type_hints(cls)
    things = [cls(**needed)]
    for field in dataclasses.fields(cls):
        if field.metadata["member"]:
            continue
        for value in values_of(hints[field.name], field.metadata):
            try:
                things.append(cls(**{**needed, field.name: value}))
            except SpecError:  # two parameters that do not go together
                continue
    for thing in things:
        printed = str(thing)
        assert registry.parse(printed) == thing, printed
        assert str(registry.parse(printed)) == printed
    names = [folder_name(str(thing)) for thing in things]
    assert len(set(names)) == len({str(thing) for thing in things})
    assert all("/" not in name and not name.startswith(".") for name in names)


@pytest.mark.parametrize(("registry", "cls"), KINDS, ids=name_of)
def test_an_unknown_parameter_names_the_known_ones(registry, cls):
    member = next((field.name for field in dataclasses.fields(cls) if field.metadata["member"]), None)
    head = f"{cls.name}:x/y" if member else cls.name
    with pytest.raises(SpecError, match=r"has no parameter 'no_such'|takes 0 parameters"):
        registry.parse(f"{head}(no_such=1)")


def test_the_things_of_the_house_are_registered():
    names = {registry.kind: {cls.name for cls in registry} for registry in REGISTRIES}
    assert {"none", "lapt", "va", "translit", "scratch"} <= names["recipe step"]
    assert {"none", "mono", "cross", "hybrid"} <= names["alignment"]
    assert {"pos", "parse", "ner"} == names["tagging task"]
    assert {"ud", "ner", "text", "ntrex", "tatoeba", "xquad-r", "folder", "bitext"} <= names["data set"]
