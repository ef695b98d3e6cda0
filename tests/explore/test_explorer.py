from __future__ import annotations

import http.client
import json
import socket

import pytest

from xlreach.errors import DataError, XLReachError
from xlreach.explore.catalog import INDEXES, catalog_of_encoders, catalog_of_run
from xlreach.explore.explorer import LONGEST, Explorer, RequestError, tokenize_query
from xlreach.explore.server import ExplorerServer
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import open_index
from xlreach.retrieval.search import search

COLLECTION = "folder:retrieval/artificial-test"


def send(server, method, path, body=None, headers=None, close=True):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, body, headers or {})
    got = connection.getresponse()
    content = got.read()
    if close:
        connection.close()
    return got.status, dict(got.getheaders()), content


def post(server, content, **headers):
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    status, _, body = send(server, "POST", "/ask", json.dumps(content).encode(), given)
    return status, json.loads(body)


@pytest.fixture
def question(catalog):
    return catalog.collections[COLLECTION].queries("qla")[0]


def test_a_runs_encoders_and_collections_are_found(tiny, catalog):
    entries = catalog.entries[:-1]
    assert {entry.encoder for entry in entries} == {path.resolve() for path in tiny.encoder().parent.iterdir()}
    assert {set(entry.indexes) == {COLLECTION} for entry in entries} == {True}
    assert set(entries[0].indexes[COLLECTION]) == {"qha", "qla"}
    assert entries[0].name == "small · none · qla" and entries[0].label == "none"
    assert catalog.title == "tiny" and not catalog.notes


def test_hits_are_those_of_search(tiny, catalog, question):
    entry = catalog.entries[0]
    asked = {"query": question.text, "encoders": [entry.name], "collection": COLLECTION, "k": 4}
    answer = Explorer(catalog).ask(asked)
    (one,) = answer["answers"]
    encoder = TextEncoder(entry.encoder)
    for language in one["languages"]:
        index = open_index(entry.indexes[COLLECTION][language["code"]], encoder)
        theirs = search(encoder, [question.text], [index], 4)[0]
        assert [hit["score"] for hit in language["hits"]] == pytest.approx([hit.score for hit in theirs], abs=2e-4)
        assert {hit["id"] for hit in language["hits"]} == {hit.id for hit in theirs}
    assert answer["query_language"] == "qla"
    relevant = catalog.collections[COLLECTION].qrels("qla", "qha")[question.id]
    (high,) = [language for language in one["languages"] if language["code"] == "qha"]
    assert all(hit["relevant"] == (relevant.get(hit["id"], 0) > 0) for hit in high["hits"])
    index = open_index(entry.indexes[COLLECTION]["qha"], encoder)
    ranked = [hit.id for hit in search(encoder, [question.text], [index], index.count)[0]]
    assert high["judged"] and high["first_relevant"] == min(ranked.index(one) + 1 for one in relevant)


def test_what_is_no_question_of_the_collection_has_no_relevance(catalog):
    asked = {"query": "unheard of", "encoders": [catalog.entries[0].name], "collection": COLLECTION}
    answer = Explorer(catalog).ask(asked)
    assert answer["query_language"] is None
    assert {hit["relevant"] for one in answer["answers"][0]["languages"] for hit in one["hits"]} == {None}


def test_a_query_is_shown_as_it_is_read(tiny):
    encoder = TextEncoder(tiny.encoder())
    tokenizer = encoder.model.tokenizer
    query, tokens = tokenize_query(encoder, "tala mora")
    assert [token["text"] for token in tokens] == tokenizer.tokenize("tala mora") and not query["truncated"]
    query, tokens = tokenize_query(encoder, "\U0001f980")
    assert query["unknown"] == 1 and tokens[-1]["unknown"]
    query, tokens = tokenize_query(encoder, "tala " * 3000)
    assert query["truncated"] and len(tokens) < query["length"]
    assert not tokenize_query(encoder, "")[1]


def test_transliteration_is_shown(tmp_path, tiny):
    import shutil

    folder = shutil.copytree(tiny.encoder(), tmp_path / "encoder")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "ж"}, "content": "zh"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    assert tokenize_query(TextEncoder(folder), "жaba")[0]["text"] == "zhaba"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("query", 3), ("query", "a\0b"), ("query", "x" * (LONGEST + 1)), ("encoders", []), ("encoders", ["../x"]),
        ("encoders", [["x"]]), ("collection", "nothing"), ("collection", ["x"]), ("languages", "mt"), ("k", 0),
        ("k", 10**9), ("k", True), ("k", "x" * 999),
    ],
)  # fmt: skip
def test_wrong_requests_are_refused(catalog, field, value):
    asked = {"query": "x", "encoders": [catalog.entries[0].name], "collection": COLLECTION, field: value}
    with pytest.raises(RequestError):
        Explorer(catalog).ask(asked)


