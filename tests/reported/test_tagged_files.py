"""Treebanks and column files: what the evaluation will refuse is refused at reading, and no token is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.corpora.formats.conllu import read_conllu
from xlreach.corpora.formats.iob2 import read_iob2
from xlreach.corpora.registry import open_dataset
from xlreach.errors import DataError

_WORD = "{}\t{}\t_\tNOUN\t_\t_\t{}\tdep\t_\t_\n"


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2003\u00a0", " "])
def test_a_word_of_blanks_is_refused_with_its_line(tmp_path, blank):
    path = tmp_path / "x.conllu"
    path.write_text(f"# text = a\n{_WORD.format(1, 'a', 0)}{_WORD.format(2, blank, 1)}\n", "utf-8")
    with pytest.raises(DataError) as caught:
        list(read_conllu(path))
    assert (caught.value.path, caught.value.line) == (path, 3)
    words = _WORD.format(1, "a", 0) + _WORD.format(2, "b", 1)
    path.write_text(f"1-2\t{blank}" + "\t_" * 8 + f"\n{words}\n", "utf-8")
    with pytest.raises(DataError) as caught:
        list(read_conllu(path))
    assert caught.value.line == 1


def test_words_with_blanks_inside_and_other_invisible_words_are_read(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text(_WORD.format(1, "10\u00a0000", 0) + _WORD.format(2, "\u200b", 1) + "\n", "utf-8")
    assert [sentence.forms for sentence in read_conllu(path)] == [("10\u00a0000", "\u200b")]


def read(tmp_path: Path, text: str, columns: str) -> list[tuple[str, ...]]:
    folder = tmp_path / "en"
    folder.mkdir(exist_ok=True)
    (folder / "test.txt").write_text(text, "utf-8")
    data = open_dataset(f"conll:en({columns})", tmp_path)
    return [getattr(sentence, "tokens", None) or sentence.forms for sentence in data.read("test")]


DOCUMENTS = (
    "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n-DOCSTART- -X- O O\n\nPeter NNP B-NP B-PER\n"
)


@pytest.mark.parametrize("columns", ["token=1,xpos=2", "token=1,ner=4"])
@pytest.mark.parametrize("separator", [" ", "\t"])
def test_document_marks_are_no_sentences(tmp_path, columns, separator):
    text = DOCUMENTS.replace(" ", separator)
    assert read(tmp_path, text, columns) == [("EU", "rejects"), ("Peter",)]
    joined = text.replace(
        "-DOCSTART- -X- -X- O\n\n".replace(" ", separator), "-DOCSTART- -X- -X- O\n".replace(" ", separator)
    )
    assert read(tmp_path, joined, columns) == [("EU", "rejects"), ("Peter",)]


@pytest.mark.parametrize(
    ("text", "columns", "tokens"),
    [
        ("# # B-NP O\nBrexit NN I-NP O\n", "token=1,ner=4", [("#", "Brexit")]),
        ("# SYM\n", "token=1,upos=2", [("#",)]),
        ("# SYM\n1 NUM\n", "token=1,upos=2", [("#", "1")]),
        ("# O\n1 B-X\n", "token=1,ner=2", [("#", "1")]),
        ("# O\n", "token=1,ner=2", [("#",)]),
        ("# newdoc\n# sent_id = 3\na NOUN\n# SYM\n", "token=1,upos=2", [("a", "#")]),
        ("# a comment of words\na B-X\n\n# id 2\nb O\n", "token=1,ner=2", [("a",), ("b",)]),
        ("#\tSYM\n1\tNUM\n", "token=1,upos=2", [("#", "1")]),
        ("# global.columns = ID FORM\na NOUN\n", "token=1,upos=2", [("a",)]),
        ("# text = x y\na b c NOUN\n", "token=1,upos=4", [("a",)]),
    ],
)
def test_a_hash_with_a_tag_is_a_token(tmp_path, text, columns, tokens):
    assert read(tmp_path, text, columns) == tokens


def test_iob2_keeps_a_hash_among_four_columns(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("# # B-NP O\nBrexit NN I-NP O\n\n# id 7\nb NN I-NP O\n", "utf-8")
    assert [sentence.tokens for sentence in read_iob2(path)] == [("#", "Brexit"), ("b",)]
