"""What the arguments of the command line name: languages, files, data sets of a kind, folders to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlreach.errors import XLReachError

if TYPE_CHECKING:
    from xlreach.corpora.collection import Document


def codes(given: Sequence[str]) -> tuple[str, ...]:
    """Languages by their shortest codes, from any usual ones.

    Raises:
        XLReachError: One is no language.
    """
    from xlreach.languages import canonical_code, get_language

    # A private-use code needs no facts here; they come with the data, for those verbs that show them.
    return tuple(canonical_code(one) or get_language(one).code for one in given)


def files_by_language(given: Sequence[str]) -> dict[str, Path]:
    """The files of `LANGUAGE=FILE` arguments.

    Raises:
        XLReachError: An argument is not of that form, a language is unknown or given twice, a file is missing.
    """
    files: dict[str, Path] = {}
    for one in given:
        code, equals, path = one.partition("=")
        if not equals:
            raise XLReachError(f"{one!r} names no file.", expected="Expected LANGUAGE=FILE, such as mt=maltese.txt.")
        (code,) = codes([code])
        if code in files:
            raise XLReachError(f"{code!r} is given twice.", expected="Expected one file a language.")
        files[code] = Path(path)
        if not files[code].is_file():
            raise XLReachError("There is no such file.", path=path)
    return files


def documents_by_language(given: Sequence[str], dataset: str | None, data: Path) -> dict[str, Iterable[Document]]:
    """The documents of files, or of the named languages of a collection (all of them when none is named).

    Raises:
        XLReachError: As `files_by_language` and `open_as`; a language is not in the collection, or nothing is named.
    """
    if dataset is None and not given:
        raise XLReachError("There is nothing to index.", fix="Name files (--lang mt=FILE) or a collection (--dataset).")
    if dataset is None:
        from xlreach.corpora.document_files import read_documents

        return {code: read_documents(path, code) for code, path in files_by_language(given).items()}
    from xlreach.corpora.collection import Collection
    from xlreach.corpora.dataset import check_language

    if files := [one for one in given if "=" in one]:
        raise XLReachError(f"{files[0]!r} names a file.", expected="With --dataset, --lang takes a language code.")
    collection = open_as(dataset, data, Collection, "a retrieval collection or parallel text, such as xquad-r")
    wanted = [check_language(collection, code) for code in codes(given)] or collection.searched(collection.languages)
    return {code: collection.documents(code) for code in wanted}


def open_as(name: str, data: Path, kind: type, wanted: str) -> Any:
    """The data set of that name below the data root.

    Raises:
        XLReachError: There is none, or it is not of the wanted kind.
    """
    from xlreach.corpora.registry import open_dataset

    found = open_dataset(name, data)
    if not isinstance(found, kind):
        raise XLReachError(f"The data set {name!r} is of another kind.", expected=f"Expected {wanted}.")
    return found


def fresh(out: Path) -> Path:
    """A path that can be written without harm.

    Raises:
        XLReachError: Something is there.
    """
    if out.exists():
        raise XLReachError(f"{out} exists already.", fix="Name another: nothing is overwritten.")
    return out
