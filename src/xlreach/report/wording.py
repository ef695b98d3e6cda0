"""How systems and numbers are written for people: names, decimals, signs, p values, times."""

from __future__ import annotations

import re

from xlreach.comparison.tables import Table
from xlreach.gaps import Cost, Interval
from xlreach.system import System

_SHARE = 1.5  # a value beyond this is a percentage or a count, not a share between 0 and 1


def system_name(system: System, *, within_sentence: bool = False) -> str:
    """A system by the names that the study gave, without its base; within a sentence, `none` is "the unchanged base".

    >>> system_name(System(recipe="lapt")), system_name(System(alignment="hybrid"))
    ('lapt', 'none with hybrid')
    >>> system_name(System(alignment="hybrid"), within_sentence=True), system_name(System(), within_sentence=True)
    ('the base with hybrid', 'the unchanged base')
    >>> system_name(System(retriever="bm25")), system_name(System(recipe="lapt", retriever="fused"))
    ('bm25', 'lapt, ranked by fused')
    """
    if not system.is_dense and not system.is_adapted and not system.is_aligned:
        return system.retriever
    name = system.recipe
    if within_sentence and not system.is_adapted:
        name = "the base" if system.is_aligned else "the unchanged base"
    if system.is_aligned:
        name += f" with {system.alignment}"
    return name if system.is_dense else f"{name}, ranked by {system.retriever}"


def is_percentage(*values: float | None) -> bool:
    """Whether any of the values is on a scale from 0 to 100 rather than from 0 to 1."""
    return any(value is not None and abs(value) > _SHARE for value in values)


def signed(value: float, percentage: bool | None = None) -> str:
    """A difference with its sign: three decimals for shares, one for percentages; None decides by its size.

    >>> signed(-0.1234), signed(12.34)
    ('-0.123', '+12.3')
    """
    return f"{value:+.1f}" if (is_percentage(value) if percentage is None else percentage) else f"{value:+.3f}"


def unsigned(value: float) -> str:
    """A value: three decimals for shares, one for percentages."""
    return f"{value:.1f}" if is_percentage(value) else f"{value:.3f}"


def with_interval(value: float, interval: Interval | None, percentage: bool | None = None) -> str:
    """A difference and its interval.

    >>> with_interval(-0.1, Interval(-0.2, 0.05))
    '-0.100 [-0.200, +0.050]'
    """
    percentage = is_percentage(value) if percentage is None else percentage
    ends = "" if interval is None else f" [{signed(interval.low, percentage)}, {signed(interval.high, percentage)}]"
    return signed(value, percentage) + ends


def p_text(p: float) -> str:
    """A p value within a sentence: three decimals, or that it is below .001.

    >>> p_text(0.0123), p_text(0.0001)
    ('p = .012', 'p < .001')
    """
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace(" 0.", " .", 1)


def after_holm(p: float | None, separator: str = ", ") -> str:
    """A corrected p value to end a sentence with; empty where there was no test.

    >>> after_holm(0.0123), after_holm(None)
    (', p = .012 after Holm', '')
    """
    return "" if p is None else f"{separator}{p_text(p)} after Holm"


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "language"), counted(3, "seed")
    ('1 language', '3 seeds')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def p_cell(p: float | None) -> str:
    """A p value for the cell of a table."""
    return "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def column_digits(table: Table) -> list[int]:
    """Decimals of each column of a table: none for thousands, two for percentages, three for shares."""
    columns = zip(*(figures for _, figures in table.rows), strict=True)
    largest = [max((abs(figure.mean) for figure in column if figure), default=0.0) for column in columns]
    return [0 if value >= 1000 else 2 if is_percentage(value) else 3 for value in largest]


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals; from ten million on with its power of ten.

    >>> fixed(0.12345, 3), fixed(736546.0, 0), fixed(1.2345e11, 0)
    ('0.123', '736,546', '1.23e+11')
    """
    return f"{value:,.{digits}f}" if abs(value) < 1e7 else f"{value:.2e}"


def typeset(text: str) -> str:
    """Writes a minus sign before a number, and keeps a p value on one line."""
    text = re.sub(r"\bp ([<=]) (?=\.?\d)", "p\u00a0\\1\u00a0", text)
    return re.sub(r"(?<![\w)-])-(?=\d)", "−", text)


def cost_text(cost: Cost | None) -> str:
    """Time, tokens and memory, as short as they can be read.

    >>> cost_text(Cost(seconds=540.0, peak_memory_mb=2900.0))
    '9 min, 2.9 GB'
    """
    if cost is None or cost.seconds is None:
        return "–"
    minutes = cost.seconds / 60
    time = (
        f"{cost.seconds:.0f} s" if minutes < 5 else f"{minutes:.0f} min" if minutes < 300 else f"{minutes / 60:.1f} h"
    )
    tokens = [f"{cost.tokens / 1e6:.1f} M tokens"] if cost.tokens else []
    memory = [f"{cost.peak_memory_mb / 1000:.1f} GB"] if cost.peak_memory_mb else []
    return ", ".join([time, *tokens, *memory])
