"""From any usual spelling of a language code to the shortest BCP-47 one.

ISO 639-1, -2 and -3 (`mt`, `mlt`), FLORES (`mlt_Latn`), NTREX (`zho-CN`, `ckb-Arab`), Tatoeba (`cmn`, `swh`), Wikipedia
(`no`, `zh-yue`). A macrolanguage and its most common member have the same code: `arb` is `ar`, `cmn` is `zh`, `swh` is
`sw`; other members (`arz`, `yue`, `ckb`) keep their own. A script is kept where it is not the language's
usual one. A region is always kept, except that `CN` and `TW` after Chinese are read as scripts (`zh`, `zh-Hant`).
"""

from __future__ import annotations

import re
from functools import lru_cache

import langcodes

# Members that data sets write where others write the macrolanguage, and codes that CLDR would rename for display
# (tl to fil, no, knn). Kurdish without further word is Kurmanji, Norwegian is Bokmål, in CC-100 and Wikipedia alike.
_SAME = {
    "als": "sq", "arb": "ar", "ayr": "ay", "azj": "az", "bxr": "bua", "cmn": "zh", "ekk": "et", "fil": "tl",
    "gaz": "om", "gug": "gn", "khk": "mn", "kmr": "ku", "knn": "kok", "lvs": "lv", "no": "nb", "nor": "nb",
    "npi": "ne", "ory": "or", "pbt": "ps", "pes": "fa", "plt": "mg", "quy": "qu", "swh": "sw", "tgl": "tl",
    "uzn": "uz", "ydd": "yi", "zlm": "ms", "zsm": "ms",
}  # fmt: skip
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SCRIPT = re.compile(r"[A-Za-z]{4}")
_REGION = re.compile(r"[A-Za-z]{2}|\d{3}")
_PRIVATE = re.compile(r"q[a-t][a-z]")


@lru_cache(maxsize=4096)
def canonical_code(text: str) -> str | None:
    """The shortest BCP-47 code for a language; None where `text` is no code of ISO 639.

    Private-use codes (`qaa` to `qtz`) are returned unchanged. A code does not mean that facts about the language are
    known (see `get_language`).

    >>> [canonical_code(code) for code in ("mlt_Latn", "arb", "zho-TW", "srp-Latn", "qaa", "xyz")]
    ['mt', 'ar', 'zh-Hant', 'sr-Latn', 'qaa', None]
    """
    language, *rest = text.strip().replace("_", "-").split("-")
    language = language.lower()
    if not _LANGUAGE.fullmatch(language) or len(rest) > 2:
        return None
    if language == "zh" and rest == ["yue"]:
        return "yue"
    if _PRIVATE.fullmatch(language):
        return language if not rest else None
    script = rest.pop(0).title() if rest and _SCRIPT.fullmatch(rest[0]) else None
    region = rest.pop(0).upper() if rest and _REGION.fullmatch(rest[0]) else None
    if rest:
        return None
    shortest = _shortest(language)
    if shortest is None:
        return None
    language, _, implied = shortest.partition("-")
    region = region or (implied if len(implied) == 2 else None)
    script = script or (implied if len(implied) == 4 else None)
    if language == "zh" and region in ("CN", "TW", "SG", "HK", "MO"):
        script = script or ("Hans" if region in ("CN", "SG") else "Hant")
        region = None
    if script == usual_script(language):
        script = None
    return "-".join(part for part in (language, script, region) if part)


@lru_cache(maxsize=4096)
def usual_script(code: str) -> str:
    """The ISO 15924 script that a language, script and region are usually written in; `Zzzz` where CLDR has none."""
    return langcodes.Language.get(code, normalize=False).maximize().script or "Zzzz"


def _shortest(language: str) -> str | None:
    """ISO 639-1 where there is one; `fa-AF` and `sr-Latn` for codes that CLDR spells with a region or script."""
    if language in _SAME:
        return _SAME[language]
    try:
        standard = langcodes.standardize_tag(language)
        if not langcodes.Language.get(standard, normalize=False).is_valid():
            return None
    except langcodes.LanguageTagError:
        return None
    return _SAME.get(standard, standard)
