"""What every page of ours is made with: the template's environment, the style sheet, what can be saved from it."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from xlreach import __version__
from xlreach.comparison import words
from xlreach.comparison.tables import Table
from xlreach.report.charts import Chart
from xlreach.report.export import file_name, rows_csv, rows_latex, shown_minus, shown_p, table_csv, table_latex
from xlreach.store import replacing


@dataclass(frozen=True)
class Download:
    """A file that can be saved from within a page, and that lies beside it too.

    Attributes:
        label: What its link says.
        folder: Where it lies beside the page.
        name: Its name.
        kind: Its media type.
        packed: Its content as gzip in base 64; empty for what the page draws from the link before it.
    """

    label: str
    folder: str
    name: str
    kind: str
    packed: str


class Pages:
    """Renders a template of this folder.

    Args:
        short: Shortens names of systems.

    Attributes:
        files: What can be saved from the page, by folder and name.
    """

    def __init__(self, short: Callable[[str], str]) -> None:
        self._short = short
        self.files: dict[str, dict[str, bytes]] = {"tables": {}, "charts": {}}
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader("xlreach.report", "."),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self.environment.filters |= {
            "signed": lambda value, points=None: shown_minus(words.signed(value, points)),
            "plain": lambda value: shown_minus(words.plain(value)),
            "minus": shown_minus,
            "p": shown_p,
            "short": short,
        }
        script = self._own("report.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
        self.environment.globals |= {
            "system": words.system,
            "svg": lambda panel: Markup(panel),  # drawn by vl-convert, which escapes all text
            "chart_files": self._chart_files,
            "file": file_name,
            "brief": self._brief,
            "css": Markup(self._own("report.css")),
            "script": Markup(script),
            "script_hash": f"sha256-{digest}",  # no other script runs
            "version": __version__,
        }

    def render(self, template: str, **values: Any) -> str:
        """The page, whole in itself."""
        return self.environment.get_template(template).render(**values).lstrip() + "\n"

    def table_files(self, table: Table) -> list[Download]:
        """A table's files."""
        name = file_name(table.name)
        return [
            self.file("CSV", "tables", f"{name}.csv", "text/csv", table_csv(table)),
            self.file("LaTeX", "tables", f"{name}.tex", "text/x-tex", table_latex(table)),
        ]

    def rows_files(self, title: str, rows: Sequence[Mapping[str, Any]], name: str) -> list[Download]:
        """The files of rows that share their keys."""
        name = file_name(name)
        return [
            self.file("CSV", "tables", f"{name}.csv", "text/csv", rows_csv(rows)),
            self.file("LaTeX", "tables", f"{name}.tex", "text/x-tex", rows_latex(title, rows)),
        ]

    def file(self, label: str, folder: str, name: str, kind: str, content: str) -> Download:
        """A text as a file of the page."""
        raw = content.encode("utf-8", "replace")
        self.files[folder][name] = raw
        return Download(label, folder, name, kind, base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode("ascii"))

    def write_files(self, run: Path) -> None:
        """Writes what can be saved from the page into folders beside it, in place of what was there."""
        for name, files in self.files.items():
            with replacing(run / name) as folder:
                folder.mkdir()
                for file, raw in files.items():
                    (folder / file).write_bytes(raw)

    def _own(self, name: str) -> str:
        assert self.environment.loader is not None
        return self.environment.loader.get_source(self.environment, name)[0]

    def _brief(self, text: str) -> Markup:
        """A short name that tells its full one when pointed at."""
        brief = self._short(text)
        return escape(text) if brief == text else Markup('<span title="{}">{}</span>').format(text, brief)

    def _chart_files(self, chart: Chart) -> list[Download]:
        name = file_name(chart.name)
        self.files["charts"][f"{name}.png"] = chart.png
        return [
            self.file("CSV", "tables", f"{name}.csv", "text/csv", rows_csv(list(chart.rows))),
            self.file("SVG", "charts", f"{name}.svg", "image/svg+xml", chart.svg),
            Download("PNG", "charts", f"{name}.png", "image/png", ""),
        ]
