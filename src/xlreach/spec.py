"""Objects with a string form: parsing the string gives the object, printing the object gives the string.

`va(n=99)`, `va(99)` and `va` are the same object; it prints as `va(99)`, and this string is used in configurations, on
the command line and in cache keys. Each kind of object (recipe steps, alignments, data sets) has a `Registry`. An
object is a frozen dataclass that derives from `Spec` and declares its parameters with `param`; validation, error
messages and help are derived from these declarations.

Grammar:

    chain := spec ('+' spec)*
    spec  := name [ ':' word ] [ '(' [ argument (',' argument)* ] ')' ]
    argument := [ name '=' ] value
    value := number | true | false | none | word | "quoted" | '[' [ value (',' value)* ] ']' | spec
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import types
import typing
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from xlreach.errors import SpecError, nearest

_NAME = re.compile(r"[A-Za-z][\w.-]*")
_WORD = re.compile(r"[^\s,()\[\]=\"+]+(?:\+[^\s,()\[\]=\"+]+)*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MAX_DEPTH = 8
_MAX_LENGTH = 4096


def param(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    positional: bool = False,
    shown: bool = False,
    member: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    of: Registry[Any] | None = None,
) -> Any:
    """Declares one parameter of a `Spec`.

    Args:
        default: Its value when not given; without one it is required.
        help: One line for the documentation.
        positional: Whether it is printed without its name (`va(99)` rather than `va(n=99)`).
        shown: Whether it is printed even if it has its default value.
        member: Whether it is written after the name and a colon (`ud:mt_mudt`); it must be declared first.
        minimum: The smallest number allowed.
        maximum: The largest number allowed.
        of: For a parameter that is itself an object with a string form: its registry.
    """
    metadata = {"help": help, "positional": positional, "shown": shown, "member": member, "of": of}
    return field(default=default, metadata={**metadata, "minimum": minimum, "maximum": maximum})


@dataclass(frozen=True)
class Spec(ABC):
    """An object with a name and declared parameters; `str()` gives its printed form."""

    name: ClassVar[str]

    def __str__(self) -> str:
        head, arguments = self.name, []
        for declared in dataclasses.fields(self):
            value = getattr(self, declared.name)
            if declared.metadata["member"]:
                head = self.name if value is None else f"{self.name}:{value}"
            elif declared.metadata["shown"] or declared.default is dataclasses.MISSING or value != declared.default:
                printed = print_value(value)
                arguments.append(printed if declared.metadata["positional"] else f"{declared.name}={printed}")
        return f"{head}({','.join(arguments)})" if arguments else head

    @classmethod
    def describe(cls) -> list[tuple[str, str, str, str]]:
        """Rows of (parameter, type, default, help) for documentation."""
        hints = typing.get_type_hints(cls)
        rows = []
        for declared in dataclasses.fields(cls):
            required = declared.default is dataclasses.MISSING
            default = "required" if required else print_value(declared.default)
            rows.append((declared.name, _type_name(hints[declared.name]), default, declared.metadata["help"]))
        return rows


S = TypeVar("S", bound=Spec)


class Registry(Generic[S]):
    """The classes of one kind of object, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[S]] = {}

    def begins(self, text: str) -> bool:
        """Whether a text begins with a registered name, as in `name(…)` or `name:…`, so that `parse` would read it."""
        match = _NAME.match(text.strip())
        return match is not None and match[0] in self and text.strip()[match.end() :][:1] in ("", ":", "(", "+")

    def register(self, cls: type[S]) -> type[S]:
        """Registers `cls` under its `name`; usable as a decorator."""
        if cls.name in self._classes and self._classes[cls.name] is not cls:
            raise ValueError(f"the {self.kind} {cls.name!r} is registered already")
        self._classes[cls.name] = cls
        return cls

    def __iter__(self) -> Iterator[type[S]]:
        return iter(self._classes[name] for name in sorted(self._classes))

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def parse(self, text: str) -> S:
        """The object that `text` describes.

        Raises:
            SpecError: `text` violates the grammar or names something unknown, or a parameter is wrong.
        """
        things = self.parse_chain(text)
        if len(things) != 1:
            raise SpecError(f"{text!r} joins several by '+'.", expected=f"Expected one {self.kind}.")
        return things[0]

    def parse_chain(self, text: str) -> tuple[S, ...]:
        """The objects that `text` joins by `+`, from left to right."""
        calls = _Parser(text, self.kind).chain()
        return tuple(self._build(call, text) for call in calls)

    def _build(self, call: Call, text: str) -> S:
        cls = self._classes.get(call.name)
        if cls is None:
            raise SpecError(f"Unknown {self.kind} {call.name!r} in {text!r}.", fix=nearest(call.name, self._classes))
        declared = {parameter.name: parameter for parameter in dataclasses.fields(cls)}
        members = [parameter.name for parameter in declared.values() if parameter.metadata["member"]]
        order = [name for name in declared if name not in members]
        hints = typing.get_type_hints(cls)
        given: dict[str, Any] = {}
        if call.member is not None:
            if not members:
                raise SpecError(f"{call.name!r} takes no member after a colon (in {text!r}).")
            given[members[0]] = _convert(call.member, hints[members[0]], declared[members[0]].metadata, repr(text))
        for position, (key, value) in enumerate(call.arguments):
            if key is None:
                if position >= len(order):
                    raise SpecError(
                        f"{call.name!r} takes {len(order)} parameters, {len(call.arguments)} given in {text!r}."
                    )
                key = order[position]
            if key not in order:
                raise SpecError(
                    f"{call.name!r} has no parameter {key!r} (in {text!r}).",
                    fix=nearest(key, order) if order else "It takes none.",
                )
            if key in given:
                raise SpecError(f"Parameter {key!r} of {call.name!r} is given twice in {text!r}.")
            given[key] = _convert(value, hints[key], declared[key].metadata, f"{call.name}({key}=…) in {text!r}")
        for key, parameter in declared.items():
            if parameter.default is dataclasses.MISSING and key not in given:
                written = f"{call.name}:…" if parameter.metadata["member"] else f"{call.name}({key}=…)"
                raise SpecError(
                    f"{call.name!r} needs {key!r} in {text!r}.", fix=f"Write {written}: {parameter.metadata['help']}."
                )
        return cls(**given)


