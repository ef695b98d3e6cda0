"""From an encoder folder to ranked documents: pooling, encoding, contrastive training, FAISS indexes, search.

Lives here: what turns texts into vectors (`pooling`, `encoding`), what makes an encoder retrieve better (`alignment`,
`pair_sources`, `batches`, `alignment_training`), one index per language (`index`) and search over several (`search`).
Never here: file formats of data sets, measures, statistics.
"""

from __future__ import annotations

from xlreach.retrieval.alignment import ALIGNMENTS, Alignment

__all__ = ["ALIGNMENTS", "Alignment"]
