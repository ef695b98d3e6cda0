"""Artificial languages: a small family made by one seeded generator, the toolkit's quickstart and its laboratory.

Here live the description of the family (`design`), sounds and scripts (`scripts`), the words (`concepts`, `lexicon`,
`morphology`), sentences from meaning to tree (`meaning`, `grammar`, `render`), a small world of facts with passages and
questions about it (`world`), and the writer of a whole data root (`generate`). The factors that low-resource languages
suffer from (kinship, script, word order, morphology, amount of text) are parameters, so that each can be changed while
everything else stays byte for byte. Models never live here, and nothing is tuned to make a method come out well.
"""

from __future__ import annotations

from xlreach.corpora.artificial.design import ARTIFICIAL, Artificial, family
from xlreach.corpora.artificial.generate import generate

__all__ = ["ARTIFICIAL", "Artificial", "family", "generate"]
