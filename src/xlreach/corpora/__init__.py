"""Corpora: readers and writers of the outside formats, and the data sets known by name.

Here live one file per format (`text`, `conllu`, `iob2`, `bitext`, `collection`, `trec`), one file per data set family,
`hub`, the only file that knows hub names and columns, and `registry`, which opens a data set by its string. Models,
tokenizers and tasks never do.
"""

from __future__ import annotations

from xlreach.corpora.collection import Collection, Document, Query
from xlreach.corpora.dataset import Dataset, EntityCorpus, Text, Treebank
from xlreach.corpora.parallel_text import ParallelText
from xlreach.corpora.registry import DATASETS, find_datasets, open_dataset

__all__ = [
    "DATASETS",
    "Collection",
    "Dataset",
    "Document",
    "EntityCorpus",
    "ParallelText",
    "Query",
    "Text",
    "Treebank",
    "find_datasets",
    "open_dataset",
]
