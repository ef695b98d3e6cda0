"""The names of the package: imported when used, documented, with examples that run, and printed safely."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import xlreach as xl
from xlreach.front.table import Table

FUNCTIONS = [name for name in xl.__all__ if name.islower()]
WITH_EXAMPLES = [*FUNCTIONS, "Encoder", "Index", "Measurements", "Study"]


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_no_other():
    program = "import sys; before = set(sys.modules); import xlreach; new = set(sys.modules) - before;"
    program += "print(sorted({m.partition('.')[0] for m in new} - set(sys.stdlib_module_names)),"
    program += "[m for m in new if 'xlreach.' in m])"
    assert python(program) == "['xlreach'] []"


def test_a_function_stays_itself_when_the_package_of_its_name_is_imported():
    program = "import xlreach as xl; import xlreach.report, xlreach.languages; from xlreach.adapt import STEPS;"
    program += "print(*[type(one).__name__ for one in (xl.adapt, xl.report, xl.languages)]);"
    program += "import xlreach.adapt; print(type(xl.adapt).__name__)"
    assert python(program).split() == ["function"] * 4


@pytest.mark.parametrize("name", xl.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name):
    value = getattr(xl, name)
    assert name in dir(xl) and value.__name__ == name and inspect.getdoc(value)
    if name in FUNCTIONS:
        text = inspect.getdoc(value)
        assert all(part in text for part in ("Args:", "Returns:", "Raises:", "Example:"))
        for parameter in inspect.signature(value).parameters:
            assert f"    {parameter}: " in text, parameter


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'adopt'"):
        xl.adopt  # noqa: B018


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_give_what_they_say(name, front_folder, monkeypatch):
    monkeypatch.chdir(front_folder)
    monkeypatch.delenv("XLREACH_DATA", raising=False)
    value = getattr(xl, name)
    examples = [
        found
        for found in doctest.DocTestFinder().find(value, name, globs={"xl": xl}, module=sys.modules[value.__module__])
        if found.examples
    ]
    assert examples
    for found in examples:
        failures: list[str] = []
        result = doctest.DocTestRunner().run(found, out=failures.append)
        assert result.failed == 0, "".join(failures)


def test_signatures_and_docstrings_are_those_of_the_page():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, root / "docs" / "api.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_data_holds_is_escaped_in_a_notebook_and_harmless_in_a_terminal():
    from xlreach.front.indexes import Hits
    from xlreach.retrieval.search import Hit

    bad = "<script>alert(1)</script>\x1b[31m\n&"
    hits = Hits(bad, [Hit(bad, "mt", 0.5, bad, bad)])
    page = hits._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "\x1b" not in str(hits) and len(str(hits).splitlines()) == 2 and hits[0].text == bad


def test_a_table_is_a_sequence_that_prints_becomes_a_frame_and_saves(tmp_path):
    import json

    import pandas

    table = xl.languages("mt", "wo")
    assert [row.code for row in table] == ["mt", "wo"] and table[1].name == "Wolof" and len(table[:1]) == 1
    assert repr(table).splitlines()[1].split()[:3] == ["mt", "mlt", "Maltese"]
    frame = table.to_frame()
    assert list(frame["iso3"]) == ["mlt", "wol"]
    assert json.loads(table.save(tmp_path / "a.json").read_text("utf-8")) == table.records()
    assert [
        json.loads(line) for line in table.save(tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    ] == table.records()
    assert pandas.read_parquet(table.save(tmp_path / "a.parquet")).equals(frame)
    assert pandas.read_csv(table.save(tmp_path / "a.tsv"), sep="\t")["name"].tolist() == ["Maltese", "Wolof"]
    with pytest.raises(xl.XLReachError, match=r"Expected a file ending in \.csv"):
        table.save(tmp_path / "a.xlsx")


def test_a_long_table_is_shown_in_part_but_printed_whole():
    from dataclasses import make_dataclass

    row = make_dataclass("Row", [("number", int)], frozen=True)
    table = Table([row(number) for number in range(100)])
    assert repr(table).splitlines()[-1] == "… and 60 more rows." and "60 more rows" in table._repr_html_()
    assert str(table).splitlines()[-1].strip() == "99"
