"""Transliteration by a table inside `tokenizer.json`: users of the encoder give it text in the original script.

The tokenizer's normalizer becomes NFKC, then the table, longest keys first (`charsmap.py`), then the base's own. NFKC
comes first because presentation forms would otherwise not match the table. Where SentencePiece's own rules do the same
to the table's letters they come first instead, so that text which the table does not change is normalized exactly as
by the base. The rules of uroman and ICU cannot be stored in the tokenizer: an encoder of such text records that its
input must go through them (`romanize.py`).
"""

from __future__ import annotations

import base64
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import normalizers

from xlreach.adapt.charsmap import replacement_order, replacing_normalizers
from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step, require_source
from xlreach.adapt.romanize import BY_LINE, BY_WORD, ICU, require_uroman, transform_named, words_suffice
from xlreach.adapt.save import save_encoder
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.errors import DataError, ModelError, nearest
from xlreach.safe_io import read_yaml
from xlreach.spec import param

_TRIED_LINES = 300
_MOSTLY = 0.5  # share of a text's letters from which it counts as written in their script
_SCRIPT_TABLES = {"Cyrl": "CYRILLIC", "Arab": "ARABIC"}  # with the first word of Unicode's names of their letters
_UROMAN = "uroman"


@STEPS.register
@dataclass(frozen=True)
class Transliteration(Step):
    """Converts the script of the languages into Latin, before or inside the tokenizer.

    `auto` chooses for each language, and records the choice: the table that comes with the data, else the built-in
    table of the language, else nothing for text in Latin script, else the built-in table of its script (`Cyrl`,
    `Arab`), else `uroman`, which is then used for all languages. All tables of a step are applied to all text.

    `uroman` romanizes every script by rules (Hermjakob et al. 2018). The tokenizer stays unchanged; all text is
    romanized before this encoder reads it, here and in all later steps and stages. It is done word by word, which is
    faster, where that gives the same result on the languages' text. `icu:ID` uses a transliterator of ICU instead,
    such as `icu:Any-Latin` or `icu:Cyrillic-Latin`.
    """

    name: ClassVar[str] = "translit"
    # 2: the table takes few normalizers; 3: SentencePiece's own rules before it; 4: uroman is told the language
    version: ClassVar[int] = 4
    uses_text: ClassVar[bool] = True
    uses_tables: ClassVar[bool] = True

    table: str = param(
        "auto", "auto, uroman, icu:ID, a language or script with a table, or a YAML file", positional=True, shown=True
    )

    def files(self) -> tuple[Path, ...]:
        path = Path(self.table)
        return (path,) if path.suffix in (".yaml", ".yml") else ()

    def spares(self, lines: Mapping[str, Iterable[str]], tables: Mapping[str, Path]) -> bool:
        tabled = {*built_in_tables(), *tables}
        return self.table == "auto" and all(code not in tabled and _in_latin(_scripts(lines[code])) for code in lines)

    def apply(self, source: Path | None, job: Job) -> None:
        folder = require_source(source, self)
        if self.table.startswith(ICU):
            self._by_rules(folder, job, self.table, {})
            return
        picked, warnings = self._picked(job)
        if _UROMAN in picked.values():
            self._romanize(folder, job, warnings)
            return
        tables = {name: read_table(path)[1] for name, path in picked.items() if isinstance(path, Path)}
        tokenizer = read_tokenizer(folder)
        if tables:
            tokenizer = transliterating(tokenizer, _joined(tables))
        transliterated = dict.fromkeys((*Provenance.read(folder).transliterated, *tables))
        save_encoder(
            folder,
            job,
            self,
            tokenizer=tokenizer,
            measured={"replacements": {name: len(table) for name, table in tables.items()}},
            warnings=warnings,
            changes={"transliterated": tuple(transliterated)},
        )

    def _romanize(self, folder: Path, job: Job, warnings: list[str]) -> None:
        require_uroman()
        exact = {}
        for language in sorted(job.text):
            with job.text[language].open(encoding="utf-8") as stream:
                exact[language] = words_suffice((line.rstrip("\n") for line in islice(stream, _TRIED_LINES)), language)
        wanted = BY_WORD if all(exact.values()) else BY_LINE
        self._by_rules(folder, job, wanted, {"exact_by_word": exact}, warnings)

    def _by_rules(
        self, folder: Path, job: Job, wanted: str, measured: dict[str, Any], warnings: Sequence[str] = ()
    ) -> None:
        """Saves the encoder unchanged, with the record that its input must go through `wanted`."""
        before = Provenance.read(folder)
        if before.input not in ("", wanted):
            raise ModelError(
                f"The encoder already reads text after {before.input!r}.",
                expected="Expected an encoder of raw text.",
                fix="Use one 'translit' step only.",
                path=folder,
            )
        transform_named(wanted)
        save_encoder(folder, job, self, measured=measured, warnings=warnings, changes={"input": wanted})

    def _picked(self, job: Job) -> tuple[dict[str, Path | str], list[str]]:
        """By language or script its table, `uroman`, or an empty string for nothing; and a sentence on each choice."""
        tables = {**built_in_tables(), **job.tables}
        if self.table == _UROMAN:
            return dict.fromkeys(("", *job.text), _UROMAN), []
        if self.files():
            return {read_table(self.files()[0])[0]: self.files()[0]}, []
        if self.table != "auto":
            if self.table not in tables:
                raise DataError(f"There is no transliteration table {self.table!r}.", fix=nearest(self.table, tables))
            return {self.table: tables[self.table]}, []
        picked: dict[str, Path | str] = {}
        reasons = []
        for language in sorted(job.text):
            with job.text[language].open(encoding="utf-8") as stream:
                scripts = _scripts(stream)
            script = next((code for code, name in _SCRIPT_TABLES.items() if scripts.get(name, 0) >= _MOSTLY), "")
            if language in tables:
                picked[language] = tables[language]
                reasons.append(f"{language} by its table")
            elif _in_latin(scripts):
                picked[language] = ""
                reasons.append(f"{language} is already written in Latin script and was not changed")
            elif script:
                picked[script] = tables[script]
                reasons.append(f"{language} by the table of the script {script}")
            elif find_spec("uroman") is not None:
                picked[language] = _UROMAN
                reasons.append(f"{language} by uroman")
            else:
                raise DataError(
                    f"There is no transliteration table for {language!r}, which is not in Latin script.",
                    fix=f"Write a table and name its file: translit(my-table.yaml); or install 'xlreach[uroman]'. "
                    f"Known tables: {', '.join(sorted(tables))}.",
                )
        if _UROMAN in picked.values() and len(picked) > 1:
            reasons.append("uroman is used for all languages, and no table")
        return picked, [f"translit: {reason}." for reason in reasons]


