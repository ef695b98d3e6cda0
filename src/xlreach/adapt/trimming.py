"""Trimming a tokenizer to the pieces that a text uses: the same segmentation of that text, a smaller vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xlreach.adapt.segmentation import Segmenter, count_words


def trimmed(content: dict[str, Any], files: Iterable[Path]) -> dict[str, Any]:
    """The `tokenizer.json` with only what the text needs, ids closed up in their old order.

    The text is segmented exactly as before. Kept are the special tokens, the pieces in use, and the single characters
    of the text. For Unigram the least probable piece is kept too, because the cost of an unknown character is
    reckoned from it; for WordPiece, `[unusedN]` slots go.

    Args:
        content: Of a Unigram or WordPiece tokenizer.
        files: Text files.
    """
    base = Segmenter(content)
    parts = {part for word in count_words(files) for part in base.parts(word)}
    needed = {piece for part in parts for piece, _ in base.cut(part)}
    needed |= {character for part in parts for character in part}
    needed |= {f"##{character}" for part in parts for character in part} if base.kind == "WordPiece" else set()
    needed |= {token["content"] for token in content["added_tokens"]}
    if base.kind == "Unigram":
        return _trimmed_unigram(content, needed)
    return _trimmed_wordpiece(content, needed)


def _trimmed_unigram(content: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    vocab = content["model"]["vocab"]
    unknown, least = content["model"]["unk_id"], min(range(len(vocab)), key=lambda i: vocab[i][1])
    kept = [i for i, (piece, _) in enumerate(vocab) if piece in needed or i in (unknown, least)]
    new_id = {old: new for new, old in enumerate(kept)}
    model = {**content["model"], "vocab": [vocab[i] for i in kept], "unk_id": new_id[unknown]}
    return _renumbered({**content, "model": model}, {vocab[old][0]: new for old, new in new_id.items()})


def _trimmed_wordpiece(content: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    model = content["model"]
    kept = [p for p in sorted(model["vocab"], key=model["vocab"].get) if p in needed or p == model["unk_token"]]
    vocab = {piece: i for i, piece in enumerate(kept)}
    return _renumbered({**content, "model": {**model, "vocab": vocab}}, vocab)


def _renumbered(content: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    """Brings the ids of added tokens and of the post-processor's special tokens in line with the vocabulary."""
    added = []
    for token in sorted(content["added_tokens"], key=lambda token: token["id"]):
        ids.setdefault(token["content"], len(ids))
        added.append({**token, "id": ids[token["content"]]})
    return {**content, "added_tokens": added, "post_processor": _with_ids(content.get("post_processor"), ids)}


def _with_ids(processor: Any, ids: dict[str, int]) -> Any:
    if not isinstance(processor, dict):
        return processor
    if processor["type"] == "Sequence":
        return {**processor, "processors": [_with_ids(one, ids) for one in processor["processors"]]}
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
