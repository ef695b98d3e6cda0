"""A run as mteb result files: `<model>/<revision>/<task>.json` beside `model_meta.json`, for `mteb.TaskResult`.

A model is a system (of one language, where each has an encoder of its own), a revision is a seed, and a task is a
retrieval data set. As in mteb's own cross-lingual tasks, a subset `A-B` has *documents* in A and *queries* in B, and
`languages` lists them in that order; `multi-B` searches the documents of all languages. `mteb_version` is null, because
these figures were not made by mteb.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlreach import __version__
from xlreach.errors import DataError, SpecError, XLReachError
from xlreach.measurement import Measurement, read_measurements
from xlreach.scoring.measures import parse_measure
from xlreach.spec import folder_name
from xlreach.store import replacing

_NAMES = {"nDCG": "ndcg", "AP": "map", "R": "recall", "P": "precision", "RR": "mrr", "Success": "hit_rate"}


def export_mteb(run: Path, out: Path) -> list[Path]:
    """Writes the retrieval results of a run folder in mteb's layout to `out`, in place of what was there.

    Returns:
        The result files.

    Raises:
        DataError: The run holds no retrieval results.
    """
    rows = [row for row in read_measurements(run / "results.jsonl") if row.kind == "retrieval" and row.query_language]
    if not rows:
        raise DataError("No retrieval results to export.", path=run / "results.jsonl")
    main = rows[0].measure
    groups: dict[tuple[str, str], dict[str, list[Measurement]]] = {}
    for row in rows:
        revision = "no-seed" if row.seed is None else f"seed-{row.seed}"
        groups.setdefault((_model(row), revision), {}).setdefault(str(row.dataset), []).append(row)
    written = []
    with replacing(out) as temporary:
        for (model, revision), tasks in groups.items():
            folder = temporary / folder_name(model) / revision
            folder.mkdir(parents=True)
            meta = {"name": model, "revision": revision, "framework": ["Sentence Transformers", "PyTorch"]}
            _write(folder / "model_meta.json", meta | {"made_by": f"xlreach {__version__}"})
            for dataset, members in tasks.items():
                path = folder / f"{folder_name(dataset)}.json"
                _write(path, _task(dataset, members, main))
                written.append(out / path.relative_to(temporary))
    return written


def _model(row: Measurement) -> str:
    """The name of a system as a model; the retriever only where it is not the encoder alone."""
    system = row.system
    retriever = None if system.is_dense else system.retriever
    return "~".join(filter(None, (system.base, system.recipe, system.alignment, retriever, row.language)))


def mteb_name(measure: str) -> str:
    """The name that mteb gives to a measure; the measure itself where mteb has none.

    >>> mteb_name("nDCG@10"), mteb_name("R@100"), mteb_name("RR"), mteb_name("rank_distance")
    ('ndcg_at_10', 'recall_at_100', 'mrr', 'rank_distance')
    """
    try:
        parsed = parse_measure(measure)
    except SpecError:
        return measure
    if parsed.NAME not in _NAMES or set(parsed.params) - {"cutoff"}:
        return measure
    cutoff = parsed.params.get("cutoff")
    return _NAMES[parsed.NAME] + (f"_at_{cutoff}" if cutoff else "")


def _task(dataset: str, rows: Sequence[Measurement], main: str) -> dict[str, Any]:
    subsets: dict[str, dict[str, Any]] = {}
    for row in rows:
        query, document = str(row.query_language), row.document_language
        name = f"{document or 'multi'}-{query}"
        languages = [_language(code) for code in dict.fromkeys((document, query)) if code is not None]
        subset = subsets.setdefault(name, {"hf_subset": name, "languages": languages})
        subset |= {mteb_name(row.measure): row.value} | ({"main_score": row.value} if row.measure == main else {})
    return {
        "dataset_revision": "not from the hub",
        "task_name": dataset,
        "mteb_version": None,
        "scores": {"test": [subset for subset in subsets.values() if "main_score" in subset]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def _language(code: str) -> str:
    """A language as mteb writes it, such as `mlt-Latn`."""
    from xlreach.languages import get_language

    try:
        language = get_language(code)
    except XLReachError:  # an artificial one
        return f"{code}-Zyyy"
    return f"{language.iso3}-{language.script}"


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
