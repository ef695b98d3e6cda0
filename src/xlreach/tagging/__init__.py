"""Tagging: how good an encoder is at part-of-speech tags, dependency trees and entities of a language.

Lives here: the tasks (`tasks`), how taggers are trained (`presets`, `number_format`), word representations
(`representations`), the heads (`heads`, `crf`, `trees`), training (`fine_tuning`, `tagger_training`), the official
metrics (`metrics`) and the function that runs all of it (`tagging_run`). Never here: sentence vectors, indexes, the
adaptation of encoders.
"""
