from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlreach.adapt.clean_text import hold_out_order, normal_form, prepare_text
from xlreach.adapt.near_duplicates import NearDuplicates
from xlreach.errors import DataError


def test_lines_are_cleaned_and_counted(tmp_path: Path) -> None:
    lines = ["  Il-ħabbar \t żgħir! ", "il ħabbar, ŻGĦIR", "...", "", "The test sentence .", "हिन्दी", "हन्द", "new one"]
    counts = prepare_text({"mt": lines, "hi": ["हिन्दी"]}, tmp_path, ["“The test sentence.”", ""])
    assert (tmp_path / "mt.txt").read_text("utf-8").split("\n") == [
        "Il-ħabbar żgħir!",
        "",
        "हिन्दी",
        "हन्द",
        "new one",
        "",
    ]
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


def _share(a: str, b: str) -> float:
    first, second = ({t[i : i + 5] for i in range(len(t) - 4)} for t in (a, b))
    shorter = min(len(first), len(second))
    return len(first & second) / shorter if shorter >= 16 else 0.0


LETTERS = st.text("abcd", max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(LETTERS, max_size=8, unique=True), st.lists(LETTERS, max_size=8))
def test_near_duplicates_are_those_of_plain_python(references: list[str], texts: list[str]) -> None:
    got = NearDuplicates(iter(references)).near(texts)
    assert got.tolist() == [any(_share(text, one) >= 0.7 for one in references) for text in texts]


def test_what_is_near() -> None:
    scored = "The committee meets on the third Monday of every month in the old town hall."
    near = [scored.replace("Monday", "Friday"), "on the third Monday of every month", f"He said: {scored} She agreed."]
    far = ["The committee met once.", "the third Monday", "Another assembly gathers on the first day of each year."]
    got = NearDuplicates([normal_form(scored)]).near([normal_form(text) for text in near + far])
    assert got.tolist() == [True] * 3 + [False] * 3


def test_text_without_spaces() -> None:
    scored = "คณะกรรมการประชุมกันทุกวันจันทร์ที่สามของเดือนในศาลากลางเก่า"
    texts = [scored.replace("จันทร์", "ศุกร์"), "แมวนอนหลับอยู่บนหลังคาบ้านของเพื่อนบ้าน"]
    assert NearDuplicates([normal_form(scored)]).near([normal_form(text) for text in texts]).tolist() == [True, False]


def test_bounded_memory_still_finds_long_ones() -> None:
    rng = random.Random(1)
    references = ["".join(rng.choices("abcdefghij", k=400)) for _ in range(200)]
    overlap = NearDuplicates(references, most=20_000)
    assert len(overlap._hashes) <= 20_000
    changed = [text[:200] + "zz" + text[202:] for text in references]
    other = ["".join(rng.choices("abcdefghij", k=400)) for _ in range(200)]
    assert overlap.near(changed).mean() > 0.95 and not overlap.near(other).any()


def test_nearly_what_is_scored_is_counted_beside(tmp_path: Path) -> None:
    scored = "Il-kumitat jiltaqa' fit-tielet Tnejn ta' kull xahar."
    lines = [scored, scored.replace("Tnejn", "Ġimgħa"), "Din hija sentenza oħra għalkollox."]
    counts = prepare_text({"mt": lines}, tmp_path, [scored])["mt"]
    assert (counts.evaluation, counts.near_evaluation, counts.kept) == (1, 1, 1)


def test_nothing_left_is_said(tmp_path: Path) -> None:
    scored = "Il-kumitat jiltaqa' fit-tielet Tnejn ta' kull xahar."
    with pytest.raises(DataError, match=r"3 lines of 'mt' is left: 1 have no letters, 0 .* 1 are eval.* 1 nearly"):
        prepare_text({"mt": [scored, "...", scored.replace("Tnejn", "Ġimgħa")]}, tmp_path, [scored])


def test_documents_are_kept_apart_and_held_out_whole(tmp_path: Path) -> None:
    documents = [[f"{_word(number)} number {i}" for i in range(number)] for number in range(1, 41)]
    prepare_text({"en": [line for one in documents for line in ["", *one, " "]]}, tmp_path)
    text = (tmp_path / "en.txt").read_text("utf-8")
    assert [one.split("\n") for one in text.removesuffix("\n").split("\n\n")] == documents
    order = hold_out_order(tmp_path / "en.txt")
    told = [(line.split()[0], at) for line, at in zip(text.splitlines(), order, strict=True) if line]
    assert len(set(told)) == 40  # one value a document
    assert 0.05 < np.mean([at < 0.1 for _, at in told]) < 0.2
    assert order.min() == 0 and order.max() < 1


def test_text_without_documents_is_held_out_by_blocks(tmp_path: Path) -> None:
    path = tmp_path / "en.txt"
    path.write_text("".join(f"line {i}\n" for i in range(1000)), "utf-8")
    held = np.flatnonzero(hold_out_order(path) < 0.1)
    assert len(held) == 100 and all(len(set(held[i : i + 20] // 20)) == 1 for i in range(0, 100, 20))
    path.write_text("one\ntwo\n", "utf-8")
    assert sorted(hold_out_order(path)) == [0, 0.5]
    path.write_text("", "utf-8")
    assert hold_out_order(path).shape == (0,)


def _word(number: int) -> str:
    return "".join("bdglmnprst"[int(digit)] + "a" for digit in f"{number:02}")
