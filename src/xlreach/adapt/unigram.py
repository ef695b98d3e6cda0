"""Unigram tokenizers: training one, appending pieces to one, and building a new one in the layout of XLM-R.

SentencePiece trains, on one thread, so that the same text always gives the same model; only `tokenizer.json` is kept.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from xlreach.adapt.segmentation import Segmenter
from xlreach.errors import DataError, ModelError

_SPACE = "▁"


def train_unigram(lines: Iterator[str], size: int, coverage: float = 1.0) -> sentencepiece.SentencePieceProcessor:
    """Trains a SentencePiece Unigram model of at most `size` pieces on normalized lines.

    `coverage` is the share of the text's characters that get a piece; the rarest do not.

    Raises:
        DataError: No model can be trained on the text.
    """
    file = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines,
            model_writer=file,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=coverage,
            normalization_rule_name="identity",
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DataError(f"No Unigram model of {size} pieces can be trained on the text ({reason}).") from error
    return sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())


def train_pieces(text: list[str], room: int, size: int) -> list[tuple[str, float]]:
    """Trains at most `room` pieces for a vocabulary of `size`, without special tokens: pieces with their scores.

    XLM-R left the rarest characters out; where all have room, a small text needs every one.
    """
    characters = len(set().union(*map(set, text)))
    # Three entries of the trained model are its own special tokens.
    model = train_unigram(iter(text), room + 3, coverage=1.0 if characters <= size // 4 else 0.9995)
    ordinary = [i for i in range(model.get_piece_size()) if not (model.is_control(i) or model.is_unknown(i))]
    return [(model.id_to_piece(i), model.get_score(i)) for i in ordinary]


def with_pieces(base: Segmenter, pieces: Iterable[str]) -> Segmenter:
    """The Unigram tokenizer with pieces appended to its vocabulary, all with the median of its scores.

    With this one score the pieces are used and other text stays unchanged; the scores of the proposing model, shifted
    or not, would change several per cent of the lines of other languages.
    """
    model = base.content["model"]
    scores = sorted(score for _, score in model["vocab"] if score != 0.0)
    middle = scores[len(scores) // 2] if scores else 0.0
    behind = sorted(t["id"] for t in base.content["added_tokens"] if t["id"] >= len(model["vocab"]))
    if behind != list(range(len(model["vocab"]), len(model["vocab"]) + len(behind))):
        raise ModelError(
            "The ids of the tokenizer's added tokens leave gaps after its vocabulary.",
            expected="Expected consecutive ids, so that pieces can be appended.",
        )
    # Added tokens that follow the vocabulary keep their ids by becoming part of it.
    contents = {t["id"]: t["content"] for t in base.content["added_tokens"]}
    vocab = [*model["vocab"], *([contents[id_], 0.0] for id_ in behind), *([piece, middle] for piece in pieces)]
    return Segmenter({**base.content, "model": {**model, "vocab": vocab}})


def new_tokenizer(lines: Iterable[str], size: int) -> dict[str, Any]:
    """The `tokenizer.json` of a new Unigram tokenizer in XLM-R's layout, with at most `size` entries.

    `<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3, the pieces from the most probable, `<mask>` last; NFKC; `▁` before words.
    """
    text = [unicodedata.normalize("NFKC", line) for line in lines]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = train_pieces(text, size - len(special) - 1, size)
    tokenizer = Tokenizer(models.Unigram([*special, *pieces, ("<mask>", 0.0)], unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(_SPACE, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(_SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(
        [*(AddedToken(t, normalized=False) for t, _ in special), AddedToken("<mask>", lstrip=True, normalized=False)]
    )
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content
