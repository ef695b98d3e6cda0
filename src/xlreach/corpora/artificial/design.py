"""The family: its languages, their properties, and the parameters that change them.

Three high-resource languages of unrelated stocks (`qha` Latin SVO fusional, `qhb` Cyrillic SOV agglutinative, `qhc`
Latin VSO isolating), and three low-resource ones: `qla`, related to `qha`, in the same script; `qlb`, related to `qha`,
in a script of no high-resource language; `qlc`, unrelated to all others, in Latin script. The codes are from the
private range of ISO 639.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from xlreach.corpora.artificial.scripts import Phonotactics
from xlreach.errors import SpecError
from xlreach.spec import Registry, Spec, param

Laws = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Order:
    """Word order."""

    clause: Literal["SVO", "SOV", "VSO"]  # subject, verb and object
    adjective: bool  # whether an adjective precedes its noun
    genitive: bool  # whether a possessor precedes its noun
    adposition: bool  # whether an adposition precedes its noun
    relative: bool  # whether a relative clause precedes its noun
    mark: bool  # whether a subordinator is the first word of its clause (else the last)
    extraposition: float  # share of the subjects' relative clauses at the end of the sentence, where arcs cross
    fronting: float  # share of the adverbials at the beginning of the sentence
    family_first: bool  # whether the family name comes first


ORDERS = {
    "SVO": Order("SVO", True, False, True, False, True, 0.6, 0.3, False),
    "SOV": Order("SOV", True, True, False, True, False, 0.0, 0.5, True),
    "VSO": Order("VSO", False, False, True, False, True, 0.2, 0.15, False),
}


@dataclass(frozen=True)
class LanguageDesign:
    """One language of the family."""

    code: str
    name: str
    resource: Literal["high", "low"]
    script: str
    stock: str  # the source of its words, in `STOCKS`
    kin: str | None  # the language that it is related to, if any
    cognates: float  # share of its words that come from the related language
    order: Order
    morphology: Literal["fusional", "agglutinative", "isolating"]  # how it inflects
    articles: bool  # whether it has articles
    contracts: bool  # whether a preposition and the article after it are one token
    laws: Laws  # sound laws for words of the related language, or of the stock where there is none
    names: Laws  # sound laws for names
    joshi_class: int  # resource class after Joshi et al. 2020
    sentences: int  # sentences of plain text


ARTIFICIAL: Registry[Artificial] = Registry("artificial family")


@ARTIFICIAL.register
@dataclass(frozen=True)
class Artificial(Spec):
    """A family of artificial languages and all the corpora of a study; `str()` is its identity."""

    name: ClassVar[str] = "artificial"
    version: ClassVar[int] = 1

    seed: int = param(1, "seed of the whole family", shown=True, minimum=0)
    high: int = param(10000, "sentences of plain text of a high-resource language", minimum=1, maximum=10_000_000)
    text: int = param(2000, "sentences of plain text of a low-resource language", minimum=1, maximum=10_000_000)
    treebank: int = param(300, "training sentences of a treebank (dev: a quarter)", minimum=4, maximum=20_000)
    entities: int = param(300, "training sentences for named entities (dev: a quarter)", minimum=4, maximum=20_000)
    test: int = param(120, "test sentences of treebanks and named entities", minimum=4, maximum=20_000)
    parallel: int = param(600, "lines of parallel text", minimum=1, maximum=100_000)
    passages: int = param(400, "passages a language, in retrieval test and training each", minimum=8, maximum=20_000)
    questions: int = param(140, "test questions", minimum=1, maximum=20_000)
    train_questions: int = param(400, "training questions", minimum=1, maximum=20_000)
    cognates: float = param(0.6, "share of the lexicon of qla and qlb that is kin to qha", minimum=0.0, maximum=1.0)
    order: Literal["default", "SVO", "SOV", "VSO"] = param(
        "default", "word order of the low-resource languages (default: qla, qlb as qha SVO, qlc SOV)"
    )
    morphology: Literal["default", "fusional", "agglutinative", "isolating"] = param(
        "default", "morphology of the low-resource languages (default: qla, qlb as qha fusional, qlc agglutinative)"
    )
    script: Literal["Armn", "Geor", "Glag", "Cyrl", "Latn"] = param(
        "Armn", "script of qlb; Armn, Geor and Glag are unseen in the high-resource languages, Cyrl and Latn are not"
    )

    def __post_init__(self) -> None:
        for asked in ("questions", "train_questions"):
            if getattr(self, asked) > 2 * self.passages:
                raise SpecError(
                    f"{asked}={getattr(self, asked)} with passages={self.passages} in {str(self)!r}.",
                    expected=f"A passage states two facts: at most {2 * self.passages} questions.",
                    fix=f"Ask fewer questions, or give passages={-(-getattr(self, asked) // 2)}.",
                )


STOCKS = {
    "A": Phonotactics(
        ("p", "t", "k", "b", "d", "g", "s", "m", "n", "l", "r", "v", "st", "tr", "pl", "h", "k", "t", "s", "r", "f"),
        "aaaeeioou", ("", "n", "r", "l", "s", "t", "k", "nt", "rk"),
    ),
    "B": Phonotactics(
        ("k", "t", "b", "d", "m", "n", "s", "š", "č", "j", "l", "g", "z", "k", "t", ""),
        "aaeeiuuy", ("", "n", "m", "k", "l", "z", "š", "r"),
    ),
    "C": Phonotactics(
        ("p", "m", "n", "l", "f", "s", "t", "k", "h", "v", "kl", "fl", "ts", "v", "m", "l", "ž"),
        "aeiiouooa", ("", "", "", "i", "u", "n", "s"), closed=False,
    ),
    "D": Phonotactics(
        ("z", "ž", "č", "g", "d", "gr", "zd", "r", "j", "v", "b", "c", "dr", "m"),
        "uoiaey", ("", "ž", "g", "d", "rg", "m", "v", "c"),
    ),
    "E": Phonotactics(
        ("p", "t", "k", "d", "l", "m", "n", "r", "s", "h", "j", "v", "š", "kr", "c"),
        "aeiouiy", ("", "s", "l", "n", "t", "š", "p"),
    ),
    "F": Phonotactics(
        ("m", "n", "r", "t", "k", "č", "š", "l", "h", "b", "d", "mr", "tv", "g", "c"),
        "iuaeoi", ("", "r", "č", "n", "l", "k", "št"),
    ),
    "names": Phonotactics(
        ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "kr", "st"),
        "aeiou", ("", "", "n", "r", "l", "s", "k", "nd"), closed=False,
    ),
}  # fmt: skip

_QLA: Laws = (
    ("^p", "f"), (r"(?<=[aeiou])t(?=[aeiou])", "d"), (r"(?<=[aeiou])k(?=[aeiou])", "g"), ("^h", ""),
    ("k(?=[ei])", "č"), ("nt", "n"), (r"(?<=..)a$", "e"),
)  # fmt: skip
_QLB: Laws = (
    ("b", "v"), ("s(?=[iu])", "š"), ("rk", "r"), (r"o(?=[^aeiou]*$)", "u"), ("g(?=[ei])", "j"), ("^st", "c"),
    (r"(?<=..)e$", "i"),
)  # fmt: skip


def family(spec: Artificial) -> tuple[LanguageDesign, ...]:
    """The languages of a family, the high-resource ones first."""

    def order(default: str) -> Order:
        return ORDERS[default if spec.order == "default" else spec.order]

    def morphology(default: Literal["fusional", "agglutinative"]) -> Literal["fusional", "agglutinative", "isolating"]:
        return default if spec.morphology == "default" else spec.morphology

    fusional, agglutinative = morphology("fusional"), morphology("agglutinative")
    return (
        LanguageDesign(
            "qha", "Talvic", "high", "Latn", "A", None, 0.0, ORDERS["SVO"], "fusional", True, False,
            (), (), 5, spec.high,
        ),
        LanguageDesign(
            "qhb", "Ordunic", "high", "Cyrl", "B", None, 0.0, ORDERS["SOV"], "agglutinative", False, False,
            (), (("f", "p"), ("v", "b"), ("^(?=(st|br|kr))", "i"), ("o$", "u")), 5, spec.high,
        ),
        LanguageDesign(
            "qhc", "Selenian", "high", "Latn", "C", None, 0.0, ORDERS["VSO"], "isolating", True, True,
            (), (("b", "v"), ("^h", ""), ("(?<=[^aeiou])$", "e"), ("k(?=[ei])", "č")), 4, spec.high,
        ),
        LanguageDesign(
            "qla", "Talmari", "low", "Latn", "E", "qha", spec.cognates, order("SVO"), fusional, True, False,
            _QLA, (("^p", "f"), ("^h", ""), ("(?<=..)a$", "e")), 1, spec.text,
        ),
        LanguageDesign(
            "qlb", "Tevlash", "low", spec.script, "F", "qha", spec.cognates, order("SVO"), fusional, True, False,
            _QLB, (("b", "v"), ("s(?=[iu])", "š"), ("o$", "u")), 0, spec.text,
        ),
        LanguageDesign(
            "qlc", "Gruzda", "low", "Latn", "D", None, 0.0, order("SOV"), agglutinative, False, False,
            (), (("s", "z"), ("k$", "g"), ("f", "v")), 0, spec.text,
        ),
    )  # fmt: skip
