"""Inflection: from a meaning and what the sentence asks of it to a written form with lemma and features.

Three kinds of morphology share one interface. Fusional: one ending for case and number, by the stem's declension, or
for tense and person, by its conjugation; adjectives agree; stems change before front vowels. Agglutinative: one suffix
for each category, with vowel harmony and assimilation. Isolating: no inflection; particles are the grammar's business.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from xlreach.corpora.artificial.design import LanguageDesign
from xlreach.corpora.artificial.lexicon import Lexicon
from xlreach.corpora.artificial.scripts import FRONT, VOICELESS, VOWELS, Script

_SOFT = str.maketrans("kgc", "čžč")
_NUMBER = {"s": "Sing", "p": "Plur"}


class Form(NamedTuple):
    """A written word form."""

    form: str
    lemma: str
    feats: str  # universal features, sorted, `_` where there are none


class Morphology:
    """The forms of one language.

    Attributes:
        kind: `fusional`, `agglutinative` or `isolating`.
        script: The script that forms are written in.
    """

    def __init__(self, design: LanguageDesign, lexicon: Lexicon) -> None:
        self.kind, self.script = design.morphology, Script(design.script)
        self._words, self._lexicon = lexicon.words, lexicon
        # Every form is made once.
        self.word, self.noun, self.name = cache(self._word), cache(self._noun), cache(self._name)
        self.adjective, self.verb = cache(self._adjective), cache(self._verb)

    def declension(self, stem_of: str) -> str:
        """`0` for stems that end in a consonant, `1` for those in a vowel."""
        return _class_of(self._words[stem_of])

    def _word(self, meaning: str, feats: str = "_") -> Form:
        """A word that does not inflect."""
        written = self.script.write(self._words[meaning])
        return Form(written, written, feats)

    def _noun(self, meaning: str, case: str, plural: bool) -> Form:
        """A noun, or an adjective that stands for itself."""
        return self._decline(self._words[meaning], case, plural)

    def _name(self, proto: str, case: str, inflected: bool) -> Form:
        """A proper noun with its capital; only the word of a name that carries the case inflects."""
        stem = self._lexicon.name(proto)
        form = self._decline(stem, case, False) if inflected else self._bare(stem)
        return Form(self.script.capital(form.form), self.script.capital(form.lemma), form.feats)

    def _adjective(self, meaning: str, case: str, plural: bool, declension: str) -> Form:
        """An attributive adjective; it agrees in a fusional language."""
        stem, write = self._words[meaning], self.script.write
        if self.kind != "fusional":
            return Form(write(stem), write(stem), "Degree=Pos")
        number = "p" if plural else "s"
        form = _fuse(stem, self._words[f"fu.{declension}.{case}.{number}"])
        return Form(write(form), write(stem), f"Case={case}|Degree=Pos|Number={_NUMBER[number]}")

    def _bare(self, stem: str) -> Form:
        written = self.script.write(stem)
        return Form(written, written, "_")

    def _decline(self, stem: str, case: str, plural: bool) -> Form:
        number = "p" if plural else "s"
        write = self.script.write
        if self.kind == "isolating":
            return self._bare(stem)
        if self.kind == "fusional":
            fused = case if case in ("Nom", "Acc", "Gen") else "Loc"
            form = _fuse(stem, self._words[f"fu.{_class_of(stem)}.{fused}.{number}"])
            return Form(write(form), write(stem), f"Case={fused}|Number={_NUMBER[number]}")
        affixes = (["Plur"] if plural else []) + ([case] if case != "Nom" else [])
        return Form(
            write(_glue(stem, [self._words[f"ag.{affix}"] for affix in affixes])),
            write(stem),
            f"Case={case}|Number={_NUMBER[number]}",
        )

    def _verb(self, meaning: str, tense: str, person: str, negative: bool, participle: bool = False) -> Form:
        """A finite verb, or in an agglutinative language the participle of a relative clause."""
        stem, write = self._words[meaning], self.script.write
        agreement = f"Number={_NUMBER[person[1]]}|Person={person[0]}"
        if self.kind == "isolating":
            return Form(write(stem), write(stem), "_")
        if self.kind == "fusional":
            form = _fuse(stem, self._words[f"fu.v{_class_of(stem)}.{tense}.{person}"])
            return Form(write(form), write(stem), f"Mood=Ind|{agreement}|Tense={tense}|VerbForm=Fin")
        affixes = ["Neg"] if negative else []
        affixes += [tense] if tense != "Pres" else []
        polarity = "Polarity=Neg|" if negative else ""
        if participle:
            affixes.append("Part")
            feats = f"{polarity}Tense={tense}|VerbForm=Part"
        else:
            affixes += [person] if person not in ("3s", "3p") else []
            feats = f"Mood=Ind|{agreement}|{polarity}Tense={tense}|VerbForm=Fin"
        return Form(write(_glue(stem, [self._words[f"ag.{affix}"] for affix in affixes])), write(stem), feats)


def _class_of(stem: str) -> str:
    return "1" if stem[-1] in VOWELS else "0"


def _fuse(stem: str, ending: str) -> str:
    """The stem with a fusional ending: its last vowel gives way, k and g soften before a front vowel."""
    if not ending:
        return stem
    if stem[-1] in VOWELS and ending[0] in VOWELS and len(stem) > 2:
        stem = stem[:-1]
    if ending[0] in FRONT:
        stem = stem[:-1] + stem[-1].translate(_SOFT)
    return stem + ending if stem[-1:] != ending[0] else stem + ending[1:]


def _glue(stem: str, affixes: list[str]) -> str:
    """The stem with agglutinative suffixes, each in the shape that what stands before it asks for."""
    word = stem
    for affix in affixes:
        last = next((sound for sound in reversed(word) if sound in VOWELS), "a")
        shaped = affix.replace("A", "e" if last in FRONT else "a").replace("I", "i" if last in FRONT else "u")
        shaped = shaped.replace("D", "t" if word[-1] in VOICELESS else "d")
        if shaped[:1] in VOWELS and word[-1] in VOWELS:
            shaped = "j" + shaped
        word += shaped
    return word
