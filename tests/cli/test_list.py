from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from xlreach.adapt import STEPS
from xlreach.cli import app
from xlreach.errors import SpecError
from xlreach.study.kinds import describe_kind


@pytest.mark.parametrize("kind", ["steps", "alignments", "poolings", "tasks", "datasets", "pairs", "retrievers"])
def test_every_kind_is_listed_with_its_parameters(kind: str) -> None:
    run = CliRunner().invoke(app, ["list", kind])
    assert run.exit_code == 0, run.output
    found = json.loads(CliRunner().invoke(app, ["list", kind, "--json"]).output)
    assert found == describe_kind(kind) and found
    for one in found:
        assert one["name"] in run.output and one["summary"]
        assert all(row["help"] for row in one["parameters"])


def test_steps_are_all_there() -> None:
    found = {one["name"]: one for one in describe_kind("steps")}
    assert set(found) == {step.name for step in STEPS} and {"va", "lapt", "fasttext"} <= set(found)
    n = next(row for row in found["va"]["parameters"] if row["name"] == "n")
    assert (n["type"], n["default"]) == ("a whole number", "99")


def test_an_unknown_kind() -> None:
    with pytest.raises(SpecError, match="Did you mean 'steps'"):
        describe_kind("step")
