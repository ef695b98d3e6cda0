"""Short names of recipes and alignments, where they stay unambiguous within a study.

A full name is the identity (`va(500)+lapt(epochs=3,lr=0.0003)`); to a reader of one study, what every `lapt` in it
shares says nothing. So a named parameter that every occurrence of its step shares is dropped: `va(500)+lapt`.
Parameters without a name stay, and so does everything once two names would become one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_PARTS = re.compile(r"(?:[^+(]|\((?:[^()]|\([^()]*\))*\))+")
_CALL = re.compile(r"(?P<name>[^(]+)\((?P<inside>.*)\)", re.DOTALL)
_ARGUMENTS = re.compile(r"(?:[^,(\[\"]|\"[^\"]*\"|\[[^\]]*\]|\((?:[^()]|\([^()]*\))*\))+")


def short_names(names: Iterable[str]) -> dict[str, str]:
    """A short name for each full one.

    >>> short_names(["none", "lapt(epochs=3)", "va(500)+lapt(epochs=3)"])
    {'none': 'none', 'lapt(epochs=3)': 'lapt', 'va(500)+lapt(epochs=3)': 'va(500)+lapt'}
    >>> short_names(["hybrid(alpha=0.3,steps=9)", "hybrid(alpha=0.5,steps=9)"])["hybrid(alpha=0.3,steps=9)"]
    'hybrid(alpha=0.3)'
    """
    full = list(dict.fromkeys(names))
    steps = {name: [_step(part) for part in _PARTS.findall(name)] for name in full}
    # what does not print back to itself is no chain of steps, and stays as it is
    steps = {name: p for name, p in steps.items() if "+".join(_printed(*one, set()) for one in p) == name}
    seen: dict[str, list[set[str]]] = {}
    for parts in steps.values():
        for step, arguments in parts:
            seen.setdefault(step, []).append(set(arguments))
    shared = {step: {one for one in set.intersection(*all_) if "=" in one} for step, all_ in seen.items()}
    short = {name: "+".join(_printed(*part, shared[part[0]]) for part in parts) for name, parts in steps.items()}
    brief = {name: short.get(name) or name for name in full}
    alike = {one for one in brief.values() if list(brief.values()).count(one) > 1}
    return {name: name if one in alike else one for name, one in brief.items()}


def shortener(names: Iterable[str]) -> Callable[[str], str]:
    """Replaces full names by short ones wherever they stand in a text."""
    short = {full: brief for full, brief in short_names(names).items() if full != brief}
    if not short:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(full) for full in sorted(short, key=len, reverse=True)))
    return lambda text: pattern.sub(lambda found: short[found[0]], text)


def stands_for(brief: str, full: str) -> bool:
    """Whether a name is another with parameters left out.

    >>> [stands_for(brief, "va(99)+lapt(epochs=5)") for brief in ("va(99)+lapt", "va+lapt", "va", "va(9)+lapt")]
    [True, True, False, False]
    """
    mine, theirs = ([_step(part) for part in _PARTS.findall(name)] for name in (brief, full))
    alike = [step for step, _ in mine] == [step for step, _ in theirs]
    return alike and all(set(said) <= set(all_) for (_, said), (_, all_) in zip(mine, theirs, strict=True))


def _step(text: str) -> tuple[str, list[str]]:
    found = _CALL.fullmatch(text)
    return (found["name"], _ARGUMENTS.findall(found["inside"])) if found else (text, [])


def _printed(step: str, arguments: list[str], shared: set[str]) -> str:
    left = [one for one in arguments if one not in shared]
    return f"{step}({','.join(left)})" if left else step
