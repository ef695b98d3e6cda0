"""Adapting an encoder to a language: recipes, vocabulary, transliteration, masked language modelling, clean text.

A recipe makes one encoder folder from another, or a new one. Nothing here knows of tasks or of retrieval. Importing it
registers the built-in steps and loads no model library; a step loads what it needs when it is applied.
"""

from xlreach.adapt import fasttext, lapt, no_adaptation, replace, scratch, transliterate, vocabulary  # noqa: F401
from xlreach.adapt.encoder import Provenance, check_encoder, fingerprint, is_static, resolve_base
from xlreach.adapt.recipe import STEPS, Job, Recipe, Step
from xlreach.adapt.romanize import input_transform

__all__ = [
    "STEPS",
    "Job",
    "Provenance",
    "Recipe",
    "Step",
    "check_encoder",
    "fingerprint",
    "input_transform",
    "is_static",
    "resolve_base",
]
