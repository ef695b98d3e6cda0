"""How often 95 % intervals cover, and how often tests err, over simulated studies whose truth is known.

Every study draws languages (of unlike spread on the two sides), queries, training seeds and hits anew: a hit is a coin
whose bias is the sum of their effects, as recall at one is. The low-resource side lacks `gap`, and the recipe gives it
`change` more than the other side. What is asked of each study is what a report says: the interval of the gap for
languages like these and for these very languages, of the change, of the directions, and the tests' p values where there
is nothing to find. Beside ours: Welch's t test of SciPy on the languages' means. The last line is JSON.

Estimated variances are cut off at zero, so that intervals err to the wide side where a source of chance is absent:
those of the change with three seeds (no chance of training beyond what the languages' spread holds is drawn here), and
of the sides, whose pairs share the chance of both their languages. With few resamples the error of the draws adds to
that; a report draws 10,000.

    python benchmarks/coverage.py [--quick] [--studies 1000] [--resamples 2000] [--setting mono] [--sizes 5x5 8x8]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from xlreach.comparison.gap_builder import GapBuilder
from xlreach.comparison.groups.families import Cell, Family, FamilyKey, Pair
from xlreach.gaps import LanguageSplit
from xlreach.system import System

SIZES = ((3, 3), (5, 5), (8, 8), (15, 15), (3, 8))
GROUPS = 60
LANGUAGE_SD = {"low": 0.08, "high": 0.05}
DOCUMENT_SD, GAIN_SD, SEED_SD = 0.03, 0.03, 0.01
SAME_HIT = 0.7  # share of hits and misses that training with another seed leaves as they are


def main() -> None:
    """Simulates and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within a minute: 100 studies of the small sizes")
    parser.add_argument("--studies", type=int, default=1000, help="studies of each kind")
    parser.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples of each study")
    parser.add_argument("--setting", choices=("mono", "cross"), help="this one alone")
    parser.add_argument("--sizes", nargs="+", help="languages, low x high, such as 5x5")
    asked = parser.parse_args()
    sizes = [tuple(int(one) for one in size.split("x")) for size in asked.sizes or []] or list(SIZES)
    studies, resamples, sizes = (100, 500, sizes[:2]) if asked.quick else (asked.studies, asked.resamples, sizes)
    rows = []
    for setting in (asked.setting,) if asked.setting else ("mono", "cross"):
        for low, high in sizes:
            if setting == "cross" and low + high > 16:
                continue  # 870 pairs of languages; nothing new
            for seeds in (1, 3):
                for gap, change in ((0.0, 0.0), (-0.2, 0.05)):
                    row = simulate(setting, low, high, seeds, gap, change, studies, resamples)
                    rows.append(row)
                    print(json.dumps(row))
    spans = {
        name: [min(seen), max(seen)]
        for name in ("like_these", "these", "change_like_these", "change_these")
        if (seen := [row[name] for row in rows if min(row["low"], row["high"]) >= 5])
    }
    worst = min(row["like_these"] for row in rows)
    print(
        json.dumps(
            {
                "benchmark": "coverage",
                "ratio": None,
                "ours": spans.get("like_these"),
                "theirs": 0.95,
                "unit": "share of intervals that cover, five languages a side or more",
                "against": "the nominal level",
                "equal": f"worst with fewer {worst}",
                "spans": spans,
                "rows": rows,
            }
        )
    )


