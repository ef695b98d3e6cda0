"""How training went: the losses that a study's encoders were trained with, for the report.

    curves.json     [{base, recipe, alignment, language, seed, stage, of, unit, train: [[x, loss], …], valid: […]}]

`of` is `masked lm` or `alignment`; `valid` is measured on held-out lines, and empty where nothing was held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xlreach.adapt.stages import AdaptStage
from xlreach.safe_io import read_json
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
        elif losses := read_json(folder / "alignment.json").get("loss"):
            curve = {"stage": cost.variant.system.alignment, "of": "alignment", "unit": "step"}
            rows.append(head | curve | {"train": _thinned(losses), "valid": []})
    return rows


def _masked_lm(folder: Path, steps: set[str]) -> Iterator[dict[str, Any]]:
    """The steps that trained by masked language modelling; an encoder's provenance has those of its base, too."""
    provenance = folder / "xlreach.json"  # static word vectors have none
    for step in read_json(provenance)["steps"] if provenance.is_file() else ():
        train, valid = step.get("train_loss"), step.get("valid_loss")
        if train and valid and step["step"] in steps:
            yield {
                "stage": step["step"],
                "of": "masked lm",
                "unit": "epoch",
                "train": [[epoch, loss] for epoch, loss in enumerate(train, 1)],
                "valid": [[epoch, loss] for epoch, loss in enumerate(valid)],
            }


def _thinned(losses: Sequence[float]) -> list[list[float]]:
    """Means over windows of equal length: [last step of the window, mean loss]."""
    width = max(1, -(-len(losses) // _MOST_POINTS))
    windows = [(start, losses[start : start + width]) for start in range(0, len(losses), width)]
    return [[start + len(window), round(sum(window) / len(window), 5)] for start, window in windows]
