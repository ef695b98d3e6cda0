"""Adapting an encoder to a language: recipes, vocabulary, transliteration, masked language modelling, clean text.

What lives here makes one encoder folder from another (or from nothing), and never knows of tasks or of retrieval.
Importing it registers the built-in steps and loads no model library; a step loads its own when it is applied.
"""

from xlreach.adapt.encoder import Provenance, check_encoder, fingerprint, is_static, resolve_base
from xlreach.adapt.exchange import VocabularyReplacement, VocabularyTrimming
from xlreach.adapt.fasttext import FastTextVectors
from xlreach.adapt.inputs import input_transform
from xlreach.adapt.lapt import LanguageAdaptivePretraining
from xlreach.adapt.recipe import STEPS, Job, NoAdaptation, Recipe, Step
from xlreach.adapt.scratch import FromScratch
from xlreach.adapt.text import prepare_text
from xlreach.adapt.translit import Transliteration
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
