"""Treebanks and entity corpora in tables of the hub: one sentence per row, its tokens and their annotation as lists.

Types change from release to release (`upos` as label or word, `head` as word or number): all are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from xlreach.corpora.formats.conllu import COLUMNS, Sentence, parse_sentence
from xlreach.corpora.formats.iob2 import TaggedSentence
from xlreach.corpora.layout import expecting
from xlreach.corpora.sources.hub_tables import Table
from xlreach.errors import DataError

_WIKIANN = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_TAG = re.compile(r"O|[BI]-\S+")


def read_trees(tables: Mapping[Path, Table], path: Path) -> Iterator[Sentence]:
    """The sentences of one file of a treebank in the columns of Universal Dependencies."""
    labels = tables[path].class_names("upos")
    for number, row in tables[path].rows_in(path):
        with expecting("a row of Universal Dependencies", path, number):
            lines = list(_ud_lines(row, labels, path, number))
        if any("\n" in line for line in lines):
            raise DataError("A field holds a line feed.", path=path, line=number)
        yield parse_sentence([(number, line) for line in lines], path)


def _ud_lines(row: dict[str, Any], labels: tuple[str, ...], path: Path, number: int) -> Iterator[str]:
    """The CoNLL-U lines of a row."""
    comments = [line if line.startswith("#") else f"# {line}" for line in row.get("comments") or []]
    keys = {line[1:].partition("=")[0].strip() for line in comments}
    for key in ("sent_id", "text"):
        if row.get(key) and key not in keys:
            yield f"# {key} = {row[key]}"
    yield from comments
    forms = row["tokens"]
    columns = {name: row.get(key) or ["_"] * len(forms) for name, key in _UD_COLUMNS.items()}
    wrong = [name for name, values in columns.items() if len(values) != len(forms)]
    if wrong:
        raise DataError(f"{len(forms)} tokens, but another number of {wrong[0]!r}.", path=path, line=number)
    extra: dict[int, list[str]] = {}
    for column, sign, shift in (("empty_nodes", ".", 0), ("mwt", "-", 1)):
        for node in row.get(column) or []:
            fields = [_field(node.get(name), name) for name in COLUMNS]
            extra.setdefault(int(fields[0].partition(sign)[0]) - shift, []).append("\t".join(fields))
    for at, form in enumerate(forms):
        yield from extra.pop(at, [])
        fields = [_field(columns[name][at], name, labels) for name in COLUMNS[2:]]
        yield "\t".join([str(at + 1), form, *fields])
    for at in sorted(extra):
        yield from extra[at]


_UD_COLUMNS = {
    "lemma": "lemmas", "upos": "upos", "xpos": "xpos", "feats": "feats",
    "head": "head", "deprel": "deprel", "deps": "deps", "misc": "misc",
}  # fmt: skip


def _field(value: Any, name: str, labels: tuple[str, ...] = ()) -> str:
    if name == "upos" and isinstance(value, int) and labels:
        return labels[value]
    # Older conversions wrote None as a word; of a lemma it may be one.
    absent = value is None or value == "" or (value == "None" and name not in ("form", "lemma"))
    return "_" if absent else str(value)


def read_entities(tables: Mapping[Path, Table], path: Path) -> Iterator[TaggedSentence]:
    """The sentences of one file of an entity corpus; an `I-` that continues no entity begins one."""
    labels = tables[path].class_names("ner_tags") or _WIKIANN
    for number, row in tables[path].rows_in(path, "tokens", "ner_tags"):
        with expecting("a tagged sentence", path, number):
            tags = [str(labels[tag]) if isinstance(tag, int) and tag >= 0 else str(tag) for tag in row["ner_tags"]]
            tokens = tuple(token.strip() for token in row["tokens"])
        if len(tags) != len(tokens):
            raise DataError(f"{len(tokens)} tokens, {len(tags)} tags.", path=path, line=number)
        if wrong := [tag for tag in tags if not _TAG.fullmatch(tag)]:
            raise DataError(f"Tag {wrong[0]!r}.", expected="Expected O, B-TYPE or I-TYPE.", path=path, line=number)
        # WikiANN's automatic annotation contains I- that continues no entity.
        pairs = pairwise(["O", *tags])
        begun = ("B" + tag[1:] if tag.startswith("I-") and before[2:] != tag[2:] else tag for before, tag in pairs)
        yield TaggedSentence(tokens, tuple(begun), number)
