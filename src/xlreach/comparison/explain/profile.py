"""A language under a recipe, side by side: retrieval, tagging, what the tokenizer does to it, its resources.

The points of every correlation and of the mixed-effects model: one base, data set, setting and alignment is a
`Profile`, a grid of languages by recipes that holds the mean over seeds of the headline measure, and one grid of the
same shape for each thing that may explain it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xlreach.comparison.groups.families import Cell, Family, families
from xlreach.comparison.groups.splits import look_up
from xlreach.comparison.resampling.language_means import language_values
from xlreach.gaps import LanguageSplit
from xlreach.measurement import Measurement, is_whole

Group = Literal["tagging", "tokenizer", "pretraining", "adaptation"]
_Values = dict[tuple[str, str], float]  # by language and recipe
_FACTS = ("CC-100 tokens (M)", "Wikipedia tokens")
_TEXT = "adaptation text (tokens)"
_SAME_AS_ANOTHER = ("new_pieces_used", "round_trip_loss_no_space")


@dataclass(frozen=True)
class Predictor:
    """What may explain retrieval: a tagging measure, a diagnostic, or a fact of a language."""

    name: str
    group: Group
    values: np.ndarray  # shape (languages, recipes); NaN where unknown


@dataclass(frozen=True)
class Profile:
    """A grid of languages by recipes under one base, data set, setting and alignment."""

    base: str | None
    dataset: str | None
    setting: str | None
    measure: str
    alignment: str
    languages: tuple[str, ...]  # the rows
    recipes: tuple[str, ...]  # the columns
    scores: np.ndarray  # retrieval, shape (languages, recipes), means over seeds; no NaN
    predictors: tuple[Predictor, ...]


def profiles(results: Sequence[Measurement], measure: str | None, split: LanguageSplit) -> Iterator[Profile]:
    """Every grid with two languages or more; a language not measured under every recipe is left out of it."""
    by_base: dict[str | None, list[tuple[str, Group, _Values]]] = {}
    shown = [row for row in results if row.kind == "retrieval" and row.measure == measure]
    for family in families(shown, None):
        key = family.key
        if key.base not in by_base:
            by_base[key.base] = _known(results, key.base)
        names = tuple(dict.fromkeys(pair.query for pair in family.pairs))
        grids: dict[str, dict[str, np.ndarray]] = {}
        for cell in family.cells:
            by_code = _of_cell(family, cell, split)
            values = np.array([by_code.get(code, np.nan) for code in names])
            grids.setdefault(cell.system.alignment, {})[cell.system.recipe] = values
        for alignment, columns in grids.items():
            scores = np.array(list(columns.values())).T
            there = np.isfinite(scores).all(axis=1)
            languages = tuple(code for code, ok in zip(names, there, strict=True) if ok)
            if len(languages) > 1:
                recipes = tuple(columns)
                known = by_base[key.base] + _facts(languages, recipes)
                predictors = tuple(Predictor(n, g, _grid(v, languages, recipes)) for n, g, v in known)
                measured = tuple(predictor for predictor in predictors if np.isfinite(predictor.values).any())
                yield Profile(*key[1:], alignment, languages, recipes, scores[there], measured)


def _known(results: Sequence[Measurement], base: str | None) -> list[tuple[str, Group, _Values]]:
    """(name, group, values) of whatever was measured of a language under a recipe."""
    rows = [row for row in results if row.base == base]
    tagged = _tables([row for row in rows if row.kind == "tagging" and is_whole(row)])
    texts = [row for row in rows if row.kind == "diagnostic" and row.query_language is None]
    tokenized = _tables([dataclasses.replace(row, kind="tagging") for row in texts])
    known: list[tuple[str, Group, _Values]] = [(name, "tagging", values) for name, values in tagged.items()]
    known += [(name, "tokenizer", values) for name, values in tokenized.items() if name not in _SAME_AS_ANOTHER]
    tokens: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        is_text = (row.kind, row.stage, row.measure) == ("cost", "adapt", "tokens")
        if is_text and row.language and "+" not in row.language:
            tokens.setdefault((row.language, str(row.recipe)), []).append(row.value)
    return [*known, (_TEXT, "adaptation", {key: float(np.mean(values)) for key, values in tokens.items()})]


def _tables(rows: Sequence[Measurement]) -> dict[str, _Values]:
    """By measure; seeds and data sets of a language averaged, the untreated base's where a recipe has none."""
    tables: dict[str, _Values] = {}
    for family in families(rows, None):
        table = tables.setdefault(family.key.measure, {})
        for cell in family.cells:
            table |= {(code, cell.system.recipe): value for code, value in _of_cell(family, cell).items()}
    return tables


def _of_cell(family: Family, cell: Cell, split: LanguageSplit | None = None) -> dict[str, float]:
    """The value of each language under a system, seeds averaged; `split` is needed for retrieval."""
    split = split or LanguageSplit(name="", rule="", low=(), high=())
    found = language_values(family.pairs, family.key.setting, split, cell.measured)
    values = found.values(cell.over_seeds())
    return {code: float(value) for code, value in zip(found.languages, values, strict=True) if np.isfinite(value)}


def _facts(languages: Sequence[str], recipes: Sequence[str]) -> list[tuple[str, Group, _Values]]:
    tables: list[_Values] = [{}, {}]
    for code in languages:
        language = look_up(code)
        facts = (None, None) if language is None else (language.cc100_tokens_m, language.wikipedia_tokens)
        for table, fact in zip(tables, facts, strict=True):
            if fact is not None:
                table |= {(code, recipe): float(fact) for recipe in recipes}
    return [(name, "pretraining", table) for name, table in zip(_FACTS, tables, strict=True)]


def _grid(values: _Values, languages: Sequence[str], recipes: Sequence[str]) -> np.ndarray:
    return np.array([[values.get((code, recipe), np.nan) for recipe in recipes] for code in languages], np.float64)
