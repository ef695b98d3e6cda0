from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xlreach.corpora.collection import Document, Query
from xlreach.corpora.sources.retrieval_folder import write_collection


@pytest.fixture(scope="session")
def front_folder(tiny, tmp_path_factory) -> Path:
    """What the examples of the docstrings name: an encoder, a text, a collection, and a finished study."""
    folder = Path(shutil.copytree(tiny.root, tmp_path_factory.mktemp("front") / "work"))
    shutil.copytree(tiny.encoder(), folder / "encoder")
    shutil.copy(tiny.data / "raw" / "artificial" / "qla.txt", folder / "maltese.txt")
    shutil.copytree(tiny.data / "ud" / "artificial" / "UD_Talmari-ART", folder / "treebank")
    topics = range(5)
    write_collection(
        folder / "collection",
        [Document(f"{code}-d{n}", code, f"{code} text {n} {n}") for code in ("en", "mt") for n in topics],
        [Query(f"{code}-q{n}", code, f"{code} {n}", str(n)) for code in ("en", "mt") for n in topics],
        {f"{a}-q{n}": {f"{b}-d{n}": 1 for b in ("en", "mt")} for a in ("en", "mt") for n in topics},
    )
    return folder
