"""The explorer: a page served to this machine alone, to search with several encoders side by side.

Shows what indexes and relevance judgements hold; measures nothing and writes nothing.
"""

from __future__ import annotations

from xlreach.explore.catalog import Catalog, catalog_of_encoders, catalog_of_run

__all__ = ["Catalog", "catalog_of_encoders", "catalog_of_run"]
