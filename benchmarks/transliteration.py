"""Transliteration: what a table inside the tokenizer costs, and uroman by word against by line.

The tokenizer is XLM-R's own. Its table is held against the tokenizer without one, on the same Uyghur lines (`ratio` is
the time with the table over the time without) and on lines transliterated beforehand, and against replacing in Python
first; `equal` says whether its ids are those of the lines transliterated beforehand. uroman reads a whole text for
adaptation in Cyrillic letters; both sides give the same strings, and uroman keeps results of its own too.

Needs XLREACH_DATA and uroman. `--quick` ends within a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import unicodedata
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from uroman import Uroman

from xlreach.adapt import romanize
from xlreach.adapt.transliterate import built_in_tables, read_table, transliterating
from xlreach.corpora.registry import open_dataset


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    text = open_dataset("text:lapt9/ug", Path(root)).lines("ug")
    lines = list(islice(text, 2_000 if options.quick else None))
    rows = tables(Path(root), lines, 3 if options.quick else 7)
    cyrillic = open_dataset("text:lapt9/bg", Path(root)).lines("bg")
    rows.append(romanisation(list(islice(cyrillic, 1_000 if options.quick else None))))
    print(json.dumps({"benchmark": "transliteration", **rows[0], "rows": rows}))


def tables(root: Path, lines: list[str], repeats: int) -> list[dict[str, Any]]:
    """The built-in table as a normalizer, beside no table and beside Python's `str.replace`; fastest of its turns."""
    content = json.loads((root / "tokenizer/xlmr/tokenizer.rebuilt.json").read_text("utf-8"))
    _, table = read_table(built_in_tables()["ug"])
    plain, ours = (Tokenizer.from_str(json.dumps(one)) for one in (content, transliterating(content, table)))
    order = sorted((key for key in table if table[key] != key), key=lambda key: (-len(key), key))

    def in_python(line: str) -> str:
        line = unicodedata.normalize("NFKC", line)
        for key in order:
            line = line.replace(key, table[key])
        return line

    latin = [in_python(line) for line in lines]
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours.encode_batch(lines),
        "none": lambda: plain.encode_batch(lines),
        "beforehand": lambda: plain.encode_batch(latin),
        "in Python": lambda: plain.encode_batch([in_python(line) for line in lines]),
    }
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, encode in sides.items():
            start = time.perf_counter()
            encode()
            best[name] = min(best[name], time.perf_counter() - start)
    equal = [one.ids for one in ours.encode_batch(lines)] == [one.ids for one in plain.encode_batch(latin)]
    rate = {name: len(lines) / seconds for name, seconds in best.items()}
    against = {
        "none": "the tokenizer without a table, same lines (time of ours over time of theirs)",
        "beforehand": "the tokenizer without a table, lines transliterated beforehand (likewise)",
    }
    rows = [
        row(rate["ours"], rate[name], what, len(lines), equal, rate[name] / rate["ours"])
        for name, what in against.items()
    ]
    what = "str.replace in Python, then the same tokenizer"
    return [*rows, row(rate["ours"], rate["in Python"], what, len(lines), equal, rate["ours"] / rate["in Python"])]


def romanisation(lines: list[str]) -> dict[str, Any]:
    """Each side on a fresh romanizer."""
    theirs = Uroman()
    romanize.require_uroman()
    start = time.perf_counter()
    a = [romanize.by_word(line) for line in lines]
    middle = time.perf_counter()
    b = [str(theirs.romanize_string(line)) for line in lines]
    end = time.perf_counter()
    rates = (len(lines) / (middle - start), len(lines) / (end - middle))
    return row(*rates, "uroman, line by line", len(lines), a == b, rates[0] / rates[1])


def row(ours: float, theirs: float, against: str, lines: int, equal: bool, ratio: float) -> dict[str, Any]:
    """One comparison."""
    rates = {"ours": round(ours, 1), "theirs": round(theirs, 1)}
    return {"ratio": round(ratio, 2), **rates, "unit": "lines/s", "against": against, "lines": lines, "equal": equal}


if __name__ == "__main__":
    main()
