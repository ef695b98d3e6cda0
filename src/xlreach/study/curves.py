"""How training went: the losses that a study's encoders were trained with, for the report."""

from __future__ import annotations

from collections.abc import Sequence

from xlreach.adapt.stages import AdaptStage
from xlreach.report.training_losses import LossCurve
from xlreach.safe_io import read_json
from xlreach.store import Store
from xlreach.study.plan import Plan

_MOST_POINTS = 60


def training_curves(plan: Plan, store: Store) -> list[LossCurve]:
    """The curves of every adapted and every aligned encoder of a plan that was run."""
    curves = []
    for cost, stages in plan.costs.items():
        if not stages or cost.stage not in ("adapt", "align"):
            continue
        folder, variant = stages[-1].path(store), cost.variant
        alignment = variant.system.alignment if cost.stage == "align" else None
        encoder = (variant.system.base, variant.system.recipe, alignment, variant.language, variant.seed)
        if alignment is not None:
            if losses := read_json(folder / "alignment.json").get("loss"):
                curves.append(LossCurve(*encoder, alignment, "alignment", "step", _thinned(losses)))
            continue
        # An encoder's provenance has the steps of its base, too; static word vectors have none.
        own_steps = {str(stage.step) for stage in stages if isinstance(stage, AdaptStage)}
        provenance = folder / "xlreach.json"
        for step in read_json(provenance)["steps"] if provenance.is_file() else ():
            train, valid = step.get("train_loss"), step.get("valid_loss")
            if train and valid and step["step"] in own_steps:
                by_epoch = list(enumerate(train, 1)), list(enumerate(valid))
                curves.append(LossCurve(*encoder, step["step"], "masked lm", "epoch", *by_epoch))
    return curves


def _thinned(losses: Sequence[float]) -> list[tuple[float, float]]:
    """Means over windows of equal length: (last step of the window, mean loss)."""
    width = max(1, -(-len(losses) // _MOST_POINTS))
    windows = [(start, losses[start : start + width]) for start in range(0, len(losses), width)]
    return [(start + len(window), round(sum(window) / len(window), 5)) for start, window in windows]
