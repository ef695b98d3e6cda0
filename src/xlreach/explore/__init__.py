"""The explorer: a page on this machine alone, to ask encoders side by side and see what each finds, and why.

Shows what indexes and judgements hold; measures nothing and writes nothing. Loopback only.
"""

from __future__ import annotations

from xlreach.explore.shelf import Shelf, shelf_of_encoders, shelf_of_run

__all__ = ["Shelf", "shelf_of_encoders", "shelf_of_run"]
