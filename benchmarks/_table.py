"""Prints a benchmark's one table, as Markdown that is as readable in a terminal. Measures nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from textwrap import fill

__all__ = ["machine", "table"]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    """Title, rows under their columns (the first one to the left, the others to the right), and a note below.

    >>> print(table("Speed", ["who", "ms"], [["ours", "5"], ["theirs", "14.2"]], "Medians of 3."))
    **Speed**
    <BLANKLINE>
    | who    |   ms |
    | :----- | ---: |
    | ours   |    5 |
    | theirs | 14.2 |
    <BLANKLINE>
    Medians of 3.
    """
    widths = [max(3, *(len(row[index]) for row in (columns, *rows))) for index in range(len(columns))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(row, widths) for row in (columns, rule, *rows)]
    return "\n".join([f"**{title}**", "", *lines, "", fill(note, 120)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return f"| {' | '.join(aligned)} |"


def machine() -> str:
    """A sentence on what the figures depend on: cores, what else they do at this moment, versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    return (
        f"On {platform.system()} {platform.machine()} with {cores} cores (load average {load:.1f} at the end), "
        f"Python {platform.python_version()}, hydra-core {version('hydra-core')}."
    )
