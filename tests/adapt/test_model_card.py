from __future__ import annotations

import json
from pathlib import Path

import yaml

from xlreach.adapt import Provenance, Recipe
from xlreach.adapt.pipeline import apply_step


def test_the_card_tells_all(xlmr: Path, job) -> None:
    first = job("mt", base="toy", data=[{"name": "text:lapt9/mt", "license": "CC BY-NC 4.0"}])
    second = job("mt", base="toy", data=[{"name": "text:own|mt", "license": ""}])
    apply_step(Recipe.parse("va(20)").steps[0], xlmr, first)
    apply_step(Recipe.parse("lapt(epochs=1,batch=8,max_length=32)").steps[0], first.out, second)
    card = (second.out / "README.md").read_text("utf-8")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["language"] == ["mt"] and header["library_name"] == "sentence-transformers"
    assert "* Started from: toy" in card and "* Recipe: `va(20)+lapt(epochs=1,batch=8,max_length=32)`" in card
    assert "| text:lapt9/mt | CC BY-NC 4.0 |" in card and "| text:own\\|mt | not stated |" in card
    assert "| `va(20)` | 1 | by fragmentation; added 20;" in card and "valid_loss_per_word" in card
    told = Provenance.read(second.out)
    assert [one["name"] for one in told.data] == ["text:lapt9/mt", "text:own|mt"]
    before, after = told.diagnostics["mt"]["before"], told.diagnostics["mt"]["after"]
    assert after["fertility"] < before["fertility"] and "new_pieces_used" in after
    assert f"| fertility | {before['fertility']:.4g} | {after['fertility']:.4g} |" in card
    assert json.loads((first.out / "xlreach.json").read_text("utf-8"))["diagnostics"]["mt"]["before"] == before


def test_a_card_without_text(xlmr: Path, job) -> None:
    work = job()
    apply_step(Recipe.parse("none").steps[0], xlmr, work)
    card = (work.out / "README.md").read_text("utf-8")
    assert "## Data" not in card and "## The tokenizer" not in card and "| `none` |" in card
