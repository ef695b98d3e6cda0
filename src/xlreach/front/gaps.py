"""The gaps of a study or of measurements, as a table with the sentences that sum them up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlreach.errors import XLReachError
from xlreach.front.inputs import names
from xlreach.front.table import Cell, Table
from xlreach.gaps import Gap

if TYPE_CHECKING:
    from xlreach.gaps import GapAnalysis
    from xlreach.measurement import Measurement


class Gaps(Table[Gap]):
    """Gaps between low- and high-resource languages, one a row: low minus high.

    Only gaps of the study's own split on its first measure are printed; the rows, `to_frame()` and `save()` have all.

    Attributes:
        analysis: Everything that was computed: directions, changes, verdicts of hypotheses, and what may explain a gap.
    """

    def __init__(self, analysis: GapAnalysis, title: str = "") -> None:
        super().__init__(analysis.gaps, partial(_cells, analysis), title)
        self.analysis = analysis

    def records(self) -> list[dict[str, Any]]:
        """Every gap with all its fields; the fields of its system stand beside the others."""
        return [{**row.pop("system"), **row} for row in super().records()]


def _cells(analysis: GapAnalysis, gap: Gap) -> dict[str, Cell] | None:
    if gap.split != analysis.split.name or gap.measure != analysis.headline:
        return None
    return {
        "recipe": gap.system.recipe,
        "alignment": gap.system.alignment,
        "retriever": None if gap.system.is_dense else gap.system.retriever,
        "dataset": gap.dataset,
        "setting": gap.setting,
        "measure": gap.measure,
        "low": gap.low,
        "high": gap.high,
        "gap": gap.gap,
        "interval": None if gap.interval is None else "[{:.3f}, {:.3f}]".format(*gap.interval),
        "languages": f"{gap.languages_low} low, {gap.languages_high} high",
    }


def gaps_of(
    rows: Sequence[Measurement], folder: Path | None, low: Sequence[str], high: Sequence[str], seed: int
) -> Gaps:
    """The gaps of measurements; with the values of each query where `folder` has them."""
    import pandas

    from xlreach.comparison import compare

    known = [row.query_language or row.language for row in rows if row.kind in ("retrieval", "tagging")]
    measured = tuple(dict.fromkeys(code for code in known if code))
    rest = tuple(high) or tuple(code for code in measured if code not in low)
    for side, codes in (("low", low), ("high", rest)):
        if not set(codes) & set(measured):
            raise XLReachError(
                f"No {side}-resource language was measured: {', '.join(names(codes)) or 'none is left'}.",
                expected=f"Expected some of {', '.join(measured)}.",
            )
    path = None if folder is None else folder / "queries.parquet"
    queries = None if path is None or not path.is_file() else pandas.read_parquet(path)
    if queries is not None:  # outside a study its system is not written beside each value
        unnamed = {"base", "recipe", "alignment", "retriever", "language", "seed"}.difference(queries.columns)
        queries = queries.assign(**dict.fromkeys(unnamed))
    return Gaps(compare(rows, queries, {"low": low, "high": rest}, seed=seed))
