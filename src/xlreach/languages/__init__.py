"""Languages: codes, scripts and resources, and how much of each the common encoders have seen.

Here live `Language`, the lookup from any usual code to it, and the table of facts (`languages.tsv`), which a YAML file
extends. Loading of data never does.
"""

from __future__ import annotations

from xlreach.languages.codes import canonical_code
from xlreach.languages.table import Language, extend_languages, get_language, known_languages

__all__ = ["Language", "canonical_code", "extend_languages", "get_language", "known_languages"]
