"""Which languages count as low-resource and which as high: the study's own division, and others to check it by.

A gap is only as good as the line it is measured across, so every gap is also reported across four public lines:
Joshi class, CC-100 size, seen in the base's pretraining or not, and script. What a language is comes from
`xlreach.languages`; a language of which a fact is unknown is left out of that cut and named there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlreach.errors import ConfigError, XLReachError

if TYPE_CHECKING:
    from xlreach.languages import Language

CONFIG = "config"
_CC100_LINE = 100.0
_XLMR = re.compile(r"xlm-?r(?![a-z])|xlm-roberta|multilingual-e5|bge-m3", re.IGNORECASE)
_MBERT = re.compile(r"bert-base-multilingual|mbert", re.IGNORECASE)


@dataclass(frozen=True)
class Cut:
    """One division of the languages into two sides.

    Attributes:
        name: `config`, `joshi`, `cc100`, `seen` or `script`.
        rule: What puts a language on the low side, in words.
        low: The low-resource languages.
        high: The high-resource languages.
        left_out: Languages measured but on neither side.
        base: The base it holds for, where it depends on one (`seen`); otherwise None.
    """

    name: str
    rule: str
    low: tuple[str, ...]
    high: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    base: str | None = None

    def level(self, language: str | None) -> str | None:
        """`low`, `high`, or None for a language on neither side."""
        return "low" if language in self.low else "high" if language in self.high else None


def config_cut(levels: Mapping[str, Sequence[str]], languages: Iterable[str]) -> Cut:
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
    return Cut(CONFIG, "as the study's config says", low, high, rest)


def cuts(
    levels: Mapping[str, Sequence[str]], languages: Iterable[str], bases: Mapping[str, str] | None = None
) -> list[Cut]:
    """The study's division and every other one that puts at least one language on each side.

    Args:
        levels: `{"high": [codes], "low": [codes]}`.
        languages: The languages that were measured.
        bases: The bases measured, by name; each known to derive from XLM-R or mBERT gets its own `seen` cut.

    Raises:
        ConfigError: The study's own division is wrong.
    """
    codes = sorted(set(languages))
    found = [config_cut(levels, codes)]
    known = {code: language for code in codes if (language := look_up(code)) is not None}
    found += _cut("joshi", "Joshi class 0 to 2 (high: 3 to 5)", codes, known, _joshi)
    found += _cut("cc100", "fewer than 100 M tokens in CC-100 (absent counts as none)", codes, known, _cc100)
    found += _cut("script", "written in another script than Latin", codes, known, _script)
    for base, origin in sorted((bases or {}).items()):
        if _XLMR.search(origin):
            found += _cut("seen", f"not in the pretraining data of {origin} (CC-100)", codes, known, _by_xlmr, base)
        elif _MBERT.search(origin):
            found += _cut("seen", f"not in the 104 languages of {origin}", codes, known, _by_mbert, base)
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
) -> list[Cut]:
    sides = {code: is_low(known[code]) if code in known else None for code in codes}
    low, high, rest = (tuple(code for code in codes if sides[code] is side) for side in (True, False, None))
    return [Cut(name, rule, low, high, rest, base)] if low and high else []


def _joshi(language: Language) -> bool | None:
    return None if language.joshi_class is None else language.joshi_class <= 2


def _cc100(language: Language) -> bool | None:
    return None if language.cc100_tokens_m is None else language.cc100_tokens_m < _CC100_LINE


def _script(language: Language) -> bool | None:
    return language.script != "Latn" if language.script else None


def _by_xlmr(language: Language) -> bool | None:
    return None if language.cc100_tokens_m is None else not language.cc100_tokens_m > 0


def _by_mbert(language: Language) -> bool | None:
    return None if language.in_mbert is None else not language.in_mbert
