"""Writes `docs/api.md` from the signatures and docstrings of the public names; `--check` fails if it is outdated."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import xlreach as xl

PAGE = Path(__file__).with_name("api.md")
_HEAD = """# The Python interface

Written by `python docs/api.py` from the code; change the docstrings, not this page.

```python
import xlreach as xl
```
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name in sorted(xl.__all__, key=str.casefold):
        value = getattr(xl, name)
        parts.append(_entry(f"xl.{name}", value, "##"))
        if inspect.isclass(value):
            members = [(attribute, member) for attribute, member in vars(value).items() if attribute[0] != "_"]
            parts += [_entry(f"{name}.{attribute}", member, "###") for attribute, member in members if _has_doc(member)]
    return "\n".join(parts)


class _Annotation(str):
    """An annotation that prints without quotation marks."""

    __repr__ = str.__str__


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [value for name, value in signature.parameters.items() if name not in ("self", "cls")]
    typed = [value.replace(annotation=_unquoted(value.annotation)) for value in parameters]
    return str(signature.replace(parameters=typed, return_annotation=_unquoted(signature.return_annotation)))


def _unquoted(annotation: Any) -> Any:
    return annotation if annotation is inspect.Signature.empty else _Annotation(annotation)


def _has_doc(value: Any) -> bool:
    return bool(inspect.getdoc(value)) and (inspect.isroutine(value) or hasattr(value, "__get__"))


def _entry(name: str, value: Any, mark: str) -> str:
    function = getattr(value, "__func__", value)
    try:
        signature = _signature(function) if callable(function) else ""
    except ValueError:
        signature = ""
    return f"{mark} `{name}`\n\n```python\n{name}{signature}\n```\n\n```text\n{inspect.getdoc(value)}\n```\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        written = PAGE.read_text("utf-8") if PAGE.is_file() else ""
        sys.exit(None if written == page() else "docs/api.md is out of date: run python docs/api.py")
    PAGE.write_text(page(), "utf-8")