def simulate(
    setting: str, low: int, high: int, seeds: int, gap: float, change: float, studies: int, resamples: int = 500
) -> dict[str, Any]:
    """Coverage and error rates over so many studies of one kind."""
    rng = np.random.default_rng([low, high, seeds, setting == "cross", gap != 0])
    codes = [f"l{n}" for n in range(low)] + [f"h{n}" for n in range(high)]
    split = LanguageSplit(name="config", rule="", low=tuple(codes[:low]), high=tuple(codes[low:]))
    hits: dict[str, list[bool]] = {}
    for study in range(studies):
        family, truth = draw_study(rng, setting, codes, low, seeds, gap, change)
        found = GapBuilder(study, resamples, 500)
        found.add(family, [split])
        first = found.gaps[0]
        hits.setdefault("like_these", []).append(_inside(first.interval, gap))
        hits.setdefault("these", []).append(_inside(first.interval_these_languages, truth["these"]))
        (row,) = found.changes()
        hits.setdefault("change_like_these", []).append(_inside(row.interval, change))
        hits.setdefault("change_these", []).append(_inside(row.interval_these_languages, truth["change"]))
        sides = [[first.values[code] for code in side] for side in (split.low, split.high)]
        ends = stats.ttest_ind(*sides, equal_var=False).confidence_interval(0.95)
        hits.setdefault("scipy_welch", []).append(ends.low <= gap <= ends.high)
        for direction in found.directions[: len(found.directions) // 2]:
            true = {"low→high": 0.5 + gap, "low→low": 0.5 + gap, "query side": gap, "document side": 0.0}
            expected = true.get(direction.direction, 0.5)
            hits.setdefault(f"direction {direction.direction}", []).append(_inside(direction.interval, expected))
        if change == 0:
            hits.setdefault("error_relabel", []).append(row.p_languages is not None and row.p_languages < 0.05)
        if gap == 0:
            hits.setdefault("error_t", []).append(first.p is not None and first.p < 0.05)
    about = {"setting": setting, "low": low, "high": high, "seeds": seeds, "gap": gap, "change": change}
    return about | {"studies": studies} | {name: round(float(np.mean(one)), 3) for name, one in hits.items()}


def draw_study(
    rng: np.random.Generator, setting: str, codes: Sequence[str], low: int, seeds: int, gap: float, change: float
) -> tuple[Family, dict[str, float]]:
    """A family of two recipes, and what is true of these very languages (and, with one seed, of this very training)."""
    places = range(len(codes))
    pairs = [(a, b) for a in places for b in places if (a != b) == (setting == "cross")]
    asked, answered = (np.array(side) for side in zip(*pairs, strict=True))
    is_low = np.array([1.0] * low + [0.0] * (len(codes) - low))
    spread = np.where(is_low > 0, LANGUAGE_SD["low"], LANGUAGE_SD["high"])
    language = rng.normal(0, 1, len(codes)) * spread
    gain = rng.normal(0, GAIN_SD, len(codes))
    document = rng.normal(0, DOCUMENT_SD, len(codes)) * (setting == "cross")
    hard = rng.uniform(-0.15, 0.15, (GROUPS, 1, 1))
    cells, chance = [], rng.random((GROUPS, len(pairs), 1))
    trained = []
    for recipe in range(2):
        seed = rng.normal(0, SEED_SD, (1, 1, seeds)) + rng.normal(0, SEED_SD, (1, len(codes), seeds))[:, asked]
        own = language[asked] + document[answered] + is_low[asked] * gap
        own = own + recipe * (gain[asked] + is_low[asked] * change)
        bias = 0.5 + own[None, :, None] + hard + seed
        fresh = rng.random((GROUPS, len(pairs), seeds))
        luck = np.where(rng.random(fresh.shape) < SAME_HIT, chance, fresh)
        values = (luck < bias).astype(np.float32)
        system = System("b", ("none", "lapt")[recipe])
        cells.append(Cell(system, tuple(range(1, seeds + 1)), values, np.ones_like(values)))
        one = own + (seed[0, :, 0] if seeds == 1 else 0)
        trained.append(np.array([one[asked == place].mean() for place in places]))
    named = tuple(Pair(codes[a], codes[b]) for a, b in pairs)
    key = FamilyKey("retrieval", "b", "d", setting, "Success@1")
    sides = [np.mean(one[is_low > 0]) - np.mean(one[is_low == 0]) for one in trained]
    family = Family(key, named, np.zeros(GROUPS, np.int64), tuple(cells), True, ("d",))
    return family, {"these": float(sides[0]), "change": float(sides[1] - sides[0])}


def _inside(ends: Sequence[float] | None, value: float) -> bool:
    return ends is not None and ends[0] <= value <= ends[1]


if __name__ == "__main__":
    main()
