"""uroman is told the language of the text."""

from __future__ import annotations

from pathlib import Path

import pytest

import xlreach as xl
from xlreach.adapt.romanize import input_transform

UYGHUR = ["ئۇيغۇرچە سۆزلەيمەن ۋە يازىمەن", "بۇ بىر جۈملە", "كىتابنى ئوقۇيمەن"]
BULGARIAN = ["България ще щука", "Това е изречение", "Чета книга"]


@pytest.fixture
def texts(tmp_path) -> dict[str, Path]:
    for code, lines in (("ug", UYGHUR), ("bg", BULGARIAN)):
        (tmp_path / f"{code}.txt").write_text("".join(f"{line} {n}\n" for n in range(20) for line in lines), "utf-8")
    return {code: tmp_path / f"{code}.txt" for code in ("ug", "bg")}


@pytest.mark.parametrize(("code", "iso3", "lines"), [("ug", "uig", UYGHUR), ("bg", "bul", BULGARIAN)])
def test_uroman_is_told_the_language(tiny_encoder, tmp_path, texts, code, iso3, lines):
    uroman = pytest.importorskip("uroman").Uroman()
    encoder = xl.adapt(tiny_encoder, "translit(uroman)", {code: texts[code]}, out=tmp_path / "adapted")
    transform = input_transform(encoder.path)
    assert [transform(line) for line in lines] == [uroman.romanize_string(line, lcode=iso3) for line in lines]


def test_each_language_of_a_step_is_romanized_as_itself(tiny_encoder, tmp_path, texts):
    uroman = pytest.importorskip("uroman").Uroman()
    encoder = xl.adapt(tiny_encoder, "translit(uroman)", texts, out=tmp_path / "adapted")
    for code, iso3, lines in (("ug", "uig", UYGHUR), ("bg", "bul", BULGARIAN)):
        transform = input_transform(encoder.path, code)
        assert [transform(line) for line in lines] == [uroman.romanize_string(line, lcode=iso3) for line in lines]


def test_the_language_reaches_the_encoder_of_texts(tiny_encoder, tmp_path, texts):
    uroman = pytest.importorskip("uroman").Uroman()
    encoder = xl.adapt(tiny_encoder, "translit(uroman)", texts, out=tmp_path / "adapted")
    index = xl.Index.build(encoder, {"ug": UYGHUR}, out=tmp_path / "index")
    plain = xl.Encoder(tiny_encoder).encode([uroman.romanize_string(UYGHUR[0], lcode="uig")])
    assert index.search("x", k=3) is not None
    assert abs(index._indexes["ug"].vectors()[0] - plain[0]).max() < 1e-6
