"""Hard negatives: passages near a query that do not answer it, found with the encoder before it is trained.

For each pair, all passages in its passage language are searched exactly. Left out are passages of the pair's group
(translations, other answers to the question) and those whose cosine to the query exceeds a share of the positive's,
which may be relevant without being judged so (Moreira et al. 2024, "NV-Retriever", threshold relative to the positive).
"""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

from xlreach.errors import DataError
from xlreach.retrieval.alignment import Contrastive
from xlreach.retrieval.batches import PairTable
from xlreach.retrieval.encoding import TextEncoder

_DEEPER = 50  # neighbours looked at beyond those wanted


def add_hard_negatives(table: PairTable, alignment: Contrastive, encoder: Path, seed: int) -> None:
    """Fills `table.negatives` and `table.against`.

    Hard negatives of the source (`table.given`) come first, then those of the search; random passages fill the rest.

    Raises:
        DataError: A language has too few passages of other groups.
    """
    wanted, generator = alignment.hard, np.random.default_rng([seed, 3])
    group_of = {text: int(group) for text, group in zip(table.passages, table.groups, strict=True)}
    by_language: dict[str, list[int]] = {}
    for _, _, language, rows in table.pools():
        by_language.setdefault(language, []).extend(rows)
    chosen_of: dict[int, tuple[str, ...]] = {}
    searched = TextEncoder(encoder, pooling=str(alignment.pooling.unfitted))
    for language, rows in by_language.items():
        passages = list(dict.fromkeys(table.passages[row] for row in rows))
        groups = np.array([group_of[text] for text in passages])
        if len(set(groups.tolist())) <= wanted:
            raise DataError(
                f"{len(passages)} passages in {language!r} do not give {wanted} hard negatives a pair.",
                fix="Ask for fewer (hard=…), or leave the language out.",
            )
        index = faiss.IndexFlatIP(searched.dimension)
        vectors = searched.encode(passages, "document")
        index.add(vectors)
        queries = searched.encode([table.queries[row] for row in rows], "query")
        positive = np.einsum("ij,ij->i", queries, searched.encode([table.passages[row] for row in rows], "document"))
        scores, columns = index.search(queries, min(len(passages), wanted + _DEEPER))
        for at, row in enumerate(rows):
            near = [
                column
                for column, score in zip(columns[at], scores[at], strict=True)
                if groups[column] != table.groups[row] and score <= alignment.margin * positive[at]
            ]
            chosen = list(dict.fromkeys([*table.given.get(row, ()), *(passages[column] for column in near)]))[:wanted]
            while len(chosen) < wanted:
                other = int(generator.integers(len(passages)))
                if groups[other] != table.groups[row] and passages[other] not in chosen:
                    chosen.append(passages[other])
            chosen_of[row] = tuple(chosen)
    table.negatives = [chosen_of[row] for row in range(len(table))]
    table.against = {
        row: frozenset(group_of[text] for text in texts if text in group_of) for row, texts in chosen_of.items()
    }
