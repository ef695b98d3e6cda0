from __future__ import annotations

import pytest

from xlreach.corpora.formats.lines import read_lines, write_lines
from xlreach.errors import DataError


def test_bom_cr_blank_lines_and_missing_final_newline(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n\r\n  \ntwo\u2028still two\x85\n three ".encode())
    assert list(read_lines(path)) == ["one", "two\u2028still two\x85", " three "]


def test_round_trip(tmp_path):
    lines = ["ħabbar", "مەكتەپ", "a\u2028b", "\ufeffnot at the start\r"]
    path = tmp_path / "a.txt"
    assert write_lines(path, ["x", *lines[:3]]) == 4
    assert list(read_lines(path)) == ["x", *lines[:3]]


def test_line_feed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="line feed"):
        write_lines(tmp_path / "a.txt", ["a\nb"])


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [(b"ok\n\xff\xfe\n", 2, "not UTF-8"), (b"a\nb\n\0c\n", 3, "NUL"), ("a".encode("utf-16"), 1, "not UTF-8")],
)
def test_damaged(tmp_path, content, line, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_lines(path))
    assert (caught.value.path, caught.value.line) == (path, line)
    assert f"{path}:{line}:" in str(caught.value)


def test_missing(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        list(read_lines(tmp_path / "no.txt"))


def test_empty_text_has_no_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert list(read_lines(path)) == []
