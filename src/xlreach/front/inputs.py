"""What callers give, as the rooms take it: languages, files or lines, documents, data sets, folders to write."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xlreach.errors import XLReachError

if TYPE_CHECKING:
    from xlreach.corpora.collection import Collection, Document
    from xlreach.corpora.dataset import Dataset

T = TypeVar("T")
PathLike = str | os.PathLike[str]
Lines = str | os.PathLike[str] | Iterable[str]
"""The path of a text file, or the lines themselves."""
Documents = str | os.PathLike[str] | Iterable["str | Document | Mapping[str, str]"]
"""The path of a file (one document per line, or JSON lines), or the documents themselves."""


def codes(languages: Iterable[str]) -> tuple[str, ...]:
    """Languages by their shortest codes, from any usual ones.

    Raises:
        XLReachError: One is no language.
    """
    from xlreach.languages import canonical_code, get_language

    # A private-use code needs no facts here; they come with the data, where they are shown.
    return tuple(canonical_code(code) or get_language(code).code for code in languages)


def by_language(items: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Pairs of a language and a value as a mapping by the shortest code.

    Raises:
        XLReachError: A language is unknown or given twice.
    """
    values: dict[str, T] = {}
    for language, value in items:
        (code,) = codes([language])
        if code in values:
            raise XLReachError(f"{code!r} is given twice.", expected="Expected one text a language.")
        values[code] = value
    return values


def text_files(texts: Mapping[str, Lines] | None) -> dict[str, Path]:
    """A text file for each language; lines that are given themselves are written to a temporary file.

    Raises:
        XLReachError: As `by_language`; a file is missing.
    """
    return {code: text_file(text, code) for code, text in by_language((texts or {}).items()).items()}


def text_file(text: Lines, name: str) -> Path:
    """The file of a text; lines that are given themselves are written to a temporary one of that name.

    Raises:
        XLReachError: There is no such file.
    """
    from xlreach.corpora.document_files import is_plain_text, read_documents

    if isinstance(text, (str, os.PathLike)):
        if is_plain_text(existing(text)):
            return existing(text)
        text = (document.text for document in read_documents(existing(text), name))
    path = temporary(f"{name}.txt")
    path.write_text("".join(f"{line}\n" for line in text), "utf-8")
    return path


def existing(path: PathLike) -> Path:
    """A path at which there is a file.

    Raises:
        XLReachError: There is none.
    """
    if not Path(path).is_file():
        raise XLReachError("There is no such file.", path=Path(path))
    return Path(path)


def read_given(language: str, documents: Documents, taken: Iterable[str] = ()) -> Iterator[Document]:
    """The documents of a file, or those given themselves: texts, mappings with `text` (and `_id`, `title`), `Document`.

    Args:
        language: Their language, by its shortest code.
        documents: A file or documents. One without an id is named `<language>-<number>`, counted from 1.
        taken: Ids that such a name must not be.

    Raises:
        XLReachError: A file is missing, empty or damaged; a mapping has no text.
    """
    from xlreach.corpora.collection import Document
    from xlreach.corpora.document_files import read_documents

    if isinstance(documents, (str, os.PathLike)):
        return read_documents(existing(documents), language)
    held = set(taken)
    numbers = (f"{language}-{number}" for number in range(1, 2**62))
    names = (name for name in numbers if name not in held)

    def document(given: str | Document | Mapping[str, str]) -> Document:
        if isinstance(given, Document):
            return given
        fields = {"text": given} if isinstance(given, str) else given
        if not isinstance(fields.get("text"), str):
            raise XLReachError(f"A document without a text: {given!r}.", expected="Expected the fields _id and text.")
        name = fields.get("_id", fields.get("id"))
        return Document(next(names) if name is None else str(name), language, fields["text"], fields.get("title", ""))

    return map(document, documents)


def data_root(data: PathLike | None) -> Path:
    """The folder of corpora: as given, else what `XLREACH_DATA` names, else the working directory."""
    return Path(data if data is not None else os.environ.get("XLREACH_DATA") or ".")


def open_as(dataset: str | Dataset, data: PathLike | None, kind: type, wanted: str) -> Any:
    """The data set of that name, or the opened one, if it is of the kind that is wanted.

    Raises:
        XLReachError: There is none, or it is of another kind.
    """
    from xlreach.corpora.registry import open_dataset

    opened = open_dataset(dataset, data_root(data)) if isinstance(dataset, str) else dataset
    if not isinstance(opened, kind):
        name = dataset if isinstance(dataset, str) else opened.name
        raise XLReachError(f"The data set {name!r} is of another kind.", expected=f"Expected {wanted}.")
    return opened


def open_collection(dataset: str | Dataset, data: PathLike | None) -> Collection:
    """The retrieval collection of that name, or the opened one.

    Raises:
        XLReachError: There is none, or it is of another kind.
    """
    from xlreach.corpora.collection import Collection

    wanted = "a retrieval collection or parallel text, such as xquad-r"
    collection: Collection = open_as(dataset, data, Collection, wanted)
    return collection


def output(out: PathLike | None, name: str) -> Path:
    """The folder to write: `out`, or a temporary one that is removed when Python ends.

    Raises:
        XLReachError: There is something at `out`.
    """
    if out is None:
        return temporary(name)
    if Path(out).exists():
        raise XLReachError(f"{out} exists already.", fix="Name another: nothing is overwritten.")
    return Path(out)


def temporary(name: str) -> Path:
    """A path of that name, where there is nothing yet, below a folder that is removed when Python ends."""
    return Path(tempfile.mkdtemp(dir=_temporary_root())) / name


@lru_cache(maxsize=1)
def _temporary_root() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="xlreach-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Several names; a single one may be given by itself."""
    return (given,) if isinstance(given, str) else tuple(given)
