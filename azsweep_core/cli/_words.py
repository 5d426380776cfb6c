"""How the command says things: times, lines for a terminal or a pipe, and nothing that would steer a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap

import click

from azsweep_core._text import at, duration, printable

__all__ = ["at", "duration", "labelled", "printable", "say"]

_LABEL_WIDTH = 16


def say(text: str, *, indent: int = 0, hang: int | None = None) -> None:
    """Print a line; broken between words on a terminal alone.

    Args:
        indent: columns before it.
        hang: columns before the lines that follow where it is broken; None leaves that to the terminal.
    """
    line = " " * indent + printable(text)
    if hang is None or not sys.stdout.isatty():
        click.echo(line)
        return
    columns = shutil.get_terminal_size().columns
    click.echo(
        textwrap.fill(
            line,
            columns,
            subsequent_indent=" " * hang,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
    )


def labelled(label: str, text: str, *, wrap: bool = True) -> None:
    """Print what `label` is.

    Args:
        wrap: False for what is to be copied: a path, a command.
    """
    name = f"{label + ':':{_LABEL_WIDTH}}"
    if not sys.stdout.isatty():
        click.echo(name + printable(text))
        return
    columns = max(shutil.get_terminal_size().columns - _LABEL_WIDTH, 20)
    lines = textwrap.wrap(printable(text), columns, break_long_words=False, break_on_hyphens=False) if wrap else []
    click.echo(click.style(name, bold=True) + ("\n" + " " * _LABEL_WIDTH).join(lines or [printable(text)]))
