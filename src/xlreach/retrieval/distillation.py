"""What distillation learns from: sentences with their translations, and the teacher's vectors of the sentences."""

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
    """Pairs of a sentence in the language that the teacher sees and its translation into another of `languages`.

    Raises:
        DataError: No source holds translations, or none from that language.
    """
    parallel = [source for source in sources if source.translations]
    if not parallel:
        raise DataError(
            f"{alignment} learns from translations; {', '.join(map(str, sources)) or 'nothing'} has none.",
            expected="Expected parallel text, such as ntrex(half=first) or bitext:NAME.",
        )
    known = list(dict.fromkeys([alignment.source, *languages]))
    return gather_pairs(parallel, known, mono=False, cross=True, seed=seed, query_language=alignment.source)


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
            fix="Take a teacher of the encoder's width.",
            path=teacher.path,
        )
    return teacher.encode(table.queries)
