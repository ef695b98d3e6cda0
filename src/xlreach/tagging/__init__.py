"""Tagging: how good an encoder is at part-of-speech tags, dependency trees and entities of a language.

Lives here: the tasks (`tasks`), how taggers are trained (`presets`, `number_format`), word representations
(`representations`), the heads (`heads`, `crf`, `trees`), training (`fine_tuning`, `tagger_training`), the official
metrics (`metrics`) and the function that runs all of it (`tagging_run`). Never here: sentence vectors, indexes, the
adaptation of encoders.
"""

from __future__ import annotations

from xlreach.tagging.number_format import resolved_precision
from xlreach.tagging.presets import PRESETS, Preset
from xlreach.tagging.tagging_run import run_tagging
from xlreach.tagging.tasks import TASKS, Task

__all__ = ["PRESETS", "TASKS", "Preset", "Task", "resolved_precision", "run_tagging"]
