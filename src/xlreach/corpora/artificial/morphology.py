"""Inflection: the written form, lemma and features of a meaning, given its case, number, tense and person.

Three kinds of morphology share one interface. Fusional: one ending for case and number, by the stem's declension, or
for tense and person, by its conjugation; adjectives agree; stems change before front vowels. Agglutinative: one suffix
for each category, with vowel harmony and assimilation. Isolating: no inflection; `grammar` adds particles instead.
"""

from __future__ import annotations

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
    """The forms of one language."""

    def __init__(self, design: LanguageDesign, lexicon: Lexicon) -> None:
        self.kind, self.script = design.morphology, Script(design.script)
        self._words, self._lexicon = lexicon.words, lexicon

    def declension(self, noun: str) -> str:
        """`0` where the stem of a noun ends in a consonant, `1` where it ends in a vowel."""
        return _class_of(self._words[noun])

    def word(self, meaning: str, feats: str = "_") -> Form:
        """A word that does not inflect."""
        return self._form(self._words[meaning], self._words[meaning], feats)

    def noun(self, meaning: str, case: str, plural: bool) -> Form:
        """A noun or pronoun."""
        return self._decline(self._words[meaning], case, plural)

    def name(self, proto: str, case: str, inflected: bool) -> Form:
        """A capitalized word of a name; only one word of each name inflects."""
        stem = self._lexicon.name(proto)
        form = self._decline(stem, case, False) if inflected else self._form(stem, stem)
        return Form(self.script.capital(form.form), self.script.capital(form.lemma), form.feats)

    def adjective(self, meaning: str, case: str, plural: bool, declension: str) -> Form:
        """An attributive adjective; in a fusional language it agrees with its noun."""
        stem = self._words[meaning]
        if self.kind != "fusional":
            return self._form(stem, stem, "Degree=Pos")
        number = "p" if plural else "s"
        ending = self._words[f"fu.{declension}.{case}.{number}"]
        return self._form(_fuse(stem, ending), stem, f"Case={case}|Degree=Pos|Number={_NUMBER[number]}")

    def _form(self, sounds: str, lemma: str, feats: str = "_") -> Form:
        return Form(self.script.write(sounds), self.script.write(lemma), feats)

    def _decline(self, stem: str, case: str, plural: bool) -> Form:
        number = "p" if plural else "s"
        if self.kind == "isolating":
            return self._form(stem, stem)
        if self.kind == "fusional":
            case = case if case in ("Nom", "Acc", "Gen") else "Loc"
            form = _fuse(stem, self._words[f"fu.{_class_of(stem)}.{case}.{number}"])
        else:
            form = self._glue(stem, (["Plur"] if plural else []) + ([case] if case != "Nom" else []))
        return self._form(form, stem, f"Case={case}|Number={_NUMBER[number]}")

    def verb(self, meaning: str, tense: str, person: str, negative: bool, participle: bool = False) -> Form:
        """A finite verb, or the participle that heads a relative clause in an agglutinative language."""
        stem = self._words[meaning]
        agreement = f"Number={_NUMBER[person[1]]}|Person={person[0]}"
        if self.kind == "isolating":
            return self._form(stem, stem)
        if self.kind == "fusional":
            form = _fuse(stem, self._words[f"fu.v{_class_of(stem)}.{tense}.{person}"])
            return self._form(form, stem, f"Mood=Ind|{agreement}|Tense={tense}|VerbForm=Fin")
        affixes = ["Neg"] if negative else []
        affixes += [tense] if tense != "Pres" else []
        polarity = "Polarity=Neg|" if negative else ""
        if participle:
            affixes.append("Part")
            feats = f"{polarity}Tense={tense}|VerbForm=Part"
        else:
            affixes += [person] if person not in ("3s", "3p") else []
            feats = f"Mood=Ind|{agreement}|{polarity}Tense={tense}|VerbForm=Fin"
        return self._form(self._glue(stem, affixes), stem, feats)

    def _glue(self, stem: str, affixes: list[str]) -> str:
        """The stem with agglutinative suffixes, each adapted to the sounds before it."""
        word = stem
        for affix in affixes:
            last = next((sound for sound in reversed(word) if sound in VOWELS), "a")
            shaped = self._words[f"ag.{affix}"].replace("A", "e" if last in FRONT else "a")
            shaped = shaped.replace("I", "i" if last in FRONT else "u")
            shaped = shaped.replace("D", "t" if word[-1] in VOICELESS else "d")
            word += "j" + shaped if shaped[:1] in VOWELS and word[-1] in VOWELS else shaped
        return word


def _class_of(stem: str) -> str:
    return "1" if stem[-1] in VOWELS else "0"


def _fuse(stem: str, ending: str) -> str:
    """The stem with a fusional ending: its last vowel is dropped before a vowel; k, g, c change before e, i, y."""
    if not ending:
        return stem
    if stem[-1] in VOWELS and ending[0] in VOWELS and len(stem) > 2:
        stem = stem[:-1]
    if ending[0] in FRONT:
        stem = stem[:-1] + stem[-1].translate(_SOFT)
    return stem + ending if stem[-1:] != ending[0] else stem + ending[1:]
