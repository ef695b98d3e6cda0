"""What readers are fed with: valid content that is damaged in a few places, and plain noise."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

# Unassigned, bidi, zero-width and private characters, combining runs, NFD, other digits and blanks, line separators.
LETTERS = (
    "\u0378", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\ue000", "\U000e0041", "\U0010ffff", "\ufffe",
    "e\u0301", "\u00e9", "o" + "\u0308" * 40, "\u0130", "\u1e9e", "\ufb01", "\u0661\u0662", "\u00b2", "\u2028",
    "\u2029", "\x85", "\xa0", "\u3000", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\U0001f469\u200d\U0001f4bb",
)  # fmt: skip
BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\x80", b"\xef\xbb\xbf",
    b"\r", b"\n", b"\r\n", b"\n\n", b"\t", b"\t\t", b" ", b"", b"#", b"# ", b"_", b"-", b"=", b":", b",", b"\\", b"/",
    b'"', b"'", b"{", b"}", b"[", b"]", b"(", b")", b"+", b"&a ", b"*a", b"!!python/object/apply:os.system [id]",
    b"<<: ",
    b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"00", b"1", b"2", b"1-2", b"1.1", b"9" * 30,
    b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"(" * 300, b"\\ud800", b"\\u0000", b"a" * 300, b"../../etc/passwd",
    b"/etc/passwd", b"file:///etc/passwd", b"<script>alert(1)</script>", b"${HOME}", b"%s%n", b"{0}", b"B-PER",
    b"I-LOC", b"qaa", b"mt", b"zh-Hant-TW",
)  # fmt: skip
ENORMOUS = (b"a" * 1_000_000, b"\t" * 200_000, b" " * 500_000, b"[" * 200_000, "\u0308".encode() * 200_000)
_FRAGMENTS = BYTES + tuple(one.encode() for one in LETTERS)

_edit_each = st.tuples(
    st.integers(0, 3),  # insert, replace, repeat, cut off
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    st.sampled_from(_FRAGMENTS),
)
# Often one only: what is damaged a little is read more often, and may be read wrongly.
_edits = st.one_of(st.tuples(_edit_each), st.lists(_edit_each, min_size=1, max_size=5))


def damaged(*valid: bytes, enormous: bool = True) -> st.SearchStrategy[bytes]:
    """One of the valid contents with a few edits; seldom one with an enormous line, noise, or the content as it is."""
    edited = st.builds(_edit, st.sampled_from(valid), _edits)
    noise = st.one_of(st.binary(max_size=200), st.text(max_size=100).map(_encode), st.sampled_from(valid))
    chosen: Sequence[st.SearchStrategy[bytes]] = [edited] * 12 + [noise] * 2
    if not enormous:
        return st.one_of(*chosen)
    large = st.builds(_put, st.sampled_from(valid), st.integers(0, 2**16 - 1), st.sampled_from(ENORMOUS))
    return st.integers(0, 99).flatmap(lambda at: large if at == 0 else st.one_of(*chosen))


def words(*valid: str) -> st.SearchStrategy[str]:
    """Strings near the valid ones, and any text; lone surrogates too."""
    near = damaged(*(one.encode() for one in valid), enormous=False)
    return st.one_of(near.map(lambda one: one.decode("utf-8", "surrogateescape")), st.text(max_size=60))


def _edit(content: bytes, edits: Sequence[tuple[int, int, int, bytes]]) -> bytes:
    for kind, start, size, fragment in edits:
        at = start * (len(content) + 1) >> 16
        end = min(len(content), at + (size * 40 >> 16))
        if kind == 0:
            content = content[:at] + fragment + content[at:]
        elif kind == 1:
            content = content[:at] + fragment + content[end:]
        elif kind == 2:
            content = content[:end] + content[at:]
        elif size < 2**15:
            content = content[:at] + content[end:]
        else:
            content = content[:at]
    return content


def _put(content: bytes, start: int, fragment: bytes) -> bytes:
    at = start * (len(content) + 1) >> 16
    return content[:at] + fragment + content[at:]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
