"""What the commands share of click: the argument DIR, and help pages whose examples stay as they are written."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["SWEEP_DIR", "Command", "help_page"]

_LIST = re.compile(r"\n\n(?=[^\n]+:[^\n]*\n  )")


class _SweepDir(click.ParamType[Path]):
    name = "directory"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return Path(os.path.abspath(value))  # noqa: PTH100 - `..` goes, symbolic links stay as they were named

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="dir")]


SWEEP_DIR = _SweepDir()
"""An absolute path, which shells complete. Whether there is a sweep is for `look` to say."""


class Command(click.Command):
    """A command whose docstring is its help page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = help_page(self.help or "")


def help_page(text: str) -> str:
    r"""A help page in which click keeps the lines of indented lists.

    >>> help_page("Does it.\n\nExamples:\n  azsweep\n  azsweep -h")
    'Does it.\n\n\x08\nExamples:\n  azsweep\n  azsweep -h'
    """
    return _LIST.sub("\n\n\b\n", inspect.cleandoc(text))
