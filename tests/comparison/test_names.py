from __future__ import annotations

from xlreach.comparison.names import short_names, shortener

STUDY = [
    "none",
    "lapt(epochs=3,lr=0.0003)",
    "va(500)+lapt(epochs=3,lr=0.0003)",
    "translit(auto)+lapt(epochs=3,lr=0.0003)",
    "hybrid(alpha=0.5,steps=100,batch=32,lr=0.0003)",
]


def test_what_all_share_is_dropped():
    assert list(short_names(STUDY).values()) == ["none", "lapt", "va(500)+lapt", "translit(auto)+lapt", "hybrid"]


def test_what_differs_stays():
    names = ["lapt(epochs=3,lr=1)", "lapt(epochs=5,lr=1)", "va(n=9,by=frag)+lapt(epochs=3,lr=1)", "lapt(lr=1)"]
    assert short_names(names) == {
        "lapt(epochs=3,lr=1)": "lapt(epochs=3)",
        "lapt(epochs=5,lr=1)": "lapt(epochs=5)",
        "va(n=9,by=frag)+lapt(epochs=3,lr=1)": "va+lapt(epochs=3)",
        "lapt(lr=1)": "lapt",
    }


def test_names_never_become_one():
    short = short_names(["va(9)", "va(9)+lapt(epochs=1)", "va(8)+lapt(epochs=1)", "lapt", "lapt(epochs=1)"])
    assert len(set(short.values())) == len(short)
    assert short_names(["x(a=1)", "x"])["x(a=1)"] == "x(a=1)"


def test_nested_arguments_and_words_that_are_no_spec():
    names = ["replace(tokenizer=[a,b],init=wechsel(dictionary=x,k=3))+lapt", "<script>", "a(", ""]
    short = short_names(names)
    assert short[names[0]] == "replace+lapt" and short["<script>"] == "<script>" and short["a("] == "a("


def test_texts_are_shortened_longest_name_first():
    short = shortener(STUDY)
    said = "va(500)+lapt(epochs=3,lr=0.0003) with hybrid(alpha=0.5,steps=100,batch=32,lr=0.0003) beats none"
    assert short(said) == "va(500)+lapt with hybrid beats none"
    assert shortener(["none"])("none") == "none"
