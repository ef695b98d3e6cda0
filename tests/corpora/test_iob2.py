from __future__ import annotations

import pytest

from xlreach.corpora.formats.iob2 import TaggedSentence, read_iob2, write_iob2
from xlreach.errors import DataError


def write(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", [
    "Dakar B-LOC\nla O\n\nAmadou B-PER\nDiop I-PER\n\n",
    "Dakar\tB-LOC\nla\tO\n\n\nAmadou\tB-PER\nDiop\tI-PER",
    "\ufeffDakar  B-LOC\r\nla O\r\n \r\nAmadou B-PER\r\nDiop I-PER",
    "Dakar NNP x B-LOC\nla V y O\n\nAmadou NNP x B-PER\nDiop NNP x I-PER\n",
])  # fmt: skip
def test_layouts(tmp_path, text):
    assert list(read_iob2(write(tmp_path, text))) == [
        TaggedSentence(("Dakar", "la"), ("B-LOC", "O")),
        TaggedSentence(("Amadou", "Diop"), ("B-PER", "I-PER")),
    ]


@pytest.fixture
def changes(caplog):
    """What the log says of changed tags."""
    caplog.set_level("INFO")
    return lambda: [record.getMessage().partition(": ")[2] for record in caplog.records]


def test_universal_ner(tmp_path, changes):
    text = (
        "# sent_id = 1\n# text = # O\n1\tin\tO\t-\t-\n2\tNew York\tB-LOC\t-\tx\n3\t#\tB-OTH\t-\tx\n4\ty\tB-O\t-\tx\n\n"
    )
    (one,) = read_iob2(write(tmp_path, text), 1, 2, outside=("OTH", "B-O"))
    assert one == TaggedSentence(("in", "New York", "#", "y"), ("O", "B-LOC", "O", "O"))
    assert one.line == 3 and changes() == ["2 tags read as O"]


def test_a_hash_can_be_a_token(tmp_path):
    (one,) = read_iob2(write(tmp_path, "# O\n1 O\n# B-PER\n"))
    assert one.tokens == ("#", "1", "#")


def test_language_prefix(tmp_path):
    (one,) = read_iob2(write(tmp_path, "mt:Malta\tB-LOC\nmt::\tO\n"), language_prefix=True)
    assert one.tokens == ("Malta", ":")
    with pytest.raises(DataError, match="lang:token"):
        list(read_iob2(write(tmp_path, "Malta\tB-LOC\n"), language_prefix=True))


@pytest.mark.parametrize("text", ["a O\nb I-PER\n", "b I-PER\n", "a B-LOC\nb I-PER\n", "a B-PER\n\nb I-PER\n"])
def test_invalid_continuation(tmp_path, text, changes):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match="Expected B-PER") as caught:
        list(read_iob2(path))
    assert caught.value.line == text.count("\n")
    assert [sentence.tags[-1] for sentence in read_iob2(path, repair=True)][-1] == "B-PER"
    assert changes() == ["1 tags repaired"]


def test_lost_first_letter(tmp_path, changes):
    (one,) = read_iob2(write(tmp_path, "a -NEL\nb -NEL\nc -\nd -NEL\n"), repair=True)
    assert one.tags == ("B-NEL", "I-NEL", "O", "B-NEL") and changes() == ["4 tags repaired"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a O\nb\n", 2, "1 column"),
        ("a O\nb S-PER\n", 2, "Tag 'S-PER'"),
        ("a O\nb o\n", 2, "Tag 'o'"),
        ("a O\n \tO\n", 2, "blank"),
        (b"a O\n\xe9 O\n", 2, "UTF-8"),
        (b"a O\n\0 O\n", 2, "NUL"),
    ],
)
def test_broken(tmp_path, text, line, message):
    with pytest.raises(DataError, match=message) as caught:
        list(read_iob2(write(tmp_path, text)))
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["", "\n\n", "# comment only\n"])
def test_empty(tmp_path, text):
    with pytest.raises(DataError, match="no sentence"):
        list(read_iob2(write(tmp_path, text)))


def test_column_out_of_range(tmp_path):
    with pytest.raises(DataError, match="2 columns"):
        list(read_iob2(write(tmp_path, "a O\n"), 1, 2))


def test_round_trip(tmp_path):
    sentences = [TaggedSentence(("New York", "#"), ("B-LOC", "O")), TaggedSentence(("x",), ("O",))]
    write_iob2(tmp_path / "b.txt", sentences)
    assert list(read_iob2(tmp_path / "b.txt")) == sentences
