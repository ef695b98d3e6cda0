"""Languages: codes, scripts, resources, and how much text of each language common encoders were pretrained on.

Contains `Language`, the lookup of a language by any common code, and the table of facts (`languages.tsv`), which a YAML
file can extend. Never reads a corpus.
"""

from __future__ import annotations

from xlreach.languages.codes import canonical_code
from xlreach.languages.table import Language, extend_languages, get_language, known_languages, language_code

__all__ = ["Language", "canonical_code", "extend_languages", "get_language", "known_languages", "language_code"]
