"""IOB2 entity files: one token per line with its tag, a blank line after each sentence.

Two columns (CoNLL-2003, MasakhaNER, WikiAnn) or more (Universal NER), separated by tabs or by blanks. Tags are `O`,
`B-TYPE`, `I-TYPE`; an `I-` must continue an entity of its own type. Schemes other than IOB2 are not read.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xlreach.corpora.formats.lines import blocks, not_empty, numbered_lines, write_lines
from xlreach.errors import DataError, located

_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[BI]-\S+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """Tokens and their IOB2 tags, equally many."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    # The line of its first token in the file it was read from, from 1
    line: int | None = dataclasses.field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The tokens joined by blanks."""
        return " ".join(self.tokens)


def read_iob2(
    path: Path,
    token_column: int = 0,
    tag_column: int = -1,
    *,
    language_prefix: bool = False,
    outside: Collection[str] = (),
    repair: bool = False,
) -> Iterator[TaggedSentence]:
    """The sentences of an IOB2 file, streaming.

    Columns are counted from 0, or from the end if negative; they are separated by tabs if the line contains a tab, else
    by blanks. Lines that begin with `# ` before the first token of a sentence are comments, unless they are a token `#`
    with its tag. The number of changed tags is logged.

    Args:
        language_prefix: Whether tokens are written `lang:token`, as in WikiANN's own files; the prefix is dropped.
        outside: Entity types and whole tags that are read as `O` (Universal NER's `OTH` and `B-O`).
        repair: Whether invalid tags are repaired instead of refused: an `I-TYPE` that continues no entity becomes
            `B-TYPE`; `-TYPE`, whose first letter is missing, continues an entity of its type or else begins one; `-`
            becomes `O`.
    """
    path = Path(path)
    counts: Counter[str] = Counter()

    def sentence(block: list[tuple[int, list[str]]]) -> TaggedSentence:
        tokens: list[str] = []
        tags: list[str] = []
        for number, fields in block:
            with located(path, number):
                token, tag = _fields(fields, token_column, tag_column)
                _, _, rest = token.partition(":")
                if language_prefix and not rest:
                    raise DataError(f"Token {token!r}.", expected="Expected lang:token.")
                tokens.append(rest if language_prefix else token)
                tags.append(_valid_tag(tag, tags[-1] if tags else "", outside, repair, counts))
        return TaggedSentence(tuple(tokens), tuple(tags), block[0][0])

    def is_tag(fields: list[str]) -> bool:
        return any(_TAG.fullmatch(tag.strip()) for tag in fields[tag_column:][:1])

    yield from not_empty(map(sentence, rows(path, is_tag)), path, "Expected IOB2.")
    for change, count in sorted(counts.items()):
        _log.info("%s: %d tags %s", path, count, change)


def write_iob2(path: Path, sentences: Iterable[TaggedSentence]) -> None:
    """Writes two tab-separated columns and a blank line after each sentence."""
    rows = (zip(sentence.tokens, sentence.tags, strict=True) for sentence in sentences)
    write_lines(path, (line for sentence in rows for line in (*map("\t".join, sentence), "")))


def rows(path: Path, is_tag: Callable[[list[str]], bool]) -> Iterator[list[tuple[int, list[str]]]]:
    """The sentences of a file of columns: numbered lines, split at tabs or else at blanks, without `-DOCSTART-` lines.

    A line that begins with `# ` is a comment, unless it has as many columns as other lines and `is_tag` takes them.
    """
    others = (line for _, line in numbered_lines(path) if line.strip() and not line.startswith("#"))
    width = len(_BLANKS.split(next(others, "").strip(" \t")))
    for block in blocks(path):
        kept: list[tuple[int, list[str]]] = []
        for number, line in block:
            fields = line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" "))
            comment = line.startswith("# ") and not (len(fields) == (width if width > 1 else 2) and is_tag(fields))
            if fields[0] != "-DOCSTART-" and not (comment and not kept):
                kept.append((number, fields))
        if kept:
            yield kept


def _valid_tag(tag: str, previous: str, outside: Collection[str], repair: bool, counts: Counter[str]) -> str:
    """The tag as it is read behind the previous one of its sentence (empty at the start); counts what was changed."""
    if repair and tag.startswith("-"):
        counts["repaired"] += 1
        tag = "O" if tag == "-" else ("I" if previous[1:] == tag else "B") + tag
    if not _TAG.fullmatch(tag):
        raise DataError(f"Tag {tag!r}.", expected="Expected O, B-TYPE or I-TYPE.")
    if tag != "O" and (tag in outside or tag[2:] in outside):
        counts["read as O"] += 1
        return "O"
    if not tag.startswith("I-") or previous[2:] == tag[2:]:
        return tag
    if not repair:
        expected = f"Expected B-{tag[2:]}: in IOB2 every entity begins with B-."
        fix = "Read with repair to take it as the beginning of an entity."
        raise DataError(f"Tag {tag!r} follows {previous or 'the start of a sentence'!r}.", expected=expected, fix=fix)
    counts["repaired"] += 1
    return "B" + tag[1:]


def _fields(fields: list[str], token_column: int, tag_column: int) -> tuple[str, str]:
    # Both columns must be there, and be two.
    width = len(fields)
    positions = [column if column >= 0 else width + column for column in (token_column, tag_column)]
    if not all(0 <= position < width for position in positions) or positions[0] == positions[1]:
        expected = f"Expected the token in column {positions[0] + 1} and a tag beside it."
        fix = "Columns are separated by tabs or blanks, sentences by blank lines."
        raise DataError(f"{width} column{'s' if width > 1 else ''}.", expected=expected, fix=fix)
    token, tag = fields[positions[0]], fields[positions[1]].strip()
    if not token.strip():
        raise DataError("The token is blank.")
    return token, tag
