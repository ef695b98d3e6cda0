"""Alignments: how an adapted encoder becomes a retrieval encoder, as strings with declared parameters.

`none` trains nothing. `mono`, `cross` and `hybrid` train with InfoNCE and in-batch negatives and differ in their
batches (Elmahdy, Lin and Ahmad 2024, arXiv 2408.10536): in a mono batch all queries and passages are in one language;
in a cross batch the query and the passage of each pair are in two different languages; `hybrid` draws a mono batch
with probability alpha. The paper states learning rate, weight decay and batch size; the defaults of temperature,
length and number of steps are ours. `distil` copies a teacher's vectors instead (Reimers and Gurevych 2020). This file
only declares them; `alignment_training` trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlreach.retrieval.pooling import POOLINGS, Declared, Pooling
from xlreach.spec import Registry, Spec, param

ALIGNMENTS: Registry[Alignment]


@dataclass(frozen=True)
class Alignment(Spec):
    """How an encoder is made to retrieve.

    Attributes:
        version: Increased when the same parameters give another result than before.
    """

    version: ClassVar[int] = 2
    trains: ClassVar[bool] = True

    pooling: Pooling = param(
        Declared(), "how a text's pieces become its vector (see `xlreach.retrieval.pooling`)", of=POOLINGS
    )

    @property
    def changes(self) -> bool:
        """Whether the alignment changes the encoder."""
        return self.trains or self.pooling != Declared()

    @property
    def mono_share(self) -> float:
        """The probability of a mono batch."""
        return 0.0

    def identity(self) -> dict[str, str]:
        """The fingerprints of the models that the alignment names: part of its cache key, beside its string."""
        return {}


@dataclass(frozen=True)
class NoAlignment(Alignment):
    """No training; at most another pooling."""

    name: ClassVar[str] = "none"
    trains: ClassVar[bool] = False


@dataclass(frozen=True)
class Trained(Alignment):
    """What all trained alignments share."""

    steps: int = param(1000, "batches seen; equal for all recipes, whatever their data", minimum=1)
    batch: int = param(100, "pairs a batch, over all devices", minimum=2)
    lr: float = param(3e-5, "peak learning rate of AdamW, linear decay", minimum=0)
    warmup: float = param(0.1, "share of the steps in which the learning rate rises to its peak", minimum=0, maximum=1)
    weight_decay: float = param(0.01, "weight decay", minimum=0)
    max_length: int = param(128, "tokens that a text is truncated to in training", minimum=4)
    sampling: float | None = param(
        None,
        "draws languages and data sets in proportion to size^(1/sampling): 1 by size, large ones alike; "
        "none as the paper: languages alike, data sets by size",
        minimum=1,
    )
    validate: int = param(
        0,
        "steps between validations; the weights with the best mean MRR of low and high are kept; 0 keeps the last",
        minimum=0,
    )


@dataclass(frozen=True)
class Contrastive(Trained):
    """What the alignments that train with InfoNCE share."""

    temperature: float = param(0.05, "divides the cosines", minimum=0.001, maximum=10)
    prefixes: bool = param(False, "puts 'Query: ' and 'Passage: ' before texts, in training and in use")
    mini_batch: int | None = param(
        None, "pairs held in memory at once (gradient caching); none holds the batch", minimum=1
    )
    hard: int = param(
        0,
        "hard negatives for each pair: first those of its source, then those that the untrained encoder finds",
        minimum=0,
    )
    margin: float = param(
        0.95,
        "a candidate is left out, as it may be relevant, if its cosine exceeds this share of the positive passage's",
        minimum=0,
        maximum=1,
    )
    mlm: float = param(0.0, "weight of a masked-LM loss on the passages, against forgetting", minimum=0)


@dataclass(frozen=True)
class Mono(Contrastive):
    """Batches of one language (the paper's X-X-mono)."""

    name: ClassVar[str] = "mono"

    @property
    def mono_share(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Cross(Contrastive):
    """Batches of pairs across two languages (the paper's X-Y)."""

    name: ClassVar[str] = "cross"


@dataclass(frozen=True)
class _Hybrid:
    alpha: float = param(0.5, "probability that a batch is mono", shown=True, minimum=0, maximum=1)


@dataclass(frozen=True)
class Hybrid(Contrastive, _Hybrid):
    """Mono batches with probability alpha, else cross batches."""

    name: ClassVar[str] = "hybrid"

    @property
    def mono_share(self) -> float:
        return self.alpha


@dataclass(frozen=True)
class _Distil:
    teacher: str = param(help="an encoder with vectors of the same length: a folder, package:… or a hub id")
    source: str = param("en", "the language whose sentences the teacher sees")


@dataclass(frozen=True)
class Distil(Trained, _Distil):
    """Sentence and translation both get the vector that a teacher gives the sentence.

    Reimers and Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation". The
    loss is the mean squared error between the encoder's vectors of a sentence in the teacher's language and of its
    translation, and the teacher's vector of the sentence. Batch, learning rate and length are those of the paper; the
    number of steps is ours, and so are unit vectors on both sides, since retrieval here is by cosine.
    """

    name: ClassVar[str] = "distil"

    batch: int = param(64, "pairs a batch, over all devices", minimum=1)
    lr: float = param(2e-5, "peak learning rate of AdamW, linear decay", minimum=0)

    def identity(self) -> dict[str, str]:
        from xlreach.adapt.encoder import fingerprint, resolve_base  # late: strings are checked without models

        return {"teacher": fingerprint(resolve_base(self.teacher))}


ALIGNMENTS = Registry("alignment")
for _each in (NoAlignment, Mono, Cross, Hybrid, Distil):
    ALIGNMENTS.register(_each)
