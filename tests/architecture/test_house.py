"""Imports go one way, entering a room loads no heavy library, files are short, nothing dangerous is used."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import xlreach

SOURCE = Path(xlreach.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(SOURCE.rglob("*.py"))
# Rooms that can be entered without a library that takes seconds to load.
_HEAVY = ("torch", "transformers", "sentence_transformers", "datasets", "altair")
_ENTER = """
import importlib, sys
heavy = sys.argv[1].split(",")
for name in sys.argv[2:]:
    for module in [module for module in sys.modules if module.partition(".")[0] == "xlreach"]:
        del sys.modules[module]
    importlib.import_module(name)
    loaded = [module for module in heavy if module in sys.modules]
    assert not loaded, (name, loaded)
"""
_HELP = """
import sys
from xlreach.cli import main
sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit:
    print(",".join(sys.modules))
"""


def relative(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_data_only_move_to_the_right():
    # In a process of its own: it silences the loggers of what is imported already.
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_room_stands_in_the_order():
    layers = re.search(r"(?s)layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert layers is not None
    named = set(re.findall(r"xlreach\.(\w+)", layers[1]))
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")} | {path.stem for path in SOURCE.glob("*.py")}
    assert rooms - {"__init__", "__main__"} == named


def test_rooms_are_light_to_enter():
    rooms = sorted(f"xlreach.{path.parent.name}" for path in SOURCE.glob("*/__init__.py"))
    assert len(rooms) == 14
    arguments = [sys.executable, "-c", _ENTER, ",".join(_HEAVY), *rooms]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_no_heavy_library():
    done = subprocess.run([sys.executable, "-c", _HELP], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split(",")
    assert "typer" in loaded and not {*_HEAVY, "pandas", "scipy", "faiss"} & set(loaded)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_is_short_and_says_what_it_is(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    if path.name != "__init__.py":
        future = tree.body[1]
        assert isinstance(future, ast.ImportFrom) and future.module == "__future__"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_dangerous_is_used(path):
    """No code from data: no pickles, no remote code, no eval, no shell, no unsafe YAML."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {word.arg: word.value for word in node.keywords}
        assert called not in ("eval", "exec", "os.system", "yaml.unsafe_load", "yaml.full_load", "np.save", "print")
        assert ast.unparse(keywords.get("shell", ast.Constant(False))) == "False"
        assert ast.unparse(keywords.get("trust_remote_code", ast.Constant(False))) == "False"
        assert ast.unparse(keywords.get("allow_pickle", ast.Constant(False))) == "False"
        if called == "torch.load":
            assert ast.unparse(keywords["weights_only"]) == "True"
        if called == "yaml.load":
            assert "Strict" in ast.unparse(keywords["Loader"])


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return [*MODULES, *(ROOT / "tests").rglob("*.py"), *SOURCE.rglob("*.yaml")]
    return [ROOT / name for name in done.stdout.splitlines()]


def test_nothing_names_a_private_place():
    """No path of somebody's machine in anything that is published."""
    private = re.compile(r"(?<![\w./-])/(?:home|root|work|Users|mnt|tmp)/\w")
    for path in _tracked():
        if path.is_file() and path.suffix not in (".png", ".gz", ".parquet"):
            match = private.search(path.read_text("utf-8", errors="replace"))
            assert match is None, f"{path}: {match and match.group()}"


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_the_typed_marker_and_data_files_are_shipped():
    shipped = re.search(r"xlreach = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert shipped is not None
    patterns = json.loads(f"[{shipped[1]}]")
    for path in SOURCE.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            assert any(path.relative_to(SOURCE).match(pattern.removeprefix("**/")) for pattern in patterns), path
    assert (SOURCE / "py.typed").is_file()
