"""What every page of ours is made with: the template's environment, the style sheet, what a chart can be saved as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
from markupsafe import Markup, escape

from xlreach import __version__
from xlreach.comparison import words
from xlreach.comparison.tables import Table
from xlreach.report.charts import Chart
from xlreach.report.export import data_address, file_name, rows_csv, shown_minus, shown_p, table_csv, table_latex

_MOST_PICTURES, _MOST_TABLES = 3_000_000, 1_200_000  # bytes that can be saved from within the page


class Pages:
    """Renders a template of this folder.

    Args:
        short: Shortens names of systems.

    Attributes:
        beside: Tables that are links to files in `tables/`, for want of room in the page.
    """

    def __init__(self, short: Callable[[str], str]) -> None:
        self._short, self._pictures, self._tables = short, 0, 0
        self.beside: dict[str, str] = {}
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
        self.environment.globals |= {
            "system": words.system,
            "svg": lambda panel: Markup(panel),  # drawn by vl-convert, which escapes all text
            "chart_files": self._downloads,
            "file": file_name,
            "brief": self._brief,
        }

    def render(self, template: str, **values: Any) -> str:
        """The page, whole in itself."""
        assert self.environment.loader is not None
        css = Markup(self.environment.loader.get_source(self.environment, "report.css")[0])  # our own style sheet
        page = self.environment.get_template(template).render(css=css, version=__version__, **values)
        return page.lstrip() + "\n"

    def table_files(self, table: Table) -> list[tuple[str, str, str]]:
        """(label, address, file name) of a table's files."""
        return [
            self.file("CSV", "text/csv", f"{file_name(table.name)}.csv", table_csv(table)),
            self.file("LaTeX", "text/x-tex", f"{file_name(table.name)}.tex", table_latex(table)),
        ]

    def file(self, label: str, kind: str, name: str, text: str) -> tuple[str, str, str]:
        """(label, address, file name); past some MB of tables a link to the file beside the report."""
        self._tables += len(text)
        if self._tables <= _MOST_TABLES:
            return label, data_address(text, kind), name
        self.beside[name] = text
        return label, f"tables/{name}", name

    def _brief(self, text: str) -> Markup:
        """A short name that tells its full one when pointed at."""
        brief = self._short(text)
        return escape(text) if brief == text else Markup('<span title="{}">{}</span>').format(text, brief)

    def _downloads(self, chart: Chart) -> list[tuple[str, str, str]]:
        """(label, address, file name); past a few MB of pictures they are links to the files beside the report."""
        name, csv = file_name(chart.name), rows_csv(list(chart.rows))
        self._pictures += len(chart.png) + len(chart.svg)
        inside = self._pictures <= _MOST_PICTURES
        return [
            self.file("CSV", "text/csv", f"{name}.csv", csv),
            ("SVG", data_address(chart.svg, "image/svg+xml") if inside else f"charts/{name}.svg", f"{name}.svg"),
            ("PNG", data_address(chart.png, "image/png") if inside else f"charts/{name}.png", f"{name}.png"),
        ]
