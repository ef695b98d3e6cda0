"""Opens data sets by their strings, `open_dataset("ud:mt_mudt", root)`, and finds those that a data root holds.

ud:mt_mudt   pos:masakhapos/wol   ner:masakhaner2/wol   text:lapt9/mt   bitext:NAME   folder:RELATIVE/PATH
conll:RELATIVE/PATH(token=1,ner=4)   hub:ID(config=mt)
ntrex(half=first)   tatoeba   mafand(split=test)   xquad-r(passage=context)   afriqa   or a path
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import get_args

from xlreach.corpora.dataset import DATASETS, Dataset, DatasetSpec, Kind

# Imported for what they register.
from xlreach.corpora.sources import (  # noqa: F401
    afriqa,
    bible_verses,
    column_files,
    entity_corpora,
    hub,
    ir_datasets,
    lareqa,
    raw_text,
    retrieval_folder,
    translations,
    trec_topics,
    treebanks,
)
from xlreach.corpora.sources.any_path import open_path
from xlreach.errors import DataError, SpecError
from xlreach.languages import canonical_code, extend_languages
from xlreach.safe_io import as_path

__all__ = ["DATASETS", "Dataset", "DatasetSpec", "find_datasets", "open_dataset"]


def open_dataset(text: str, root: Path) -> Dataset:
    """Opens the data set that a string names below a data root, or that lies at a path.

    A relative path is looked up in the working directory. A file `languages.yaml` in the root is read first; it adds to
    the known languages (see `extend_languages`).

    Raises:
        SpecError: `text` is no data set string, or a parameter is wrong.
        DataError: The root does not exist, does not hold the data set, or its files are damaged.
    """
    name = text.strip().partition(":")[0].partition("(")[0].strip()
    if name not in DATASETS:
        path = as_path(text)
        if path is not None and (path.exists() or text.startswith(("/", "./", "../", "~"))):
            return open_path(path)
        strings = [spec.name for spec in DATASETS]
        if root.is_dir():
            strings += [name for kind in get_args(Kind) for spec in DATASETS for name, _ in spec.find(root, kind)]
        close = difflib.get_close_matches(text, sorted(set(strings)), n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(repr(match) for match in close)}? " if close else ""
        seen = f"Unknown data set {text!r}: {name!r} is no kind of data set, and there is no such path."
        raise SpecError(seen, fix=f"{hint}Kinds: {', '.join(spec.name for spec in DATASETS)}.")
    return DATASETS.parse(text).open(_checked(root))


def find_datasets(root: Path, kind: Kind, language: str) -> list[str]:
    """The strings of all data sets of a kind in a root that have a language, sorted by family, then by name.

    Parallel text is of two kinds, `parallel` and `collection`. A data set with splits (MAFAND, AfriQA) is listed once
    for each of them.

    Raises:
        DataError: There is no such root.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(get_args(Kind))}")
    root, code = _checked(root), canonical_code(language)
    return [name for spec in DATASETS for name, languages in spec.find(root, kind) if code in languages]


def _checked(root: Path) -> Path:
    root = Path(root)
    if not root.is_dir():
        raise DataError("There is no such folder of corpora.", fix="Name the data root.", path=root)
    if (root / "languages.yaml").is_file():
        extend_languages(root / "languages.yaml")
    return root
