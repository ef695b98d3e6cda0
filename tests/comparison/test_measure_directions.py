"""Every measure that a table marks the best of says which value is best."""

from __future__ import annotations

import pytest

from xlreach.comparison.tables.results import Figure, mark_best


@pytest.mark.parametrize(
    ("measure", "values", "best"),
    [
        ("nDCG@10", (0.2, 0.5), 1),
        ("LAS", (0.2, 0.5), 1),
        ("pseudo_nll_per_word", (3.0, 9.0), 0),
        ("fertility", (1.2, 2.4), 0),
        ("parity_with_en", (0.5, 1.1, 2.0), 1),
        ("language_bias@10", (-0.4, 0.1, 0.6), 1),
        ("share@10", (0.1, 0.5), None),
    ],
)
def test_the_best_is_nearest_to_what_the_measure_aims_at(measure, values, best):
    column = {number: Figure(value, None, 1) for number, value in enumerate(values)}
    marked = [key for key, figure in mark_best(column, measure).items() if figure.best]
    assert marked == ([] if best is None else [best])
