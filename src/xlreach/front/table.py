"""Results as tables: a list of rows that prints in a terminal, shows in a notebook, becomes a data frame and saves."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from xlreach.errors import XLReachError

if TYPE_CHECKING:
    import pandas
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")
Cell = str | int | float | None
_SHOWN = 40  # rows that `repr` and a notebook show
_FORMATS = (".csv", ".json", ".jsonl", ".parquet", ".tsv")
_STYLES = {True: ' style="text-align: right"', False: ' style="text-align: left"'}


class Table(Sequence[Row], Generic[Row]):
    """Rows, as a sequence that prints as a table: `str()` shows every row, `repr()` and a notebook the first 40.

    Args:
        rows: The rows, each a dataclass.
        cells: Gives the cells of a row to print, by column, or None for a row that is not printed. By default all
            fields that hold text or a number are printed.
        title: Lines above the table.
        notes: Sentences below the table, which a reader needs to understand it.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        cells: Callable[[Row], Mapping[str, Cell] | None] | None = None,
        title: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self._rows, self._cells, self.title, self.notes = tuple(rows), cells or _all_cells, title, notes

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
        return [dataclasses.asdict(row) for row in self._rows]

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a data frame, one column a field."""
        import pandas

        return pandas.DataFrame(self.records())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the rows to a file, replaces it if it exists, and returns its path.

        Args:
            path: The file; its ending (`.csv`, `.json`, `.jsonl`, `.parquet` or `.tsv`) decides the format.

        Raises:
            XLReachError: The path has another ending.
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
                f"A table cannot be saved as {path.name!r}.",
                expected=f"Expected a file ending in {', '.join(_FORMATS)}.",
            )
        return path

    def __str__(self) -> str:
        return self._text(len(self))

    def __repr__(self) -> str:
        return self._text(_SHOWN)

    def _text(self, most: int) -> str:
        columns, rows, numeric, more = self._printed(most)
        if columns:
            widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
            lines = [_line(row, widths, numeric) for row in (columns, *rows)]
        else:
            lines = ["(no rows)"]
        return "\n".join([*filter(None, [self.title]), *lines, *more, *self.notes])

    def _repr_html_(self) -> str:
        columns, rows, numeric, more = self._printed(_SHOWN)
        parts = ["<table>"]
        if self.title:
            parts.append(f"<caption>{html.escape(self.title)}</caption>")
        for tag, row in (("th", columns), *(("td", row) for row in rows)):
            cells = zip(row, numeric, strict=True)
            inner = (f"<{tag}{_STYLES[right]}>{html.escape(text)}</{tag}>" for text, right in cells)
            parts.append(f"<tr>{''.join(inner)}</tr>")
        parts.append("</table>")
        parts += [f"<p>{html.escape(note)}</p>" for note in (*more, *self.notes)]
        return "".join(parts)

    def _printed(self, most: int) -> tuple[list[str], list[list[str]], list[bool], list[str]]:
        """Columns that are not empty, texts of the first rows, which columns are numbers, how many rows are missing."""
        printed = list(filter(None, map(self._cells, self)))
        cells, more = printed[:most], [f"… and {len(printed) - most} more rows."] if len(printed) > most else []
        columns = [name for name in (cells[0] if cells else {}) if any(row[name] not in (None, "") for row in cells)]
        numeric = [all(isinstance(row[name], int | float | None) for row in cells) for name in columns]
        return columns, [[_printed(row[name]) for name in columns] for row in cells], numeric, more


def _all_cells(row: DataclassInstance) -> dict[str, Cell]:
    return {name: value for name, value in dataclasses.asdict(row).items() if isinstance(value, Cell)}


def one_line(text: str) -> str:
    """A text without line breaks and control characters, safe to print in a terminal."""
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
