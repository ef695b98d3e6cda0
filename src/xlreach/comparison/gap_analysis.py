"""Compares the low- with the high-resource languages of a study: measurements in, a `GapAnalysis` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from xlreach.comparison.answer import answers
from xlreach.comparison.claims import parse_hypothesis
from xlreach.comparison.explain.equal_pools import equal_pools, pool_sizes
from xlreach.comparison.explain.explain import explain
from xlreach.comparison.gap_builder import GapBuilder
from xlreach.comparison.groups.families import families
from xlreach.comparison.groups.splits import splits
from xlreach.comparison.hypotheses import check_hypotheses
from xlreach.gaps import Caution, Gap, GapAnalysis, LanguageSplit, rounded
from xlreach.measurement import Measurement
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import StudyNames


def compare(
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    permutations: int = 10_000,
    headline: str | None = None,
    bases: Mapping[str, str] | None = None,
    hypotheses: Sequence[str] = (),
    ranks: pd.DataFrame | Path | None = None,
    divisions: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    names: StudyNames | None = None,
    sentences: pd.DataFrame | Path | None = None,
) -> GapAnalysis:
    """All gaps and changes of a study; deterministic for a seed.

    The per-query values are a frame, the path of `queries.parquet` (read a family at a time), or None: then intervals
    rest on languages alone; so do those of tagging without `sentences`, the tallies of each. `ranks` are those of the
    relevant documents, for figures at equal pools.
    `levels` is `{"high": [codes], "low": [codes]}`; `divisions` has other such lists, by name. `bases` says what the
    name of a base stands for (`{"xlmr": "FacebookAI/xlm-roberta-base"}`), to know its pretraining. Without `names`,
    those of the results are taken, where nothing says which steps a recipe has.

    Raises:
        ConfigError: The levels are wrong.
        SpecError: A hypothesis cannot be read.
        DataError: The per-query values do not fit the results.
    """
    names = names or _names(results)
    claims = [parse_hypothesis(text, names) for text in hypotheses]
    measured = {row.query_language or row.language for row in results if row.kind in ("retrieval", "tagging")}
    origins = {row.base: (bases or {}).get(row.base, row.base) for row in results if row.base is not None}
    every_split = splits(levels, [code for code in measured if code is not None], origins, divisions)
    rows = GapBuilder()
    for family in tqdm(families(results, queries, sentences), desc="comparing", unit="family", disable=None):
        rows.add(family, [split for split in every_split if split.base in (None, family.key.base)])
    retrieval = [row.measure for row in results if row.kind == "retrieval"]
    tagging = [row.measure for row in results if row.kind == "tagging"]
    # over an approximate index, the measure that was asked for has a cut: `AP@100` for `AP`
    cut = (measure for measure in retrieval if MeasureInfo.of(measure).name == headline)
    headline = headline if headline in retrieval else next(cut, headline or next(iter([*retrieval, *tagging]), None))

    def gaps_of(equal: list[Measurement], values: pd.DataFrame) -> list[Gap]:
        rows = GapBuilder()
        for family in families(equal, values):
            rows.add(family, every_split[:1])
        return rows.gaps

    analysis = GapAnalysis(
        study=next((row.study for row in results), None),
        seed=seed,
        resamples=resamples,
        permutations=permutations,
        headline=headline,
        splits=tuple(every_split),
        gaps=tuple(rows.gaps),
        directions=tuple(rows.directions),
        changes=tuple(rows.changes()),
        verdicts=tuple(check_hypotheses(claims, results, queries, levels, sentences)),
        cautions=tuple(_cautions(rows.gaps, every_split[0])),
    )
    if ranks is not None:
        equal = equal_pools(ranks, list(dict.fromkeys(retrieval)), levels, headline=headline, gaps_of=gaps_of)
        analysis = replace(analysis, pools=tuple(pool_sizes(ranks)), equal_pools=tuple(equal))
    analysis = rounded(explain(analysis, [row for row in results if row.system.is_dense]))
    return replace(analysis, answers=rounded(tuple(answers(analysis, results, queries, levels, names))))


def _names(results: Sequence[Measurement]) -> StudyNames:
    systems = [row.system for row in results]
    return StudyNames(
        recipes={system.recipe: (system.recipe,) for system in systems if system.is_adapted},
        alignments=tuple(dict.fromkeys(system.alignment for system in systems)),
        retrievers=tuple(dict.fromkeys(system.retriever for system in systems)),
    )


def _cautions(gaps: Sequence[Gap], split: LanguageSplit) -> list[Caution]:
    """The cautions of the gaps of the study's own split, each once, with the gaps that it concerns."""
    own = [row for row in gaps if row.split == split.name]
    where: dict[Caution, list[str]] = {}
    for row in own:
        for caution in row.cautions:
            where.setdefault(caution, []).append(row.dataset or row.measure)
    cautions = [
        replace(caution, where=tuple(dict.fromkeys(seen)), rows=(len(seen), len(own)))
        if len(seen) < len(own)
        else caution
        for caution, seen in where.items()
    ]
    if split.left_out:
        cautions.append(Caution(kind="left_out", codes=split.left_out))
    if not own:
        cautions.append(Caution(kind="no_gap"))
    return cautions
