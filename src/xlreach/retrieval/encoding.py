"""Texts to unit vectors, fast: each text once, batches of similar length under a budget of pieces, a batch a core, half
precision where the machine computes it in hardware.

In fp32 the vectors are those of plain `SentenceTransformer(path).encode(texts, normalize_embeddings=True)`. An empty
text is encoded like any other, as the special tokens around nothing.

Half precision: bf16 is used where `dtype` says so, or where it says `auto`, the CPU has bf16 instructions (AMX or
AVX-512; or the GPU has) and the job is long. Cosines to the fp32 vectors stay above 0.9998. Short jobs, and queries
typed one at a time, stay in fp32. `int8` is computed by OpenVINO, and only if it comes near enough (see `int8`).
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
from xlreach.retrieval.loading import folder_pooling, load_encoder
from xlreach.retrieval.pooling import POOLINGS, Declared

DTYPES = ("auto", "fp32", "bf16", "int8")
Vectors = NDArray[np.float32]

# Multiply-adds (pieces × weights outside the embedding table) from which a job counts as long: a second or so of fp32
# on two cores, many times what converting the weights takes.
_LONG_JOB = 1e11

SHAPE_STEP = 8
"""Batches have both sides a multiple of this, as far as they can. On CPUs oneDNN compiles and keeps a kernel for every
shape it meets: lengths and sizes as they come drive resident memory up without end."""


CHUNK = 16384
"""Texts that are encoded together, sorted by length. Other chunks give other batches, and so vectors that differ in
their last digits."""


class TextEncoder:
    """A model folder as a function from texts to unit vectors.

    Args:
        path: A plain transformers folder or a SentenceTransformer folder.
        pooling: Of `pooling.POOLINGS`, without what is fitted on text; None takes what the folder declares, else
            `mean`.
        max_length: Pieces that a text is cut to; None takes the folder's limit.
        dtype: `fp32`, `bf16`, `int8`, or `auto` (see above).
        device: As torch names it; None takes an accelerator where there is one.
        prompts: What to put before a text in place of what the folder declares, by kind (`query`, `document`).

    Attributes:
        prompts: What is put before a text, by kind (`query`, `document`); empty where the folder declares none.
        fingerprint: The folder's fingerprint; vectors of encoders that differ in it must not be compared.
        fidelity: With int8, how near the first texts' vectors are to those of fp32; None before, and otherwise.
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
        declared = folder_pooling(self.path) or "mean"
        self.pooling = declared if wanted == Declared() else str(wanted)
        self.max_length: int | None = self.model.max_seq_length
        self.dtype = dtype
        self.prompts = {name: text for name, text in {**self.model.prompts, **(prompts or {})}.items() if text}
        dimension = self.model.get_embedding_dimension()
        if dimension is None:
            raise ModelError("Does not say how long its vectors are.", path=self.path)
        self.dimension: int = dimension
        self.fingerprint = fingerprint(self.path)
        self._transform = input_transform(self.path)
        first = self.model[0]
        self._tokenizer = first.tokenizer if isinstance(first, Transformer) else None
        self._weights = sum(weight.numel() for name, weight in first.named_parameters() if "embeddings" not in name)
        self._int8: Any = None
        if dtype == "int8":
            if self._tokenizer is None or wanted.layers:
                raise SpecError("int8 is for transformers, pooled from the last layer.", fix="Use --dtype auto.")
            with quiet_loading():
                self._int8 = int8_transformer(self.path)

    def encode(self, texts: Sequence[str], prompt: str | None = None) -> Vectors:
        """Encodes texts.

        Args:
            texts: Any number; repeated ones are encoded once.
            prompt: `query` or `document` for the folder's prompt of that name (none if it has none); None for what
                plain `encode` would do.

        Returns:
            Unit vectors, shape (number of texts, dimension), in the order of `texts`.

        Raises:
            ModelError: The model gives something that is no number.
        """
        prefix = self._prefix(prompt)
        if self._int8 is not None and self.fidelity is None and len(texts):
            self._compare(sample(texts), prefix)
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = self._encode_unique(list(rows), prefix)
        if len(rows) == len(texts):
            return vectors
        return vectors[[rows[text] for text in texts]]

    def encode_stream(
        self, texts: Iterable[str], out: Path, prompt: str | None = None, *, chunk: int = CHUNK
    ) -> Vectors:
        """Encodes any number of texts to a file of float32 rows, chunk by chunk, and goes on where a kill stopped it.

        `out` holds the rows; beside it, `<out>.chunks` records each finished chunk and a hash of its texts, so that
        what was encoded from other texts, or with another encoder, is done again. A text that stood in an earlier chunk
        is not encoded again.

        Args:
            prompt: As for `encode`.

        Returns:
            The vectors, memory-mapped, shape (number of texts, dimension).
        """
        log = out.with_name(out.name + ".chunks")
        settings = [self.fingerprint, self.pooling, self.max_length, self.dtype, self._prefix(prompt), chunk]
        finished = _finished_chunks(out, log, settings, self.dimension * 4)
        done, rows, seen = 0, 0, FirstOccurrence()
        with (
            out.open("r+b" if finished else "w+b") as vectors,
            log.open("r+" if finished else "w", encoding="utf-8") as record,
        ):
            if not finished:
                record.write(json.dumps(settings) + "\n")
                record.flush()
            record.seek(0, 2)
            with tqdm(desc=f"encoding with {self.path.name}", unit=" texts", disable=None) as bar:
                for texts_of_chunk in chunks(texts, chunk):
                    digest, first = texts_digest(texts_of_chunk), seen.first_rows(texts_of_chunk)
                    if done < len(finished) and finished[done] == [len(texts_of_chunk), digest]:
                        done, rows = done + 1, rows + len(texts_of_chunk)
                    else:
                        if done < len(finished):
                            finished = finished[:done]
                            _rewind(record, [settings, *finished])
                        block = np.empty((len(texts_of_chunk), self.dimension), dtype=np.float32)
                        fresh = np.flatnonzero(first >= rows)
                        block[fresh] = self.encode([texts_of_chunk[at] for at in fresh], prompt)
                        for at in np.flatnonzero(first < rows):
                            vectors.seek(int(first[at]) * self.dimension * 4)
                            vectors.readinto(block[at])
                        vectors.seek(rows * self.dimension * 4)
                        vectors.truncate()
                        vectors.write(block.data)
                        vectors.flush()
                        record.write(json.dumps([len(texts_of_chunk), digest]) + "\n")
                        record.flush()
                        finished.append([len(texts_of_chunk), digest])
                        done, rows = done + 1, rows + len(texts_of_chunk)
                    bar.update(len(texts_of_chunk))
            vectors.seek(rows * self.dimension * 4)
            vectors.truncate()
        if rows == 0:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.memmap(out, dtype=np.float32, mode="r", shape=(rows, self.dimension))

    def _compare(self, texts: list[str], prefix: str) -> None:
        """Refuses int8 where it is far from fp32 on these texts."""
        ours, quick = self._encode_unique(texts, prefix), self._int8
        try:
            self._int8 = None
            exact = self._encode_unique(texts, prefix)
        finally:
            self._int8 = quick
        self.fidelity = check_fidelity(ours, exact, self.path)

    def _prefix(self, prompt: str | None) -> str:
        if prompt is None:
            name = self.model.default_prompt_name
            return (self.model.prompts.get(name) or "") if name else ""
        if prompt not in ("query", "document") and prompt not in self.prompts:
            raise SpecError(f"Unknown prompt {prompt!r}.", fix=nearest(prompt, {"query", "document", *self.prompts}))
        return self.prompts.get(prompt, "")

    def _encode_unique(self, texts: list[str], prefix: str) -> Vectors:
        texts = [self._transform(text) for text in texts]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        excludes_prompt = prefix != "" and any(
            getattr(module, "include_prompt", True) is False for module in self.model
        )
        if self._tokenizer is None or excludes_prompt or not getattr(self._tokenizer, "is_fast", False):
            batches: Iterable[tuple[list[int], Any]] = self._by_characters(texts, prefix)
            half = False
        else:
            texts = [prefix + text for text in texts]
            pieces = dict(self._tokenizer(texts, padding=False, truncation=True)) if texts else {"input_ids": []}
            # Texts that differ only in what the tokenizer does not know are one input: encoding them once makes
            # their tie exact, where two batches would tell them apart by a rounding error.
            same: dict[tuple[int, ...], list[int]] = {}
            for row, ids in enumerate(pieces["input_ids"]):
                same.setdefault(tuple(ids), []).append(row)
            half = self._use_half(sum(map(len, same)))
            batches = self._by_pieces(pieces, list(same.values()), self._budget())
        with _halved(self.model[0]) if half else contextlib.nullcontext():
            # OpenVINO has threads of its own, and one batch at a time.
            where = self.model.device.type if self._int8 is None else "openvino"
            for rows, encoded in map_batches(self._forward, batches, where):
                vectors[rows] = encoded
        if not np.isfinite(vectors).all():
            raise ModelError(
                "The model gives vectors that are no numbers.",
                fix="Its weights may be damaged or its training may have diverged.",
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
            length = min(stepped_up(longest), max(longest, self.max_length or 0))
            size = min(len(order) - start, max(1, budget // max(1, length)))
            size -= size % SHAPE_STEP if size > SHAPE_STEP else 0
            members = order[start : start + size]
            start += size
            batch = {key: [values[rows[0]] for rows in members] for key, values in pieces.items()}
            features = dict(self._tokenizer.pad(batch, return_tensors="pt", padding="max_length", max_length=length))
            repeats = [len(rows) for rows in members]
            yield [row for rows in members for row in rows], {**features, "modality": "text", "repeats": repeats}

    def _by_characters(self, texts: list[str], prefix: str) -> Iterator[tuple[list[int], Any]]:
        """For models that leave the prompt out of the pooling: `preprocess` counts its pieces."""
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
        embedding = torch.nn.functional.normalize(features["sentence_embedding"].float(), p=2, dim=1)
        return np.repeat(embedding.cpu().numpy(), repeats or 1, axis=0)

    def _budget(self) -> int:
        """Pieces a batch, padding included: on CPUs, what was fastest; larger batches leave the cache."""
        return 65536 if self.model.device.type != "cpu" else 1024

    def _use_half(self, pieces: int) -> bool:
        if self.dtype != "auto":  # nothing of int8 is computed by torch but what it is compared with
            return self.dtype == "bf16"
        return pieces * self._weights >= _LONG_JOB and fast_bfloat16(self.model.device.type)


@contextlib.contextmanager
def _halved(module: torch.nn.Module) -> Iterator[None]:
    """Computes in bf16 for a while, in converted weights.

    Autocast would keep normalisation and residuals in fp32, for a third of the error, but converts every layer's input
    again: on CPUs that takes a fifth of the time. Embedding tables, most of a multilingual encoder's weights, stay as
    they are; what is looked up in them is converted.
    """
    tables = [one for one in module.modules() if isinstance(one, torch.nn.Embedding)]
    looked_up = {weight for one in tables for weight in one.parameters()}
    weights = {one: one.data for one in module.parameters() if one.dtype == torch.float32 and one not in looked_up}
    hooks = [one.register_forward_hook(_to_half) for one in tables]
    try:
        for one in weights:
            one.data = one.data.bfloat16()
        yield
    finally:
        for one, data in weights.items():
            one.data = data
        for hook in hooks:
            hook.remove()


def _to_half(module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output.bfloat16()


def stepped_up(length: int) -> int:
    """The next multiple of `SHAPE_STEP`."""
    return -(-length // SHAPE_STEP) * SHAPE_STEP


def texts_digest(texts: Iterable[str]) -> str:
    """A hash of texts in their order, by which what was encoded from them is known again."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def chunks(texts: Iterable[str], size: int = CHUNK) -> Iterator[list[str]]:
    """The texts, so many at a time."""
    stream = iter(texts)
    while part := list(islice(stream, size)):
        yield part


def _finished_chunks(out: Path, log: Path, settings: list[Any], row_bytes: int) -> list[Any]:
    """The chunks recorded as finished that the file of vectors really holds; nothing if made in another way."""
    if not out.is_file() or not log.is_file():
        return []
    lines = []
    for line in log.read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:  # the line that a kill cut short
            break
    if not lines or lines[0] != settings:
        return []
    kept, size, held = [], 0, out.stat().st_size
    for rows, digest in lines[1:]:
        size += rows * row_bytes
        if size > held:
            break
        kept.append([rows, digest])
    with log.open("w", encoding="utf-8") as stream:
        _rewind(stream, [settings, *kept])
    return kept


def _rewind(record: Any, lines: list[Any]) -> None:
    record.seek(0)
    record.truncate()
    record.writelines(json.dumps(line) + "\n" for line in lines)
    record.flush()
