"""Clean text for adaptation: without repeated lines and without evaluation texts; and which lines are held out.

Lines are compared in a normal form of letters, marks and digits in lower case, so that spacing, punctuation and case
do not hide an evaluation sentence (Chau & Smith 2021 removed such lines whatever their white space). Lines that are
nearly equal to an evaluation text, contain one or are part of one are removed too (`near_duplicates.py`).
Near-duplicates within the text stay.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xlreach.adapt.near_duplicates import NearDuplicates
from xlreach.errors import DataError

_BLOCK_LINES = 2_000
_BLOCK, _LONGEST, _FEWEST = 20, 100, 20  # lines of a block, lines of a document, documents of a text
COUNTS_FILE = "counts.json"


@dataclass(frozen=True)
class TextCounts:
    """How many lines of one language were read, removed and kept.

    `duplicate` lines equal an earlier one. `near_evaluation` lines share seven tenths of the 5-letter sequences of the
    shorter text, of 20 letters or more, with an evaluation text.
    """

    read: int = 0
    empty: int = 0
    duplicate: int = 0
    evaluation: int = 0
    near_evaluation: int = 0
    kept: int = 0
    words: int = 0
    characters: int = 0


def prepare_text(
    lines: Mapping[str, Iterable[str]], out: Path, evaluation: Iterable[str] = ()
) -> dict[str, TextCounts]:
    """Writes `<language>.txt` for each language, a line per text, and `counts.json`; returns the counts by language.

    Runs of white space become one space; lines keep their order; a blank line ends a document. Lines in `evaluation`
    (dev and test sentences, queries, documents of any language) are removed. Memory: 8 bytes for each different line,
    and at most 240 MB for near-duplicates.

    Raises:
        DataError: No line of a language is left; the message says why lines were removed.
    """
    evaluated = ContaminationFilter(evaluation)
    counts = {
        language: _clean(lines[language], out / f"{language}.txt", evaluated, language) for language in sorted(lines)
    }
    content = json.dumps({language: asdict(count) for language, count in counts.items()}, indent=1)
    (out / COUNTS_FILE).write_text(content + "\n", "utf-8")
    for language, count in counts.items():
        if not count.kept:
            raise DataError(
                f"None of {count.read} lines of {language!r} is left: {count.empty} have no letters, "
                f"{count.duplicate} are repeated, {count.evaluation} are evaluation texts and "
                f"{count.near_evaluation} nearly equal to one.",
                fix="Give other text, or evaluate on other data.",
            )
    return counts


def normal_form(text: str) -> str:
    """Reduces a text to its letters, combining marks and digits, in NFKC and case folded.

    >>> normal_form("Il-ħabbar, żgħir!")
    'ilħabbarżgħir'
    """
    return unicodedata.normalize("NFKC", text).translate(_WORD_ONLY).casefold()


class ContaminationFilter:
    """Finds texts that a study evaluates on, to keep them out of training; keeps 8 bytes of each."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._digests: set[bytes] = set()
        self._overlap = NearDuplicates(self._new_forms(texts))

    def find(self, forms: Sequence[str]) -> tuple[list[bool], list[bool]]:
        """Tells for each text, in its `normal_form`, whether it equals an evaluation text, and whether it is near one.

        Two texts are near if they share seven tenths of the 5-letter sequences of the shorter (`near_duplicates.py`).
        """
        return [_digest(form) in self._digests for form in forms], self._overlap.near(forms).tolist()

    def _new_forms(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            if (form := normal_form(text)) and (digest := _digest(form)) not in self._digests:
                self._digests.add(digest)
                yield form


def hold_out_order(path: Path) -> NDArray[np.float64]:
    """For each line of a prepared text, blank ones included, the smallest share that holds it out, from 0 to below 1.

    Lines with a value below the requested share are held out, and always those with value 0. Whole
    documents are held out, in an order that depends only on their number, so that every recipe, seed and tokenizer has
    the same validation lines, and a smaller share is part of a larger one. A document of more than 100 lines (every
    document, where there are fewer than 20) is split into blocks of up to 20 neighboring lines.
    """
    with path.open(encoding="utf-8") as stream:
        blank = np.array([not line.strip() for line in stream], dtype=np.bool_)
    by_blank = np.cumsum(blank)
    lengths = np.bincount(by_blank, minlength=1)
    within = np.arange(len(blank)) - (np.cumsum(lengths) - lengths)[by_blank]
    block = min(_BLOCK, max(1, len(blank) // _FEWEST))
    is_split = (lengths > _LONGEST) | (len(lengths) < _FEWEST)
    _, documents = np.unique(np.stack([by_blank, is_split[by_blank] * (within // block)]), axis=1, return_inverse=True)
    documents = documents.reshape(-1)
    sizes = np.bincount(documents[~blank], minlength=int(documents.max(initial=-1)) + 1)
    order = np.random.default_rng(0).permutation(len(sizes))
    before = np.empty(len(sizes))
    before[order] = np.cumsum(sizes[order]) - sizes[order]
    return before[documents] / max(1, sizes.sum())


def held_out_lines(path: Path, share: float) -> Iterator[str]:
    """Yields the lines of a prepared text that are held out where a share of it is, without blank ones."""
    order = hold_out_order(path)
    with path.open(encoding="utf-8") as stream:
        for line, at in zip(stream, order, strict=True):
            if line.strip() and (at < share or at == 0):
                yield line.rstrip("\n")


def _clean(lines: Iterable[str], path: Path, evaluated: ContaminationFilter, language: str) -> TextCounts:
    seen: set[bytes] = set()
    read = empty = duplicate = evaluation = near = words = characters = 0
    ended = False
    stream = tqdm(lines, desc=f"text of {language}", unit="line", disable=None)
    with path.open("w", encoding="utf-8", newline="\n") as target, stream:
        source = iter(stream)
        while block := list(islice(source, _BLOCK_LINES)):
            forms = list(map(normal_form, block))
            for line, form, is_exact, is_near in zip(block, forms, *evaluated.find(forms), strict=True):
                read += 1
                if not form:
                    empty += 1
                    ended = ended or (not line.strip() and bool(seen))
                    continue
                digest = _digest(form)
                if is_exact:
                    evaluation += 1
                elif digest in seen:
                    duplicate += 1
                elif is_near:
                    near += 1
                else:
                    seen.add(digest)
                    in_words = line.split()
                    text = " ".join(in_words)
                    words, characters = words + len(in_words), characters + len(text)
                    target.write(f"\n{text}\n" if ended else f"{text}\n")
                    ended = False
    return TextCounts(read, empty, duplicate, evaluation, near, len(seen), words, characters)


def _digest(form: str) -> bytes:
    return blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class _Table(dict[int, int | None]):
    """For `str.translate`: deletes all but letters, marks and digits; filled as characters occur."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_WORD_ONLY = _Table()
