"""The report as a browser shows it."""

from __future__ import annotations

import dataclasses
import shutil
import struct
from pathlib import Path

import pytest

from xlreach.report.render import render_report

EVIL = '<script>document.title="run"</script>'


@pytest.fixture(scope="module")
def evil_run(made, write, tmp_path_factory):
    def evil(row):
        return dataclasses.replace(
            row, **{name: EVIL if getattr(row, name) == "ug" else getattr(row, name)
                    for name in ("language", "query_language", "document_language")}
        )  # fmt: skip

    keep = [row for row in made.results if row.alignment in (None, "none") and row.recipe in (None, "none", "lapt")]
    levels = {"high": made.levels["high"], "low": ["mt", "wo", EVIL]}
    run = write(tmp_path_factory.mktemp("evil") / "run", [evil(row) for row in keep], None, levels, note=EVIL)
    return render_report(run)


def quiet(opened, address):
    """No console message of an error, no exception, no request but for the page and what it holds itself."""
    assert [url for url in opened.requests if not url.startswith("blob:")] == [address]
    assert not opened.complaints


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_report_in_a_browser(open_page, run, width, dark):
    address = (run / "report.html").as_uri()
    opened = open_page(address, width, dark=dark)
    page = opened.page
    quiet(opened, address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 27)" if dark else "rgb(253, 252, 250)"
    )
    # open everything: nothing that was folded away may be wider than the page either
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"


def test_every_chart_is_drawn(open_page, run):
    page = open_page((run / "report.html").as_uri(), 1280).page
    drawn = page.evaluate(
        "[...document.querySelectorAll('figure')].map(figure => [...figure.querySelectorAll('svg')].map(svg => {"
        "const box = svg.getBoundingClientRect();"
        "const marks = [...svg.querySelectorAll('.mark-symbol path, .mark-rect path')].filter(mark => {"
        "const own = mark.getBoundingClientRect(); return own.width > 2 && own.height > 2 &&"
        "own.left >= box.left - 1 && own.right <= box.right + 1; });"
        "const styles = marks.map(mark => getComputedStyle(mark));"
        "const paint = styles.filter(style => style.fill != 'none' || style.stroke != 'none');"
        "return [box.width, box.height, paint.length]; }))"
    )
    assert len(drawn) == 6 and all(figure for figure in drawn)
    assert all(width > 100 and height > 40 and marks >= 4 for figure in drawn for width, height, marks in figure)


def test_every_download_comes_from_the_one_file(open_page, run, tmp_path):
    """The page alone in another folder, nothing beside it."""
    page = tmp_path / "sent.html"
    shutil.copy(run / "report.html", page)
    links = open_page(page.as_uri(), 400).page.locator("a[download]")
    names = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert {Path(name).suffix for name in names} == {".csv", ".tex", ".svg", ".png"}
    for first in range(0, len(names), 10):  # Chromium saves no more than ten files from one page
        opened = open_page(page.as_uri(), 400)
        opened.page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        for name in names[first : first + 10]:
            with opened.page.expect_download() as download:
                opened.page.click(f"a[download][href='{name}']")
            assert download.value.suggested_filename == Path(name).name
            saved, beside = Path(download.value.path()).read_bytes(), (run / name).read_bytes()
            if name.endswith(".png"):
                size = struct.unpack(">II", saved[16:24])
                assert size == pytest.approx(struct.unpack(">II", beside[16:24]), abs=2)
            else:
                assert saved == beside
        quiet(opened, page.as_uri())


def test_keyboard_reaches_tables_and_sections(open_page, run):
    page = open_page((run / "report.html").as_uri(), 1280).page
    reachable = page.evaluate("[...document.querySelectorAll('.scroll, pre')].every(box => box.tabIndex === 0)")
    assert reachable and page.evaluate(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))"
    )


def test_markup_in_names_stays_text(open_page, evil_run):
    opened = open_page(evil_run.as_uri(), 400)
    page = opened.page
    quiet(opened, evil_run.as_uri())
    assert page.evaluate("document.scripts.length") == 1
    assert page.evaluate("document.title").endswith("low- against high-resource languages")
    assert EVIL in page.evaluate("document.body.textContent")
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_printed_it_is_as_wide_as_the_paper_without_controls(open_page, run):
    """A4 between its margins; what the summary folds away is printed too, the rest as the reader has it."""
    width = 710
    page = open_page((run / "report.html").as_uri(), width, dark=True).page
    page.emulate_media(media="print")
    shown = "[...document.querySelectorAll('{}')].some(node => node.checkVisibility())"
    assert page.evaluate(shown.format("nav")) is False and page.evaluate(shown.format(".tools")) is False
    assert page.evaluate(shown.format("#summary details li")) and not page.evaluate(shown.format("#gap details td"))
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    ends = "[...document.querySelectorAll('table, figure, svg, pre')].map(node => node.getBoundingClientRect().right)"
    assert max(page.evaluate(ends)) <= width + 1
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    smallest = (
        "Math.min(...[...document.querySelectorAll('td, p')].map(node => parseFloat(getComputedStyle(node).fontSize)))"
    )
    assert page.evaluate(smallest) > 9  # 7 pt
