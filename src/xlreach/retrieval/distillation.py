"""The training data of distillation: sentences with translations, and the teacher's vectors of the sentences."""

from __future__ import annotations

from collections.abc import Sequence

from sentence_transformers import SentenceTransformer

from xlreach.adapt.encoder import resolve_base
from xlreach.errors import DataError, ModelError
from xlreach.retrieval.alignment import Distil
from xlreach.retrieval.batches import PairTable, gather_pairs
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.pair_sources import PairSource


def parallel_table(alignment: Distil, sources: Sequence[PairSource], languages: Sequence[str], seed: int) -> PairTable:
    """Pairs of a sentence in the teacher's language and its translation into another of `languages`.

    Raises:
        DataError: No source has translations, or none from the teacher's language.
    """
    parallel = [source for source in sources if source.translations]
    if not parallel:
        raise DataError(
            f"{alignment} learns from translations; {', '.join(map(str, sources)) or 'no source'} has none.",
            expected="Expected parallel text, such as ntrex(half=first) or bitext:NAME.",
        )
    codes = list(dict.fromkeys([alignment.source, *languages]))
    return gather_pairs(parallel, codes, mono=False, cross=True, seed=seed, query_language=alignment.source)


def teacher_vectors(alignment: Distil, table: PairTable, student: SentenceTransformer) -> Vectors:
    """The teacher's unit vector of each row's sentence, shape (rows, dimension).

    Raises:
        ModelError: The teacher cannot be loaded, or its vectors are of another length than the student's.
    """
    teacher = TextEncoder(resolve_base(alignment.teacher), dtype="fp32")
    length = student.get_embedding_dimension()
    if teacher.dimension != length:
        raise ModelError(
            f"The teacher's vectors have {teacher.dimension} numbers, the encoder's {length}.",
            fix="Take a teacher whose vectors have the encoder's dimension.",
            path=teacher.path,
        )
    return teacher.encode(table.queries)
