"""How training went: the losses that a study's encoders were trained with, for the report.

    curves.json     [{base, recipe, alignment, language, seed, stage, of, unit, train: [[x, loss], …], valid: […]}]

`of` is `masked lm` or `alignment`; `valid` is measured on held-out lines, and empty where nothing was held out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlreach.adapt.stages import AdaptStage
from xlreach.store import Store
from xlreach.study.plan import Plan

CURVES_FILE = "curves.json"
_MOST_POINTS = 60


def training_curves(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """The curves of every adapted and every aligned encoder of a plan that was run."""
    rows = []
    for cost, stages in plan.costs.items():
        if not stages or cost.stage not in ("adapt", "align"):
            continue
        folder, head = stages[-1].path(store), cost.variant.columns(cost.stage)
        if cost.stage == "adapt":
            steps = {str(stage.step) for stage in stages if isinstance(stage, AdaptStage)}
            rows += [head | curve for curve in _masked_lm(folder, steps)]
        elif losses := _numbers(_json(folder / "alignment.json").get("loss")):
            curve = {"stage": cost.variant.system.alignment, "of": "alignment", "unit": "step"}
            rows.append(head | curve | {"train": _thinned(losses), "valid": []})
    return rows


def _masked_lm(folder: Path, steps: set[str]) -> list[dict[str, Any]]:
    """The steps of a recipe that trained by masked language modelling; an encoder remembers its base's, too."""
    found = []
    for step in _json(folder / "xlreach.json").get("steps") or ():
        train, valid = (_numbers(step.get(name)) for name in ("train_loss", "valid_loss"))
        if train and valid and step.get("step") in steps:
            curve = {"stage": str(step.get("step")), "of": "masked lm", "unit": "epoch"}
            points = {
                "train": [[epoch, loss] for epoch, loss in enumerate(train, 1)],
                "valid": [[epoch, loss] for epoch, loss in enumerate(valid)],
            }
            found.append(curve | points)
    return found


def _thinned(losses: Sequence[float]) -> list[list[float]]:
    """Means over windows of equal length: [last step of the window, mean loss]."""
    width = max(1, -(-len(losses) // _MOST_POINTS))
    windows = [(start, losses[start : start + width]) for start in range(0, len(losses), width)]
    return [[start + len(window), round(sum(window) / len(window), 5)] for start, window in windows]


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, (list, tuple)) or not all(isinstance(one, (int, float)) for one in values):
        return []
    return [float(one) for one in values]


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}
