"""Poolings: how the vectors of a text's pieces become its vector, as strings with declared parameters.

`auto` (that of the folder, else the mean), `mean`, `cls`, `max`, `weightedmean` (later pieces weigh more) and
`lasttoken`; of the last layer, or of the mean of some layers: `mean(layers=8)`, `cls(layers=[1,-1])`. Two corrections
can follow. They are fitted on unlabeled text and kept in the encoder's folder as one linear layer, so that plain
`SentenceTransformer(path)` gives the same vectors:

* `centre` removes the directions in which the means of the languages differ, so that all means become equal, as in
  low-rank subtraction (Xie et al. 2022, "Discovering Low-rank Subspaces for Language-agnostic Multilingual
  Representations"). Subtracting each language's mean (Libovický, Rosa and Fraser 2020, "On the Language Neutrality of
  Pre-trained Multilingual Representations") would need the language of every text.
* `whiten` keeps a number of principal components, scaled to variance one (Su et al. 2021, "Whitening Sentence
  Representations for Better Semantics and Faster Retrieval").

This file only declares them; `loading` loads them and `whitening` fits them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xlreach.spec import Registry, Spec, param

POOLINGS: Registry[Pooling]


@dataclass(frozen=True)
class Pooling(Spec):
    """How the vectors of pieces become the vector of a text."""

    layers: tuple[int, ...] = param((), "layers averaged first: 0 the embeddings, -1 the last; none for the last alone")
    centre: bool = param(False, "removes the directions in which language means differ; fitted on text")
    whiten: int | None = param(None, "components kept, scaled to variance one; fitted on text", minimum=1)

    @property
    def fitted(self) -> bool:
        """Whether it is fitted on text before it can be used."""
        return self.centre or self.whiten is not None

    @property
    def unfitted(self) -> Pooling:
        """The same pooling without its fitted corrections."""
        return replace(self, centre=False, whiten=None)


@dataclass(frozen=True)
class Declared(Pooling):
    """The pooling that the encoder's folder declares, else the mean."""

    name: ClassVar[str] = "auto"


@dataclass(frozen=True)
class Mean(Pooling):
    """The mean over all pieces."""

    name: ClassVar[str] = "mean"


@dataclass(frozen=True)
class FirstPiece(Pooling):
    """The vector of the first special token."""

    name: ClassVar[str] = "cls"


@dataclass(frozen=True)
class Maximum(Pooling):
    """The largest value of each dimension."""

    name: ClassVar[str] = "max"


@dataclass(frozen=True)
class WeightedMean(Pooling):
    """The mean weighted by position, later pieces more (Muennighoff 2022, "SGPT")."""

    name: ClassVar[str] = "weightedmean"


@dataclass(frozen=True)
class LastPiece(Pooling):
    """The vector of the last piece."""

    name: ClassVar[str] = "lasttoken"


POOLINGS = Registry("pooling")
for _each in (Declared, Mean, FirstPiece, Maximum, WeightedMean, LastPiece):
    POOLINGS.register(_each)
