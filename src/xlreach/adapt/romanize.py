"""What must be done to text before an encoder reads it, where that cannot travel inside `tokenizer.json`.

Most encoders read text as it is. One that was specialised to romanised text (`translit(uroman)`) says so in its
`xlreach.json`, and whoever feeds it text passes that through `input_transform` first; the text itself is never changed
where it lies. Needs uroman (the extra `uroman`) or PyICU (the extra `icu`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import Job
from xlreach.errors import MissingExtraError, ModelError, nearest
from xlreach.store import replacing

Transform = Callable[[str], str]
BY_WORD, BY_LINE, ICU = "uroman:word", "uroman:line", "icu:"
_WORDS, _LINES = 1 << 18, 1 << 12  # kept in memory


def input_transform(encoder: Path) -> Transform:
    """The function that turns raw text into what an encoder reads; most give their text back as it is.

    It takes a text or a single word. Its results for seen words (or lines) are kept in memory.

    Raises:
        ModelError: The folder asks for something that this version does not know.
        MissingExtraError: It asks for uroman, which is not installed.
    """
    try:
        return transform_named(Provenance.read(encoder).input)
    except ModelError as error:
        raise ModelError(str(error), path=encoder) from error


def transform_named(wanted: str) -> Transform:
    """The function of a name in `Provenance.input`.

    Raises:
        ModelError: There is no such function.
        MissingExtraError: It needs a package that is not installed.
    """
    if not wanted:
        return _as_it_is
    if wanted.startswith(ICU):
        _icu_rules(wanted.removeprefix(ICU))
        return partial(_by_icu, wanted.removeprefix(ICU))
    if wanted not in (BY_WORD, BY_LINE):
        raise ModelError(f"The encoder reads text as {wanted!r}, which is not known.", fix="Update xlreach.")
    return by_word if wanted == BY_WORD else by_line


def with_input_of(encoder: Path, job: Job) -> Job:
    """The job with its texts as the encoder reads them: itself, or with copies below its checkpoint folder."""
    transform = input_transform(encoder)
    if transform is _as_it_is:
        return job
    text = _copied(job.text, transform, job.checkpoint / "input" / "text")
    others = _copied(job.others, transform, job.checkpoint / "input" / "others")
    return dataclasses.replace(job, text=text, others=others)


def by_line(text: str) -> str:
    """A text in Latin letters."""
    return _romanised_line(text)


def by_word(text: str) -> str:
    """A text in Latin letters, each word without regard to its neighbours: pays where most words were seen before."""
    return " ".join(map(_romanised_word, text.split(" ")))


def words_suffice(lines: Iterable[str]) -> bool:
    """Whether these lines come out the same word by word; in some languages words depend on their neighbours."""
    return all(by_word(line) == _romanizer().romanize_string(line) for line in lines)


def require_uroman() -> None:
    """Loads uroman, which takes some seconds, for what comes.

    Raises:
        MissingExtraError: It is not installed.
    """
    _romanizer()


def _as_it_is(text: str) -> str:
    return text


@lru_cache(8)
def _icu_rules(name: str) -> Any:
    try:
        import icu
    except ImportError as error:
        raise MissingExtraError(
            "PyICU", "icu", "ICU transliteration (which is built on the system's libicu-dev and pkg-config)"
        ) from error
    try:
        return icu.Transliterator.createInstance(name)
    except icu.ICUError as error:
        known = list(icu.Transliterator.getAvailableIDs())
        raise ModelError(f"ICU has no transliterator {name!r}.", fix=nearest(name, known)) from error


@lru_cache(_LINES)
def _by_icu(name: str, text: str) -> str:
    return text if text.isascii() else str(_icu_rules(name).transliterate(text))


@lru_cache(1)
def _romanizer() -> Any:
    try:
        from uroman import Uroman
    except ImportError as error:
        raise MissingExtraError("uroman", "uroman", "An encoder of romanised text") from error
    return Uroman()


@lru_cache(_WORDS)
def _romanised_word(word: str) -> str:
    return str(_romanizer().romanize_string(word)) if word and not word.isascii() else word


@lru_cache(_LINES)
def _romanised_line(line: str) -> str:
    return str(_romanizer().romanize_string(line)) if line and not line.isascii() else line


def _copied(files: Mapping[str, Path], transform: Transform, out: Path) -> dict[str, Path]:
    out.mkdir(parents=True, exist_ok=True)
    copies = {}
    for language, path in files.items():
        copies[language] = out / f"{language}.txt"
        with (
            replacing(copies[language]) as part,
            path.open(encoding="utf-8") as stream,
            part.open("w", encoding="utf-8", newline="\n") as target,
        ):
            target.writelines(transform(line.rstrip("\n")) + "\n" for line in stream)
    return copies
