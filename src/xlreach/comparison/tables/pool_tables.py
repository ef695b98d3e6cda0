"""Figures in whole pools of documents and at pools of one size, side by side."""

from __future__ import annotations

import numpy as np

from xlreach.comparison.tables.results import Figure, Table, heads_of, names_of, ordered
from xlreach.gaps import EqualPools, GapAnalysis


def pool_tables(analysis: GapAnalysis) -> list[Table]:
    """One table a base, data set, setting and measure: systems by query language, in whole pools and at equal ones."""
    levels = {"high": analysis.split.high, "low": analysis.split.low}
    keyed: dict[tuple[str, str, str, str], list[EqualPools]] = {}
    for row in analysis.equal_pools:
        keyed.setdefault((row.system.base, row.dataset, row.setting, row.measure), []).append(row)
    tables = []
    for (base, dataset, setting, measure), rows in keyed.items():
        heads = heads_of(row.system for row in rows)
        about = {"base": base, "dataset": dataset, "setting": setting, "measure": measure}
        codes = ordered({code for row in rows for code in row.languages}, levels)
        sides = {f"mean {side}": levels[side] for side in ("high", "low") if len(set(levels[side]) & set(codes)) > 1}
        lines = []
        for row in rows:
            whole = {code: Figure(figure.whole, figure.whole_sd, 1) for code, figure in row.languages.items()}
            equal = {code: Figure(figure.equal, figure.equal_sd, 1) for code, figure in row.languages.items()}
            for pool, figures in (("whole", whole), (f"{row.size:,} documents", equal)):
                line = [figures.get(code) for code in codes]
                for members in sides.values():
                    values = [figures[code].mean for code in members if code in figures]
                    line.append(Figure(float(np.mean(values)), None, 1) if values else None)
                lines.append(((*names_of(row.system, heads), pool), tuple(line)))
        name = f"equal pools {dataset} {setting} {measure} {base}"
        title = f"{measure}, {dataset}, {setting}, {base}: whole and equal pools"
        tables.append(Table(name, title, (*heads, "pool"), (*codes, *sides), tuple(lines), about))
    return tables
