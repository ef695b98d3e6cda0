"""How an encoder reads a query: the text that it makes of it, and the tokens."""

from __future__ import annotations

from dataclasses import dataclass

from xlreach.adapt.romanize import input_transform
from xlreach.retrieval.encoding import TextEncoder


@dataclass(frozen=True)
class QueryTokens:
    """A query as an encoder sees it: `text` with its prompt, transliterated and normalized.

    `tokens` are those that are read, but for special ones, each with whether the vocabulary lacks it (`unknown` counts
    these); `length` is of the whole query. Where it is `truncated`, only the beginning is read.
    """

    text: str
    tokens: tuple[tuple[str, bool], ...]
    unknown: int
    length: int
    truncated: bool


def tokenize_query(encoder: TextEncoder, query: str) -> QueryTokens:
    """What `encoder` makes of a query, its prompt included."""
    text = encoder.prompts.get("query", "") + input_transform(encoder.path)(query)
    tokenizer = encoder.model.tokenizer
    whole = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    ids = [number for number in tokenizer(text, truncation=True, verbose=False)["input_ids"] if number not in special]
    is_unknown = [number == tokenizer.unk_token_id for number in ids]
    tokens = tuple(zip(map(str, tokenizer.convert_ids_to_tokens(ids)), is_unknown, strict=True))
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    if normalizer is not None:
        text = normalizer.normalize_str(text)
    return QueryTokens(text, tokens, sum(is_unknown), len(whole), len(ids) < len(whole))
