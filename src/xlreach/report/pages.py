"""What every page is made with: the environment of its template, its style sheet, and the files saved from it."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from xlreach import __version__
from xlreach.comparison.tables import Table
from xlreach.report.charts import Chart
from xlreach.report.export import file_name, rows_csv, rows_latex, table_csv, table_latex
from xlreach.report.wording import is_percentage, p_cell, signed, system_name, typeset, unsigned
from xlreach.store import replacing

_KINDS = {
    "csv": ("CSV", "tables", "text/csv"),
    "tex": ("LaTeX", "tables", "text/x-tex"),
    "svg": ("SVG", "charts", "image/svg+xml"),
}


@dataclass(frozen=True)
class Download:
    """A file that is saved from within a page, and is in a folder beside it too.

    `kind` is its media type, `packed` its content as gzip in base 64; empty for the PNG, which the page draws from the
    SVG link before it.
    """

    label: str
    folder: str
    name: str
    kind: str
    packed: str


class Pages:
    """Renders a template of this folder; `files` is what can be saved from the page, by folder and name."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {"tables": {}, "charts": {}}
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader("xlreach.report", "."),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self.environment.filters |= {
            "signed": lambda *value: typeset(signed(*value)),
            "unsigned": lambda *value: typeset(unsigned(*value)),
            "typeset": typeset,
            "p": p_cell,
        }
        script = _asset("report.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
        self.environment.globals |= {
            "system_name": system_name,
            "percentage": is_percentage,
            "svg": lambda panel: Markup(panel),  # drawn by vl-convert, which escapes all text
            "chart_files": self.chart_files,
            "table_files": self.table_files,
            "rows_files": self.rows_files,
            "css": Markup(_asset("report.css")),
            "script": Markup(script),
            "script_hash": f"sha256-{digest}",  # no other script runs
            "version": __version__,
        }

    def render(self, template: str, **values: Any) -> str:
        """The page, which needs no other file."""
        return self.environment.get_template(template).render(**values).lstrip() + "\n"

    def chart_files(self, chart: Chart) -> list[Download]:
        """The files of a chart."""
        name, drawing = f"{file_name(chart.name)}.png", chart.drawing.result()
        self.files["charts"][name] = drawing.png
        png = Download("PNG", "charts", name, "image/png", "")
        return [*self._save(chart.name, csv=rows_csv(chart.rows), svg=drawing.svg), png]

    def table_files(self, table: Table) -> list[Download]:
        """The files of a table."""
        return self._save(table.name, csv=table_csv(table), tex=table_latex(table))

    def rows_files(self, title: str, rows: Sequence[Any], name: str) -> list[Download]:
        """The files of rows of one kind."""
        return self._save(name, csv=rows_csv(rows), tex=rows_latex(title, rows))

    def _save(self, name: str, **contents: str) -> list[Download]:
        """Keeps files of one name, by suffix."""
        downloads = []
        for suffix, content in contents.items():
            label, folder, kind = _KINDS[suffix]
            file, raw = f"{file_name(name)}.{suffix}", content.encode("utf-8", "replace")
            self.files[folder][file] = raw
            packed = base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode("ascii")
            downloads.append(Download(label, folder, file, kind, packed))
        return downloads

    def write(self, page: Path, content: str) -> None:
        """Writes a page, and what can be saved from it into folders beside it, in place of what was there."""
        for name, files in self.files.items():
            with replacing(page.parent / name) as folder:
                folder.mkdir()
                for file, raw in files.items():
                    (folder / file).write_bytes(raw)
        with replacing(page) as path:
            path.write_text(content, "utf-8", errors="replace")


def _asset(name: str) -> str:
    return resources.files("xlreach.report").joinpath(name).read_text("utf-8")