@dataclass(frozen=True)
class Call:
    """A parsed string that is not validated yet: a name, the member after its colon, and the arguments."""

    name: str
    member: str | None = None
    arguments: tuple[tuple[str | None, Any], ...] = ()

    def __str__(self) -> str:
        head = self.name if self.member is None else f"{self.name}:{self.member}"
        inside = ",".join(print_value(v) if k is None else f"{k}={print_value(v)}" for k, v in self.arguments)
        return f"{head}({inside})" if inside else head


def print_value(value: Any) -> str:
    """A parameter's value as it is written in a string; parsing it gives the value back."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return repr(int(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(print_value(item) for item in value) + "]"
    if isinstance(value, (Call, Spec)):
        return str(value)
    text = str(value)
    bare = _WORD.fullmatch(text) and not _NUMBER.fullmatch(text) and text not in ("true", "false", "none")
    return text if bare else json.dumps(text, ensure_ascii=False)


def folder_name(text: str) -> str:
    """A printed form as one safe path component; where characters are replaced, a short hash keeps names different.

    >>> folder_name("va(99)+lapt")
    'va(99)+lapt'
    """
    safe = re.sub(r"[^\w.()+,=@~\[\]-]", "_", text, flags=re.ASCII)[:180].lstrip(".") or "_"
    return safe if safe == text else f"{safe}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


class _Parser:
    """A recursive-descent parser of one string; every error gives the position."""

    def __init__(self, text: str, kind: str) -> None:
        self.text, self.kind, self.at = text, kind, 0
        if len(text) > _MAX_LENGTH:
            raise SpecError(f"A {kind} of {len(text)} characters.", expected=f"At most {_MAX_LENGTH} are read.")

    def chain(self) -> list[Call]:
        calls = [self._call(0)]
        while self._take("+"):
            calls.append(self._call(0))
        if self.at < len(self.text):
            self._fail("the end or '+'")
        return calls

    def _call(self, depth: int) -> Call:
        name = self._match(_NAME)
        if not name:
            self._fail(f"the name of a {self.kind}")
        member = None
        if self._take(":"):
            member = self._match(_WORD)
            if member is None:
                self._fail("a word after ':'")
        return Call(name, member, self._arguments(depth) if self._take("(") else ())

    def _arguments(self, depth: int) -> tuple[tuple[str | None, Any], ...]:
        arguments: list[tuple[str | None, Any]] = []
        if self._take(")"):
            return ()
        while True:
            start = self.at
            key: str | None = self._match(_NAME)
            if key is None or not self._take("="):
                key, self.at = None, start
            if key is None and any(given is not None for given, _ in arguments):
                self._fail("name=value (a value without a name cannot follow one with a name)")
            arguments.append((key, self._value(depth + 1)))
            if self._take(")"):
                return tuple(arguments)
            if not self._take(","):
                self._fail("',' or ')'")

    def _value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            self._fail(f"at most {_MAX_DEPTH} levels of brackets")
        if self._take("["):
            items: list[Any] = []
            if self._take("]"):
                return ()
            while True:
                items.append(self._value(depth + 1))
                if self._take("]"):
                    return tuple(items)
                if not self._take(","):
                    self._fail("',' or ']'")
        if self.text.startswith('"', self.at):
            return self._quoted()
        word = self._match(_WORD)
        if word is None:
            self._fail("a value")
        head, colon, member = word.partition(":")
        if self.text.startswith("(", self.at) and _NAME.fullmatch(head):
            self.at += 1
            return Call(head, member if colon else None, self._arguments(depth))
        if _NUMBER.fullmatch(word):
            return int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
        return {"true": True, "false": False, "none": None}.get(word, word)

    def _quoted(self) -> str:
        try:
            value, end = json.JSONDecoder().raw_decode(self.text, self.at)
        except json.JSONDecodeError:
            self._fail("a closing '\"'")
        self.at = end
        return str(value)

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        self._blank()
        match = pattern.match(self.text, self.at)
        if not match:
            return None
        self.at = match.end()
        self._blank()
        return match.group()

    def _take(self, character: str) -> bool:
        self._blank()
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        self._blank()
        return True

    def _blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _fail(self, expected: str) -> typing.NoReturn:
        rest = self.text[self.at : self.at + 20]
        raise SpecError(
            f"Cannot read the {self.kind} {self.text!r}: {'it ends' if not rest else f'{rest!r} stands'} "
            f"at character {self.at + 1}.",
            expected=f"Expected {expected}.",
        )


def _convert(value: Any, hint: Any, metadata: typing.Mapping[str, Any], where: str) -> Any:
    if metadata["of"] is not None:
        return metadata["of"].parse(value if isinstance(value, str) else print_value(value))
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in choices:
            return None
        hint = next(choice for choice in choices if choice is not type(None))
        return _convert(value, hint, metadata, where)
    if origin is Literal:
        if value not in choices:
            raise SpecError(
                f"{print_value(value)!r} for {where}.", fix=nearest(print_value(value), [str(c) for c in choices])
            )
        return value
    if origin is tuple:
        items = value if isinstance(value, tuple) else (value,)
        return tuple(_convert(item, choices[0], metadata, where) for item in items)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if hint is str and isinstance(value, (int, float, Call)) and not isinstance(value, bool):
        value = print_value(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise SpecError(f"{print_value(value)!r} for {where}.", expected=f"Expected {_type_name(hint)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{value!r} for {where}.", expected="Expected a finite number.")
    low, high = metadata["minimum"], metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"from {low:g}" if high is None else f"up to {high:g}" if low is None else f"from {low:g} to {high:g}"
        raise SpecError(f"{print_value(value)} for {where}.", expected=f"Expected a number {bounds}.")
    return value


def _type_name(hint: Any) -> str:
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " | ".join(str(choice) for choice in choices)
    if origin in (typing.Union, types.UnionType):
        return " | ".join("none" if choice is type(None) else _type_name(choice) for choice in choices)
    if origin is tuple:
        return f"[{_type_name(choices[0])}, …]"
    if isinstance(hint, type) and issubclass(hint, Spec):
        return f"a {hint.__name__.lower()}"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}.get(hint, str(hint))
