from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from xlreach.cli import main


@dataclass(frozen=True)
class Called:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


def call(*arguments: object) -> Called:
    """Runs the command line in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["xlreach", *map(str, arguments)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
    finally:
        sys.argv = before
    return Called(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def xlreach() -> Callable[..., Called]:
    return call


@dataclass(frozen=True)
class Made:
    """What the verbs made, for other verbs to use."""

    adapted: Path
    trained: Path
    indexes: Path
    lines: Path


@pytest.fixture(scope="session")
def made(tiny, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    text = tiny.data / "raw" / "artificial"
    made = Made(folder / "adapted", folder / "trained", folder / "indexes", folder / "qla.txt")
    lines = (text / "qla.txt").read_text("utf-8").splitlines()[:30]
    made.lines.write_text("\n".join(lines) + "\n", "utf-8")
    source = f"qla={text / 'qla.txt'}"
    done = [
        call("adapt", tiny.encoder(), "va(8)+lapt(epochs=1)", "--text", source, "--out", made.adapted),
        call(
            "train", made.adapted, "mono(steps=2,batch=8)", "--pairs", "folder:retrieval/artificial-train",
            "--lang", "qha", "--lang", "qla", "--data", tiny.data, "--out", made.trained,
        ),
        call("index", made.trained, "--text", f"qla={made.lines}", "--out", made.indexes),
    ]  # fmt: skip
    assert [one.code for one in done] == [0, 0, 0], done
    return made


@pytest.fixture
def data(tiny, tmp_path) -> Path:
    """A copy of the tiny study's data that a test may damage."""
    return Path(shutil.copytree(tiny.data, tmp_path / "data"))
