"""The code on pages for people runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[tuple[str, str]]:
    """The Python blocks of a page, each with the heading above it."""
    heading, code = "", []
    for part in re.split(r"(?m)^(#+ .*|```python\n(?:.*\n)*?```)$", (ROOT / page).read_text("utf-8")):
        if part.startswith("#"):
            heading = part.lstrip("# ")
        elif part.startswith("```python"):
            code.append((heading, part.removeprefix("```python\n").removesuffix("```")))
    return code


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a process and a folder of its own: what it registers stays there."""
    script = folder / "example.py"
    script.write_text(code, "utf-8")
    return subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, check=False)


EXAMPLES = blocks("CONTRIBUTING.md")


def test_the_page_has_an_example_of_each():
    assert [heading for heading, _ in EXAMPLES] == ["A recipe step", "A data set", "A measure", "A chart"]
    assert all("assert " in code for _, code in EXAMPLES)


@pytest.mark.parametrize(("heading", "code"), EXAMPLES, ids=[heading for heading, _ in EXAMPLES])
def test_an_example_of_contributing(heading, code, tmp_path):
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
