"""Tables and rows as files: CSV with full precision, LaTeX (`booktabs`) as in papers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from xlreach.comparison.tables import Figure, Table
from xlreach.gaps import Caution, Certainty
from xlreach.report.narrative.remarks import caution_text
from xlreach.report.wording import column_digits, fixed, is_percentage
from xlreach.spec import folder_name
from xlreach.system import System

_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "→": r"$\rightarrow$",
    "–": "--",
    "·": r"$\cdot$",
}
_CERTAINTY = {field.name for field in fields(Certainty)}


def table_csv(table: Table) -> str:
    """A column of means and one of standard deviations for each column of the table."""
    heads = [*table.heads, *(text for column in table.columns for text in (column, f"{column} sd"))]
    lines = [
        [*names, *(value for figure in figures for value in ((figure.mean, figure.sd) if figure else (None, None)))]
        for names, figures in table.rows
    ]
    return _csv(heads, lines)


def rows_csv(rows: Sequence[Any]) -> str:
    """Rows of one kind (dataclasses, or mappings with the same keys), a column for each field."""
    lines = [columns_of(row) for row in rows]
    heads = list(lines[0]) if lines else []
    return _csv(heads, [[line[head] for head in heads] for line in lines])


def table_latex(table: Table) -> str:
    """Means with standard deviations in small type; the best of a column bold, what is not significantly worse
    underlined."""
    digits = column_digits(table)
    lines = [
        [*map(_tex, names), *(_tex_figure(*pair) for pair in zip(figures, digits, strict=True))]
        for names, figures in table.rows
    ]
    alignment = "l" * len(table.heads) + "r" * len(table.columns)
    return _tabular([table.title], alignment, (*table.heads, *table.columns), lines)


def rows_latex(title: str, rows: Sequence[Any]) -> str:
    """Rows of one kind: three decimals, intervals in brackets.

    What all rows share stands above the table as a comment. Fields with a value for each language are in the CSV only.
    """
    lines = [columns_of(row) for row in rows]
    heads = [head for head in (lines[0] if lines else {}) if not any(isinstance(line[head], dict) for line in lines)]
    texts = {head: [_tex_text(line[head]) for line in lines] for head in heads}
    shared = {head: texts[head][0] for head in heads if len(lines) > 1 and len(set(texts[head])) == 1}
    shown = [head for head in heads if head not in shared]
    comment = "; ".join(f"{head} {text}" for head, text in shared.items() if text != "--")
    alignment = "".join("r" if all(_is_numeric(line[head]) for line in lines) else "l" for head in shown)
    cells = [[_tex(texts[head][number]) for head in shown] for number in range(len(lines))]
    heads = [head.replace("_", " ") for head in shown]
    return _tabular([title, *([comment] if comment else [])], alignment, heads, cells)


def columns_of(row: Any) -> Mapping[str, Any]:
    """A row as columns: a system is four of them, what tells how certain the row is comes last.

    >>> list(columns_of({"system": System("xlmr", "lapt"), "gap": 0.1}))
    ['base', 'recipe', 'alignment', 'retriever', 'gap']
    """
    if is_dataclass(row):
        names = [field.name for field in fields(row)]
        row = {name: getattr(row, name) for name in sorted(names, key=lambda name: name in _CERTAINTY)}
    columns: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, System):
            prefix = "" if name == "system" else f"{name}_"
            columns |= {f"{prefix}{field.name}": getattr(value, field.name) for field in fields(value)}
        elif isinstance(value, tuple) and value and isinstance(value[0], Caution):
            columns[name] = [caution_text(caution) for caution in value]
        else:
            columns[name] = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return columns


def file_name(name: str) -> str:
    """A name as that of a file."""
    return folder_name(re.sub(r"[\s/]+", "-", name))


def _is_numeric(value: Any) -> bool:
    return (
        value is None or isinstance(value, (int, float)) or (isinstance(value, tuple) and all(map(_is_numeric, value)))
    )


def _tabular(comments: Sequence[str], alignment: str, heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    head, *body = (" & ".join(line) + r" \\" for line in (map(_tex, heads), *lines))
    above = [f"% {' '.join(text.split())}" for text in comments]
    frame = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*above, *frame, r"\end{tabular}", ""])


def _tex_text(value: Any) -> str:
    if value is None or value == ():
        return "--"
    if isinstance(value, float):
        return fixed(value, digits=1 if is_percentage(value) else 3)
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_tex_text, value))
        return f"[{inside}]" if _is_numeric(tuple(value)) else inside
    return str(value)


def _tex_figure(figure: Figure | None, digits: int) -> str:
    if figure is None:
        return "--"
    mean = fixed(figure.mean, digits)
    mean = rf"\textbf{{{mean}}}" if figure.best else rf"\underline{{{mean}}}" if figure.tied else mean
    if figure.marks:
        mean += "$^{" + "".join(r"\dagger" if sign == "†" else r"\ast" for sign in figure.marks) + "}$"
    return mean if figure.sd is None else rf"{mean} {{\scriptsize$\pm${fixed(figure.sd, digits)}}}"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def _csv(heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(map(_csv_cell, line) for line in (heads, *lines))
    return stream.getvalue()


def _csv_cell(value: Any) -> Any:
    """A cell: what has parts as JSON; text that a spreadsheet would run as a formula is kept as text."""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=asdict)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
