from __future__ import annotations

import json

from xlreach.report.training_losses import CURVES_FILE
from xlreach.study.curves import _thinned


def test_a_study_leaves_its_curves(tiny):
    rows = json.loads((tiny.run / CURVES_FILE).read_text("utf-8"))
    adapted = [row for row in rows if row["of"] == "masked lm"]
    assert {row["recipe"] for row in adapted} == {"va(20)+lapt(epochs=1)"}  # the base's own pretraining is none of it
    assert all(len(row["valid"]) == len(row["train"]) + 1 == 2 for row in adapted)
    aligned = [row for row in rows if row["of"] == "alignment"]
    assert {row["recipe"] for row in aligned} == {"none", "va(20)+lapt(epochs=1)"}
    assert all([x for x, _ in row["train"]] == [1, 2, 3, 4] and row["unit"] == "step" for row in aligned)


def test_long_curves_are_thinned_to_means():
    assert _thinned([1.0, 2.0]) == [(1, 1.0), (2, 2.0)]
    points = _thinned([float(n) for n in range(1, 1001)])
    assert len(points) <= 60 and points[0] == (17, 9.0) and points[-1][0] == 1000
