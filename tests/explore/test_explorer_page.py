"""The page, driven in a browser."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import pytest

from xlreach.explore.asking import LONGEST

_spec = importlib.util.spec_from_file_location("browser", Path(__file__).parents[1] / "report" / "browser.py")
browser_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(browser_module)

pytestmark = pytest.mark.skipif(browser_module.CHROMIUM is None, reason="Chromium is not installed")
COLLECTION = "folder:retrieval/artificial-test"
HITS = "[...document.querySelectorAll('.column li')].map(one => one.innerText)"


@pytest.fixture(scope="module")
def browser():
    opened = browser_module.Browser()
    yield opened
    opened.close()


@pytest.fixture(params=[1280, 400])
def page(browser, server, request):
    browser.open(server.address, request.param)
    until(browser, "document.querySelectorAll('#encoders input').length")
    yield browser
    assert browser.value("document.documentElement.scrollWidth") <= request.param
    asked = [event["params"]["request"]["url"] for event in of(browser, "Network.requestWillBeSent")]
    assert asked and all(url.startswith(server.address) or url.startswith("data:") for url in asked)
    assert not of(browser, "Runtime.exceptionThrown")
    assert not [e for e in of(browser, "Log.entryAdded") if e["params"]["entry"]["level"] in ("error", "warning")]
    assert not [e for e in of(browser, "Runtime.consoleAPICalled") if e["params"]["type"] in ("error", "warning")]
    assert browser.value("document.title") == "tiny: XLReach explorer"  # what no script in the data has changed


def of(browser, method):
    return [event for event in browser.events if event["method"] == method]


def until(browser, expression, seconds=20):
    end = time.monotonic() + seconds
    while not browser.value(expression):
        assert time.monotonic() < end, f"never: {expression}"
        time.sleep(0.05)


def ask(browser, query):
    """Types a query, presses Enter, waits for what comes."""
    browser.value(
        f"document.getElementById('status').textContent = 'old'; q = document.getElementById('query'); q.focus();"
        f"q.value = {json.dumps(query)}"
    )
    for kind in ("keyDown", "keyUp"):
        browser.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)
    until(browser, "!['old', 'Asking…'].includes(document.getElementById('status').textContent)")
    return browser.value("document.getElementById('status').textContent")


def choose(browser, name):
    browser.value(
        f"c = document.getElementById('collection'); c.value = {json.dumps(name)}; c.dispatchEvent(new Event('change'))"
    )


def test_a_query_its_hits_and_another_encoder(page, shelf):
    assert "nothing is known" in ask(page, "tala mora")
    assert page.value("[...document.querySelectorAll('.column h3')].map(one => one.innerText.split(' ')[0])") == [
        "qha", "qla", "qha", "qla",
    ]  # fmt: skip
    hits = page.value(HITS)
    assert len(hits) == 4 * 5 and page.value("document.querySelectorAll('.pieces span').length") > 1
    page.value("document.querySelectorAll('#encoders input')[0].click()")
    until(page, "document.querySelectorAll('.answer').length == 1")
    assert page.value(HITS) == hits[10:]
    page.value("document.querySelectorAll('#encoders input')[2].click()")
    until(page, "document.querySelectorAll('.answer').length == 2")
    assert page.value(HITS)[:10] == hits[10:] and page.value(HITS)[10:] != hits[10:]
    page.value("document.querySelectorAll('#languages input')[0].click()")
    until(page, "document.querySelectorAll('.column').length == 2")


def test_a_question_of_the_collection_has_its_answers_marked(page, shelf):
    page.value("document.querySelector('#examples button').click()")
    until(page, "document.getElementById('status').textContent.startsWith('A question of the collection')")
    query = page.value("document.getElementById('query').value")
    collection = shelf.collections[COLLECTION]
    (question,) = [one for one in collection.queries("qha") if one.text == query]
    wanted = {d for to in ("qha", "qla") for d, g in collection.qrels("qha", to)[question.id].items() if g > 0}
    shown = page.value("[...document.querySelectorAll('.column li')].map(one => one.querySelector('.id').textContent)")
    marked = page.value("[...document.querySelectorAll('li.relevant .id')].map(one => one.textContent)")
    assert marked == [one for one in shown if one in wanted]


@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_empty_query(page, empty):
    ask(page, "tala")
    assert ask(page, empty) == "Type a query first." and page.value(HITS) == []


def test_a_very_long_query(page):
    assert "nothing is known" in ask(page, "tala mora " * 1500)
    assert "too long: only the first" in page.value("document.querySelector('.cut').textContent")
    assert len(page.value(HITS)) == 20
    assert f"at most {LONGEST}" in ask(page, "x" * (LONGEST + 1)) and page.value(HITS) == []


def test_text_from_right_to_left_and_markup(page, shelf):
    choose(page, shelf.entries[-1].indexes.keys().__iter__().__next__())
    ask(page, "المطر <b>على</b> المدينة")
    until(page, "document.querySelectorAll('.column').length == 2")
    direction = "getComputedStyle(document.querySelector({!r})).direction"
    assert page.value(direction.format("#query")) == "rtl"
    rows = page.value(
        "[...document.querySelectorAll('.column')].map(c => [c.querySelector('h3').innerText.split(' ')[0],"
        "[...c.querySelectorAll('p.text')].map(p => [p.textContent, getComputedStyle(p).direction])])"
    )
    texts = dict(rows)
    assert {way for _, way in texts["ar"]} == {"rtl"} and len(texts["ar"]) == 2
    assert any("<script>" in text and way == "ltr" for text, way in texts["en"]) and ["(empty)", "ltr"] in texts["en"]
    assert page.value("document.scripts.length") == 1 and page.value("document.images.length") == 0
    assert "<img src=x" in page.value("document.querySelector('.answer h2').textContent")


def test_a_server_that_is_gone_is_said(page):
    page.value("window.fetch = () => Promise.reject(new Error())")
    assert "does not answer" in ask(page, "tala")
