"""What an encoder makes of a language, before any task: how its tokenizer cuts text, how well it foresees words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.tokenizer_file import read_tokenizer, special_tokens, token_id
from xlreach.errors import DataError

_AT_ONCE = 1000


def diagnose(encoder: Path, lines: Iterable[str], most_lines: int | None = None) -> dict[str, float]:
    """Measures an encoder's tokenizer on text.

    Args:
        encoder: The encoder folder.
        lines: Text, a sentence or paragraph each.
        most_lines: Measure on the first so many.

    Returns:
        `unk_pieces`: unknown among all pieces. `unk_words`: white-space words with an unknown piece among all.
        `fertility`: pieces per word. `continued_words`: words of two pieces or more among all. `round_trip_loss`:
        lines that encoding and decoding does not give back exactly; `round_trip_loss_no_space`: the same when white
        space does not count. `new_pieces_used`: of the pieces added to the vocabulary, those that occur in the text
        (only where pieces were added). All are shares from 0 to 1 but for fertility.

    Raises:
        DataError: There are no words in the text.
    """
    from tokenizers import Tokenizer

    content = read_tokenizer(encoder)
    tokenizer = Tokenizer.from_str(json.dumps(content))
    roles = special_tokens(encoder, content)
    unknown = token_id(content, roles["unk_token"]) if "unk_token" in roles else -1
    new = {tokenizer.token_to_id(piece) for piece in Provenance.read(encoder).new_pieces}
    pieces = words = unknown_pieces = unknown_words = continued = texts = lost = lost_without_space = 0
    seen: set[int] = set()
    transform = input_transform(encoder)
    some: Iterator[str] = (transform(line) for line in lines if line.strip())
    some = some if most_lines is None else islice(some, most_lines)
    while block := list(islice(some, _AT_ONCE)):
        by_word = tokenizer.encode_batch([line.split() for line in block], True, add_special_tokens=False)
        for line, encoding in zip(block, by_word, strict=True):
            count = len(line.split())
            per_word = [0] * count
            unknown_in: set[int] = set()
            for id_, word in zip(encoding.ids, encoding.word_ids, strict=True):
                if word is None:
                    continue
                per_word[word] += 1
                if id_ == unknown:
                    unknown_in.add(word)
                    unknown_pieces += 1
            words += count
            pieces += len(encoding.ids)
            unknown_words += len(unknown_in)
            continued += sum(number > 1 for number in per_word)
            seen.update(encoding.ids)
        whole = [encoding.ids for encoding in tokenizer.encode_batch(block, add_special_tokens=False)]
        for line, back in zip(block, tokenizer.decode_batch(whole, skip_special_tokens=False), strict=True):
            texts += 1
            lost += back != line
            lost_without_space += "".join(back.split()) != "".join(line.split())
    if not words or not pieces:
        raise DataError("There are no words to diagnose the encoder on.")
    found = {
        "unk_pieces": unknown_pieces / pieces,
        "unk_words": unknown_words / words,
        "fertility": pieces / words,
        "continued_words": continued / words,
        "round_trip_loss": lost / texts,
        "round_trip_loss_no_space": lost_without_space / texts,
    }
    return found | ({"new_pieces_used": len(new & seen) / len(new)} if new else {})


def parity(encoder: Path, pairs: Iterable[tuple[str, str]], most_pairs: int | None = None) -> tuple[float, int]:
    """How many times as many pieces a language takes as another one to say the same (Petrov et al. 2023).

    Args:
        encoder: The encoder folder.
        pairs: The same in the language and in the other one, usually English.
        most_pairs: Measure on the first so many.

    Returns:
        Pieces in all left sides over pieces in all right sides, special tokens not counted, and the number of pairs.

    Raises:
        DataError: There is nothing on a side.
    """
    from tokenizers import Tokenizer

    tokenizer, transform = Tokenizer.from_str(json.dumps(read_tokenizer(encoder))), input_transform(encoder)
    stream, pieces, count = iter(pairs), [0, 0], 0
    stream = stream if most_pairs is None else islice(stream, most_pairs)
    while block := list(islice(stream, _AT_ONCE)):
        count += len(block)
        for side, texts in enumerate(zip(*block, strict=True)):
            encoded = tokenizer.encode_batch([transform(text.strip()) for text in texts], add_special_tokens=False)
            pieces[side] += sum(len(one.ids) for one in encoded)
    if not all(pieces):
        raise DataError("There is nothing to compare the number of pieces on.", expected="Expected parallel lines.")
    return pieces[0] / pieces[1], count


def pseudo_perplexity(encoder: Path, lines: Iterable[str]) -> tuple[dict[str, float], int]:
    """How well the encoder foresees words of text that it was not trained on (`likelihood.word_likelihood`).

    Returns:
        `pseudo_nll_per_word` in nats and `pseudo_perplexity_per_word`, its exponential, and the number of words they
        rest on; nothing for an encoder without a masked-language-model head. Words with an unknown piece are left out:
        between vocabularies compare them only where `unk_words` is about the same.
    """
    from xlreach.adapt.likelihood import word_likelihood

    found = word_likelihood(encoder, lines)
    if found is None:
        return {}, 0
    perplexity = math.exp(min(found.nll, 700.0))  # beyond that there is no such number
    return {"pseudo_nll_per_word": found.nll, "pseudo_perplexity_per_word": perplexity}, found.words


def training_loss(encoder: Path) -> dict[str, float]:
    """`valid_loss_per_word` of the encoder's last step, in nats; nothing where that trained no language model."""
    steps = Provenance.read(encoder).steps
    name = "valid_loss_per_word"
    return {name: float(steps[-1][name])} if steps and name in steps[-1] else {}
