"""Tables as CSV and LaTeX, as text, and figures as they are read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlreach.comparison.tables import Figure, Table
from xlreach.spec import folder_name

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


def digits_of(figures: Iterable[Figure | None]) -> int:
    """Decimals to show: none for thousands, two for what counts to 100 or so, three for shares."""
    largest = max((abs(one.mean) for one in figures if one is not None), default=0.0)
    return 0 if largest >= 1000 else 2 if largest > 1.5 else 3


def shown(value: float, digits: int) -> str:
    """A figure as it is read; from ten million on with its power of ten.

    >>> shown(0.12345, 3), shown(736546.0, 0), shown(1.2345e11, 0)
    ('0.123', '736,546', '1.23e+11')
    """
    return f"{value:,.{digits}f}" if abs(value) < 1e7 else f"{value:.2e}"


def table_csv(table: Table) -> str:
    """Full precision; a column of means, then one of standard deviations, for each column of the table."""
    heads = [*table.heads, *(text for column in table.columns for text in (column, f"{column} sd"))]
    lines = []
    for names, figures in table.rows:
        cells: list[Any] = [*names]
        for one in figures:
            cells += ["", ""] if one is None else [one.mean, "" if one.sd is None else one.sd]
        lines.append(cells)
    return _csv(heads, lines)


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows that share their keys; whatever is no plain value as JSON."""
    heads = list(rows[0]) if rows else []
    return _csv(heads, [[_plain(row[head]) for head in heads] for row in rows])


def table_latex(table: Table) -> str:
    """A `booktabs` tabular: mean with its standard deviation in small type, the best of a column bold, what is not
    significantly worse underlined."""
    places = [digits_of(figures[number] for _, figures in table.rows) for number in range(len(table.columns))]
    lines = [
        r"\begin{tabular}{" + "l" * len(table.heads) + "r" * len(table.columns) + "}",
        r"\toprule",
        " & ".join(map(_tex, (*table.heads, *table.columns))) + r" \\",
        r"\midrule",
    ]
    for names, figures in table.rows:
        cells = [_tex(name) for name in names]
        for one, digits in zip(figures, places, strict=True):
            cells.append("--" if one is None else _tex_figure(one, digits))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([f"% {' '.join(table.title.split())}", *lines, r"\bottomrule", r"\end{tabular}", ""])


def rows_latex(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows that share their keys as a `booktabs` tabular: three decimals, intervals in brackets.

    What all rows share stands above it as a comment; what holds values of its own (by language) is in the CSV only.
    """
    heads = [head for head in (rows[0] if rows else {}) if not any(isinstance(row[head], dict) for row in rows)]
    texts = {head: [_text(row[head]) for row in rows] for head in heads}
    shared = {head: texts[head][0] for head in heads if len(rows) > 1 and len(set(texts[head])) == 1}
    shown = [head for head in heads if head not in shared]
    about = "; ".join(f"{head} {text}" for head, text in shared.items() if text != "--")
    right = [all(_numeric(row[head]) for row in rows) for head in shown]
    lines = [
        f"% {' '.join(title.split())}",
        *([f"% {' '.join(about.split())}"] if about else []),
        r"\begin{tabular}{" + "".join("r" if one else "l" for one in right) + "}",
        r"\toprule",
        " & ".join(_tex(head.replace("_", " ")) for head in shown) + r" \\",
        r"\midrule",
        *(" & ".join(_tex(texts[head][number]) for head in shown) + r" \\" for number in range(len(rows))),
    ]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def file_name(name: str) -> str:
    """A name as that of a file."""
    return folder_name(re.sub(r"[\s/]+", "-", name))


def shown_minus(text: str) -> str:
    """A minus sign before a number, and no line broken within a p, for reading."""
    text = re.sub(r"\bp ([<=]) (?=\.?\d)", "p\u00a0\\1\u00a0", text)
    return re.sub(r"(?<![\w)-])-(?=\d)", "−", text)


def shown_p(value: float | None) -> str:
    """A p value for a table."""
    return "–" if value is None else "< .001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)


def _numeric(value: Any) -> bool:
    return value is None or isinstance(value, (int, float)) or (isinstance(value, list) and all(map(_numeric, value)))


def _text(value: Any) -> str:
    if value is None or value == []:
        return "--"
    if isinstance(value, float):
        return shown(value, digits=3 if abs(value) <= 1.5 else 1)
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_text, value))
        return f"[{inside}]" if _numeric(list(value)) else inside
    return str(value)


def _tex_figure(one: Figure, digits: int) -> str:
    mean = shown(one.mean, digits)
    mean = rf"\textbf{{{mean}}}" if one.best else rf"\underline{{{mean}}}" if one.tied else mean
    if one.marks:
        mean += "$^{" + "".join(r"\dagger" if sign == "†" else r"\ast" for sign in one.marks) + "}$"
    return mean if one.sd is None else rf"{mean} {{\scriptsize$\pm${shown(one.sd, digits)}}}"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def _csv(heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_cell(head) for head in heads])
    writer.writerows([_cell(cell) for cell in line] for line in lines)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is kept as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
