"""Artificial languages: a small family from a seeded generator, for the quickstart and for controlled experiments.

Here live the description of the family (`design`), sounds and scripts (`scripts`), the words (`concepts`, `lexicon`,
`morphology`), sentences from meaning to tree (`meaning`, `grammar`, `render`), a small world of facts with passages and
questions (`world`), and the writer of a whole data root (`generate`). What makes low-resource languages difficult
(unrelatedness, script, word order, morphology, little text) are parameters: changing one leaves the rest unchanged byte
for byte. There are no models here, and nothing is tuned to favor a method.
"""

from __future__ import annotations

from xlreach.corpora.artificial.design import ARTIFICIAL, Artificial, family
from xlreach.corpora.artificial.generate import generate

__all__ = ["ARTIFICIAL", "Artificial", "family", "generate"]
