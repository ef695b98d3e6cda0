"""Which languages count as low-resource and which as high: the study's own division, and others to check it by.

A gap is only as good as the line it is measured across, so every gap is also reported across public lines (Joshi class,
size in CC-100 and in Wikipedia, script, and whether the base saw the language, or its script, in pretraining) and
across lists that the study names. What a language is comes from `xlreach.languages`; a language of which a fact is
unknown is left out of that cut and named there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xlreach.errors import ConfigError, XLReachError
from xlreach.gaps import LanguageSplit

if TYPE_CHECKING:
    from xlreach.languages import Language

CONFIG = "config"
CUTS = (CONFIG, "joshi", "cc100", "wikipedia", "script", "seen", "seen script")
_CC100_LINE = 100.0
_WIKIPEDIA_LINE = 10_000_000
_XLMR = re.compile(r"xlm-?r(?![a-z])|xlm-roberta|multilingual-e5|bge-m3", re.IGNORECASE)
_MBERT = re.compile(r"bert-base-multilingual|mbert", re.IGNORECASE)


def config_split(levels: Mapping[str, Sequence[str]], languages: Iterable[str]) -> LanguageSplit:
    """The study's own division.

    Args:
        levels: `{"high": [codes], "low": [codes]}`, as in the study's config.
        languages: The languages that were measured.

    Raises:
        ConfigError: A side is missing, or a language is on both.
    """
    low, high = (tuple(dict.fromkeys(levels.get(side, ()))) for side in ("low", "high"))
    both = sorted(set(low) & set(high))
    if both or not low or not high:
        raise ConfigError(
            f"{', '.join(both)} stands on both sides." if both else f"The levels name {dict(levels)!r}.",
            expected="Expected languages: {high: [...], low: [...]}, each with at least one language, none in both.",
        )
    rest = tuple(sorted(set(languages) - set(low) - set(high)))
    return LanguageSplit(name=CONFIG, rule="as the study's config says", low=low, high=high, left_out=rest)


def splits(
    levels: Mapping[str, Sequence[str]],
    languages: Iterable[str],
    bases: Mapping[str, str] | None = None,
    divisions: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> list[LanguageSplit]:
    """The study's division and every other one that puts at least one language on each side.

    Args:
        levels: `{"high": [codes], "low": [codes]}`.
        languages: The languages that were measured.
        bases: The bases measured, by name; each known to derive from XLM-R or mBERT, or pretrained from scratch, gets
            `seen` cuts of its own.
        divisions: Further lists, `{name: {"high": [codes], "low": [codes]}}`.

    Raises:
        ConfigError: A list is wrong.
    """
    codes = sorted(set(languages))
    found = [config_split(levels, codes)]
    for name, sides in (divisions or {}).items():
        own = config_split(sides, codes)
        low, high = (tuple(code for code in side if code in codes) for side in (own.low, own.high))
        found += (
            [LanguageSplit(name=name, rule="as the study's list says", low=low, high=high, left_out=own.left_out)]
            if low and high
            else []
        )
    known = {code: language for code in codes if (language := look_up(code)) is not None}
    found += _cut("joshi", "Joshi class 0 to 2 (high: 3 to 5)", codes, known, _joshi)
    found += _cut("cc100", "fewer than 100 M tokens in CC-100 (absent counts as none)", codes, known, _cc100)
    found += _cut("wikipedia", "fewer than 10 M tokens in Wikipedia, October 2020", codes, known, _wikipedia)
    found += _cut("script", "written in another script than Latin", codes, known, _script)
    for base, origin in sorted((bases or {}).items()):
        pretraining = _pretraining(origin, levels["high"])
        if pretraining is not None:
            said, saw = pretraining
            scripts = _scripts(saw)
            found += _cut("seen", f"not {said}", codes, known, lambda one, saw=saw: _not(saw(one)), base)  # type: ignore[misc]
            found += _cut(
                "seen script",
                f"in a script that no language has that is {said}",
                codes,
                known,
                lambda one, scripts=scripts: one.script not in scripts if one.script else None,  # type: ignore[misc]
                base,
            )
    return found


def look_up(code: str) -> Language | None:
    """What is known of a language; None where nothing is."""
    from xlreach.languages import get_language  # here, so that the rest needs no language table

    try:
        return get_language(code)
    except XLReachError:
        return None


def _cut(
    name: str,
    rule: str,
    codes: list[str],
    known: Mapping[str, Language],
    is_low: Callable[[Language], bool | None],
    base: str | None = None,
) -> list[LanguageSplit]:
    sides = {code: is_low(known[code]) if code in known else None for code in codes}
    low, high, rest = (tuple(code for code in codes if sides[code] is side) for side in (True, False, None))
    return [LanguageSplit(name=name, rule=rule, low=low, high=high, left_out=rest, base=base)] if low and high else []


def _joshi(language: Language) -> bool | None:
    return None if language.joshi_class is None else language.joshi_class <= 2


def _cc100(language: Language) -> bool | None:
    return None if language.cc100_tokens_m is None else language.cc100_tokens_m < _CC100_LINE


def _script(language: Language) -> bool | None:
    return language.script != "Latn" if language.script else None


def _wikipedia(language: Language) -> bool | None:
    return None if language.wikipedia_tokens is None else language.wikipedia_tokens < _WIKIPEDIA_LINE


_Saw = Callable[["Language"], "bool | None"]


def _pretraining(origin: str, high: Sequence[str]) -> tuple[str, _Saw] | None:
    """What a base was pretrained on, in words and as a test; None where that is not known."""
    from xlreach.adapt import STEPS  # here, so that the rest needs no steps

    if _XLMR.search(origin):
        return f"in the pretraining data of {origin} (CC-100)", lambda one: one.in_xlmr
    if _MBERT.search(origin):
        return f"among the 104 languages of {origin}", lambda one: one.in_mbert
    if STEPS.begins(origin):  # scratch(…), which pretrains on what it names, or on the high-resource languages
        codes = set(getattr(STEPS.parse_chain(origin)[0], "languages", ())) or set(high)
        return "among those that the base was pretrained on", lambda one: one.code in codes
    return None


def _scripts(saw: _Saw) -> set[str]:
    from xlreach.languages import known_languages

    return {one.script for one in known_languages() if saw(one) and one.script}


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
