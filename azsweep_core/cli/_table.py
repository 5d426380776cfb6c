"""Tables of plain text: columns side by side, cut where they are wide. Prints nothing, and knows no terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from azsweep_core._text import as_text, printable

__all__ = ["ABSENT", "Column", "cell", "cut", "fitting", "lines", "padded", "width_of"]

ABSENT = "-"
_BETWEEN = "  "
_CUT = "..."


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is shown: every text is printable and one line.

    Args:
        is_number: it stands on the right.
    """

    name: str
    cells: Sequence[str]
    is_number: bool = False

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        return max(map(width_of, [self.name, *self.cells]))


def cell(value: Any, most: int) -> str:
    """A value of a parameter: as `trials.csv` has it, but floats to six digits, and cut.

    >>> cell(0.1234567, 9), cell([1, None], 9), cell("a b", 9), cell("", 9), cell("so long a text", 9)
    ('0.123457', '[1, null]', 'a b', "''", 'so lon...')
    """
    return cut(as_text(value), most)


def cut(text: str, most: int) -> str:
    r"""Text in one line that takes at most so many columns.

    >>> cut("so long a text", 9), cut("\n\x1b[2J", 9)
    ('so lon...', '\\x0a')
    """
    shown = printable(text[: 8 * most])
    if width_of(shown) <= most and len(text) <= 8 * most:
        return shown
    while width_of(shown) > most - len(_CUT):
        shown = shown[:-1]
    return shown + _CUT


def fitting(columns: Sequence[Column], room: int) -> int:
    """How many of the columns, from the first, fit into so many of a terminal's; at least one."""
    count, taken = 0, -len(_BETWEEN)
    for column in columns:
        taken += len(_BETWEEN) + column.width
        if taken > room:
            break
        count += 1
    return max(count, 1)


def lines(columns: Sequence[Column]) -> Iterator[str]:
    """The table with its header, line by line, without blanks at their ends."""
    widths = [column.width for column in columns]
    rows = zip(*([column.name, *column.cells] for column in columns), strict=True)
    for row in rows:
        parts = [
            padded(text, width, on_the_right=column.is_number)
            for text, width, column in zip(row, widths, columns, strict=True)
        ]
        yield _BETWEEN.join(parts).rstrip()


def padded(text: str, width: int, *, on_the_right: bool = False) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if on_the_right else text + blanks


def width_of(text: str) -> int:
    """Columns of a terminal that a printable text takes.

    >>> width_of("abc"), width_of("\u4e2d\u6587"), width_of("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_width(each) for each in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
