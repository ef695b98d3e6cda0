from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
import struct
import time
from pathlib import Path

import pytest

from xlreach.report import render_report

_spec = importlib.util.spec_from_file_location("report_browser", Path(__file__).with_name("browser.py"))
browser_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(browser_module)

pytestmark = pytest.mark.skipif(browser_module.CHROMIUM is None, reason="Chromium is not installed")
CATCH = """
(async () => {
  let blob, done;
  const made = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
  URL.createObjectURL = (one) => { blob = one; return made.call(URL, one); };
  HTMLAnchorElement.prototype.click = function () {
    this.isConnected ? click.call(this) : done([this.download, blob]);
  };
  const found = [];
  for (const link of document.querySelectorAll("a[download]")) {
    const [name, file] = await new Promise((ready) => { done = ready; link.click(); });
    if (file.type !== "image/png") { found.push([name, await file.text()]); continue; }
    const pixels = await createImageBitmap(file);
    found.push([name, [pixels.width, pixels.height]]);
  }
  return found;
})()
"""
EVIL = '<script>document.title="run"</script>'


@pytest.fixture(scope="module")
def browser():
    opened = browser_module.Browser()
    yield opened
    opened.close()


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


def quiet(browser, address):
    """No console message of an error, no exception, no request but for the page and what it holds itself."""
    requests = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith("blob:")] == [address]
    wrong = [
        event for event in browser.events
        if event["method"] == "Runtime.exceptionThrown"
        or (event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] in ("error", "warning"))
        or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"))
    ]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_report_in_a_browser(browser, run, width, dark):
    address = (run / "report.html").as_uri()
    browser.open(address, width, dark=dark)
    quiet(browser, address)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 27)" if dark else "rgb(253, 252, 250)"
    )
    # open everything: nothing that was folded away may be wider than the page either
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("getComputedStyle(document.querySelector('h1')).display") == "block"


def test_every_chart_is_drawn(browser, run):
    browser.open((run / "report.html").as_uri(), 1280)
    drawn = browser.value(
        "[...document.querySelectorAll('figure')].map(figure => [...figure.querySelectorAll('svg')].map(svg => {"
        "const box = svg.getBoundingClientRect();"
        "const marks = [...svg.querySelectorAll('.mark-symbol path, .mark-rect path')].filter(mark => {"
        "const own = mark.getBoundingClientRect(); return own.width > 2 && own.height > 2 &&"
        "own.left >= box.left - 1 && own.right <= box.right + 1; });"
        "const styles = marks.map(mark => getComputedStyle(mark));"
        "const paint = styles.filter(one => one.fill != 'none' || one.stroke != 'none');"
        "return [box.width, box.height, paint.length]; }))"
    )
    assert len(drawn) == 6 and all(figure for figure in drawn)
    assert all(width > 100 and height > 40 and marks >= 4 for figure in drawn for width, height, marks in figure)


def test_every_download_comes_from_the_one_file(browser, run, tmp_path):
    """The page alone in another folder, nothing beside it."""
    page, saved = tmp_path / "sent.html", tmp_path / "saved"
    shutil.copy(run / "report.html", page)
    browser.open(page.as_uri(), 400)
    links = browser.value("[...document.querySelectorAll('a[download]')].map(one => one.getAttribute('href'))")
    assert {Path(name).suffix for name in links} == {".csv", ".tex", ".svg", ".png"}
    # what each of them would save, as text; of what is drawn the size
    caught = browser.send("Runtime.evaluate", expression=CATCH, awaitPromise=True, returnByValue=True)["result"][
        "value"
    ]
    assert len(caught) == len(links)
    for href, (name, content) in zip(links, caught, strict=True):
        assert name == Path(href).name
        beside = (run / href).read_bytes()
        if name.endswith(".png"):
            assert content == pytest.approx(struct.unpack(">II", beside[16:24]), abs=2)
        else:
            assert content == beside.decode("utf-8")
    # and one of each kind is really saved
    browser.open(page.as_uri(), 400)
    browser.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    for suffix in (".csv", ".tex", ".svg", ".png"):
        name = next(name for name in links if name.endswith(suffix))
        click = f"document.querySelector('a[download][href={json.dumps(name)}]').click()"
        browser.send("Runtime.evaluate", expression=click, userGesture=True)
        deadline = time.monotonic() + 60
        while not (saved / Path(name).name).is_file():
            assert time.monotonic() < deadline, f"{name} was not saved"
            browser.value("1")
            time.sleep(0.02)
    quiet(browser, page.as_uri())


def test_keyboard_reaches_tables_and_sections(browser, run):
    browser.open((run / "report.html").as_uri(), 1280)
    reachable = browser.value("[...document.querySelectorAll('.scroll, pre')].every(one => one.tabIndex === 0)")
    assert reachable and browser.value(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))"
    )


def test_markup_in_names_stays_text(browser, evil_run):
    browser.open(evil_run.as_uri(), 400)
    quiet(browser, evil_run.as_uri())
    assert browser.value("document.scripts.length") == 1
    assert browser.value("document.title").endswith("low- against high-resource languages")
    assert EVIL in browser.value("document.body.textContent")
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= 400


def test_printed_it_is_as_wide_as_the_paper_without_controls(browser, run):
    """A4 between its margins; what the summary folds away is printed too, the rest as the reader has it."""
    width = 710
    browser.open((run / "report.html").as_uri(), width, dark=True)
    browser.send("Emulation.setEmulatedMedia", media="print", features=[])
    shown = "[...document.querySelectorAll('{}')].some(one => one.checkVisibility())"
    assert browser.value(shown.format("nav")) is False and browser.value(shown.format(".tools")) is False
    assert browser.value(shown.format("#summary details li")) and not browser.value(shown.format("#gap details td"))
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    ends = "[...document.querySelectorAll('table, figure, svg, pre')].map(one => one.getBoundingClientRect().right)"
    assert max(browser.value(ends)) <= width + 1
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    smallest = (
        "Math.min(...[...document.querySelectorAll('td, p')].map(one => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert browser.value(smallest) > 9  # 7 pt
