"""Clean text for adaptation: no line twice, and none that an evaluation will ask about.

Lines are compared in a normal form of letters, marks and digits in lower case, so that spacing, punctuation and case
do not hide an evaluation sentence (Chau & Smith 2021 removed such lines whatever their white space). Near-duplicates
are kept.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

COUNTS_FILE = "counts.json"


@dataclass(frozen=True)
class TextCounts:
    """What became of one language's lines.

    Attributes:
        read: Lines that came in.
        empty: Of these, without letter or digit.
        duplicate: Said before in the same language.
        evaluation: Equal to an evaluation text.
        kept: Written.
        words: White-space words written.
        characters: Characters written, line ends not counted.
    """

    read: int = 0
    empty: int = 0
    duplicate: int = 0
    evaluation: int = 0
    kept: int = 0
    words: int = 0
    characters: int = 0


def prepare_text(
    lines: Mapping[str, Iterable[str]], out: Path, evaluation: Iterable[str] = ()
) -> dict[str, TextCounts]:
    """Writes `<language>.txt` for each language, a line per text, and `counts.json`.

    White space is squeezed; lines keep their order. Memory is 8 bytes' worth of digest per different line.

    Args:
        lines: Raw lines by language; read once.
        out: An existing folder.
        evaluation: Texts that must not be trained on, of any language: dev and test sentences, queries, documents.

    Returns:
        The counts by language.
    """
    forbidden = {_digest(form) for text in evaluation if (form := normal_form(text))}
    counts = {language: _clean(lines[language], out / f"{language}.txt", forbidden) for language in sorted(lines)}
    told = json.dumps({language: asdict(count) for language, count in counts.items()}, indent=1)
    (out / COUNTS_FILE).write_text(told + "\n", "utf-8")
    return counts


def normal_form(text: str) -> str:
    """Letters, combining marks and digits, compatibility forms made one, case folded.

    >>> normal_form("Il-ħabbar, żgħir!")
    'ilħabbarżgħir'
    """
    return unicodedata.normalize("NFKC", text).translate(_WORD_ONLY).casefold()


def _clean(lines: Iterable[str], path: Path, forbidden: set[bytes]) -> TextCounts:
    seen: set[bytes] = set()
    read = empty = duplicate = evaluation = words = characters = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for line in lines:
            read += 1
            form = normal_form(line)
            if not form:
                empty += 1
                continue
            digest = _digest(form)
            if digest in forbidden:
                evaluation += 1
            elif digest in seen:
                duplicate += 1
            else:
                seen.add(digest)
                squeezed = line.split()
                text = " ".join(squeezed)
                words, characters = words + len(squeezed), characters + len(text)
                stream.write(text + "\n")
    return TextCounts(read, empty, duplicate, evaluation, len(seen), words, characters)


def _digest(form: str) -> bytes:
    return blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class _Table(dict[int, int | None]):
    """For `str.translate`: deletes all but letters, marks and digits; filled as characters come up."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_WORD_ONLY = _Table()
