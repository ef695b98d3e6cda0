"""Writes `docs/api.md` from the signatures and docstrings of the public names; `--check` says whether it is old."""

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
            members = [(attribute, found) for attribute, found in vars(value).items() if attribute[0] != "_"]
            parts += [_entry(f"{name}.{attribute}", found, "###") for attribute, found in members if _has_doc(found)]
    return "\n".join(parts)


class _Annotation(str):
    """An annotation that prints without quotation marks."""

    __repr__ = str.__str__


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    typed = [one.replace(annotation=_Annotation(one.annotation)) for one in signature.parameters.values()]
    returned = signature.return_annotation
    returned = returned if returned is inspect.Signature.empty else _Annotation(returned)
    return str(signature.replace(parameters=typed, return_annotation=returned))


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
        known = PAGE.read_text("utf-8") if PAGE.is_file() else ""
        sys.exit(None if known == page() else "docs/api.md is old: run python docs/api.py")
    PAGE.write_text(page(), "utf-8")
