"""What an encoder makes of a language, before any task: how its tokenizer splits text, how well it predicts words."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import chain, islice
from pathlib import Path

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.segmentation import pieces_of_words
from xlreach.adapt.tokenizer_file import read_tokenizer, special_tokens, token_id
from xlreach.errors import DataError

_BLOCK = 1000  # lines per call of the tokenizer


def diagnose(encoder: Path, lines: Iterable[str], most_lines: int | None = None) -> dict[str, float]:
    """Measures an encoder's tokenizer on lines of text, on the first `most_lines` only if given.

    Returns:
        Shares from 0 to 1, but for `fertility`, the pieces per white-space word. `unk_pieces` and `unk_words`: pieces
        that are unknown, words with one. `continued_words`: words of two pieces or more. `round_trip_loss`: lines that
        encoding and decoding changes; `round_trip_loss_no_space`: not counting white space. `new_pieces_used`: added
        pieces that occur in the text, where pieces were added.

    Raises:
        DataError: There are no words in the text.
    """
    from tokenizers import Tokenizer

    content = read_tokenizer(encoder)
    tokenizer = Tokenizer.from_str(json.dumps(content))
    roles = special_tokens(encoder, content)
    unknown = token_id(content, roles["unk_token"]) if "unk_token" in roles else -1
    new = {tokenizer.token_to_id(piece) for piece in Provenance.read(encoder).new_pieces}
    counts: Counter[str] = Counter()
    used: set[int] = set()
    transform = input_transform(encoder)
    stream = islice((transform(line) for line in lines if line.strip()), most_lines)
    encode = partial(tokenizer.encode_batch, add_special_tokens=False)
    while block := list(islice(stream, _BLOCK)):
        words = [line.split() for line in block]
        for pieces in chain.from_iterable(pieces_of_words(encode, words)):
            counts["pieces"] += len(pieces)
            counts["unknown pieces"] += pieces.count(unknown)
            counts["unknown words"] += unknown in pieces
            counts["continued words"] += len(pieces) > 1
            used.update(pieces)
        ids = [encoding.ids for encoding in encode(block)]
        decoded = tokenizer.decode_batch(ids, skip_special_tokens=False)
        counts["words"] += sum(map(len, words))
        counts["lines"] += len(block)
        counts["lost"] += sum(back != line for line, back in zip(block, decoded, strict=True))
        counts["lost without space"] += sum(
            "".join(back.split()) != "".join(line) for line, back in zip(words, decoded, strict=True)
        )
    if not counts["words"] or not counts["pieces"]:
        raise DataError(
            "There are no words in the text.",
            expected="Expected text to measure the tokenizer on.",
            fix="Give other text.",
        )
    measures = {
        "unk_pieces": counts["unknown pieces"] / counts["pieces"],
        "unk_words": counts["unknown words"] / counts["words"],
        "fertility": counts["pieces"] / counts["words"],
        "continued_words": counts["continued words"] / counts["words"],
        "round_trip_loss": counts["lost"] / counts["lines"],
        "round_trip_loss_no_space": counts["lost without space"] / counts["lines"],
    }
    return measures | ({"new_pieces_used": len(new & used) / len(new)} if new else {})


def parity(encoder: Path, pairs: Iterable[tuple[str, str]], most_pairs: int | None = None) -> tuple[float, int]:
    """Compares how many pieces two languages take to say the same (Petrov et al. 2023), on translations.

    Returns:
        Pieces of all left sides over pieces of all right sides, without special tokens; and the number of pairs.

    Raises:
        DataError: All texts of one side are empty.
    """
    from tokenizers import Tokenizer

    tokenizer, transform = Tokenizer.from_str(json.dumps(read_tokenizer(encoder))), input_transform(encoder)
    stream, pieces, count = islice(pairs, most_pairs), [0, 0], 0
    while block := list(islice(stream, _BLOCK)):
        count += len(block)
        for side, texts in enumerate(zip(*block, strict=True)):
            encodings = tokenizer.encode_batch([transform(text.strip()) for text in texts], add_special_tokens=False)
            pieces[side] += sum(len(encoding.ids) for encoding in encodings)
    if not all(pieces):
        raise DataError("One side of the parallel text is empty.", expected="Expected text on both sides.")
    return pieces[0] / pieces[1], count


def pseudo_perplexity(encoder: Path, lines: Iterable[str]) -> tuple[dict[str, float], int]:
    """Measures how well an encoder predicts words of text that it was not trained on (`likelihood.word_likelihood`).

    Returns:
        `pseudo_nll_per_word` in nats and its exponential `pseudo_perplexity_per_word`, and the number of words that
        they are the mean of; nothing for an encoder without a masked-language-model head. Words with an unknown piece
        are left out: compare encoders of different vocabularies only where `unk_words` is about the same.
    """
    from xlreach.adapt.likelihood import word_likelihood

    if (measured := word_likelihood(encoder, lines)) is None:
        return {}, 0
    nll, words = measured
    perplexity = math.exp(min(nll, 700.0))  # the exponential of more is no float
    return {"pseudo_nll_per_word": nll, "pseudo_perplexity_per_word": perplexity}, words


def training_loss(encoder: Path) -> dict[str, float]:
    """`valid_loss_per_word` of the encoder's last step, in nats; empty where that step trained no language model."""
    steps, name = Provenance.read(encoder).steps, "valid_loss_per_word"
    return {name: float(steps[-1][name])} if steps and name in steps[-1] else {}
