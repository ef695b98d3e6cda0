"""Measurements as a table, and scoring an encoder's retrieval on a collection."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlreach.front.encoders import Encoder, opened
from xlreach.front.gaps import Gaps, gaps_of
from xlreach.front.inputs import PathLike, codes, names, open_collection, output
from xlreach.front.table import Cell, Table
from xlreach.measurement import Measurement, write_measurements

if TYPE_CHECKING:
    from xlreach.corpora.dataset import Dataset

MEASURES = ["nDCG@10", "AP", "R@100", "RR"]
SETTINGS = ["mono", "cross", "multi"]


class Measurements(Table[Measurement]):
    """What was measured, one value a row; `Measurement` says what its fields mean.

    Diagnostics, such as the share of each document language among the first ten, are in the rows and in `to_frame()`;
    they are not printed.

    Attributes:
        folder: Where the values of each query are, if they were kept.

    Example:
        >>> scores = xl.score("encoder", "collection", languages=["mt", "en"], measures=["nDCG@10"])
        >>> len(scores.where(setting="mono", measure="nDCG@10"))
        2
        >>> scores.to_frame().shape[0] == len(scores)
        True
    """

    def __init__(self, rows: Iterable[Measurement], folder: Path | None = None) -> None:
        super().__init__(rows, _cells)
        self.folder = folder

    def where(self, **fields: str | int | None) -> Measurements:
        """The rows whose fields have these values: `where(setting="cross", query_language="mt")`.

        Raises:
            TypeError: There is no such field.
        """
        unknown = [name for name in fields if name not in Measurement.__slots__]
        if unknown:
            raise TypeError(f"Measurement has no field {unknown[0]!r}")
        rows = [row for row in self if all(getattr(row, name) == value for name, value in fields.items())]
        return Measurements(rows, self.folder)

    def gap(self, low: Sequence[str], high: Sequence[str] = (), *, seed: int = 0) -> Gaps:
        """How far low-resource languages are behind high-resource ones.

        Args:
            low: The low-resource languages.
            high: The high-resource ones; all others that were measured if empty.
            seed: The seed of the resampling.

        Returns:
            One gap (low minus high) for each system, data set, setting and measure, with intervals.

        Raises:
            XLReachError: A language is unknown, or a side has no measured language.
        """
        return gaps_of(self, self.folder, codes(names(low)), codes(names(high)), seed)

    def save(self, path: PathLike) -> Path:
        """Writes the rows to a file; a `.jsonl` file is read back by `xlreach` as measurements."""
        if Path(path).suffix != ".jsonl":
            return super().save(path)
        write_measurements(Path(path), self)
        return Path(path)


def _cells(row: Measurement) -> dict[str, Cell] | None:
    if row.kind == "diagnostic":
        return None
    system, pair = row.system, (row.query_language, row.document_language)
    return {
        "base": row.base,
        "recipe": system.recipe if system.is_adapted else None,
        "alignment": system.alignment if system.is_aligned else None,
        "retriever": None if system.is_dense else system.retriever,
        "seed": row.seed,
        "dataset": row.dataset,
        "task": row.task,
        "setting": row.setting,
        "language": "→".join(filter(None, pair)) or row.language,
        "measure": row.measure,
        "part": row.part,
        "value": float(row.value),
    }


def score(
    encoder: Encoder | PathLike,
    dataset: str | Dataset,
    *,
    languages: str | Sequence[str] = (),
    measures: str | Sequence[str] = MEASURES,
    settings: str | Sequence[str] = SETTINGS,
    factory: str = "Flat",
    depth: int = 1000,
    retriever: str = "dense",
    out: PathLike | None = None,
    data: PathLike | None = None,
) -> Measurements:
    """Indexes a collection and scores an encoder's retrieval on it.

    Args:
        encoder: The encoder, with its pooling and prompts.
        dataset: A retrieval collection or parallel text: its name (`xquad-r`), a folder, or opened.
        languages: The languages of queries and documents; all of the collection if empty.
        measures: ir-measures strings.
        settings: `mono` (queries and documents of one language), `cross` (of two), `multi` (the documents of all
            languages in one pool).
        factory: A FAISS factory string.
        depth: How many documents of each ranking are in the runs, and are found by an approximate index. A measure
            without a cutoff is over whole rankings; where an index cuts them, its name says so: `AP@1000`.
        retriever: `dense` for the encoder, or what it is compared with: `bm25`, `random`, `rrf(dense,bm25)`.
        out: A folder to write with `measurements.jsonl`, the values of each query, TREC runs and the indexes; None
            keeps the values of each query only, until Python ends.
        data: The folder of corpora that data set names refer to; None is `XLREACH_DATA`, else the working directory.

    Returns:
        The measurements; values of measures lie between 0 and 1.

    Raises:
        SpecError: A measure, setting, factory or retriever cannot be parsed.
        DataError: There is no such collection, it has no text in a language, or it is damaged.
        XLReachError: `out` exists.

    Example:
        >>> scores = xl.score("encoder", "collection", languages=["mt", "en"], settings=["cross"], measures=["RR"])
        >>> sorted((row.query_language, row.document_language) for row in scores)
        [('en', 'mt'), ('mt', 'en')]
    """
    from xlreach.retrieval.index import build_index
    from xlreach.scoring.evaluation import evaluate
    from xlreach.scoring.measures import parse_measures
    from xlreach.store import replacing

    parse_measures(names(measures))
    collection = open_collection(dataset, data)
    asked = codes(names(languages)) or collection.languages
    text_encoder = opened(encoder).text_encoder
    target, notes = output(out, "scores"), list[str]()
    with replacing(target) as folder:
        indexes = {
            code: build_index(
                text_encoder, collection.documents(code), folder / "indexes" / code, factory=factory, language=code
            )
            for code in collection.searched(asked)
        }
        rows = evaluate(
            text_encoder,
            collection,
            indexes,
            measures=names(measures),
            settings=names(settings),
            depth=depth,
            out=folder,
            query_languages=asked,
            runs=out is not None,
            retriever=retriever,
            notes=notes,
        )
        if out is None:
            shutil.rmtree(folder / "indexes")
    scores = Measurements(rows, target)
    scores.notes = tuple(notes)
    return scores
