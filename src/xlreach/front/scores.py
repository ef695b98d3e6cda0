"""Measurements as a table, and scoring an encoder's retrieval on a collection."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlreach.front.encoders import Encoder, opened
from xlreach.front.inputs import PathLike, codes, names, open_as, output
from xlreach.front.table import Cell, Table
from xlreach.measurement import Measurement, read_measurements, write_measurements

if TYPE_CHECKING:
    from xlreach.corpora.dataset import Dataset

MEASURES = ("nDCG@10", "AP", "R@100", "RR")
SETTINGS = ("mono", "cross", "multi")
_COLLECTION = "a retrieval collection or parallel text, such as xquad-r"
