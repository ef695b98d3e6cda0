"""sentence-transformers' trainer, extended to resume after a kill; `alignment_training` runs it."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object, wait_for_everyone
from sentence_transformers import SentenceTransformerTrainer
from transformers import TrainerCallback

from xlreach.retrieval.validation import RetrievalEvaluator
from xlreach.store import digest

RECORD_FILE = "record.json"
_STATE = "trainer_state.json"


class Trainer(SentenceTransformerTrainer):
    """Writes no model cards and no pickled arguments into checkpoints; keeps the loss of every step."""

    losses: list[float]

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Adds no such callback: it would read all pairs before the first step."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        self.model.save_pretrained(str(folder), create_model_card=False)
        record = {"losses": self.losses, "validations": getattr(self.evaluator, "history", [])}
        (folder / RECORD_FILE).write_text(json.dumps(record), "utf-8")

    def mean_losses(self) -> list[float]:
        """The loss of every step, over all processes."""
        return [sum(step) / len(step) for step in zip(*gather_object([self.losses]), strict=True)]

    def remember(self, checkpoint: Path | None) -> None:
        """Restores the losses and validations of a checkpoint; without one there are none."""
        record = json.loads((checkpoint / RECORD_FILE).read_text("utf-8")) if checkpoint else {}
        self.losses = record.get("losses", [])
        if isinstance(self.evaluator, RetrievalEvaluator):
            self.evaluator.history[:] = record.get("validations", [])

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().compute_loss(*args, **kwargs)
        self.losses.append(float((loss[0] if isinstance(loss, tuple) else loss).detach()))
        return loss


class TimedCheckpoints(TrainerCallback):
    """Saves a checkpoint every few minutes, so that short runs save nothing and long runs lose little."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if time.monotonic() - self._last >= self._seconds and state.global_step < state.max_steps:
            control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._last = time.monotonic()


@contextlib.contextmanager
def workspace(checkpoint: Path | None) -> Iterator[Path]:
    """The folder for checkpoints, or a temporary one; the same in all processes that train together."""
    if checkpoint is not None:
        yield Path(checkpoint)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(agreed(folder))
        wait_for_everyone()  # before the first process removes what the others may still read


def agreed(value: Any) -> Any:
    """The value of the first of the processes that train together."""
    return broadcast_object_list([value])[0]


def usable_checkpoint(work: Path, made_from: list[Any]) -> Path | None:
    """The last complete checkpoint of this run; incomplete ones and those of other runs are removed."""
    return agreed(_usable(work, made_from) if PartialState().is_main_process else None)


def _usable(work: Path, made_from: list[Any]) -> Path | None:
    marker, key = work / "made_from.txt", digest(made_from)
    same = marker.is_file() and marker.read_text("utf-8") == key
    checkpoints = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    # The trainer writes its state last, so a checkpoint with a state is complete.
    whole = [path for path in checkpoints if same and (path / _STATE).is_file()]
    best = json.loads((whole[0] / _STATE).read_text("utf-8")).get("best_model_checkpoint") if whole else None
    for path in checkpoints:
        if path not in whole[:1] and path.name != Path(best or "").name:
            shutil.rmtree(path)
    work.mkdir(parents=True, exist_ok=True)
    marker.write_text(key, "utf-8")
    return whole[0] if whole else None
