"""Retrievers: what ranks the documents, as strings: `dense`, `bm25`, `rrf(dense,bm25)`, `blend(dense,bm25)`, `random`.

`dense` is the encoder and its indexes. The others are baselines to compare it with: lexical matching, a fusion of both,
and chance. Declared here; `bm25` computes BM25, and `scoring` ranks with any of them in the same settings.
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
        """The retrievers it fuses; none for one that ranks by itself."""
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
    """BM25 (Robertson and Zaragoza 2009, in Lucene's form) over words, or over character bigrams without blanks."""

    name: ClassVar[str] = "bm25"

    k1: float = param(1.2, "how soon further occurrences of a word in a document stop counting", minimum=0, maximum=100)
    b: float = param(0.75, "how much long documents are penalised", minimum=0, maximum=1)
    units: Literal["auto", "words", "bigrams"] = param(
        "auto", "auto takes words, and character bigrams in scripts that put no blanks between them"
    )


@dataclass(frozen=True)
class Random(Retriever):
    """A random order, another for each query: the floor."""

    name: ClassVar[str] = "random"

    seed: int = param(1, "of the order", minimum=0)


@dataclass(frozen=True)
class Fusion(Retriever):
    """Two rankings made one."""

    first: str = param(help="a retriever", positional=True)
    second: str = param(help="another retriever", positional=True)

    def __post_init__(self) -> None:
        for field, part in zip(("first", "second"), self.parts, strict=True):
            object.__setattr__(self, field, str(part))

    def __str__(self) -> str:
        return super().__str__().replace('"', "")  # a retriever inside needs no quotes to be read back

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

    k: int = param(60, "the larger, the less the first ranks stand out", minimum=0)
    depth: int = param(1000, "documents of each ranking that count", minimum=1)


@dataclass(frozen=True)
class Blend(Fusion):
    """A weighted mean of scores, each query's moved to 0…1 (Bruch, Gai and Ingber 2023); not retrieved is 0."""

    name: ClassVar[str] = "blend"

    weight: float = param(0.5, "of the first", minimum=0, maximum=1)
    depth: int = param(1000, "documents of each ranking that count", minimum=1)


RETRIEVERS = Registry("retriever")
for _each in (Dense, BM25, Random, ReciprocalRanks, Blend):
    RETRIEVERS.register(_each)
