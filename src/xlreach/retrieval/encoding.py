"""Encodes texts to unit vectors, fast: each text once, in batches of similar length, one batch per core.

In fp32 the vectors are those of plain `SentenceTransformer(path).encode(texts, normalize_embeddings=True)`. An empty
text is encoded like any other, as its special tokens.

bf16 is used if `dtype` says so; with `auto`, if the job is long and the hardware has bf16 instructions (AMX or AVX-512
on CPUs). Cosines to the fp32 vectors stay above 0.9998. Short jobs, such as single queries, stay in fp32. OpenVINO
computes `int8`, which is refused if it is too far from fp32 (see `int8`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.modules import Transformer
from tqdm import tqdm

from xlreach.adapt.encoder import fingerprint
from xlreach.adapt.romanize import input_transform
from xlreach.compute.loading import quiet_loading
from xlreach.compute.parallel import map_batches
from xlreach.compute.precision import fast_bfloat16
from xlreach.errors import ModelError, SpecError, nearest
from xlreach.retrieval.first_occurrence import FirstOccurrence
from xlreach.retrieval.int8 import check_fidelity, int8_transformer, sample
from xlreach.retrieval.loading import declared_pooling, load_encoder
from xlreach.retrieval.pooling import POOLINGS, Declared
from xlreach.store import replacing

DTYPES = ("auto", "fp32", "bf16", "int8")
Vectors = NDArray[np.float32]

# Multiply-adds (pieces × weights outside the embedding table) from which a job is long: about a second of fp32 on two
# cores, many times the time to convert the weights.
_LONG_JOB = 1e11

SHAPE_STEP = 8
"""Both sides of a batch are multiples of this where possible. On CPUs oneDNN compiles and keeps a kernel for every
shape that it meets, so arbitrary shapes would make memory grow without end."""

CHUNK = 16384
"""The number of texts that are sorted by length and encoded together. Another number gives other batches, and vectors
that differ in their last digits."""


class TextEncoder:
    """A model folder as a function from texts to unit vectors.

    Args:
        path: A plain transformers folder or a SentenceTransformer folder.
        pooling: One of `pooling.POOLINGS` that is not fitted on text; None takes the folder's, or else `mean`.
        max_length: Pieces that a text is truncated to; None takes the folder's limit.
        dtype: `fp32`, `bf16`, `int8`, or `auto` (see above).
        device: As torch names it; None takes an accelerator if there is one.
        prompts: Prefixes of texts by kind (`query`, `document`), in place of those that the folder declares.

    Attributes:
        prompts: The prefixes in use, by kind; empty if there are none.
        fingerprint: The folder's fingerprint; vectors of encoders with different fingerprints must not be compared.
        fidelity: With int8, how near the vectors of the first texts are to those of fp32; otherwise None.
    """

    fidelity: dict[str, float] | None = None

    def __init__(
        self,
        path: Path | str,
        pooling: str | None = None,
        max_length: int | None = None,
        dtype: str = "auto",
        device: str | None = None,
        prompts: Mapping[str, str] | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise SpecError(f"Unknown dtype {dtype!r}.", fix=nearest(dtype, DTYPES))
        self.path = Path(path)
        wanted = POOLINGS.parse(pooling or "auto")
        if wanted.fitted:
            raise SpecError(
                f"The pooling {wanted} has to be fitted on text.",
                fix=f"Make an encoder with it first: xlreach train ENCODER 'none(pooling={wanted})' --text LANG=FILE.",
            )
        self.model = load_encoder(self.path, pooling=wanted, max_length=max_length, device=device)
        self.model.eval()
        self.pooling = declared_pooling(self.model) if wanted == Declared() else str(wanted)
        self.max_length: int | None = self.model.max_seq_length
        self.dtype = dtype
        self.prompts = {name: text for name, text in {**self.model.prompts, **(prompts or {})}.items() if text}
        dimension = self.model.get_embedding_dimension()
        if dimension is None:
            raise ModelError("The encoder does not declare the dimension of its vectors.", path=self.path)
        self.dimension: int = dimension
        self.fingerprint = fingerprint(self.path)
        first = self.model[0]
        self._tokenizer = first.tokenizer if isinstance(first, Transformer) else None
        self._weights = sum(weight.numel() for name, weight in first.named_parameters() if "embeddings" not in name)
        self._int8: Any = None
        self.formats: set[str] = set()
        if dtype == "int8":
            if self._tokenizer is None or wanted.layers:
                raise SpecError("int8 is for transformers, pooled from the last layer.", fix="Use --dtype auto.")
            with quiet_loading():
                self._int8 = int8_transformer(self.path)

    @property
    def computed(self) -> str:
        """The formats that texts were encoded in so far (`bf16+fp32`); before, what is asked for."""
        return "+".join(sorted(self.formats)) or self.dtype

    def encode(self, texts: Sequence[str], prompt: str | None = None, language: str = "") -> Vectors:
        """Unit vectors of texts, shape (number of texts, dimension); repeated texts are encoded once.

        The prompt is `query` or `document` (no prefix if the folder declares none); None does what plain `encode` does.
        `language` is that of the texts, for encoders of romanized text.

        Raises:
            ModelError: The model gives vectors that are not finite.
        """
        prefix = self._prefix(prompt)
        if self._int8 is not None and self.fidelity is None and len(texts):
            self._compare(sample(texts), prefix, language)
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = self._encode_unique(list(rows), prefix, language)
        if len(rows) == len(texts):
            return vectors
        return vectors[[rows[text] for text in texts]]

    def encode_stream(
        self, texts: Iterable[str], out: Path, prompt: str | None = None, language: str = "", *, chunk: int = CHUNK
    ) -> Vectors:
        """Encodes any number of texts to the file `out` of float32 rows, and resumes there after a kill.

        `<out>.chunks` records each finished chunk with a hash of its texts, so that chunks of other texts or of another
        encoder are encoded again. A text of an earlier chunk is not encoded twice. Returns the vectors, memory-mapped,
        of shape (number of texts, dimension).
        """
        log = out.with_name(out.name + ".chunks")
        settings = [self.fingerprint, self.pooling, self.max_length, self.dtype, self._prefix(prompt), language, chunk]
        finished, row_bytes = read_chunk_log(log, settings) if out.is_file() else [], self.dimension * 4
        ends = np.cumsum([count for count, *_ in finished]) * row_bytes
        del finished[np.searchsorted(ends, out.stat().st_size if finished else 0, "right") :]  # not all in the file
        write_chunk_log(log, settings, finished)
        rows, seen = 0, FirstOccurrence()
        progress = tqdm(desc=f"encoding with {self.path.name}", unit=" texts", disable=None)
        with progress, out.open("r+b" if finished else "w+b") as vectors:
            for number, part in enumerate(chunks(texts, chunk)):
                entry, first = [len(part), texts_digest(part)], seen.first_rows(part)
                if [chunk[:2] for chunk in finished[number : number + 1]] == [entry]:
                    self.formats.update(finished[number][2])
                else:
                    if len(finished) > number:  # encoded from other texts
                        del finished[number:]
                        write_chunk_log(log, settings, finished)
                    block = np.empty((len(part), self.dimension), dtype=np.float32)
                    fresh = np.flatnonzero(first >= rows)
                    block[fresh] = self.encode([part[at] for at in fresh], prompt, language)
                    for at in np.flatnonzero(first < rows):
                        vectors.seek(int(first[at]) * row_bytes)
                        vectors.readinto(block[at])
                    vectors.seek(rows * row_bytes)
                    vectors.truncate()
                    vectors.write(block.data)
                    vectors.flush()
                    finished.append([*entry, sorted(self.formats)])
                    append_chunk(log, finished[-1])
                rows += len(part)
                progress.update(len(part))
            vectors.truncate(rows * row_bytes)
        if rows == 0:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.memmap(out, dtype=np.float32, mode="r", shape=(rows, self.dimension))

    def _compare(self, texts: list[str], prefix: str, language: str) -> None:
        """Refuses int8 where it is far from fp32 on these texts."""
        ours, quick = self._encode_unique(texts, prefix, language), self._int8
        try:
            self._int8 = None
            exact = self._encode_unique(texts, prefix, language)
        finally:
            self._int8 = quick
            self.formats.clear()
        self.fidelity = check_fidelity(ours, exact, self.path)

    def _prefix(self, prompt: str | None) -> str:
        if prompt is None:
            name = self.model.default_prompt_name
            return (self.model.prompts.get(name) or "") if name else ""
        if prompt not in ("query", "document") and prompt not in self.prompts:
            raise SpecError(f"Unknown prompt {prompt!r}.", fix=nearest(prompt, {"query", "document", *self.prompts}))
        return self.prompts.get(prompt, "")

    def _encode_unique(self, texts: list[str], prefix: str, language: str) -> Vectors:
        texts = [*map(input_transform(self.path, language), texts)]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        excludes_prompt = prefix != "" and any(
            getattr(module, "include_prompt", True) is False for module in self.model
        )
        if self._tokenizer is None or excludes_prompt or not getattr(self._tokenizer, "is_fast", False):
            batches: Iterable[tuple[list[int], Any]] = self._by_characters(texts, prefix)
            half = self._use_half(0)
        else:
            texts = [prefix + text for text in texts]
            pieces = dict(self._tokenizer(texts, padding=False, truncation=True)) if texts else {"input_ids": []}
            # Texts with the same pieces are encoded once, so that they tie exactly; in two batches, rounding errors
            # would make them differ.
            same: dict[tuple[int, ...], list[int]] = {}
            for row, ids in enumerate(pieces["input_ids"]):
                same.setdefault(tuple(ids), []).append(row)
            half = self._use_half(sum(map(len, same)))
            batches = self._by_pieces(pieces, list(same.values()), self._budget())
        self.formats.add("bf16" if half else "fp32" if self._int8 is None else "int8")
        with _halved(self.model[0]) if half else contextlib.nullcontext():
            # OpenVINO starts its own threads and computes one batch at a time.
            device = self.model.device.type if self._int8 is None else "openvino"
            for rows, encoded in map_batches(self._forward, batches, device):
                vectors[rows] = encoded
        if not np.isfinite(vectors).all():
            raise ModelError(
                "The model gives vectors that are not finite.",
                fix="Its weights may be damaged, or its training may have diverged.",
                path=self.path,
            )
        return vectors

    def _by_pieces(self, pieces: dict[str, Any], same: list[list[int]], budget: int) -> Iterator[tuple[list[int], Any]]:
        assert self._tokenizer is not None
        ids = pieces["input_ids"]
        order = sorted(same, key=lambda rows: -len(ids[rows[0]]))
        start = 0
        while start < len(order):
            # Sorted by length, so the first of a batch is its longest.
            longest = len(ids[order[start][0]])
            length = min(-(-longest // SHAPE_STEP) * SHAPE_STEP, max(longest, self.max_length or 0))
            size = min(len(order) - start, max(1, budget // max(1, length)))
            size -= size % SHAPE_STEP if size > SHAPE_STEP else 0
            members = order[start : start + size]
            start += size
            batch = {key: [values[rows[0]] for rows in members] for key, values in pieces.items()}
            features = dict(self._tokenizer.pad(batch, return_tensors="pt", padding="max_length", max_length=length))
            repeats = [len(rows) for rows in members]
            yield [row for rows in members for row in rows], {**features, "modality": "text", "repeats": repeats}

    def _by_characters(self, texts: list[str], prefix: str) -> Iterator[tuple[list[int], Any]]:
        """Batches of 32, for models that leave the prompt out of the pooling: `preprocess` counts its pieces."""
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            yield rows, self.model.preprocess([texts[row] for row in rows], prompt=prefix or None)

    @torch.inference_mode()
    def _forward(self, features: dict[str, Any]) -> Vectors:
        first, *rest = self.model
        repeats = features.pop("repeats", None)
        device = self.model.device
        features = {
            key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in features.items()
        }
        features = (first if self._int8 is None else self._int8)(features)
        features["token_embeddings"] = features["token_embeddings"].float()
        for module in rest:
            features = module(features)
        embedding = features["sentence_embedding"][:, : self.dimension].float()  # as long as `truncate_dim` says
        embedding = torch.nn.functional.normalize(embedding, p=2, dim=1)
        return np.repeat(embedding.cpu().numpy(), repeats or 1, axis=0)

    def _budget(self) -> int:
        """The pieces of a batch, padding included: on CPUs the fastest number; larger batches do not fit the cache."""
        return 65536 if self.model.device.type != "cpu" else 1024

    def _use_half(self, pieces: int) -> bool:
        if self.dtype != "auto":  # int8 is compared with fp32
            return self.dtype == "bf16"
        return pieces * self._weights >= _LONG_JOB and fast_bfloat16(self.model.device.type)


@contextlib.contextmanager
def _halved(module: torch.nn.Module) -> Iterator[None]:
    """A block in which the module computes in bf16, with converted weights.

    Autocast would keep normalization and residuals in fp32, with a third of the error, but it converts the input of
    every layer again: a fifth of the time on CPUs. Embedding tables, most of a multilingual encoder's weights, are not
    converted; the vectors read from them are.
    """
    tables = [part for part in module.modules() if isinstance(part, torch.nn.Embedding)]
    looked_up = {weight for table in tables for weight in table.parameters()}
    weights = [w for w in module.parameters() if w.dtype == torch.float32 and w not in looked_up]
    originals = [weight.data for weight in weights]
    hooks = [table.register_forward_hook(lambda table, inputs, output: output.bfloat16()) for table in tables]
    try:
        for weight in weights:
            weight.data = weight.data.bfloat16()
        yield
    finally:
        for weight, data in zip(weights, originals, strict=True):
            weight.data = data
        for hook in hooks:
            hook.remove()


def texts_digest(texts: Iterable[str]) -> str:
    """A hash of texts in their order."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def chunks(texts: Iterable[str], size: int = CHUNK) -> Iterator[list[str]]:
    """The texts in lists of `size`; the last may be shorter."""
    stream = iter(texts)
    while part := list(islice(stream, size)):
        yield part


def read_chunk_log(log: Path, settings: list[Any]) -> list[Any]:
    """The entries of a log of finished chunks, JSON lines; none if it was written with other settings."""
    lines = []
    if log.is_file():
        for line in log.read_text("utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:  # the line that a kill cut short
                break
    return lines[1:] if lines[:1] == [settings] else []


def write_chunk_log(log: Path, settings: list[Any], entries: Iterable[Any]) -> None:
    """Writes a log of finished chunks: a line of settings, then a line for each chunk."""
    with replacing(log) as file:
        file.write_text("".join(json.dumps(line) + "\n" for line in (settings, *entries)), "utf-8")


def append_chunk(log: Path, entry: Any) -> None:
    """Adds a finished chunk to the log."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")
