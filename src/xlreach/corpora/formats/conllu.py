"""CoNLL-U: sentences of ten tab-separated columns a word, as Universal Dependencies publishes them.

The reader streams, checks that each tree is valid (ids in sequence, heads inside the sentence, one root, no cycle), and
keeps every line as it was, so that reading and writing a valid file gives the same bytes. Features, enhanced
dependencies and miscellaneous fields are not interpreted: they stay strings. Format:
https://universaldependencies.org/format.html
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlreach.corpora.formats.lines import blocks, not_empty, write_lines
from xlreach.errors import DataError, located
from xlreach.safe_io import whole_number

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_RANGE = re.compile(r"([1-9]\d{0,17})-([1-9]\d{0,17})")
_EMPTY_NODE = re.compile(r"(0|[1-9]\d*)\.([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Word:
    """A syntactic word; columns are as in the file, `_` where empty."""

    id: int  # its position in the sentence, from 1
    form: str
    lemma: str = "_"
    upos: str = "_"
    xpos: str = "_"
    feats: str = "_"
    head: int | None = None  # the id of its head, 0 for the root, None where the file gives `_`
    deprel: str = "_"
    deps: str = "_"
    misc: str = "_"

    def __str__(self) -> str:
        values = (getattr(self, column) for column in COLUMNS)
        return "\t".join("_" if value is None else str(value) for value in values)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a treebank."""

    words: tuple[Word, ...]  # the syntactic words, in order
    comments: tuple[str, ...] = ()  # the comment lines before it, with their `#`
    # Lines of multiword ranges (`3-4`) and empty nodes (`3.1`), unchanged, each with the number of words before it
    extra: tuple[tuple[int, str], ...] = ()
    path: Path | None = dataclasses.field(default=None, compare=False)  # the file it was read from, for messages
    line: int | None = dataclasses.field(default=None, compare=False)  # the line of its first comment or word, from 1

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(word.form for word in self.words)

    @property
    def text(self) -> str:
        """The `# text` comment, or the forms joined by blanks where there is none."""
        return self._comment("text") or " ".join(self.forms)

    @property
    def sent_id(self) -> str | None:
        return self._comment("sent_id")

    def with_columns(self, **columns: Sequence[Any]) -> Sentence:
        """The same sentence with columns replaced, one value a word: `with_columns(head=[2, 0], deprel=[…])`."""
        for name, values in columns.items():
            if len(values) != len(self.words):
                raise ValueError(f"{len(values)} values of {name!r} for {len(self.words)} words")
        rows = ({name: values[at] for name, values in columns.items()} for at in range(len(self.words)))
        words = (dataclasses.replace(word, **row) for word, row in zip(self.words, rows, strict=True))
        return dataclasses.replace(self, words=tuple(words))

    def lines(self) -> Iterator[str]:
        """The sentence's lines as a file has them, without the blank line that ends it."""
        yield from self.comments
        extra = list(self.extra)
        for position, word in enumerate(self.words):
            while extra and extra[0][0] <= position:
                yield extra.pop(0)[1]
            yield str(word)
        yield from (line for _, line in extra)

    def _comment(self, key: str) -> str | None:
        for comment in self.comments:
            name, equals, value = comment[1:].partition("=")
            if equals and name.strip() == key:
                return value.strip()
        return None


