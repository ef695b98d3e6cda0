"""Romanizing text before an encoder reads it, where rules are needed that `tokenizer.json` cannot hold.

Most encoders read text unchanged. An encoder of romanized text (`translit(uroman)`) says so in its `xlreach.json`, and
callers pass text through `input_transform` before they give it to the encoder. The files of the text never change.
Needs uroman (the extra `uroman`) or PyICU (the extra `icu`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import langcodes

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import Job
from xlreach.errors import MissingExtraError, ModelError, nearest
from xlreach.store import replacing

Transform = Callable[[str], str]
BY_WORD, BY_LINE, ICU = "uroman:word", "uroman:line", "icu:"
_WORDS, _LINES = 1 << 18, 1 << 12  # whose results are kept in memory


def input_transform(encoder: Path, language: str = "") -> Transform:
    """The function that turns raw text, or a single word, into what an encoder reads; for most, it changes nothing.
    uroman's rules depend on the text's `language`; without it, the only one that the encoder was adapted to is taken.

    Raises:
        ModelError: The folder names a function that this version does not know.
        MissingExtraError: The function needs a package that is not installed.
    """
    try:
        provenance = Provenance.read(encoder)
        only = provenance.languages[0] if len(provenance.languages) == 1 else ""
        return transform_named(provenance.input, language or only)
    except ModelError as error:
        raise ModelError(str(error), path=encoder) from error


def transform_named(wanted: str, language: str = "") -> Transform:
    """The function with a name as in `Provenance.input`; raises as `input_transform`."""
    if not wanted:
        return _unchanged
    if wanted.startswith(ICU):
        _icu_rules(wanted.removeprefix(ICU))
        return partial(_by_icu, wanted.removeprefix(ICU))
    if wanted not in (BY_WORD, BY_LINE):
        raise ModelError(
            f"The encoder reads text as {wanted!r}.",
            expected=f"Expected {BY_WORD}, {BY_LINE} or {ICU}ID.",
            fix="Update xlreach.",
        )
    return partial(by_word if wanted == BY_WORD else by_line, language=language)


def with_input_of(encoder: Path, job: Job) -> Job:
    """The job with its texts as the encoder reads them; changed texts are copied into its checkpoint folder."""
    if input_transform(encoder) is _unchanged:
        return job
    text = _copied(job.text, encoder, job.checkpoint / "input" / "text")
    others = _copied(job.others, encoder, job.checkpoint / "input" / "others")
    return dataclasses.replace(job, text=text, others=others)


@lru_cache(_LINES)
def by_line(text: str, language: str = "") -> str:
    """Romanizes a text of a language; without one (""), by the rules that hold for all."""
    if not text or text.isascii():
        return text
    code = language.partition("-")[0]
    iso3 = langcodes.Language.get(code).to_alpha3() if code else None
    return str(_romanizer().romanize_string(text, lcode=iso3))


def by_word(text: str, language: str = "") -> str:
    """Romanizes each word of a text alone: fast where most words occurred before."""
    return " ".join([_romanized_word(word, language) for word in text.split(" ")])


def words_suffice(lines: Iterable[str], language: str = "") -> bool:
    """Whether these lines are romanized the same word by word; in some languages a word depends on its neighbors."""
    return all(by_word(line, language) == by_line(line, language) for line in lines)


def require_uroman() -> None:
    """Loads uroman, which takes some seconds.

    Raises:
        MissingExtraError: It is not installed.
    """
    _romanizer()


def _unchanged(text: str) -> str:
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
        available = list(icu.Transliterator.getAvailableIDs())
        raise ModelError(f"ICU has no transliterator {name!r}.", fix=nearest(name, available)) from error


@lru_cache(_LINES)
def _by_icu(name: str, text: str) -> str:
    return text if text.isascii() else str(_icu_rules(name).transliterate(text))


@lru_cache(1)
def _romanizer() -> Any:
    try:
        from uroman import Uroman
    except ImportError as error:
        raise MissingExtraError("uroman", "uroman", "An encoder of romanized text") from error
    return Uroman()


_romanized_word = lru_cache(_WORDS)(by_line.__wrapped__)


def _copied(files: Mapping[str, Path], encoder: Path, out: Path) -> dict[str, Path]:
    out.mkdir(parents=True, exist_ok=True)
    copies = {}
    for language, path in files.items():
        copies[language], transform = out / f"{language}.txt", input_transform(encoder, language)
        with (
            replacing(copies[language]) as part,
            path.open(encoding="utf-8") as stream,
            part.open("w", encoding="utf-8", newline="\n") as target,
        ):
            target.writelines(transform(line.rstrip("\n")) + "\n" for line in stream)
    return copies