def built_in_tables() -> dict[str, Path]:
    """The tables of this package, by language or script."""
    folder = Path(str(resources.files("xlreach.adapt"))) / "tables"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_table(path: Path) -> tuple[str, dict[str, str]]:
    """The language and the replacements of a table file: `{language: ug, table: {ئا: a, …}}`.

    Keys are normalized by NFKC. An entry with a lower-case letter is also used for its upper case, unless the table has
    an entry for that.

    Raises:
        DataError: The file is missing or has another form, two keys are equal after NFKC, or a replacement contains
            letters that a later entry replaces again.
    """
    content = read_yaml(path)
    entries = content.get("table") if isinstance(content, dict) else None
    if not (
        isinstance(entries, dict)
        and isinstance(content.get("language"), str)
        and all(isinstance(key, str) and key and isinstance(value, str) for key, value in entries.items())
    ):
        raise DataError(
            "Not a transliteration table.",
            expected="Expected {language: CODE, table: {TEXT: TEXT, …}}.",
            path=path,
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
    """The tokenizer with the table in its normalizer."""
    steps, base = replacing_normalizers(table), tokenizer.get("normalizer")
    if base is not None and base["type"] == "Precompiled" and _does_nfkc(base, table):
        steps = [base, *steps, *([base] if _joins_marks(table) else [])]
    else:
        steps = [{"type": "NFKC"}, *steps]
        if base is not None:
            steps += base["normalizers"] if base["type"] == "Sequence" else [base]
    return {**tokenizer, "normalizer": {"type": "Sequence", "normalizers": steps}}


def _does_nfkc(rules: dict[str, Any], table: Mapping[str, str]) -> bool:
    """Whether SentencePiece's rules do to all forms of the table's letters what NFKC does, and keep its entries."""
    normal = normalizers.Precompiled(base64.b64decode(rules["precompiled_charsmap"])).normalize_str
    letters = set("".join(table))
    forms = {form: unicodedata.normalize("NFKC", form) for form in map(chr, range(sys.maxunicode + 1))}
    forms = {form: plain for form, plain in forms.items() if form != plain and not letters.isdisjoint(plain)}
    forms |= {unicodedata.normalize("NFD", letter): letter for letter in letters}
    forms |= {text: text for entry in table.items() for text in entry}
    return all(normal(form) == plain for form, plain in forms.items())


def _joins_marks(table: Mapping[str, str]) -> bool:
    """Whether a mark that Unicode composes with a letter of the table also composes with the end of a replacement."""

    def joined(letters: Iterable[str]) -> set[str]:
        return {m for c in letters for m in marks if len(unicodedata.normalize("NFC", c + m)) == 1}

    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.combining(chr(code))]
    return not joined(set("".join(table))).isdisjoint(joined({value[-1] for value in table.values() if value}))


def _check_order(table: dict[str, str], path: Path | None) -> None:
    """Refuses a replacement that contains what a later one replaces: they are applied one after the other."""
    keys = replacement_order(table)
    for position, key in enumerate(keys):
        for later in keys[position + 1 :]:
            if later in table[key]:
                raise DataError(
                    f"The table replaces {key!r} by {table[key]!r}, and {later!r} in that by {table[later]!r}.",
                    expected="Expected no replacement with letters that are themselves replaced.",
                    fix="Write the final letters into the table.",
                    path=path,
                )


def _joined(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for language, table in tables.items():
        for key, value in table.items():
            if joined.setdefault(key, value) != value:
                raise DataError(
                    f"The table of {language} replaces {key!r} by {value!r}, another table by {joined[key]!r}.",
                    expected="Expected tables that agree.",
                    fix="Adapt a separate encoder to each of these languages.",
                )
    _check_order(joined, None)
    return joined


def _scripts(lines: Iterable[str], most_lines: int = 1000) -> dict[str, float]:
    """The share of each script (the first word of Unicode's names of its letters) in the letters of a text."""
    counts = Counter(c for line in islice(lines, most_lines) for c in line if c.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in counts.items():
        scripts[unicodedata.name(letter, "").partition(" ")[0]] += count
    return {script: count / scripts.total() for script, count in scripts.items()}


def _in_latin(scripts: Mapping[str, float]) -> bool:
    return not scripts or scripts.get("LATIN", 0) >= _MOSTLY
