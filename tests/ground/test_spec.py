from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlreach.errors import SpecError
from xlreach.spec import Registry, Spec, folder_name, param

THINGS: Registry[Spec] = Registry("thing")


@THINGS.register
@dataclass(frozen=True)
class Augment(Spec):
    name: ClassVar[str] = "va"
    n: int = param(99, "how many pieces", positional=True, shown=True, minimum=1)
    by: Literal["unk", "fragmentation"] = param("fragmentation", "the criterion")
    rate: float | None = param(None, "a rate", maximum=1)


@THINGS.register
@dataclass(frozen=True)
class Corpus(Spec):
    name: ClassVar[str] = "ud"
    treebank: str = param(help="which treebank", member=True)
    splits: tuple[str, ...] = param((), "which splits")


@THINGS.register
@dataclass(frozen=True)
class Pretrain(Spec):
    name: ClassVar[str] = "lapt"
    lr: float = param(2e-5, "learning rate")
    text: str = param("", "where the text is")


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("va", "va(99)"),
        ("va(n=99)", "va(99)"),
        (" va ( 7 , by = unk ) ", "va(7,by=unk)"),
        ("va(rate=1)+lapt(lr=1e-4)", "va(99,rate=1)+lapt(lr=0.0001)"),
        ("ud:mt_mudt", "ud:mt_mudt"),
        ("ud:a/b(splits=[dev,test])", "ud:a/b(splits=[dev,test])"),
        ('lapt(text="two words")', 'lapt(text="two words")'),
        ("lapt(text=ud:x(half=first))", 'lapt(text="ud:x(half=first)")'),
    ],
)
def test_a_string_prints_in_its_canonical_form(written: str, printed: str) -> None:
    things = THINGS.parse_chain(written)
    assert "+".join(map(str, things)) == printed
    assert THINGS.parse_chain(printed) == things


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("lapd", "Did you mean 'lapt'?"),
        ("va(0)", "Expected a number from 1"),
        ("va(rate=2)", "Expected a number up to 1"),
        ("va(many)", "Expected a whole number"),
        ("va(1.5)", "Expected a whole number"),
        ("va(true)", "Expected a whole number"),
        ("va(9", "Expected ',' or ')'"),
        ("va(by=unkk)", "Did you mean 'unk'?"),
        ("va(size=1)", "has no parameter 'size'"),
        ("va(1,n=2)", "given twice"),
        ("va(n=1,unk)", "cannot follow"),
        ("va(1,unk,0.5,3)", "takes 3 parameters, 4 given"),
        ("ud", "needs 'treebank'"),
        ("ud:", "a word after ':'"),
        ("lapt:x", "takes no member after a colon"),
        ("lapt(lr=1e999)", "finite"),
        ("", "the name of a thing"),
        ("va va", "the end or '+'"),
        ('lapt(text="open)', "closing"),
        ("va(" + "[" * 50 + "]" * 50 + ")", "levels of brackets"),
        ("v" * 5000, "characters"),
    ],
)
def test_a_mistake_is_named_with_its_mend(written: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        THINGS.parse_chain(written)
    assert said in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_kindly(text: str) -> None:
    try:
        things = THINGS.parse_chain(text)
    except SpecError:
        return
    assert THINGS.parse_chain("+".join(map(str, things))) == things


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_value_survives_printing(text: str, rate: float) -> None:
    thing = Pretrain(lr=rate, text=text)
    if len(str(thing)) <= 4096:
        assert THINGS.parse(str(thing)) == thing


@given(st.text(min_size=1))
def test_a_folder_name_is_one_safe_component(text: str) -> None:
    name = folder_name(text)
    assert "/" not in name and "\x00" not in name and name not in (".", "..") and len(name.encode()) < 200


def test_different_things_have_different_folders() -> None:
    assert folder_name("a/b") != folder_name("a_b") != folder_name("a\\b")


def test_help_comes_from_the_declaration() -> None:
    assert Augment.describe()[0] == ("n", "a whole number", "99", "how many pieces")
    assert Augment.describe()[1][1] == "unk | fragmentation"
    assert Corpus.describe()[0][2] == "required"
