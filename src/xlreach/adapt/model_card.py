"""The model card of an encoder folder: what it started from, what was done to it, with which data, what came of it."""

from __future__ import annotations

import json
from typing import Any

from xlreach.adapt.encoder import Provenance

_USAGE = "Load it with `SentenceTransformer(path)`, `AutoModel` or `AutoModelForMaskedLM`; `xlreach.json` has details."
_STATIC = "Read these static word vectors with `StaticVectors.load(path)` of `xlreach.adapt.static_vectors`."
_LONGEST = 6  # values of a list that are shown


def model_card(provenance: Provenance, static: bool = False) -> str:
    """README.md in Markdown, with the YAML header that the hub reads."""
    header = ["---"] if static else ["---", "library_name: sentence-transformers", "pipeline_tag: sentence-similarity"]
    if provenance.languages:
        header.append(f"language: {json.dumps(list(provenance.languages))}")
    parts = ["\n".join([*header, "---"]), f"# {'Static word vectors' if static else 'An adapted encoder'}"]
    parts.append("\n".join(_facts(provenance)))
    if provenance.data:
        rows = [[one.get("name", ""), one.get("licence", "") or "not stated"] for one in provenance.data]
        parts += ["## Data", _table(["text", "licence"], rows)]
    parts += ["## Steps", _table(["step", "seed", "what it found"], [_step(one) for one in provenance.steps])]
    for language, found in provenance.diagnostics.items():
        rows = [
            [name, _shown(found.get("before", {}).get(name, "")), _shown(found["after"].get(name, ""))]
            for name in dict.fromkeys((*found.get("before", {}), *found["after"]))
        ]
        parts += [f"## The tokenizer on {language}", _table(["diagnostic", "before", "after"], rows)]
    return "\n\n".join([*parts, _STATIC if static else _USAGE]) + "\n"


def _facts(provenance: Provenance) -> list[str]:
    languages = ", ".join(provenance.languages) or "none in particular"
    rows = [f"* Started from: {provenance.base or 'random weights'}", f"* Recipe: `{'+'.join(provenance.recipe)}`"]
    rows.append(f"* Adapted to: {languages}")
    if provenance.transliterated:
        rows.append(f"* The tokenizer transliterates: {', '.join(provenance.transliterated)}")
    if provenance.input:
        rows.append(f"* **Its input must be transliterated first**, by `{provenance.input}`; plain libraries do not")
    if provenance.new_pieces:
        rows.append(f"* New pieces in the vocabulary: {len(provenance.new_pieces)}")
    return rows + [f"* Note: {warning}" for warning in provenance.warnings]


def _step(record: dict[str, Any]) -> list[str]:
    told = {name: value for name, value in record.items() if name not in ("step", "version", "seed")}
    return [
        f"`{record['step']}`",
        _shown(record.get("seed", "")),
        "; ".join(f"{name} {_shown(value)}" for name, value in told.items()),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        some = [_shown(one) for one in value[:_LONGEST]]
        return ", ".join([*some, f"… ({len(value)})"] if len(value) > _LONGEST else some) or "none"
    return str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
