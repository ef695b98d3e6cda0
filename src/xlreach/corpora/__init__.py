"""Corpora: readers and writers of the outside formats, and the data sets known by name.

Here live one file per format (`text`, `conllu`, `iob2`, `bitext`, `collection`, `trec`), one file per data set family,
`hub`, the only file that knows hub names and columns, and `registry`, which opens a data set by its string. Models,
tokenizers and tasks never do.
"""

from __future__ import annotations
