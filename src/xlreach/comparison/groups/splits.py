"""Which languages are low-resource and which high: the study's own split, and others to check it by.

A gap depends on where the languages are split. So every gap is also reported for public splits (Joshi class, size in
CC-100 and in Wikipedia, script, and whether the base saw the language, or its script, in pretraining) and for lists
that the study names. Facts of languages come from `xlreach.languages`; a language with an unknown fact is on neither
side of that split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from xlreach.errors import ConfigError, XLReachError
from xlreach.gaps import LanguageSplit

if TYPE_CHECKING:
    from xlreach.languages import Language

CONFIG = "config"
SPLITS = (CONFIG, "joshi", "cc100", "wikipedia", "script", "seen", "seen script")
_CC100_TOKENS_M = 100.0
_WIKIPEDIA_TOKENS = 10_000_000
# the models known to be pretrained on CC-100 or on mBERT's 104 Wikipedias, by the last part of their hub id
_ON_CC100 = (
    "xlm-roberta-base", "xlm-roberta-large", "xlm-roberta-xl", "xlm-roberta-xxl", "multilingual-e5-small",
    "multilingual-e5-base", "multilingual-e5-large", "multilingual-e5-large-instruct", "bge-m3", "bge-m3-retromae",
    "bge-m3-unsupervised",
)  # fmt: skip
_AS_MBERT = ("bert-base-multilingual-cased", "bert-base-multilingual-uncased", "distilbert-base-multilingual-cased")
_Test = Callable[["Language"], "bool | None"]


def config_split(levels: Mapping[str, Sequence[str]], languages: Iterable[str]) -> LanguageSplit:
    """The study's own split, of the lists in its config.

    Raises:
        ConfigError: A side is missing, or a language is on both.
    """
    low, high = (tuple(dict.fromkeys(levels.get(side, ()))) for side in ("low", "high"))
    both = sorted(set(low) & set(high))
    if both or not low or not high:
        raise ConfigError(
            f"{', '.join(both)}: on both sides." if both else f"The levels name {dict(levels)!r}.",
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
    """The study's split, and every other one that has at least one language on each side.

    A base that is known to be pretrained on CC-100 or as mBERT, or is pretrained from scratch by the study, has splits
    of its own (`seen`, `seen script`); `bases` says what its name stands for.

    Raises:
        ConfigError: A list is wrong.
    """
    codes = sorted(set(languages))
    named = [config_split(levels, codes)]
    for name, sides in (divisions or {}).items():
        listed = config_split(sides, codes)
        low, high = (tuple(code for code in side if code in codes) for side in (listed.low, listed.high))
        rule = "as the study's list says"
        named.append(LanguageSplit(name=name, rule=rule, low=low, high=high, left_out=listed.left_out))
    facts = {code: language for code in codes if (language := look_up(code)) is not None}

    def by_fact(name: str, rule: str, is_low: _Test, base: str | None = None) -> None:
        sides = {code: is_low(facts[code]) if code in facts else None for code in codes}
        low, high, rest = (tuple(code for code in codes if sides[code] is side) for side in (True, False, None))
        named.append(LanguageSplit(name=name, rule=rule, low=low, high=high, left_out=rest, base=base))

    by_fact("joshi", "Joshi class 0 to 2 (high: 3 to 5)", lambda x: _below(x.joshi_class, 3))
    by_fact(
        "cc100",
        "fewer than 100 M tokens in CC-100 (absent counts as none)",
        lambda x: _below(x.cc100_tokens_m, _CC100_TOKENS_M),
    )
    by_fact(
        "wikipedia",
        "fewer than 10 M tokens in Wikipedia, October 2020",
        lambda x: _below(x.wikipedia_tokens, _WIKIPEDIA_TOKENS),
    )
    by_fact("script", "written in another script than Latin", lambda x: x.script != "Latn" if x.script else None)
    for base, origin in sorted((bases or {}).items()):
        pretraining = _pretraining(origin, levels["high"])
        if pretraining is not None:
            _by_pretraining(by_fact, base, *pretraining)
    return [named[0], *(split for split in named[1:] if split.low and split.high)]


def look_up(code: str) -> Language | None:
    """The facts of a language; None where there are none."""
    from xlreach.languages import get_language  # here, so that the rest needs no language table

    try:
        return get_language(code)
    except XLReachError:
        return None


def _by_pretraining(by_fact: Callable[[str, str, _Test, str], None], base: str, corpus: str, saw: _Test) -> None:
    """The two splits of a base: by languages it saw in pretraining, and by scripts."""
    from xlreach.languages import known_languages

    def unseen(language: Language) -> bool | None:
        seen = saw(language)
        return None if seen is None else not seen

    scripts = {language.script for language in known_languages() if saw(language) and language.script}
    by_fact("seen", f"not {corpus}", unseen, base)
    rule = f"in a script that no language has that is {corpus}"
    by_fact("seen script", rule, lambda x: x.script not in scripts if x.script else None, base)


def _below(value: float | None, line: float) -> bool | None:
    return None if value is None else value < line


def _pretraining(origin: str, high: Sequence[str]) -> tuple[str, _Test] | None:
    """What a base was pretrained on, in words and as a test; None where that is not known.

    `origin` is a hub id, a folder of that name, or the steps that pretrain it: from scratch it is pretrained on the
    study's high-resource languages by default.
    """
    from xlreach.adapt import STEPS  # here, so that the rest needs no steps

    model = PurePath(origin.partition("@")[0]).name  # without the revision
    if model in _ON_CC100:
        return f"in the pretraining data of {origin} (CC-100)", lambda language: language.in_xlmr
    if model in _AS_MBERT:
        return f"among the 104 languages of {origin}", lambda language: language.in_mbert
    if not STEPS.begins(origin):
        return None
    codes = set(getattr(STEPS.parse_chain(origin)[0], "languages", ())) or set(high)
    return "among those that the base was pretrained on", lambda language: language.code in codes
