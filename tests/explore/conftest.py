from __future__ import annotations

import threading

import pytest

from xlreach.corpora.collection import Document
from xlreach.explore.catalog import Catalog, Entry, catalog_of_run
from xlreach.explore.explorer import Explorer
from xlreach.explore.server import ExplorerServer
from xlreach.retrieval.index import build_index

EVIL = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
ARABIC = "قال الرجل إن المطر نزل على المدينة"
OWN = "own text " + EVIL


@pytest.fixture(scope="session")
def catalog(tiny, tmp_path_factory) -> Catalog:
    """The tiny study, and text of one's own in an encoder of it: Arabic, and markup."""
    found = catalog_of_run(tiny.run)
    encoder, folder = tiny.encoder(), tmp_path_factory.mktemp("own")
    texts = {"ar": [ARABIC, "كتاب قديم"], "en": [f"rain {EVIL}", "a book", ""]}
    own = {}
    for code, lines in texts.items():
        documents = [Document(f"{code}-{n}", code, text, EVIL if n == 0 else "") for n, text in enumerate(lines)]
        own[code] = build_index(encoder, documents, folder / code, language=code)
    return Catalog(
        found.title,
        (*found.entries, Entry(f"own{EVIL}", f"own{EVIL}", encoder, {OWN: own})),
        found.collections,
        found.notes,
    )


@pytest.fixture(scope="session")
def server(catalog):
    opened = ExplorerServer(Explorer(catalog))
    thread = threading.Thread(target=opened.serve_forever, daemon=True)
    thread.start()
    yield opened
    opened.shutdown()
    opened.server_close()
    thread.join()
