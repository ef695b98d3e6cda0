"""Simulated studies whose truth is known: what `coverage.py` asks the toolkit's statistics about.

Every study draws languages, documents, queries, training seeds and hits anew: a hit is a coin whose bias is the sum of
their effects, as recall at one is. The documents of a low-resource language cost `document`; the query's language costs
`gap`, and the recipe gives low-resource languages `change` more. A tagging study draws sentences of unlike difficulty
in place of queries. Related languages share two thirds of the variance of their effects with their family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from xlreach.comparison.explain.profile import Predictor, Profile
from xlreach.comparison.groups.families import Cell, Family, FamilyKey, Pair
from xlreach.comparison.groups.splits import look_up
from xlreach.gaps import LanguageSplit
from xlreach.measurement import Measurement
from xlreach.system import System

SAME_HIT = 0.7  # share of hits and misses that training with another seed leaves as they are
SHARED = 2 / 3  # share of the variance of languages' effects that is their family's
RECIPES = ("none", "a", "b", "a+b")
RELATED = (
    ("wo", "yo", "mt", "am", "kk", "ky", "ig", "ha", "ug", "ka"),
    ("en", "de", "fi", "et", "id", "ms", "nl", "hu", "tl", "ja"),
)


@dataclass(frozen=True)
class Design:
    """What a simulated study is like; `low_sd` and `high_sd` are of languages; what they gain varies by a third."""

    setting: Literal["mono", "cross", "multi", "tagging"] = "mono"
    low: int = 5
    high: int = 5
    seeds: int = 3
    items: int = 80  # queries, or sentences of each language
    trained_sd: float = 0.01
    low_sd: float = 0.05
    high_sd: float = 0.05
    gap: float = 0.0
    change: float = 0.0
    document: float = -0.2
    related: bool = False

    @property
    def seed(self) -> list[int]:
        """Where its random numbers begin."""
        return [self.low, self.high, self.seeds, self.items, round(1000 * self.trained_sd), int(self.related)]

    def __str__(self) -> str:
        words = [f"{self.setting}, {self.low} × {self.high}, {self.seeds} seed{'s' * (self.seeds > 1)}"]
        words += [f"{self.items} {'sentences' if self.setting == 'tagging' else 'queries'}"]
        words += [f"training sd {self.trained_sd:g}"]
        if self.low_sd != self.high_sd:
            ratio = self.low_sd / self.high_sd
            words.append("high side alike" if ratio > 50 else f"spread {ratio:g} : 1")
        elif self.low_sd == 0:
            words.append("languages alike")
        return ", ".join(words + ["related languages"] * self.related)

    @property
    def values(self) -> int:
        """How many values of items a system has."""
        languages = self.low + self.high
        pairs = languages * (languages - 1 if self.setting == "cross" else 1)
        return self.items * (languages if self.setting == "tagging" else 1) * pairs * self.seeds

    @property
    def codes(self) -> list[str]:
        """Codes of languages, the low-resource ones first; of unknown families, each its own, unless related."""
        if self.related:
            return [*RELATED[0][: self.low], *RELATED[1][: self.high]]
        return [f"l{n}" for n in range(self.low)] + [f"h{n}" for n in range(self.high)]

    @property
    def split(self) -> LanguageSplit:
        """The two sides."""
        codes = tuple(self.codes)
        return LanguageSplit(name="config", rule="", low=codes[: self.low], high=codes[self.low :])

    @property
    def levels(self) -> dict[str, list[str]]:
        """The two sides as a configuration has them."""
        return {"low": [*self.split.low], "high": [*self.split.high]}


@dataclass(frozen=True)
class Study:
    """A simulated study and what is true of it."""

    family: Family
    expected: np.ndarray  # what each recipe and pair would show with any queries; shape (recipes, pairs)
    gaps: tuple[float, ...]  # of each recipe, in these languages; with one seed, of this very training


def draw_study(rng: np.random.Generator, design: Design, recipes: int = 2) -> Study:
    """A family of so many recipes under a design; all but the first give what the design says."""
    codes = design.codes
    count, crossed, tagging = len(codes), design.setting == "cross", design.setting == "tagging"
    pairs = [(a, b) for a in range(count) for b in range(count) if (a != b) == crossed]
    asked, answered = (np.array(side) for side in zip(*pairs, strict=True))
    is_low = np.arange(count) < design.low
    spread = np.where(is_low, design.low_sd, design.high_sd)
    language, gain = spread * _effects(rng, design), spread / 3 * _effects(rng, design) * (not tagging)
    document = (rng.normal(0, 0.03 * bool(design.low_sd), count) + is_low * design.document) * crossed
    groups = design.items * (count if tagging else 1)
    hard = rng.uniform(-0.15, 0.15, (groups, 1, 1))
    strata = np.arange(groups) // design.items if tagging else np.zeros(groups, int)
    counts = np.ones((groups, len(pairs), design.seeds), np.float32)
    if tagging:
        counts = counts * (strata[:, None] == np.arange(count))[:, :, None]
    cells, gaps, expected, chance = [], [], [], rng.random((groups, len(pairs), 1))
    for recipe in range(recipes):
        seed = rng.normal(0, design.trained_sd, (1, 1, design.seeds))
        seed = seed + rng.normal(0, design.trained_sd, (1, count, design.seeds))[:, asked]
        seed = seed + rng.normal(0, design.trained_sd, (1, 1, design.seeds)) * is_low[asked][None, :, None]
        effect = language[asked] + document[answered] + is_low[asked] * design.gap
        effect = effect + (recipe > 0) * (gain[asked] + is_low[asked] * design.change)
        # a system is better on some items than on others: what another test set would change
        fits = rng.normal(0, 0.1, (groups, 1, 1)) * (recipe > 0)
        fresh = rng.random((groups, len(pairs), design.seeds))
        luck = np.where(rng.random(fresh.shape) < SAME_HIT, chance, fresh)
        values = (luck < 0.5 + effect[None, :, None] + hard + seed + fits).astype(np.float32)
        seeds = tuple(range(1, design.seeds + 1))
        cells.append(Cell(System("b", RECIPES[recipe]), seeds, values * counts, counts))
        trained = effect + (seed[0, :, 0] if design.seeds == 1 else 0)
        expected.append(0.5 + trained)
        of_language = np.array([(trained - document[answered])[asked == code].mean() for code in range(count)])
        gaps.append(float(of_language[is_low].mean() - of_language[~is_low].mean()))
    own_documents = design.setting == "mono"
    named = tuple(Pair(codes[a], codes[b] if crossed or own_documents else None) for a, b in pairs)
    key = FamilyKey("tagging" if tagging else "retrieval", "b", "d", design.setting, "Success@1")
    family = Family(key, named, strata, tuple(cells), True, ("d",))
    return Study(family, np.array(expected), tuple(gaps))


def _effects(rng: np.random.Generator, design: Design) -> np.ndarray:
    """Standard normal effects of the languages; within a family they are alike."""
    own = rng.normal(size=len(design.codes))
    if not design.related:
        return own
    named = [look_up(code) for code in design.codes]
    _, family = np.unique([str(language and language.family) for language in named], return_inverse=True)
    return np.sqrt(SHARED) * rng.normal(size=family.max() + 1)[family] + np.sqrt(1 - SHARED) * own


def as_tables(family: Family) -> tuple[list[Measurement], pd.DataFrame]:
    """The results and per-query values that a run of a retrieval study would have written."""
    results, frames = [], []
    groups, pairs, seeds = family.cells[0].sums.shape
    group, pair, slot = (axis.ravel() for axis in np.indices((groups, pairs, seeds)))
    asked = np.array([of.query for of in family.pairs])
    answered = np.array([of.document for of in family.pairs], object)
    for cell in family.cells:
        same = {"base": "b", "recipe": cell.system.recipe, "alignment": "none", "retriever": "dense"}
        same |= {"dataset": "d", "setting": family.key.setting, "measure": family.key.measure}
        means = cell.means()
        for row, col in np.ndindex(pairs, seeds):
            of, seed = family.pairs[row], cell.seeds[col]
            results.append(
                Measurement(
                    study="s", kind="retrieval", value=float(means[row, col]), n=groups, seed=seed,
                    query_language=of.query, document_language=of.document, **same,
                )
            )  # fmt: skip
        values = {"seed": np.array(cell.seeds)[slot], "query_language": asked[pair], "language": None}
        values |= {"document_language": answered[pair], "query_id": group.astype(str), "group": group.astype(str)}
        frames.append(pd.DataFrame(same | values | {"value": cell.sums.ravel()}))
    return results, pd.concat(frames, ignore_index=True)


UNRELATED = ("mt", "en", "fi", "tr", "yo", "id", "ja", "ko", "ka", "ta", "km", "th", "zh", "eu")
KIN = (
    "am",
    "de",
    "hu",
    "kk",
    "wo",
    "ms",
    "ha",
    "es",
    "et",
    "ky",
    "ig",
    "tl",
)  # of the families of the first six, twice


@dataclass(frozen=True)
class Why:
    """A study of the section on what goes with retrieval: languages in families, recipes, and a true slope of zero."""

    languages: int
    recipes: int
    slopes: float = 0.0  # how much they differ between families
    related: bool = False

    @property
    def seed(self) -> list[int]:
        """Where its random numbers begin."""
        return [self.languages, self.recipes, round(10 * self.slopes), int(self.related)]

    def __str__(self) -> str:
        words = [f"{self.languages} languages, {self.recipes} recipes"]
        return ", ".join(words + [f"slopes sd {self.slopes:g}"] * bool(self.slopes) + ["related"] * self.related)


def draw_profile(rng: np.random.Generator, design: Why) -> Profile:
    """Retrieval and two predictors that have nothing to do with it, on average over families."""
    codes = (*UNRELATED[:6], *KIN) if design.related else UNRELATED[: design.languages]
    family = np.tile(np.arange(6), 3) if design.related else np.arange(design.languages)
    count = int(family.max()) + 1

    def grid(own: float) -> np.ndarray:  # what a family, a language, a recipe and their meeting do
        kin = rng.normal(size=(count, 1))[family] + 0.5 * rng.normal(size=(len(codes), 1))
        return kin + own * rng.normal(size=design.recipes) + own * rng.normal(size=(len(codes), design.recipes))

    x = grid(0.5)
    y = rng.normal(0, design.slopes, (count, 1))[family] * x + grid(0.4)
    predictors = (Predictor("fertility", "tokenizer", x), Predictor("unk_words", "tokenizer", grid(0.5)))
    recipes = tuple(f"r{number}" for number in range(design.recipes))
    return Profile("b", "d", "cross", "nDCG@10", "none", codes, recipes, y, predictors)
