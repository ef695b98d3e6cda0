from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from xlreach.adapt.text import normal_form, prepare_text


def test_lines_are_cleaned_and_counted(tmp_path: Path) -> None:
    lines = ["  Il-ħabbar \t żgħir! ", "il ħabbar, ŻGĦIR", "...", "", "The test sentence .", "हिन्दी", "हन्द", "new one"]
    counts = prepare_text({"mt": lines, "hi": ["हिन्दी"]}, tmp_path, ["“The test sentence.”", ""])
    assert (tmp_path / "mt.txt").read_text("utf-8").splitlines() == ["Il-ħabbar żgħir!", "हिन्दी", "हन्द", "new one"]
    got = counts["mt"]
    assert (got.read, got.empty, got.duplicate, got.evaluation, got.kept) == (8, 2, 1, 1, 4)
    assert got.words == 6 and got.characters == sum(map(len, ["Il-ħabbar żgħir!", "हिन्दी", "हन्द", "new one"]))
    assert json.loads((tmp_path / "counts.json").read_text())["mt"]["kept"] == 4
    assert counts["hi"].kept == 1  # duplicates are looked for within a language


@given(st.text(max_size=40))
def test_normal_form_is_settled(text: str) -> None:
    form = normal_form(text)
    assert normal_form(f" {text} !\n") == form
    assert not any(c.isspace() for c in form)
