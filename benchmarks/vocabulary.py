"""Choosing vocabulary: ours against a plain rendering of the published procedure (Chau & Smith 2021), the same pieces.

The base is mBERT's WordPiece vocabulary, the text Maltese. Both sides train the proposing vocabulary the same way; the
published procedure then goes through the text token by token, ours through word types with their counts.

Needs XLREACH_DATA. `--quick` ends within a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from xlreach.adapt.candidates import choose
from xlreach.adapt.segmentation import Segmenter, ranked
from xlreach.adapt.wordpiece import longest_match, train_wordpiece
from xlreach.corpora.registry import open_dataset

PIECES = 99


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    lines = list(islice(open_dataset("text:lapt9/mt", Path(root)).lines("mt"), 5_000 if options.quick else None))
    base = mbert(Path(root) / "tokenizer/mbert/vocab.txt")
    ours, theirs, seconds = [], [], {"ours": float("inf"), "theirs": float("inf")}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "mt.txt"
        text.write_text("\n".join(lines) + "\n", "utf-8")
        for _ in range(1 if options.quick else 3):
            start = time.perf_counter()
            ours = list(choose(base, {"mt": text}, {}, PIECES, "unk").pieces)
            middle = time.perf_counter()
            theirs = published(base, text)
            end = time.perf_counter()
            seconds = {
                "ours": min(seconds["ours"], middle - start),
                "theirs": min(seconds["theirs"], end - middle),
            }
    report = {
        "benchmark": "vocabulary",
        "ratio": round(seconds["theirs"] / seconds["ours"], 2),
        **{name: round(value, 2) for name, value in seconds.items()},
        "unit": "s",
        "against": "the published procedure, token by token",
        "equal": ours == theirs,
        "lines": len(lines),
        "pieces": PIECES,
    }
    print(json.dumps(report))


def mbert(vocab: Path) -> Segmenter:
    """MBERT's cased tokenizer."""
    pieces = {piece: i for i, piece in enumerate(vocab.read_text("utf-8").splitlines())}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return Segmenter(content)


def published(base: Segmenter, text: Path) -> list[str]:
    """Steps 1 to 4 of the published selection; ties in code-point order."""
    words = text.read_text("utf-8").split()
    cut = base.tokenizer.pre_tokenizer.pre_tokenize_str
    counted: Counter[str] = Counter()
    for word in words:
        for part, _ in cut(base.normalize(word)):
            counted[part] += 1
    new = set(train_wordpiece(counted, 5000, 5, 1000))
    counts: Counter[str] = Counter()
    everywhere: Counter[str] = Counter()
    for word in words:
        before = base.tokenizer.encode(word, add_special_tokens=False).tokens
        after = [p for part, _ in cut(base.normalize(word)) for p in longest_match(part, new) or ["[UNK]"]]
        everywhere.update(after)
        if before.count("[UNK]") > after.count("[UNK]"):
            counts.update(piece for piece in after if piece not in before)
    chosen = [piece for piece in ranked(counts) if piece not in base.vocabulary][:PIECES]
    known = {*chosen, *base.vocabulary}
    padding = [piece for piece in ranked(everywhere) if piece not in known]
    return [*chosen, *padding][:PIECES]


if __name__ == "__main__":
    main()
