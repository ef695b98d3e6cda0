"""Transliteration by table, carried inside `tokenizer.json`: whoever loads the encoder feeds it the original script.

The tokenizer's normalizer becomes NFKC, then the table, longest keys first (`charsmap.py`), then the base's own. NFKC
comes first because presentation forms would otherwise miss the table. uroman's rules cannot travel this way: an
encoder of romanised text records that its input must be (`inputs.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from xlreach.adapt.charsmap import replacing_normalizers
from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step
from xlreach.errors import DataError, nearest
from xlreach.reading import read_yaml
from xlreach.spec import param

_TRIED_LINES = 300
_MOSTLY = 0.5  # of a text's letters in Latin script, and no table is needed


@STEPS.register
@dataclass(frozen=True)
class Transliteration(Step):
    """The tokenizer turns the script of the languages into Latin before it cuts.

    `auto` takes, for each language, the table of the data root or the built-in one. A language in Latin script needs
    none; for one in another script without a table the step refuses. All tables of a step act on all input.

    `uroman` romanises every script by rules (Hermjakob et al. 2018). The tokenizer stays as it is; all text is
    romanised before this encoder reads it, here and in the steps and stages behind. Word by word, which is
    faster on long texts, where that gives the same on the languages' text.
    """

    name: ClassVar[str] = "translit"
    version: ClassVar[int] = 2  # 2: the table takes few normalizers
    uses_text: ClassVar[bool] = True
    uses_tables: ClassVar[bool] = True

    table: str = param("auto", "auto, uroman, a language with a table, or a YAML file", positional=True, shown=True)

    def files(self) -> tuple[Path, ...]:
        path = Path(self.table)
        return (path,) if path.suffix in (".yaml", ".yml") else ()

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.folder import read_tokenizer, require_source, save_unchanged_weights

        folder = require_source(source, self)
        if self.table == "uroman":
            self._romanise(folder, job)
            return
        tables, warnings = self._tables(job)
        tokenizer = read_tokenizer(folder)
        if tables:
            tokenizer = transliterating(tokenizer, _joined(tables))
        before = Provenance.read(folder)
        after = replace(
            before,
            transliterated=tuple(dict.fromkeys((*before.transliterated, *tables))),
            warnings=tuple(dict.fromkeys((*before.warnings, *warnings))),
        )
        measured = {"replacements": {language: len(table) for language, table in tables.items()}}
        save_unchanged_weights(folder, job, self, tokenizer=tokenizer, provenance=after, measured=measured)

    def _romanise(self, folder: Path, job: Job) -> None:
        from xlreach.adapt.folder import save_unchanged_weights
        from xlreach.adapt.inputs import BY_LINE, BY_WORD, require_uroman, words_suffice

        require_uroman()
        exact = {}
        for language in sorted(job.text):
            with job.text[language].open(encoding="utf-8") as stream:
                exact[language] = words_suffice(line.rstrip("\n") for line in islice(stream, _TRIED_LINES))
        after = replace(Provenance.read(folder), input=BY_WORD if all(exact.values()) else BY_LINE)
        save_unchanged_weights(folder, job, self, provenance=after, measured={"exact_by_word": exact})

    def _tables(self, job: Job) -> tuple[dict[str, dict[str, str]], list[str]]:
        known = {**built_in_tables(), **job.tables}
        if self.files():
            language, table = read_table(self.files()[0])
            return {language: table}, []
        if self.table != "auto":
            if self.table not in known:
                raise DataError(f"There is no transliteration table {self.table!r}.", fix=nearest(self.table, known))
            return {self.table: read_table(known[self.table])[1]}, []
        tables, warnings = {}, []
        for language in sorted(job.text):
            if language in known:
                tables[language] = read_table(known[language])[1]
            elif _latin_share(job.text[language]) >= _MOSTLY:
                warnings.append(f"translit: {language} is written in Latin script already and was left as it is.")
            else:
                raise DataError(
                    f"There is no transliteration table for {language!r}, which is not in Latin script.",
                    fix=f"Write one, and name it: translit(my-table.yaml). Known tables: {', '.join(sorted(known))}.",
                )
        return tables, warnings


def built_in_tables() -> dict[str, Path]:
    """The tables of this package, by language."""
    folder = Path(str(resources.files("xlreach.adapt"))) / "tables"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_tables(root: Path) -> dict[str, Path]:
    """The tables that a data root brings, `transliteration/<code>.yaml`, by language."""
    return {read_table(path)[0]: path for path in sorted((root / "transliteration").glob("*.yaml"))}


def read_table(path: Path) -> tuple[str, dict[str, str]]:
    """The language and the replacements of a table file: `{language: ug, table: {ئا: a, …}}`.

    Keys are brought to NFKC. An entry with a lower-case letter also serves its upper case, unless the table has an
    entry for that.

    Raises:
        DataError: The file is not there or not of this form, two keys are one after NFKC, or a replacement brings
            out letters that another entry would replace again.
    """
    content = read_yaml(path)
    entries = content.get("table") if isinstance(content, dict) else None
    if not (
        isinstance(entries, dict)
        and isinstance(content.get("language"), str)
        and all(isinstance(key, str) and key and isinstance(value, str) for key, value in entries.items())
    ):
        raise DataError(
            "Not a transliteration table.", expected="Expected {language: CODE, table: {TEXT: TEXT, …}}.", path=path
        )
    table: dict[str, str] = {}
    for key, value in entries.items():
        normal = unicodedata.normalize("NFKC", key)
        if table.get(normal, value) != value:
            raise DataError(f"The table has {key!r} twice, with {table[normal]!r} and {value!r}.", path=path)
        table[normal] = unicodedata.normalize("NFKC", value)
    for key, value in list(table.items()):
        capital = key[:1].upper() + key[1:]
        if capital != key and unicodedata.normalize("NFKC", capital) == capital:
            table.setdefault(capital, value[:1].upper() + value[1:])
    _check_order(table, path)
    return content["language"], table


def transliterating(tokenizer: dict[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """The tokenizer with the table before its own normalizer."""
    steps: list[dict[str, Any]] = [{"type": "NFKC"}, *replacing_normalizers(table)]
    own = tokenizer.get("normalizer")
    if own is not None:
        steps += own["normalizers"] if own["type"] == "Sequence" else [own]
    return {**tokenizer, "normalizer": {"type": "Sequence", "normalizers": steps}}


def _order(table: Mapping[str, str]) -> list[str]:
    return sorted((key for key in table if table[key] != key), key=lambda key: (-len(key), key))


def _check_order(table: dict[str, str], path: Path | None) -> None:
    """Replacements run one after the other, so none may bring out what a later one replaces."""
    keys = _order(table)
    for position, key in enumerate(keys):
        for later in keys[position + 1 :]:
            if later in table[key]:
                raise DataError(
                    f"The table turns {key!r} into {table[key]!r}, and {later!r} in it into {table[later]!r}.",
                    expected="No replacement may hold letters that are replaced themselves.",
                    path=path,
                )


def _joined(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for language, table in tables.items():
        for key, value in table.items():
            if joined.setdefault(key, value) != value:
                raise DataError(
                    f"The table of {language} turns {key!r} into {value!r}, another one into {joined[key]!r}.",
                    fix="Transliterate these languages in encoders of their own.",
                )
    _check_order(joined, None)
    return joined


def _latin_share(path: Path, most_lines: int = 1000) -> float:
    """The share of a text's letters that are Latin; 1 for a text without letters."""
    with path.open(encoding="utf-8") as stream:
        letters = [c for line in islice(stream, most_lines) for c in line if c.isalpha()]
    latin = sum(unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return latin / len(letters) if letters else 1.0
