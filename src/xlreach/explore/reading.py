"""How an encoder reads a query: what text is made of it, and which pieces."""

from __future__ import annotations

from dataclasses import dataclass

from xlreach.adapt.romanize import input_transform
from xlreach.retrieval.encoding import TextEncoder


@dataclass(frozen=True)
class Reading:
    """A query as an encoder sees it.

    Attributes:
        text: After transliteration and the tokenizer's own normalisation.
        pieces: Each piece with whether it is unknown to the vocabulary; special pieces are left out.
        unknown: How many are.
        length: Pieces of the whole query.
        cut: Whether the encoder reads only the beginning.
    """

    text: str
    pieces: tuple[tuple[str, bool], ...]
    unknown: int
    length: int
    cut: bool


def read_query(encoder: TextEncoder, query: str) -> Reading:
    """What `encoder` makes of a query, its prompt included."""
    given = encoder.prompts.get("query", "") + input_transform(encoder.path)(query)
    tokenizer = encoder.model.tokenizer
    whole = tokenizer(given, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    kept = tokenizer(given, truncation=True, verbose=False)["input_ids"]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    read = [one for one in kept if one not in special]
    pieces = tokenizer.convert_ids_to_tokens(read)
    marked = tuple((str(piece), one == tokenizer.unk_token_id) for piece, one in zip(pieces, read, strict=True))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    normalizer = getattr(backend, "normalizer", None)
    text = normalizer.normalize_str(given) if normalizer is not None else given
    return Reading(text, marked, sum(one for _, one in marked), len(whole), len(read) < len(whole))
