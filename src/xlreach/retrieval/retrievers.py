"""Retrievers rank documents; as strings: `dense`, `bm25`, `rrf(dense,bm25)`, `blend(dense,bm25)`, `random`.

`dense` is the encoder with its indexes. The others are baselines: lexical matching, fusions of two retrievers, and
chance. This file only declares them; `bm25` computes BM25, and `scoring` ranks with any of them in the same settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from xlreach.errors import SpecError
from xlreach.spec import Registry, Spec, param

RETRIEVERS: Registry[Retriever]


@dataclass(frozen=True)
class Retriever(Spec):
    """A way of ranking documents.

    Attributes:
        version: Increased when the same parameters give another ranking than before.
    """

    version: ClassVar[int] = 1

    @property
    def parts(self) -> tuple[Retriever, ...]:
        """The two retrievers that a fusion combines; empty for other retrievers."""
        return ()

    @property
    def uses_encoder(self) -> bool:
        """Whether it needs an encoder's vectors."""
        return any(part.uses_encoder for part in self.parts)


@dataclass(frozen=True)
class Dense(Retriever):
    """The encoder: cosines of query and document vectors."""

    name: ClassVar[str] = "dense"

    @property
    def uses_encoder(self) -> bool:
        return True


@dataclass(frozen=True)
class BM25(Retriever):
    """BM25 (Robertson and Zaragoza 2009, Lucene's variant) over words, or over character bigrams."""

    name: ClassVar[str] = "bm25"

    k1: float = param(1.2, "how soon further occurrences of a word in a document stop counting", minimum=0, maximum=100)
    b: float = param(0.75, "how much long documents are penalized", minimum=0, maximum=1)
    units: Literal["auto", "words", "bigrams"] = param(
        "auto", "auto takes words, and character bigrams in scripts that have no spaces between words"
    )


@dataclass(frozen=True)
class Random(Retriever):
    """A random order, different for each query: the score of chance."""

    name: ClassVar[str] = "random"

    seed: int = param(1, "of the order", minimum=0)


@dataclass(frozen=True)
class Fusion(Retriever):
    """One ranking from two retrievers."""

    first: str = param(help="a retriever", positional=True)
    second: str = param(help="another retriever", positional=True)

    def __post_init__(self) -> None:
        for field, part in zip(("first", "second"), self.parts, strict=True):
            object.__setattr__(self, field, str(part))

    def __str__(self) -> str:
        return super().__str__().replace('"', "")  # a retriever inside parses without quotes

    @property
    def parts(self) -> tuple[Retriever, ...]:
        parts = RETRIEVERS.parse(self.first), RETRIEVERS.parse(self.second)
        if any(part.parts for part in parts):
            raise SpecError(f"{self} fuses a fusion.", expected="Expected two retrievers such as dense and bm25.")
        return parts


@dataclass(frozen=True)
class ReciprocalRanks(Fusion):
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): the sum of 1 / (k + rank)."""

    name: ClassVar[str] = "rrf"

    k: int = param(60, "the larger it is, the less the first ranks outweigh the others", minimum=0)
    depth: int = param(1000, "documents of each ranking that count", minimum=1)


@dataclass(frozen=True)
class Blend(Fusion):
    """A weighted mean of scores, scaled to 0…1 for each query (Bruch, Gai and Ingber 2023); 0 if not retrieved."""

    name: ClassVar[str] = "blend"

    weight: float = param(0.5, "of the first", minimum=0, maximum=1)
    depth: int = param(1000, "documents of each ranking that count", minimum=1)


RETRIEVERS = Registry("retriever")
for _each in (Dense, BM25, Random, ReciprocalRanks, Blend):
    RETRIEVERS.register(_each)
