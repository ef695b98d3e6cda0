"""The hierarchical bootstrap of a gap beside `scipy.stats.bootstrap` on the same statistic.

110 language pairs × 1,190 queries × 3 seeds (the shape of XQuAD-R), 10,000 resamples. SciPy has no hierarchical
bootstrap: it is given what it can do, queries drawn together in all languages and the gap computed of each draw, and we
are timed on that very statistic; our whole hierarchy (languages, queries, seeds) is timed too. The last line is JSON.

    python benchmarks/bootstrap.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy import stats

from xlreach.comparison.groups.families import Cell, Pair
from xlreach.comparison.resampling.bootstrap import group_weights, interval, multinomial, resampled_means
from xlreach.comparison.resampling.language_means import ByLanguage, mean_of_measured
from xlreach.system import System

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
LOW = ("el", "hi", "th", "vi")


def main() -> None:
    """Times both and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within a minute: fewer resamples for SciPy")
    quick = parser.parse_args().quick
    resamples, theirs_resamples = 10_000, 20 if quick else 500
    pairs = tuple(Pair(a, b) for a in LANGUAGES for b in LANGUAGES if a != b)
    values = _values(pairs)
    cell = Cell(System(), (1, 2, 3), values, np.ones_like(values))
    by_language = ByLanguage(pairs, "cross")
    low, high = ([n for n, code in enumerate(by_language.languages) if (code in LOW) == side] for side in (True, False))

    def gap(means: np.ndarray) -> np.ndarray:
        languages = by_language.values(means)
        return mean_of_measured(languages[:, low]) - mean_of_measured(languages[:, high])

    started = time.perf_counter()
    draws = _ours(cell, resamples, gap)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    _whole(cell, resamples, by_language, (low, high))
    whole = time.perf_counter() - started

    of_seeds = np.ascontiguousarray(values.mean(2))

    def statistic(rows: np.ndarray, axis: int = -1) -> np.ndarray:
        return gap(np.moveaxis(of_seeds[rows.astype(np.int64)].mean(axis if axis >= 0 else rows.ndim - 1), -1, -1))

    started = time.perf_counter()
    found = stats.bootstrap(
        (np.arange(len(values)),), statistic, n_resamples=theirs_resamples, batch=10, method="percentile", rng=0
    )
    theirs = (time.perf_counter() - started) * resamples / theirs_resamples
    estimate = float(gap(cell.means().mean(1)[None])[0])
    mine = interval(estimate, draws, [])
    assert mine is not None
    difference = abs(mine.se / found.standard_error - 1)
    chance = 3 / np.sqrt(2 * theirs_resamples)
    print(
        f"{resamples:,} resamples of {values.shape[1]} pairs × {values.shape[0]:,} queries × {values.shape[2]} seeds: "
        f"{ours:.2f} s; with languages drawn too {whole:.2f} s; SciPy {theirs:.1f} s "
        f"({theirs_resamples} resamples, scaled)"
    )
    print(f"gap {estimate:+.4f}, 95 % [{mine.low:+.4f}, {mine.high:+.4f}], SciPy {found.confidence_interval}")
    equal = (
        f"{'yes' if difference < chance else 'NO'}: standard errors {difference:.1%} apart, chance allows {chance:.1%}"
    )
    print(
        json.dumps(
            {
                "benchmark": "bootstrap",
                "ratio": round(theirs / ours, 1),
                "ours": round(ours, 3),
                "theirs": round(theirs, 3),
                "unit": "s",
                "against": "scipy.stats.bootstrap",
                "equal": equal,
                "rows": [
                    {"what": "queries drawn", "ours": round(ours, 3), "theirs": round(theirs, 3)},
                    {"what": "languages, queries and seeds drawn", "ours": round(whole, 3), "theirs": None},
                ],
            }
        )
    )


def _values(pairs: tuple[Pair, ...]) -> np.ndarray:
    """A value a query, pair and seed, with the difficulty of a question shared by all its languages."""
    rng = np.random.default_rng(0)
    level = np.array([0.5 - 0.1 * (pair.query in LOW) - 0.03 * (pair.document in LOW) for pair in pairs])
    values = level + rng.normal(0, 0.2, (1190, 1, 1))[..., 0] + rng.normal(0, 0.2, (1190, len(pairs)))
    made = values[:, :, None] + rng.normal(0, 0.02, (1190, len(pairs), 3))
    return np.clip(made, 0, 1).astype(np.float32)


def _ours(cell: Cell, resamples: int, gap: object) -> np.ndarray:
    """Queries drawn, seeds not: the statistic that SciPy can do."""
    groups = group_weights(np.zeros(len(cell.sums), np.int64), resamples, np.random.default_rng(0))
    seeds = np.ones((resamples, len(cell.seeds)), np.uint8)
    return np.concatenate([gap(means[0]) for _, means in resampled_means([cell], groups, [seeds])])  # type: ignore[operator]


def _whole(cell: Cell, resamples: int, by_language: ByLanguage, sides: tuple[list[int], list[int]]) -> np.ndarray:
    """Languages, queries and seeds drawn."""
    rng = np.random.default_rng(0)
    groups = group_weights(np.zeros(len(cell.sums), np.int64), resamples, rng)
    seeds = multinomial(len(cell.seeds), resamples, rng)
    drawn = [multinomial(len(side), resamples, rng) for side in sides]
    found = []
    for chunk, means in resampled_means([cell], groups, [seeds]):
        values = by_language.values(means[0])
        low, high = (
            mean_of_measured(values[:, side], weights[chunk]) for side, weights in zip(sides, drawn, strict=True)
        )
        found.append(low - high)
    return np.concatenate(found)


if __name__ == "__main__":
    main()
