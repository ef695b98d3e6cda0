"""Looking things up: languages and data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlreach.front.inputs import PathLike, data_root
from xlreach.front.table import Cell, Table
from xlreach.languages import Language, extend_languages, get_language, known_languages

if TYPE_CHECKING:
    from xlreach.corpora.dataset import Dataset


def languages(*codes: str, data: PathLike | None = None) -> Table[Language]:
    """Looks languages up.

    Args:
        codes: Any usual codes or English names; all known languages if none is given.
        data: The folder of corpora, whose `languages.yaml` adds languages; None is `XLREACH_DATA`, else the working
            directory.

    Returns:
        One row a language: code, script (ISO 15924), class of Joshi et al. 2020 (0 to 5), millions of tokens in CC-100
        (Conneau et al. 2020), and whether XLM-R and mBERT were trained on it.

    Raises:
        XLReachError: A language is unknown.

    Example:
        >>> maltese, wolof = xl.languages("mt", "Wolof")
        >>> maltese.name, wolof.joshi_class
        ('Maltese', 2)
    """
    table = data_root(data) / "languages.yaml"
    if table.is_file():
        extend_languages(table)
    return Table([get_language(code) for code in codes] if codes else known_languages(), _cells)


def open_dataset(name: str, data: PathLike | None = None) -> Dataset:
    """Opens a data set; nothing is read before it is asked for.

    Args:
        name: A name such as `ud:mt_mudt` or `xquad-r` (`xlreach list datasets` shows them), or a path.
        data: The folder of corpora; None is `XLREACH_DATA`, else the working directory.

    Returns:
        Text, a treebank, an entity corpus, parallel text or a retrieval collection.

    Raises:
        SpecError: The name cannot be parsed.
        DataError: The data set is not there.

    Example:
        >>> xl.open_dataset("./collection").languages
        ('en', 'mt')
    """
    from xlreach.corpora.registry import open_dataset

    return open_dataset(name, data_root(data))


def _cells(language: Language) -> dict[str, Cell]:
    return {
        "code": language.code,
        "ISO": language.iso3,
        "name": language.name,
        "script": language.script,
        "class": _known(language.joshi_class),
        "CC-100 Mtok": _known(language.cc100_tokens_m),
        "XLM-R": _known(language.in_xlmr),
        "mBERT": _known(language.in_mbert),
    }


def _known(value: float | bool | None) -> str:
    if value is None:
        return "?"
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:g}"
