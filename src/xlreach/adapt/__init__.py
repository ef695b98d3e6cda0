"""Adapting an encoder to a language: recipes, vocabulary, transliteration, masked language modelling, clean text.

A recipe makes one encoder folder from another, or a new one. Nothing here knows of tasks or of retrieval. Importing it
registers the built-in steps and loads no model library; a step loads what it needs when it is applied.
"""

from xlreach.adapt.clean_text import prepare_text
from xlreach.adapt.encoder import Provenance, check_encoder, fingerprint, is_static, resolve_base
from xlreach.adapt.fasttext import FastTextVectors
from xlreach.adapt.lapt import LanguageAdaptivePretraining
from xlreach.adapt.no_adaptation import NoAdaptation
from xlreach.adapt.recipe import STEPS, Job, Recipe, Step
from xlreach.adapt.replace import VocabularyReplacement, VocabularyTrimming
from xlreach.adapt.romanize import input_transform
from xlreach.adapt.scratch import FromScratch
from xlreach.adapt.transliterate import Transliteration
from xlreach.adapt.vocabulary import TieredVocabularyAugmentation, VocabularyAugmentation

__all__ = [
    "STEPS",
    "FastTextVectors",
    "FromScratch",
    "Job",
    "LanguageAdaptivePretraining",
    "NoAdaptation",
    "Provenance",
    "Recipe",
    "Step",
    "TieredVocabularyAugmentation",
    "Transliteration",
    "VocabularyAugmentation",
    "VocabularyReplacement",
    "VocabularyTrimming",
    "check_encoder",
    "fingerprint",
    "input_transform",
    "is_static",
    "prepare_text",
    "resolve_base",
]
