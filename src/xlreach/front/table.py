"""Results as tables: a list of rows that prints in a terminal, shows in a notebook, becomes a data frame and saves."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from xlreach.errors import XLReachError

if TYPE_CHECKING:
    import pandas

Row = TypeVar("Row")
Cell = str | int | float | None
_SHOWN = 40  # rows that `repr` and a notebook show
_FORMATS = (".csv", ".json", ".jsonl", ".parquet", ".tsv")
_STYLES = {True: ' style="text-align: right"', False: ' style="text-align: left"'}


class Table(Sequence[Row], Generic[Row]):
    """Rows, as a sequence that prints as a table.

    `str()` shows every row, `repr()` and a notebook show the first 40.

    Attributes:
        title: A line above the table.
        notes: Sentences below it: what a reader of the table must know.
    """

    title: str = ""
    notes: tuple[str, ...] = ()

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def records(self) -> list[dict[str, Any]]:
        """Every row with all its fields, as plain values that JSON can hold."""
        return [dataclasses.asdict(row) for row in self._rows]  # type: ignore[call-overload]

    def cells(self) -> list[dict[str, Cell]]:
        """The cells that are printed, by column: the fields of a row that hold text or a number."""
        return [{name: value for name, value in row.items() if isinstance(value, Cell)} for row in self.records()]

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a data frame, one column a field."""
        import pandas

        return pandas.DataFrame(self.records())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the rows to a file, in the format that its ending names.

        Args:
            path: A file that ends in `.csv`, `.json`, `.jsonl`, `.parquet` or `.tsv`; it is replaced if it exists.

        Returns:
            The path.

        Raises:
            XLReachError: Another ending.
        """
        path = Path(path)
        if path.suffix == ".jsonl":
            lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in self.records()]
            path.write_text("".join(lines), "utf-8")
        elif path.suffix == ".json":
            path.write_text(json.dumps(self.records(), ensure_ascii=False, indent=1) + "\n", "utf-8")
        elif path.suffix == ".parquet":
            self.to_frame().to_parquet(path, index=False)
        elif path.suffix in (".csv", ".tsv"):
            self.to_frame().to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
        else:
            raise XLReachError(
                f"No table is written to {path.name!r}.", expected=f"Expected a file ending in {', '.join(_FORMATS)}."
            )
        return path

    def __str__(self) -> str:
        return self._text(len(self))

    def __repr__(self) -> str:
        return self._text(_SHOWN)

    def _text(self, most: int) -> str:
        columns, rows, numeric = self._printed(most)
        if columns and rows:
            widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
            lines = [_line(row, widths, numeric) for row in (columns, *rows)]
        else:
            lines = ["(no rows)"]
        return "\n".join([*filter(None, [self.title]), *lines, *self._more(most), *self.notes])

    def _repr_html_(self) -> str:
        columns, rows, numeric = self._printed(_SHOWN)
        parts = ["<table>"]
        if self.title:
            parts.append(f"<caption>{html.escape(self.title)}</caption>")
        for tag, row in (("th", columns), *(("td", row) for row in rows)):
            cells = zip(row, numeric, strict=True)
            inner = (f"<{tag}{_STYLES[right]}>{html.escape(text)}</{tag}>" for text, right in cells)
            parts.append(f"<tr>{''.join(inner)}</tr>")
        parts.append("</table>")
        parts += [f"<p>{html.escape(note)}</p>" for note in (*self._more(_SHOWN), *self.notes)]
        return "".join(parts)

    def _more(self, most: int) -> list[str]:
        return [f"… and {len(self) - most} more rows."] if len(self) > most else []

    def _printed(self, most: int) -> tuple[list[str], list[list[str]], list[bool]]:
        """Column names, texts of the first rows, and which columns are numbers; columns without any value are left
        out."""
        cells = self.cells()[:most]
        columns = [name for name in (cells[0] if cells else {}) if any(row[name] not in (None, "") for row in cells)]
        numeric = [all(isinstance(row[name], int | float | None) for row in cells) for name in columns]
        return columns, [[_printed(row[name]) for name in columns] for row in cells], numeric


def one_line(text: str) -> str:
    """A text from data as it may stand in a line of the terminal: without line breaks and control characters."""
    kept = (" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join("".join(kept).split())


def shortened(text: str, length: int = 300) -> str:
    """A text of at most `length` characters, cut between words where it has any."""
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0] + "…"


def _printed(value: Cell) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.3e}"
    return "" if value is None else one_line(str(value))


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = zip(row, widths, numeric, strict=True)
    return "  ".join(text.rjust(width) if right else text.ljust(width) for text, width, right in cells).rstrip()
