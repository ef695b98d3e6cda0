"""Two large plans on paper: MIRACL, and 100 languages × 10 recipes × 5 seeds. Stages, hours, bytes, cost; JSON.

Nothing is run. Rates are those that `scale.py --shape base` prints, of one machine; the price of a core hour is an
assumption that the reader makes:

    python benchmarks/plans.py --encode 3100 --lapt 650 --cores 2 --core-hour 0.05
"""

from __future__ import annotations

import argparse
import json
from typing import Any

DIMENSION, ENCODER_BYTES = 768, 1.06e9  # XLM-R base
PASSAGES, LARGEST, PIECES = 90e6, 32.9e6, 100  # MIRACL: all 18 languages, English, and pieces a passage (assumed)
CELLS, CODE_BYTES, SAMPLED = 65_536, 64 + 8, 64  # IVF65536,PQ64: bytes a passage with its number; sample for each cell
LANGUAGES, RECIPES, SEEDS = 100, 10, 5
TEXT_PIECES, EPOCHS, SCORED = 1e6, 20, 10_000  # a language's text, passes over it, and passages to search in


def main() -> None:
    """Prints both plans."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encode", type=float, required=True, help="pieces a second that one machine encodes")
    parser.add_argument("--lapt", type=float, required=True, help="pieces a second that it trains on")
    parser.add_argument("--cores", type=float, required=True, help="of that machine")
    parser.add_argument("--core-hour", type=float, required=True, help="the assumed price")
    parser.add_argument("--ids", type=float, default=64, help="bytes of memory a passage while indexing")
    given = parser.parse_args()

    def stage(name: str, times: float, pieces: float, rate: float, made: float) -> dict[str, Any]:
        hours = times * pieces / rate / 3600
        cost = round(hours * given.cores * given.core_hour)
        return {
            "stage": name,
            "times": int(times),
            "machine_hours": round(hours),
            "cost": cost,
            "gb": round(made / 1e9),
        }

    vectors, encoders = PASSAGES * DIMENSION * 4, LANGUAGES * RECIPES * SEEDS
    plans = {
        "MIRACL": {
            "stages": [
                stage("encode", 1, PASSAGES * PIECES, given.encode, vectors),
                {"stage": "index Flat", "gb": round(vectors / 1e9)},
                {"stage": "index IVF65536,PQ64", "gb": round((vectors + PASSAGES * CODE_BYTES) / 1e9)},
            ],
            "memory_gb": {
                "codes of PQ64 with their numbers": round(PASSAGES * CODE_BYTES / 1e9, 1),
                "exact scoring, all languages as one pool": round(vectors / 1e9),
                "exact scoring, English": round(LARGEST * DIMENSION * 4 / 1e9),
                "training sample of IVF65536": round(CELLS * SAMPLED * DIMENSION * 4 / 1e9),
                "ids while indexing as one": round(PASSAGES * given.ids / 1e9),
            },
        },
        "100 languages × 10 recipes × 5 seeds": {
            "stages": [
                stage("lapt", encoders, TEXT_PIECES * EPOCHS, given.lapt, encoders * ENCODER_BYTES),
                {"stage": "an alignment of each", "times": encoders, "gb": round(encoders * ENCODER_BYTES / 1e9)},
                stage("encode", encoders, SCORED * PIECES, given.encode, encoders * SCORED * DIMENSION * 4),
            ],
        },
    }
    print(json.dumps({"benchmark": "plans", **vars(given), "plans": plans}, ensure_ascii=False))


if __name__ == "__main__":
    main()
