"""A made-up study with known gaps: every row type, in the shapes that a real run writes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from xlreach.measurement import Measurement

RECIPES = ("none", "lapt", "va(99)+lapt", "translit(auto)+lapt")
ALIGNMENTS = ("none", "mono", "hybrid(alpha=0.5)")
GAIN = {"none": 0.0, "lapt": 0.04, "va(99)+lapt": 0.10, "translit(auto)+lapt": 0.07}
LIFT = {"none": 0.0, "mono": 0.05, "hybrid(alpha=0.5)": 0.12}
LANGUAGE_SPREAD = {"en": 0.03, "de": 0.0, "tr": -0.03, "mt": 0.02, "wo": -0.03, "ug": 0.01}


@dataclass
class Made:
    """What a made-up study holds."""

    results: list[Measurement] = field(default_factory=list)
    queries: pd.DataFrame = field(default_factory=pd.DataFrame)
    sentences: pd.DataFrame = field(default_factory=pd.DataFrame)
    levels: dict[str, list[str]] = field(default_factory=dict)


def make_study(
    *,
    bases: tuple[str, ...] = ("FacebookAI/xlm-roberta-base", "google-bert/bert-base-multilingual-cased"),
    recipes: tuple[str, ...] = RECIPES,
    alignments: tuple[str, ...] = ALIGNMENTS,
    high: tuple[str, ...] = ("en", "de", "tr"),
    low: tuple[str, ...] = ("mt", "wo", "ug"),
    seeds: tuple[int, ...] = (1, 2, 3),
    measures: tuple[str, ...] = ("nDCG@10", "R@100"),
    queries: int = 60,
    dataset: str = "ntrex",
    query_cost: float = 0.20,
    document_cost: float = 0.08,
    noise: float = 0.15,
    seed: int = 0,
    tagging: bool = True,
) -> Made:
    """Value = .65 + alignment - what a low-resource query and low-resource documents cost + the recipe's gain
    (low-resource queries only) + the language + the query's difficulty (shared by all languages) + noise."""
    rng = np.random.default_rng(seed)
    languages = (*high, *low)
    level = np.array([0] * len(high) + [1] * len(low))
    own = np.array([LANGUAGE_SPREAD.get(code, (zlib.crc32(code.encode()) % 7 - 3) / 100) for code in languages])
    difficulty = rng.normal(0, 0.1, queries)
    made = Made(levels={"high": list(high), "low": list(low)})
    frames = []
    for base in bases:
        for recipe in recipes:
            for alignment in alignments:
                for one in seeds:
                    same = {
                        "study": "made-up",
                        "base": base,
                        "recipe": recipe,
                        "alignment": alignment,
                        "retriever": "dense",
                        "language": "+".join(languages),
                        "seed": one,
                    }
                    luck = rng.normal(0, 0.005)
                    for setting in ("mono", "cross", "multi"):
                        for asked, code in enumerate(languages):
                            answers = {
                                "mono": [asked],
                                "multi": [None],
                                "cross": [other for other in range(len(languages)) if other != asked],
                            }[setting]
                            for answered in answers:
                                mean = 0.65 + LIFT[alignment] + luck + own[asked]
                                mean -= {"mono": 0.0, "cross": 0.05, "multi": 0.12}[setting]
                                mean += level[asked] * (GAIN[recipe] - query_cost)
                                if answered is not None and setting == "cross":
                                    mean -= level[answered] * document_cost
                                for number, measure in enumerate(measures):
                                    values = mean + 0.1 * number + difficulty + rng.normal(0, noise, queries)
                                    frames.append(
                                        _frame(
                                            same,
                                            dataset,
                                            setting,
                                            code,
                                            None if answered is None else languages[answered],
                                            measure,
                                            np.clip(values, 0, 1),
                                        )
                                    )
    made.queries = pd.concat(frames, ignore_index=True)
    keys = [name for name in frames[0].columns if name not in ("query_id", "group", "value")]
    for frame in frames:
        row = {name: frame[name].iloc[0] for name in keys}
        row["seed"] = int(row["seed"])
        values = frame["value"]
        made.results.append(Measurement(kind="retrieval", value=float(values.mean()), n=len(values), **row))
    if tagging:
        made.results += _tagging(rng, bases, recipes, languages, level, seeds)
        made.sentences = tallies(made.results)
    return made


def tallies(rows, sentences=40, words=20, scale=100):
    """Sentences of tagging: how hard one is, all systems share."""
    frames = []
    for row in (row for row in rows if row.kind == "tagging"):
        hard = np.random.default_rng(zlib.crc32(f"{row.language} {row.dataset}".encode())).normal(0, 0.02, sentences)
        frame = pd.DataFrame({"id": range(sentences), "correct": words * (row.value / scale + hard), "total": words})
        names = ("base", "recipe", "language", "seed", "dataset", "trained_on", "setting", "measure", "sentences")
        frames.append(frame.assign(**{name: getattr(row, name) for name in names}))
    return pd.concat(frames, ignore_index=True).astype({"sentences": "Int64"})


def _frame(same, dataset, setting, asked, answered, measure, values):
    numbers = range(len(values))
    return pd.DataFrame(
        same
        | {
            "dataset": dataset,
            "setting": setting,
            "query_language": asked,
            "document_language": answered,
            "query_id": [f"{asked}-{number}" for number in numbers],
            "group": [f"g{number}" for number in numbers],
            "measure": measure,
            "value": values,
        }
    )


def _tagging(rng, bases, recipes, languages, level, seeds):
    rows = []
    for base in bases:
        for recipe in recipes:
            gain = 100 * GAIN[recipe]
            for one in seeds:
                for code, is_low in zip(languages, level, strict=True):
                    same = {"study": "made-up", "base": base, "recipe": recipe, "language": code, "seed": one}
                    for dataset, measure, top, drop in (
                        (f"ud:{code}_x", "accuracy", 96, 12),
                        (f"ud:{code}_x", "UAS", 88, 25),
                        (f"ud:{code}_x", "LAS", 84, 30),
                        (f"ner:made/{code}", "F1", 86, 20),
                    ):
                        value = top - is_low * (drop - gain) + rng.normal(0, 0.6)
                        rows.append(
                            Measurement(
                                **same,
                                kind="tagging",
                                dataset=dataset,
                                measure=measure,
                                value=float(min(value, 100)),
                                n=9000,
                            )
                        )
                    for measure, value in (
                        ("fertility", 1.6 + is_low * (1.2 - gain / 10)),
                        ("unk_words", is_low * max(0.12 - gain / 80, 0)),
                    ):
                        rows.append(
                            Measurement(
                                **same, kind="diagnostic", dataset="text:made", measure=measure, value=float(value)
                            )
                        )
                for measure, value in (("seconds", 60 + 500 * (recipe != "none")), ("peak_memory_mb", 2900)):
                    rows.append(
                        Measurement(
                            study="made-up",
                            base=base,
                            recipe=recipe,
                            language="+".join(languages),
                            seed=one,
                            kind="cost",
                            stage="adapt",
                            measure=measure,
                            value=float(value),
                        )
                    )
    return rows
