"""Hard negatives: passages near a query that are not its own, found with the encoder as it is before training.

For each pair, its passage language is searched exactly. Left out are passages of the pair's own group (its
translations, other answers to its question) and those whose cosine to the query exceeds a share of the own passage's,
which are perhaps relevant and not judged (Moreira et al. 2024, "NV-Retriever", the threshold relative to the positive).
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

    A row's own (`table.given`) come first, then what is found, then passages at random where that is not enough.

    Args:
        table: The pairs; texts as their sources have them.
        alignment: Says how many, and how near they may be.

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
        own = np.einsum("ij,ij->i", queries, searched.encode([table.passages[row] for row in rows], "document"))
        scores, columns = index.search(queries, min(len(passages), wanted + _DEEPER))
        for at, row in enumerate(rows):
            near = [
                column
                for column, score in zip(columns[at], scores[at], strict=True)
                if groups[column] != table.groups[row] and score <= alignment.margin * own[at]
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