def read_conllu(path: Path) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file, streaming.

    A sentence may leave all heads empty (`_`); then no tree is checked.
    """
    path = Path(path)
    sentences = (parse_sentence(block, path) for block in blocks(path, strict=True))
    return not_empty(sentences, path, "Expected CoNLL-U.")


def write_conllu(path: Path, sentences: Iterable[Sentence]) -> None:
    """Writes sentences, each ended by a blank line."""
    write_lines(path, (line for sentence in sentences for line in (*sentence.lines(), "")))


def parse_sentence(block: Sequence[tuple[int, str]], path: Path) -> Sentence:
    """Parses and checks a sentence, given as numbered lines; the path is used in error messages only."""
    words: list[Word] = []
    numbers: list[int] = []
    comments: list[str] = []
    extra: list[tuple[int, str]] = []
    covered = 0  # the last word of the last multiword range
    node = 0  # the number of empty nodes after the last word
    for number, line in block:
        with located(path, number):
            if line.startswith("#"):
                if words or extra:
                    expected, fix = "Comments come before the words.", "Is a blank line missing before it?"
                    raise DataError("A comment stands inside a sentence.", expected=expected, fix=fix)
                comments.append(line)
                continue
            columns = line.split("\t")
            _check_columns(columns, line)
            name = columns[0]
            if (word_id := whole_number(name)) is not None:
                if word_id != len(words) + 1:
                    raise _bad_id(name, str(len(words) + 1))
                words.append(_word(columns))
                numbers.append(number)
                node = 0
            elif match := _RANGE.fullmatch(name):
                first, last = int(match[1]), int(match[2])
                if first != len(words) + 1 or first <= covered or last < first:
                    raise _bad_id(name, f"a range from {max(len(words), covered) + 1}")
                covered = last
                extra.append((len(words), line))
            elif match := _EMPTY_NODE.fullmatch(name):
                node += 1
                if int(match[1]) != len(words) or int(match[2]) != node:
                    raise _bad_id(name, f"{len(words)}.{node}")
                extra.append((len(words), line))
            else:
                raise _bad_id(name, str(len(words) + 1))
    first_line, last_line = block[0][0], block[-1][0]
    with located(path, last_line if words else first_line):
        if not words:
            raise DataError("A sentence without words.", expected="Expected a line for each word.")
        if covered > len(words):
            raise DataError(f"A multiword range reaches word {covered} of a sentence of {len(words)}.")
    _check_tree(words, numbers, path)
    return Sentence(tuple(words), tuple(comments), tuple(extra), path, first_line)


def _check_columns(columns: list[str], line: str) -> None:
    if len(columns) != len(COLUMNS):
        blanks = "\t" not in line and len(line.split()) == len(COLUMNS)
        seen = f"{len(columns)} tab-separated column{'s' if len(columns) > 1 else ''}."
        fix = "The columns seem to be separated by blanks: separate them by tabs." if blanks else ""
        raise DataError(seen, expected=f"Expected {len(COLUMNS)}: {', '.join(COLUMNS)}.", fix=fix)
    if columns[1].isspace():  # which the evaluation would refuse, after training
        raise DataError(f"The word {columns[1]!r} is blank.", expected="Expected a form with a visible character.")
    if "" in columns:
        raise DataError(f"Column {COLUMNS[columns.index('')]!r} is empty.", expected="An empty column is written '_'.")


def _word(columns: list[str]) -> Word:
    head = columns[6]
    head_id = whole_number(head)
    if head != "_" and head_id is None:
        raise DataError(f"Head {head!r}.", expected="Expected a number or '_'.")
    form, lemma, upos, xpos, feats, _, deprel, deps, misc = columns[1:]
    return Word(int(columns[0]), form, lemma, upos, xpos, feats, head_id, deprel, deps, misc)


def _bad_id(seen: str, expected: str) -> DataError:
    expected = f"Expected {expected}: ids run from 1 without a gap, and a blank line ends a sentence."
    return DataError(f"Id {seen!r}.", expected=expected)


def _check_tree(words: list[Word], numbers: list[int], path: Path) -> None:
    """One root, every head a word of the sentence, no cycle; or no heads at all."""
    if all(word.head is None for word in words):
        return
    heads = {0: 0}
    root = 0
    for word, number in zip(words, numbers, strict=True):
        with located(path, number):
            if word.head is None:
                expected = "Expected heads for all words or for none."
                raise DataError(f"Word {word.id} has no head, others of its sentence have.", expected=expected)
            if word.head > len(words):
                raise DataError(f"Word {word.id} has head {word.head} in a sentence of {len(words)} words.")
            if word.head == 0 and root:
                expected = "Expected one word with head 0."
                raise DataError(f"Words {root} and {word.id} are both roots.", expected=expected)
        root = word.id if word.head == 0 else root
        heads[word.id] = word.head
    connected = {0}  # the words from which the heads lead to the root
    for start in heads:
        at, walked = start, set[int]()
        while at not in connected:
            if at in walked:
                seen = f"Word {at} is its own ancestor: the heads form a cycle."
                seen += "" if root else " No word of the sentence has head 0."
                raise DataError(seen, expected="Expected a tree with one root.", path=path, line=numbers[at - 1])
            walked.add(at)
            at = heads[at]
        connected |= walked
