"""Any file with one token per line, whose columns the parameters name: `conll:FOLDER(language=hau,token=1,ner=4)`.

Columns are counted from 1, or from the end if negative. They are separated by tabs if the line contains a tab, else by
blanks. Blank lines end sentences; lines that begin with `# ` before a sentence are comments. The folder holds files
named train, dev and test, with any ending. For CoNLL-U, MasakhaNER, Universal NER and WikiANN use `ud:`, `pos:` and
`ner:`, which know their columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, SPLITS, DatasetSpec, EntityCorpus, Treebank
from xlreach.corpora.formats.conllu import COLUMNS, Sentence, parse_sentence
from xlreach.corpora.formats.iob2 import read_iob2, rows
from xlreach.corpora.formats.lines import not_empty
from xlreach.corpora.layout import inside
from xlreach.errors import DataError, SpecError, located
from xlreach.languages import canonical_code, get_language
from xlreach.spec import param

_UPOS = re.compile("ADJ|ADP|ADV|AUX|CCONJ|DET|INTJ|NOUN|NUM|PART|PRON|PROPN|PUNCT|SCONJ|SYM|VERB|X")


@DATASETS.register
@dataclass(frozen=True)
class Columns(DatasetSpec):
    """A tagged corpus in columns: with `ner` an entity corpus, else a treebank, of trees where `head` is given."""

    name: ClassVar[str] = "conll"
    member: str = param(
        help="a folder with train, dev and test, or one file (a test split), below the root", member=True
    )
    language: str | None = param(None, "its language; by default the name of the folder")
    token: int = param(1, "the column of the token")
    ner: int | None = param(None, "the column of IOB2 tags")
    upos: int | None = param(None, "the column of universal part-of-speech tags")
    xpos: int | None = param(None, "the column of other part-of-speech tags")
    head: int | None = param(None, "the column of heads, 0 for the root")
    deprel: int | None = param(None, "the column of relations")
    prefix: bool = param(False, "whether tokens are written lang:token, as in WikiANN")
    outside: tuple[str, ...] = param((), "entity types and tags to read as O")
    repair: bool = param(True, "whether invalid IOB2 tags are repaired and counted; else they are refused")

    def _open(self, root: Path) -> EntityCorpus | Treebank:
        columns = {name: column for name in ("token", "ner", *_TREE) if (column := getattr(self, name)) is not None}
        self._check(columns)
        path = inside(root, self.member)
        splits = {"test": [path]} if path.is_file() else _splits(path)
        if not splits:
            seen = f"There is no train, dev or test file for {str(self)!r}."
            raise DataError(seen, expected="Expected files such as train.txt, or one file.", path=path)
        prefix = self.language or path.name.partition(".")[0].partition("_")[0]
        if self.language is not None:
            get_language(self.language)
        code = canonical_code(prefix)
        if code is None:
            seen = f"The name of {str(self)!r} does not give its language."
            raise DataError(seen, fix="Give it with language=CODE.")
        at = {name: column - 1 if column > 0 else column for name, column in columns.items()}
        if self.ner is not None:
            columns_read = partial(read_iob2, token_column=at["token"], tag_column=at["ner"])
            read = partial(columns_read, language_prefix=self.prefix, outside=self.outside, repair=self.repair)
            return EntityCorpus(str(self), code, splits, read)
        corpus = Treebank(str(self), code, splits, partial(_read_words, at=at))
        corpus.trees = self.head is not None
        return corpus

    def _check(self, columns: dict[str, int]) -> None:
        twice = [column for column, count in Counter(columns.values()).items() if count > 1]
        if 0 in columns.values() or twice:
            seen = f"Column {twice[0]} is named twice" if twice else "There is no column 0"
            expected = "Expected columns counted from 1, or -1 for the last."
            raise SpecError(f"{seen} in {str(self)!r}.", expected=expected)
        if (self.ner is None) == (not any(getattr(self, name) is not None for name in _TREE)):
            expected = "Expected ner=COLUMN, or columns of upos, xpos, head and deprel."
            raise SpecError(f"{str(self)!r} names no annotation, or both kinds of it.", expected=expected)
        if (self.head is None) != (self.deprel is None):
            raise SpecError(f"{str(self)!r} names only one of head and deprel.", expected="Expected both for trees.")


_TREE = ("upos", "xpos", "head", "deprel")


def _splits(folder: Path) -> dict[str, list[Path]]:
    files = sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
    splits = {split: [path for path in files if path.name.partition(".")[0] == split] for split in SPLITS}
    for split, paths in splits.items():
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            raise DataError(f"{len(paths)} files could be the {split} split: {names}.", path=folder)
    return {split: paths for split, paths in splits.items() if paths}


def _read_words(path: Path, at: dict[str, int]) -> Iterator[Sentence]:
    def is_tag(fields: list[str]) -> bool:
        return "=" not in fields and all(map(_UPOS.fullmatch, fields[at.get("upos", len(fields)) :][:1]))

    def as_conllu(number: int, fields: list[str], word: int) -> tuple[int, str]:
        with located(path, number):
            return number, _as_conllu(fields, at, word)

    sentences = rows(path, is_tag)
    words = ([as_conllu(*line, word) for word, line in enumerate(sentence, 1)] for sentence in sentences)
    return not_empty((parse_sentence(block, path) for block in words), path)


def _as_conllu(fields: list[str], at: dict[str, int], word: int) -> str:
    """A line with its columns where CoNLL-U has them."""
    fields = [field.strip(" ") for field in fields]
    columns = dict.fromkeys(COLUMNS, "_") | {"id": str(word)}
    for name, position in at.items():
        if not -len(fields) <= position < len(fields):
            raise DataError(
                f"{len(fields)} column{'s' if len(fields) > 1 else ''}.",
                expected=f"Expected the {name} in column {position + 1 if position >= 0 else position}.",
            )
        columns["form" if name == "token" else name] = fields[position]
    return "\t".join(columns.values())
