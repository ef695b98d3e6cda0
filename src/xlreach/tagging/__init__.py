"""Tagging: how good an encoder is at part-of-speech tags, dependency trees and entities of a language.

Here live the tasks (`tasks`), how to train (`presets`, `precision`), word representations (`words`), the heads
(`heads`, `crf`, `trees`), training (`training`), the official metrics (`metrics`) and the one way through (`run`).
Pooling of sentences, indexes and the adaptation of encoders never do.
"""

from __future__ import annotations

from xlreach.tagging.precision import resolved_precision
from xlreach.tagging.presets import PRESETS, Preset
from xlreach.tagging.tagging_run import run_tagging
from xlreach.tagging.tasks import TASKS, Task

__all__ = ["PRESETS", "TASKS", "Preset", "Task", "resolved_precision", "run_tagging"]
