"""The repository's own files: workflows with few rights and pinned actions, a list of skips without idle lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from xlreach import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_few_rights_and_pinned_actions(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    rights = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert all(set(right.items()) <= {("contents", "read"), ("id-token", "write")} for right in rights)
    actions = re.findall(r"uses: (\S+)", path.read_text("utf-8"))
    assert actions and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)


def test_only_the_publishing_job_can_ask_for_an_identity():
    jobs = {
        f"{path.stem}/{name}"
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items()
        if "id-token" in job.get("permissions", {})
    }
    assert jobs == {"publish/publish"}


def test_every_allowed_skip_is_a_skip_of_the_tests():
    lines = (ROOT / "tests" / "allowed_skips.txt").read_text("utf-8").splitlines()
    allowed = [line.split(": ", 1) for line in lines if line and not line.startswith("#")]
    sources = {path: path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)}
    for file, reason in allowed:
        assert any(reason in text and path.match(file) for path, text in sources.items()), (file, reason)


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__
    assert f'__version__ = "{__version__}"\n' in (ROOT / "src" / "xlreach" / "__init__.py").read_text("utf-8")
