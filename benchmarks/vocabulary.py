"""Choosing vocabulary: ours against the published procedure (Chau & Smith 2021) rendered in Python, the same pieces.

The base is mBERT's WordPiece vocabulary, the text Maltese. The reference is the published algorithm as it stands, token
by token, and none of our code is on its side. Two renderings:

* plain Python: a WordPiece trainer that counts pairs once and then goes through the words that hold the merged pair,
  and longest-match-first; the library `tokenizers` only normalizes and splits off punctuation. Pairs of one frequency
  are merged in code-point order, as ours does, so the pieces come in the same order too;
* as the authors had it: `tokenizers` trains the proposing vocabulary and cuts every token with both. Its trainer breaks
  ties by numbers of its own, so the two vocabularies differ in some of their rarest pieces, and pieces that are chosen
  equally often may change places (on little text, as with `--quick`, the last of them are others).

`equal` says whether the 99 pieces are the same, `same order` whether they come in the same order too. Padding by
frequency is only counted where fewer than 99 pieces are found.

Needs XLREACH_DATA. `--quick` ends within a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Container
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from tokenizers import BertWordPieceTokenizer, Tokenizer, models, normalizers, pre_tokenizers

from xlreach.adapt.candidates import choose_pieces
from xlreach.adapt.segmentation import Segmenter
from xlreach.corpora.registry import open_dataset

PIECES = 99
Cut = Callable[[str], list[str]]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    lines = list(islice(open_dataset("text:lapt9/mt", Path(root)).lines("mt"), 5_000 if options.quick else None))
    base = mbert(Path(root) / "tokenizer/mbert/vocab.txt")
    repeats = 1 if options.quick else 3
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "mt.txt"
        text.write_text("\n".join(lines) + "\n", "utf-8")
        ours, seconds = timed(lambda: list(choose_pieces(base, {"mt": text}, {}, PIECES, "unk").pieces), repeats)
        rows = []
        for against, train, times in (
            ("the published procedure in plain Python", plain, 1),
            ("the published procedure with the library's trainer and tokenizers, token by token", library, repeats),
        ):
            theirs, their_seconds = timed(lambda train=train: published(base.tokenizer, text, train), times)
            rows.append(
                {
                    "ratio": round(their_seconds / seconds, 2),
                    "ours": round(seconds, 2),
                    "theirs": round(their_seconds, 2),
                    "unit": "s",
                    "against": against,
                    "equal": set(ours) == set(theirs) and len(ours) == PIECES,
                    "same order": ours == theirs,
                    "in common": len(set(ours) & set(theirs)),
                    "lines": len(lines),
                    "pieces": PIECES,
                }
            )
    print(json.dumps({"benchmark": "vocabulary", **rows[0], "rows": rows}))


def timed(work: Callable[[], list[str]], times: int) -> tuple[list[str], float]:
    """What it gives, and the fewest seconds it took."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - start)
    return found, best


def mbert(vocab: Path) -> Segmenter:
    """MBERT's cased tokenizer."""
    pieces = {piece: i for i, piece in enumerate(vocab.read_text("utf-8").splitlines())}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return Segmenter(content)


def published(base: Tokenizer, text: Path, train: Callable[[Tokenizer, Path], tuple[Cut, Cut]]) -> list[str]:
    """Steps 1 to 4 of the published selection; ties in code-point order."""
    old, new = train(base, text)
    words = text.read_text("utf-8").split()
    counts: Counter[str] = Counter()
    for word in words:
        before, after = old(word), new(word)
        if before.count("[UNK]") > after.count("[UNK]"):
            counts.update(piece for piece in after if piece not in before)
    known = base.get_vocab()
    chosen = [piece for piece in by_count(counts) if piece not in known][:PIECES]
    if len(chosen) < PIECES:
        everywhere = Counter(piece for word in words for piece in new(word))
        chosen += [piece for piece in by_count(everywhere) if piece not in known and piece not in set(chosen)]
    return chosen[:PIECES]


def library(base: Tokenizer, text: Path) -> tuple[Cut, Cut]:
    """The base and a tokenizer trained by the library, each called for one word."""
    new = BertWordPieceTokenizer(lowercase=False, strip_accents=False, clean_text=True, handle_chinese_chars=True)
    new.train([str(text)], vocab_size=5000, min_frequency=5, limit_alphabet=1000, show_progress=False)
    return (
        lambda word: base.encode(word, add_special_tokens=False).tokens,
        lambda word: new.encode(word, add_special_tokens=False).tokens,
    )


def plain(base: Tokenizer, text: Path) -> tuple[Cut, Cut]:
    """The base's vocabulary and one trained here, each cutting one word in Python."""

    def parts(word: str) -> list[str]:
        return [part for part, _ in base.pre_tokenizer.pre_tokenize_str(base.normalizer.normalize_str(word))]

    def cut(word: str, vocabulary: Container[str]) -> list[str]:
        return [piece for part in parts(word) for piece in longest_first(part, vocabulary)]

    old, new = base.get_vocab(), trained(Counter(p for word in text.read_text("utf-8").split() for p in parts(word)))
    return lambda word: cut(word, old), lambda word: cut(word, new)


def longest_first(word: str, vocabulary: Container[str]) -> list[str]:
    """WordPiece: always the longest piece that fits."""
    pieces: list[str] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                pieces.append(piece)
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces if len(word) <= 100 else ["[UNK]"]


def trained(words: Counter[str], size: int = 5000, least: int = 5, alphabet: int = 1000) -> set[str]:
    """A WordPiece vocabulary: the most frequent pair is merged until there are enough pieces."""
    letters = Counter({letter: 0 for word in words for letter in word})
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    kept = set(by_count(letters)[:alphabet])
    spelled = [
        (["##" * (i > 0) + letter for i, letter in enumerate(word) if letter in kept], count)
        for word, count in words.items()
        if len(word) <= 100
    ]
    pieces = {piece for one, _ in spelled for piece in one} | kept
    counts: Counter[tuple[str, str]] = Counter()
    holding: dict[tuple[str, str], set[int]] = {}
    for number, (one, count) in enumerate(spelled):
        for pair in pairwise(one):
            counts[pair] += count
            holding.setdefault(pair, set()).add(number)
    while len(pieces) < size and counts:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[best] < least:
            break
        merged = best[0] + best[1].removeprefix("##")
        pieces.add(merged)
        for number in holding.pop(best):
            one, count = spelled[number]
            for pair in pairwise(one):
                counts[pair] -= count
            i = 0
            while i + 1 < len(one):
                if (one[i], one[i + 1]) == best:
                    one[i : i + 2] = [merged]
                i += 1
            for pair in pairwise(one):
                counts[pair] += count
                holding.setdefault(pair, set()).add(number)
        del counts[best]
    return pieces


def by_count(counts: Counter[str]) -> list[str]:
    """The most frequent first."""
    return sorted(counts, key=lambda piece: (-counts[piece], piece))


if __name__ == "__main__":
    main()
