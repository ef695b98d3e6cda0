"""Transliteration: the table inside the tokenizer against replacing in Python first; uroman by word against by line.

Uyghur text, XLM-R's own tokenizer. Both sides of the first comparison end in the same ids, both of the second in the
same strings.

Needs XLREACH_DATA and uroman. `--quick` ends within a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import unicodedata
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from uroman import Uroman

from xlreach.adapt import inputs
from xlreach.adapt.translit import built_in_tables, read_table, transliterating
from xlreach.corpora.registry import open_dataset


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    count = 2_000 if options.quick else 20_000
    lines = list(islice(open_dataset("text:lapt9/ug", Path(root)).lines("ug"), count))
    rows = [tables(Path(root), lines, 1 if options.quick else 3), romanisation(lines[: count // 2])]
    print(json.dumps({"benchmark": "transliteration", **rows[0], "rows": rows, "lines": len(lines)}))


def tables(root: Path, lines: list[str], repeats: int) -> dict[str, Any]:
    """The built-in table as a normalizer, and as Python's `str.replace`."""
    content = json.loads((root / "tokenizer/xlmr/tokenizer.rebuilt.json").read_text("utf-8"))
    _, table = read_table(built_in_tables()["ug"])
    plain, ours = (Tokenizer.from_str(json.dumps(one)) for one in (content, transliterating(content, table)))
    order = sorted((key for key in table if table[key] != key), key=lambda key: (-len(key), key))

    def in_python(line: str) -> str:
        line = unicodedata.normalize("NFKC", line)
        for key in order:
            line = line.replace(key, table[key])
        return line

    best = {"ours": float("inf"), "theirs": float("inf")}
    for _ in range(repeats):
        start = time.perf_counter()
        a = [one.ids for one in ours.encode_batch(lines)]
        middle = time.perf_counter()
        b = [one.ids for one in plain.encode_batch([in_python(line) for line in lines])]
        end = time.perf_counter()
        best = {"ours": min(best["ours"], middle - start), "theirs": min(best["theirs"], end - middle)}
    against = "str.replace in Python, then the same tokenizer"
    return row(len(lines) / best["ours"], len(lines) / best["theirs"], against, a == b)


def romanisation(lines: list[str]) -> dict[str, Any]:
    """Each side on a fresh romanizer, which keeps results of its own too."""
    theirs = Uroman()
    inputs.require_uroman()
    start = time.perf_counter()
    a = [inputs.by_word(line) for line in lines]
    middle = time.perf_counter()
    b = [str(theirs.romanize_string(line)) for line in lines]
    end = time.perf_counter()
    return row(len(lines) / (middle - start), len(lines) / (end - middle), "uroman, line by line", a == b)


def row(ours: float, theirs: float, against: str, equal: bool) -> dict[str, Any]:
    """One comparison."""
    rates = {"ours": round(ours, 1), "theirs": round(theirs, 1)}
    return {"ratio": round(ours / theirs, 2), **rates, "unit": "lines/s", "against": against, "equal": equal}


if __name__ == "__main__":
    main()