def test_only_this_machine_is_served(server):
    assert server.server_address[0] == "127.0.0.1" and server.address.startswith("http://127.0.0.1:")
    own = f"127.0.0.1:{server.server_port}"
    assert send(server, "GET", "/")[0] == 200
    for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1", "", f"{own}.evil.example"):
        assert send(server, "GET", "/about.json", headers={"Host": host})[0] == 421
        assert send(server, "POST", "/ask", b"{}", {"Host": host, "Content-Type": "application/json"})[0] == 421
    for origin in ("http://evil.example", "null", f"https://{own}"):
        assert post(server, {}, Origin=origin)[0] == 403
    assert post(server, {}, Origin=f"http://{own}")[0] == 400
    assert send(server, "POST", "/ask", b"{}", {"Content-Type": "text/plain"})[0] == 415
    with pytest.raises(XLReachError, match="cannot be used"):
        ExplorerServer(server.explorer, server.server_port)


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/catalog.py", "//evil.example/", "/%2e%2e/", "/page.py", "/ask"]
)
def test_nothing_but_the_page_is_served(server, path):
    assert send(server, "GET", path)[0] == 404


def test_requests_are_bounded(server, catalog):
    assert send(server, "POST", "/ask", b"[1]", {"Content-Type": "application/json"})[0] == 400
    assert send(server, "POST", "/ask", b"[" * 100_000, {"Content-Type": "application/json"})[0] == 400
    for body in (b"\xff", b'{"query": "\\ud800"}', '{"k": 1}'.encode("utf-16"), b"9" * 5000, b""):
        assert send(server, "POST", "/ask", body, {"Content-Type": "application/json"})[0] == 400
    for length, status in ((str(2**20), 413), ("9" * 400, 413), ("-1", 411), ("many", 411)):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as raw:
            head = f"POST /ask HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert raw.recv(200).split()[1] == str(status).encode()
    status, answer = post(
        server, {"query": "x" * (LONGEST + 1), "encoders": [catalog.entries[0].name], "collection": COLLECTION}
    )
    assert status == 400 and "20,001 characters" in answer["error"]


def test_headers_keep_the_page_to_itself(server):
    for path in ("/", "/page.js", "/about.json", "/nothing"):
        headers = send(server, "GET", path)[1]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"


def test_a_run_without_its_parts_is_refused(tmp_path):
    with pytest.raises(DataError, match="No run here"):
        catalog_of_run(tmp_path)
    (tmp_path / "runs" / "lost").mkdir(parents=True)
    (tmp_path / "runs" / "lost" / "config.yaml").write_text("study: lost", "utf-8")
    with pytest.raises(DataError, match="no encoders with indexes"):
        catalog_of_run(tmp_path / "runs" / "lost")


def test_encoders_with_indexes_of_ones_own(tiny):
    catalog = catalog_of_encoders([str(tiny.encoder())], tiny.indexes())
    assert set(catalog.entries[0].indexes[INDEXES]) == {"qha", "qla"}
    answer = Explorer(catalog).ask(
        {"query": "tala", "encoders": [catalog.entries[0].name], "collection": INDEXES, "k": 2}
    )
    assert [len(one["hits"]) for one in answer["answers"][0]["languages"]] == [2, 2]
    with pytest.raises(XLReachError, match="several encoders"):
        catalog_of_encoders(["a", "b"], tiny.indexes())


@pytest.mark.parametrize("field", ["encoder", "folder"])
@pytest.mark.parametrize("path", ["../../elsewhere", "/etc"])
def test_folders_that_a_run_names_stay_within_its_root(tmp_path, field, path):
    run = tmp_path / "root" / "runs" / "s"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("study: s", "utf-8")
    index = {"dataset": "d", "language": "mt", "folder": path if field == "folder" else "indexes/s/e/d/mt"}
    row = {"system": {"base": "b"}, "language": "mt", "seed": 1, "indexes": [index]}
    row["encoder"] = path if field == "encoder" else "encoders/s/e"
    (run / "systems.json").write_text(json.dumps([row]), "utf-8")
    with pytest.raises(DataError, match="is outside of"):
        catalog_of_run(run)


@pytest.mark.parametrize(
    "content", ["[1]", "{}", '[{"system": {"nothing": "b"}}]', "3", '[{"system": {}, "indexes": 1}]']
)
def test_a_damaged_list_of_systems_is_refused(tmp_path, content):
    (tmp_path / "config.yaml").write_text("study: s", "utf-8")
    (tmp_path / "systems.json").write_text(content, "utf-8")
    with pytest.raises(DataError):
        catalog_of_run(tmp_path)
