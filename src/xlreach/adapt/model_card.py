"""The model card of an encoder folder: its base, the recipe, the data, and what was measured."""

from __future__ import annotations

import json
from typing import Any

from xlreach.adapt.encoder import Provenance

_USAGE = "Load it with `SentenceTransformer(path)`, `AutoModel` or `AutoModelForMaskedLM`; `xlreach.json` has details."
_STATIC = "Read these static word vectors with `StaticVectors.load(path)` of `xlreach.adapt.static_vectors`."
_LONGEST = 6  # values shown of a list


def model_card(provenance: Provenance, static: bool = False) -> str:
    """Writes README.md in Markdown, with the YAML header that the hub reads."""
    header = ["---"] if static else ["---", "library_name: sentence-transformers", "pipeline_tag: sentence-similarity"]
    if provenance.languages:
        header.append(f"language: {json.dumps(list(provenance.languages))}")
    parts = ["\n".join([*header, "---"]), f"# {'Static word vectors' if static else 'An adapted encoder'}"]
    parts.append("\n".join(_facts(provenance)))
    if provenance.data:
        rows = [[text.get("name", ""), text.get("license", "") or "not stated"] for text in provenance.data]
        parts += ["## Data", _table(["text", "license"], rows)]
    parts += ["## Steps", _table(["step", "seed", "measured"], [_step(record) for record in provenance.steps])]
    for language, by_time in provenance.diagnostics.items():
        rows = [
            [name, *(_shown(by_time.get(time, {}).get(name, "")) for time in ("before", "after"))]
            for name in dict.fromkeys((*by_time.get("before", {}), *by_time["after"]))
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
    measured = {name: value for name, value in record.items() if name not in ("step", "version", "seed")}
    return [
        f"`{record['step']}`",
        _shown(record.get("seed", "")),
        "; ".join(f"{name} {_shown(value)}" for name, value in measured.items()),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        some = [_shown(inner) for inner in value[:_LONGEST]]
        return ", ".join([*some, f"… ({len(value)})"] if len(value) > _LONGEST else some) or "none"
    return str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
