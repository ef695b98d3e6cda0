from __future__ import annotations

from xlreach.adapt.stages import spread_lines


def test_lines_are_taken_evenly_and_no_more_than_asked() -> None:
    def lines() -> object:
        return (str(number) for number in range(100))

    assert list(spread_lines(lines, 4)) == ["24", "49", "74", "99"]  # type: ignore[arg-type]
    assert len(list(spread_lines(lines, 99))) == 99  # type: ignore[arg-type]
    assert list(spread_lines(lines, 500)) == [str(number) for number in range(100)]  # type: ignore[arg-type]
    assert list(spread_lines(lambda: iter(()), 5)) == []
