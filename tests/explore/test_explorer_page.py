"""The page, driven in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from xlreach.explore.explorer import LONGEST

COLLECTION = "folder:retrieval/artificial-test"
HITS = "[...document.querySelectorAll('.column li')].map(node => node.innerText)"


@pytest.fixture(params=[1280, 400])
def page(open_page, server, request):
    opened = open_page(server.address, request.param)
    page = opened.page
    page.wait_for_selector("#encoders input")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= request.param
    assert opened.requests and all(url.startswith((server.address, "data:")) for url in opened.requests)
    assert not opened.complaints
    assert page.title() == "tiny: XLReach explorer"  # what no script in the data has changed


def ask(page, query):
    """Types a query, presses Enter, waits for what comes."""
    page.evaluate("document.getElementById('status').textContent = 'old'")
    page.fill("#query", query)
    page.press("#query", "Enter")
    expect(page.locator("#status")).not_to_have_text(re.compile("old|Searching…"))
    return page.text_content("#status")


def test_a_query_its_hits_and_another_encoder(page, catalog):
    assert "is not known" in ask(page, "tala mora")
    assert page.evaluate("[...document.querySelectorAll('.column h3')].map(node => node.innerText.split(' ')[0])") == [
        "qha", "qla", "qha", "qla",
    ]  # fmt: skip
    hits = page.evaluate(HITS)
    assert len(hits) == 4 * 5 and page.evaluate("document.querySelectorAll('.tokens span').length") > 1
    page.locator("#encoders input").nth(0).click()
    expect(page.locator(".answer")).to_have_count(1)
    assert page.evaluate(HITS) == hits[10:]
    page.locator("#encoders input").nth(2).click()
    expect(page.locator(".answer")).to_have_count(2)
    assert page.evaluate(HITS)[:10] == hits[10:] and page.evaluate(HITS)[10:] != hits[10:]
    page.locator("#languages input").nth(0).click()
    expect(page.locator(".column")).to_have_count(2)


def test_a_question_of_the_collection_has_its_answers_marked(page, catalog):
    page.locator("#examples button").first.click()
    expect(page.locator("#status")).to_have_text(re.compile("^A query of the collection"))
    query = page.input_value("#query")
    collection = catalog.collections[COLLECTION]
    (question,) = [question for question in collection.queries("qha") if question.text == query]
    wanted = {d for to in ("qha", "qla") for d, g in collection.qrels("qha", to)[question.id].items() if g > 0}
    shown = page.evaluate(
        "[...document.querySelectorAll('.column li')].map(one => one.querySelector('.id').textContent)"
    )
    marked = page.evaluate("[...document.querySelectorAll('li.relevant .id')].map(one => one.textContent)")
    assert marked == [document for document in shown if document in wanted]


@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_empty_query(page, empty):
    ask(page, "tala")
    assert ask(page, empty) == "Type a query first." and page.evaluate(HITS) == []


def test_a_very_long_query(page):
    assert "is not known" in ask(page, "tala mora " * 1500)
    assert "too long: only the first" in page.text_content(".truncated")
    assert len(page.evaluate(HITS)) == 20
    assert f"at most {LONGEST}" in ask(page, "x" * (LONGEST + 1)) and page.evaluate(HITS) == []


def test_text_from_right_to_left_and_markup(page, catalog):
    page.select_option("#collection", next(iter(catalog.entries[-1].indexes)))
    ask(page, "المطر <b>على</b> المدينة")
    expect(page.locator(".column")).to_have_count(2)
    direction = "getComputedStyle(document.querySelector({!r})).direction"
    assert page.evaluate(direction.format("#query")) == "rtl"
    rows = page.evaluate(
        "[...document.querySelectorAll('.column')].map(c => [c.querySelector('h3').innerText.split(' ')[0],"
        "[...c.querySelectorAll('p.text')].map(p => [p.textContent, getComputedStyle(p).direction])])"
    )
    texts = dict(rows)
    assert {way for _, way in texts["ar"]} == {"rtl"} and len(texts["ar"]) == 2
    assert any("<script>" in text and way == "ltr" for text, way in texts["en"]) and ["(empty)", "ltr"] in texts["en"]
    assert page.evaluate("document.scripts.length") == 1 and page.evaluate("document.images.length") == 0
    assert "<img src=x" in page.text_content(".answer h2")


def test_a_server_that_is_gone_is_said(page):
    page.evaluate("() => { window.fetch = () => Promise.reject(new Error()); }")
    assert "does not answer" in ask(page, "tala")
