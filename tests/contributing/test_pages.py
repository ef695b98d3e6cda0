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


def test_the_lines_of_readme(tmp_path):
    ((_, code),) = blocks("README.md")
    assert len([line for line in code.splitlines() if line]) == 8
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fertility" in done.stdout and "The climate is changing." in done.stdout


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/commands.md", "docs/studies.md"]
)
def test_links_lead_to_files(page):
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert all(((ROOT / page).parent / link).is_file() for link in links), links


def test_every_verb_is_in_the_page_of_commands():
    from xlreach.cli.app import app

    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    verbs = {command.name or command.callback.__name__.rstrip("_") for command in app.registered_commands}
    assert len(verbs) > 10 and set(re.findall(r"`xlreach ([a-z]+)", page)) == verbs


def test_every_shipped_study_is_in_the_page_of_studies():
    from xlreach.study.shipped import shipped_studies

    page = (ROOT / "docs" / "studies.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| (`.+?`) \|", page)
    assert set(shipped_studies()) == {name for row in rows for name in re.findall(r"`(.+?)`", row)}
