from __future__ import annotations

import random

import pytest

from xlreach.corpora.formats.conllu import Sentence, Word, read_conllu, write_conllu
from xlreach.errors import DataError


def row(name, head="0", form="w", deprel="dep"):
    return "\t".join([str(name), form, "_", "NOUN", "_", "_", str(head), deprel, "_", "_"])


EXTRA = "\n".join(
    [
        "# sent_id = s1",
        "# text = Vámonos al mar",
        "0.1\tx\t_\t_\t_\t_\t_\t_\t2:dep\t_",
        "1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No",
        row(1, 0),
        row(2, 1),
        "3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_",
        row(3, 5),
        row(4, 5),
        row(5, 1),
        "5.1\ty\t_\t_\t_\t_\t_\t_\t1:x\t_",
        "5.2\tz\t_\t_\t_\t_\t_\t_\t1:x\t_",
    ]
)


def write(tmp_path, text):
    path = tmp_path / "a.conllu"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_multiword_ranges_and_empty_nodes_round_trip(tmp_path):
    path = write(tmp_path, EXTRA + "\n\n" + row(1, 0) + "\n\n")
    first, second = read_conllu(path)
    assert [position for position, _ in first.extra] == [0, 0, 2, 5, 5]
    assert len(first.words) == 5 and first.words[4] == Word(5, "w", upos="NOUN", head=1, deprel="dep")
    assert (first.sent_id, first.text, first.line) == ("s1", "Vámonos al mar", 1)
    assert (second.sent_id, second.text, second.line) == (None, "w", 14)
    out = tmp_path / "b.conllu"
    write_conllu(out, [first, second])
    assert out.read_bytes() == path.read_bytes()


def test_crlf_bom_missing_final_newline(tmp_path):
    plain = list(read_conllu(write(tmp_path, EXTRA + "\n\n")))
    assert list(read_conllu(write(tmp_path, "\ufeff" + EXTRA.replace("\n", "\r\n")))) == plain


def test_streams(tmp_path):
    sentences = read_conllu(write(tmp_path, row(1) + "\n\n" + "broken\n"))
    assert len(next(sentences).words) == 1
    with pytest.raises(DataError):
        next(sentences)


def test_with_columns(tmp_path):
    (sentence,) = read_conllu(write(tmp_path, EXTRA))
    changed = sentence.with_columns(upos=["X"] * 5, head=[2, 0, 2, 2, 2])
    assert [word.head for word in changed.words] == [2, 0, 2, 2, 2]
    assert changed.extra == sentence.extra and sentence.words[0].upos == "NOUN"
    with pytest.raises(ValueError, match="4 values of 'upos' for 5 words"):
        sentence.with_columns(upos=["X"] * 4)


def test_heads_may_be_empty_in_the_whole_sentence(tmp_path):
    (sentence,) = read_conllu(write(tmp_path, row(1, "_") + "\n" + row(2, "_") + "\n"))
    assert [word.head for word in sentence.words] == [None, None]
    assert str(sentence.words[0]).split("\t")[6] == "_"


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["1\tw\t_"], 1, "3 tab-separated columns"),
        ([row(1).rpartition("\t")[0]], 1, "9 tab-separated columns"),
        ([row(1) + "\t_"], 1, "11 tab-separated columns"),
        ([row(1).replace("\t", " ")], 1, "separated by blanks"),
        ([row(1), row(2, 1, form="")], 2, "'form' is empty"),
        ([row(1), row(3, 1)], 2, "Expected 2"),
        ([row(2)], 1, "Expected 1"),
        ([row("1a")], 1, "Id '1a'"),
        ([row("²")], 1, "Id '²'"),
        ([row(1), "3-4" + row(1)[1:], row(2, 1)], 2, "a range from 2"),
        ([row(1), "2-1" + row(1)[1:]], 2, "range"),
        (["1-2" + row(1)[1:], "1-2" + row(1)[1:], row(1), row(2, 1)], 2, "range"),
        (["1-3" + row(1)[1:], row(1), row(2, 1)], 3, "reaches word 3"),
        ([row(1), "2.1" + row(1)[1:]], 2, "Expected 1.1"),
        ([row(1), "1.2" + row(1)[1:]], 2, "Expected 1.1"),
        ([row(1, "x")], 1, "Head 'x'"),
        ([row(1, "-1")], 1, "Head '-1'"),
        ([row(1), row(2, 3)], 2, "head 3 in a sentence of 2"),
        ([row(1), row(2, "_")], 2, "no head"),
        ([row(1), row(2, 1), row(3, 0)], 3, "Words 1 and 3 are both roots"),
        ([row(1, 2), row(2, 1)], 1, "No word of the sentence has head 0"),
        ([row(1), row(2, 3), row(3, 2)], 2, "cycle"),
        ([row(1), row(2, 2)], 2, "cycle"),
        ([row(1), "# late"], 2, "comment stands inside"),
        (["# only a comment"], 1, "without words"),
    ],
)
def test_broken(tmp_path, lines, line, message):
    # A good sentence and its blank line stand before.
    path = write(tmp_path, row(1) + "\n\n" + "\n".join(lines) + "\n\n")
    with pytest.raises(DataError, match=message) as caught:
        list(read_conllu(path))
    assert (caught.value.path, caught.value.line) == (path, line + 2)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty(tmp_path, content):
    with pytest.raises(DataError, match="no sentence"):
        list(read_conllu(write(tmp_path, content)))


@pytest.mark.parametrize("content", [row(1).encode() + b"\n\xff\n", row(1).encode() + b"\n\0\n"])
def test_not_text(tmp_path, content):
    with pytest.raises(DataError) as caught:
        list(read_conllu(write(tmp_path, content)))
    assert caught.value.line == 2


def test_tree_check_equals_brute_force(tmp_path):
    def is_tree(heads):
        def reaches(at):
            for _ in range(len(heads) + 1):
                if at == 0:
                    return True
                at = heads[at - 1]
            return False

        return heads.count(0) == 1 and all(reaches(at) for at in range(1, len(heads) + 1))

    draw = random.Random(1)
    seen = set()
    for _ in range(600):
        heads = [draw.randint(0, size) for size in [draw.randint(1, 5)] for _ in range(size)]
        path = write(tmp_path, "\n".join(row(at, head) for at, head in enumerate(heads, 1)))
        try:
            list(read_conllu(path))
            valid = True
        except DataError:
            valid = False
        assert valid == is_tree(heads), heads
        seen.add(valid)
    assert seen == {True, False}


def test_written_sentence_needs_no_file(tmp_path):
    sentence = Sentence((Word(1, "a", head=0, deprel="root"),), ("# text = a",))
    write_conllu(tmp_path / "a.conllu", [sentence])
    assert list(read_conllu(tmp_path / "a.conllu")) == [sentence]
