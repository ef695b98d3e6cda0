"""What a name means is read once, where it is parsed: no room behind the parsers takes a printed name apart again.

Every regular expression and every cut of a text in these rooms is found. Each stands below with what it reads: a user's
own input at the border, a text for display, or a format of somebody else's. Nothing of these is the printed form of a
recipe, an alignment, a retriever, a measure, a data set or a system that could be asked for as an object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xlreach

SOURCE = Path(xlreach.__file__).parent
ROOMS = ("comparison", "gaps", "report", "explore", "study", "front", "cli")
CUTS = ("startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix")

ALLOWED = {
    ("comparison/claims.py", ""): "the parser of the claims that a user writes",
    ("comparison/claims.py", "_Names.step_pairs"): "the parser of the claims that a user writes",
    ("comparison/hypotheses.py", "_sides"): "the languages of a user's claim, joined by +",
    ("study/data.py", "_source"): "a user may choose data sets by source, the part of text:SOURCE/CODE",
    ("study/data.py", "_groups"): "a user may choose data sets by family, the part before the colon",
    ("comparison/groups/splits.py", "_pretraining"): "hub ids of bases, which may end in @revision",
    ("comparison/explain/equal_pools.py", "_cases"): "columns of ranks.parquet, whose ranks are joined by commas",
    ("report/charts.py", "_svg"): "ids of the SVG that Vega-Lite drew",
    ("report/charts.py", "_themed"): "colors of the SVG that Vega-Lite drew",
    ("report/export.py", "file_name"): "makes a file's name; nothing is read from it",
    ("report/wording.py", "typeset"): "puts minus signs into sentences for display",
    ("study/kinds.py", "describe_kind"): "the first line of a docstring",
    ("study/config.py", ""): "checks the names that a user gives",
    ("study/config.py", "StudyConfig._plain_name"): "checks the name that a user gives a study",
    ("study/config.py", "_explain"): "pydantic's error messages",
    ("study/experiment.py", "load_experiment"): "makes a study's name of the label of a value",
    ("study/run_folder.py", "_leftovers"): "temporary folders of killed runs",
    ("study/runner.py", "parse_runner"): "the option ray=ADDRESS of a user",
    ("study/source.py", "Source.wrong"): "ends an error's sentence with a full stop",
    ("study/source.py", "_override"): "the option --set FIELD=VALUE of a user",
    ("front/table.py", "shortened"): "shortens a document's text for display",
    ("cli/options.py", "files"): "the option --text CODE=FILE of a user",
}  # fmt: skip


def text_cuts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each regular expression and cut of a text, as the names of the functions and classes around it, and its code.

    `text.split()`, which only parts words at white space, is none.
    """

    def visit(node: ast.AST, around: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            around = (*around, node.name)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            pattern = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
            cut = node.func.attr in CUTS and (node.args or node.keywords)
            if (pattern and node.func.attr != "escape") or cut:
                yield ".".join(around), ast.unparse(node)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, around)

    return visit(tree, ())


def found() -> dict[tuple[str, str], str]:
    return {
        (path.relative_to(SOURCE).as_posix(), where): code
        for room in ROOMS
        for path in sorted((SOURCE / room).rglob("*.py"))
        for where, code in text_cuts(ast.parse(path.read_text("utf-8")))
    }


def test_cuts_are_found():
    code = 'class A:\n def f(self, name):\n  return re.match("a", name), name.partition("~"), " ".join(name.split())'
    assert list(text_cuts(ast.parse(code))) == [("A.f", "re.match('a', name)"), ("A.f", "name.partition('~')")]


@pytest.mark.parametrize("room", ROOMS)
def test_no_printed_name_is_taken_apart(room):
    unknown = {place: code for place, code in found().items() if place not in ALLOWED and place[0].startswith(room)}
    assert unknown == {}


def test_every_exception_is_still_needed():
    assert set(ALLOWED) - set(found()) == set()
