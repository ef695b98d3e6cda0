"""Facts about each language, from a table in this package that a user's YAML file can extend.

Sources of `languages.tsv` (facts only): the classes of Joshi et al. 2020 (a published copy of `lang2tax.txt` by ISO
639-3 code); CC-100 as in Table 6 of the XLM-R paper (Conneau et al. 2020); Wikipedia tokens of October 2020 and mBERT's
104 languages as collected by mayhewsw/multilingual-data-stats, with Mongolian, which mBERT's README names. Both
encodings of Burmese are added up in CC-100, and both scripts of Chinese (`zh`; `zh-Hant` has its own row too). Tokens
of CC-100 and Wikipedia are white-space counts: for Chinese, Japanese, Thai they mean little. A blank is unknown.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import langcodes

from xlreach.errors import DataError, XLReachError, located, nearest
from xlreach.languages.codes import canonical_code, usual_script
from xlreach.safe_io import read_yaml


@dataclass(frozen=True, slots=True)
class Language:
    """A language and its resources: 0 means that the source has no text in it, None that the figure is unknown."""

    code: str  # the shortest BCP-47 code (`mt`, `zh`, `mhr`, `sr-Latn`)
    iso3: str  # ISO 639-3 (`mlt`); for a macrolanguage, that of the macrolanguage (`ara`, `zho`, `swa`)
    name: str
    script: str  # ISO 15924 (`Latn`)
    # 0 ("left-behinds") to 5 ("winners"), Joshi et al. 2020, who count every language that they do not list as 0; None
    # only for made-up languages
    joshi_class: int | None = None
    cc100_tokens_m: float | None = None  # millions of tokens in CC-100, the pretraining text of XLM-R
    cc100_gib: float | None = None
    wikipedia_tokens: int | None = None  # in October 2020
    in_mbert: bool | None = None  # whether it is one of mBERT's 104 languages

    @property
    def family(self) -> str | None:
        """The top-level family as Glottolog 5 has it; None where it is unknown, or a creole."""
        return _families().get(self.code.partition("-")[0])

    @property
    def in_xlmr(self) -> bool | None:
        """Whether XLM-R was pretrained on it; None where that is unknown."""
        return None if self.cc100_tokens_m is None else self.cc100_tokens_m > 0


# What a fact may be, and the words for it
_WORD, _COUNT, _NUMBER = (str, "a word"), (int, "a whole number"), ((int, float), "a number")
_FACTS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "iso3": _WORD, "name": _WORD, "script": _WORD, "joshi_class": _COUNT, "cc100_tokens_m": _NUMBER,
    "cc100_gib": _NUMBER, "wikipedia_tokens": _COUNT, "in_mbert": (bool, "true or false"),
}  # fmt: skip
# The lists behind the table are complete, so a language without a row is in none of them.
_ABSENT = {"joshi_class": "0", "cc100_tokens_m": "0", "cc100_gib": "0", "wikipedia_tokens": "0", "in_mbert": "n"}
_extended: dict[str, Language] = {}


@lru_cache(maxsize=4096)
def get_language(code: str) -> Language:
    """The language for any common code of it, or for its English name.

    Private-use codes (`qaa` to `qtz`) can be looked up after `extend_languages` has read their rows.

    Raises:
        XLReachError: There is no such language; the message suggests the nearest.
    """
    canonical = canonical_code(code)
    if canonical in _extended:
        return _extended[canonical]
    if canonical is None or _is_private(canonical):
        by_name = _names().get(code.strip().casefold())
        if by_name:
            return get_language(by_name)
        expected = "Expected a code such as mt, mlt, mlt_Latn or zho-CN."
        if canonical:
            expected = f"{canonical!r} is a private-use code: give its name and script in a YAML table."
        raise XLReachError(f"Unknown language {code!r}.", expected=expected, fix=_nearest(code))
    return _builtin(canonical)


def language_code(text: str) -> str | None:
    """The code of a language by any common code or by its English name; None where `text` is neither."""
    return canonical_code(text) or _names().get(text.strip().casefold())


def known_languages() -> tuple[Language, ...]:
    """The languages with a row in the table or in an extension, sorted by code."""
    codes = sorted(set(_rows()) | set(_extended))
    return tuple(get_language(code) for code in codes)


def extend_languages(path: Path) -> tuple[Language, ...]:
    """Adds or overrides languages for this process, from a YAML mapping of codes to facts; returns them.

        qaa: {name: Avelan, script: Latn, joshi_class: 1, cc100_tokens_m: 0, in_mbert: false}
        wo: {wikipedia_tokens: 700000}

    A row overrides the facts that it names and keeps the others; a new language needs a name and a script.

    Raises:
        DataError: The file is missing or no such mapping, or a row has an unknown fact or a value of a wrong type.
    """
    path = Path(path)
    rows = read_yaml(path)
    if not isinstance(rows, Mapping) or not rows:
        raise DataError("Not a table of languages.", expected="Expected a mapping of codes to facts.", path=path)
    with located(path):
        languages = {code: _extension(code, facts) for code, facts in rows.items()}
    _extended.update({language.code: language for language in languages.values()})
    get_language.cache_clear()
    return tuple(languages.values())


def _extension(code: Any, facts: Any) -> Language:
    # YAML 1.1 reads an unquoted `no` as false.
    canonical = canonical_code("no" if code is False else str(code))
    if canonical is None:
        expected = "Expected ISO 639, or a private-use code from qaa to qtz."
        raise DataError(f"{code!r} is no language code.", expected=expected)
    if not isinstance(facts, Mapping):
        expected = f"Expected a mapping of {', '.join(_FACTS)}."
        raise DataError(f"{code!r} has {reprlib.repr(facts)}.", expected=expected)
    for name, value in facts.items():
        if name not in _FACTS:
            raise DataError(f"{code!r} has the unknown fact {name!r}.", fix=nearest(str(name), _FACTS))
        kind, words = _FACTS[name]
        if value is not None and not (isinstance(value, kind) and isinstance(value, bool) == (kind is bool)):
            raise DataError(f"{name!r} of {code!r} is {reprlib.repr(value)}.", expected=f"Expected {words}.")
        if isinstance(value, (int, float)) and (value < 0 or (name == "joshi_class" and value > 5)):
            raise DataError(f"{name!r} of {code!r} is {value!r}.", expected="Out of range.")
    if _is_private(canonical):
        missing = [name for name in ("name", "script") if not facts.get(name)]
        if missing and canonical not in _extended:
            raise DataError(f"{code!r} lacks {' and '.join(missing)}.")
        base = _extended.get(canonical) or Language(canonical, canonical, "", "")
    else:
        base = _extended.get(canonical) or _builtin(canonical)
    return dataclasses.replace(base, **facts)


def _is_private(code: str) -> bool:
    return len(code) == 3 and "qaa" <= code <= "qtz"


def _builtin(code: str) -> Language:
    """A language of ISO 639 with its facts in the table."""
    base, *rest = code.split("-")
    # Text in another than the usual script is counted separately: it is known only if it has a row of its own.
    scripted = any(len(part) == 4 for part in rest)
    row = _rows().get(code) or ({} if scripted else _rows().get(base, _ABSENT))
    tag = langcodes.Language.get(code, normalize=False)
    return Language(
        code=code,
        iso3=_rows().get(base, {}).get("iso3") or tag.to_alpha3(),
        name=tag.display_name("en"),
        script=usual_script(code),
        joshi_class=int(_rows().get(base, _ABSENT)["joshi_class"]),
        cc100_tokens_m=float(row["cc100_tokens_m"]) if row.get("cc100_tokens_m") else None,
        cc100_gib=float(row["cc100_gib"]) if row.get("cc100_gib") else None,
        wikipedia_tokens=int(row["wikipedia_tokens"]) if row.get("wikipedia_tokens") else None,
        in_mbert=row["in_mbert"] == "y" if row.get("in_mbert") else None,
    )


@lru_cache(maxsize=1)
def _rows() -> dict[str, dict[str, str]]:
    table = resources.files("xlreach.languages").joinpath("languages.tsv").read_text("utf-8")
    return {row["code"]: row for row in csv.DictReader(table.splitlines(), delimiter="\t")}


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    table = resources.files("xlreach.languages").joinpath("families.tsv").read_text("utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return {code: row["family"] for row in rows for code in row["codes"].split()}


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {_builtin(code).name.casefold(): code for code in _rows()}


def _nearest(code: str) -> str:
    """By name where that is close (`Maltesse`), else by code."""
    names = _names() | {language.name.casefold(): language.code for language in _extended.values()}
    close = difflib.get_close_matches(code.strip().casefold(), names, n=1, cutoff=0.75)
    if close:
        return f"Did you mean {names[close[0]]!r} ({close[0].title()})?"
    codes = {*_rows(), *_extended, *(row["iso3"] for row in _rows().values())}
    codes_near = difflib.get_close_matches(code.strip().casefold(), sorted(codes), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(repr(near_code) for near_code in codes_near)}?" if codes_near else ""
