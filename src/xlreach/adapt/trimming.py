"""Trimming a tokenizer to the pieces that a text uses: it splits that text as before, with a smaller vocabulary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from xlreach.adapt.segmentation import Segmenter, count_words
from xlreach.errors import ModelError

_ROUNDS, _BLOCK = 4, 2_000


def trimmed(content: dict[str, Any], files: Iterable[Path], also: Iterable[str] = ()) -> dict[str, Any]:
    """A Unigram or WordPiece `tokenizer.json` with only the pieces that a text needs, renumbered in their old order.

    The words of the text are split exactly as before. Kept are the special tokens, the pieces in use, and the single
    characters of the text. For Unigram the least probable piece is kept too, because it sets the cost of an unknown
    character; for WordPiece, `[unusedN]` slots are removed.
    """
    base = Segmenter(content)
    pretokens = {pretoken for word in count_words(files) for pretoken in base.pretokenize(word)}
    characters = set().union(*pretokens)
    needed = characters | {piece for pretoken in pretokens for piece, _ in base.tokenize(pretoken)}
    needed |= {f"##{character}" for character in characters} if base.kind == "WordPiece" else set()
    needed |= {token["content"] for token in content["added_tokens"]} | set(also)
    if base.kind == "Unigram":
        return _trimmed_unigram(content, needed)
    return _trimmed_wordpiece(content, needed)


def trimmed_exactly(content: dict[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """`trimmed`, checked on every line as a whole: a tokenizer may split a line differently from its words.

    Raises:
        ModelError: Some line is still split differently from before.
    """
    also: set[str] = set()
    for _ in range(_ROUNDS):
        small = trimmed(content, files, also)
        changed = _changed(content, small, files)
        if not changed:
            return small
        also |= changed
    raise ModelError(
        "The tokenizer cannot be trimmed: without its unused pieces it splits the text differently.",
        expected="Expected the same pieces in every line.",
        fix="Leave 'trim' out of the recipe.",
    )


def _changed(before: dict[str, Any], after: dict[str, Any], files: Sequence[Path]) -> set[str]:
    """The pieces of the lines that the two tokenizers split differently."""
    old, new = (Tokenizer.from_str(json.dumps(content)) for content in (before, after))
    pieces: set[str] = set()
    for path in files:
        with path.open(encoding="utf-8") as stream:
            while block := [line.strip() for line in islice(stream, _BLOCK)]:
                for a, b in zip(old.encode_batch(block), new.encode_batch(block), strict=True):
                    if a.tokens != b.tokens:
                        pieces.update(a.tokens)
    return pieces


def _trimmed_unigram(content: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    vocab = content["model"]["vocab"]
    unknown, least = content["model"]["unk_id"], min(range(len(vocab)), key=lambda i: vocab[i][1])
    kept = [i for i, (piece, _) in enumerate(vocab) if piece in needed or i in (unknown, least)]
    new_id = {old: new for new, old in enumerate(kept)}
    model = {**content["model"], "vocab": [vocab[i] for i in kept], "unk_id": new_id[unknown]}
    return renumbered({**content, "model": model}, {vocab[old][0]: new for old, new in new_id.items()})


def _trimmed_wordpiece(content: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    model = content["model"]
    kept = [p for p in sorted(model["vocab"], key=model["vocab"].get) if p in needed or p == model["unk_token"]]
    vocab = {piece: i for i, piece in enumerate(kept)}
    return renumbered({**content, "model": {**model, "vocab": vocab}}, vocab)


def renumbered(content: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    """Sets the ids of added tokens and of the post-processor's special tokens to those of the vocabulary."""
    added = []
    for token in sorted(content["added_tokens"], key=lambda token: token["id"]):
        ids.setdefault(token["content"], len(ids))
        added.append({**token, "id": ids[token["content"]]})
    return {**content, "added_tokens": added, "post_processor": _with_ids(content.get("post_processor"), ids)}


def _with_ids(processor: Any, ids: dict[str, int]) -> Any:
    if not isinstance(processor, dict):
        return processor
    if processor["type"] == "Sequence":
        return {**processor, "processors": [_with_ids(inner, ids) for inner in processor["processors"]]}
    if processor["type"] == "TemplateProcessing":
        tokens = {
            name: {**token, "ids": [ids[t] for t in token["tokens"]]}
            for name, token in processor["special_tokens"].items()
        }
        return {**processor, "special_tokens": tokens}
    return {
        **processor,
        **{end: [processor[end][0], ids[processor[end][0]]] for end in ("sep", "cls") if end in processor},
    }
