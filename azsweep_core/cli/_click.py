"""What the commands share of click: arguments that shells complete, and help pages as they are written."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["SWEEP_DIR", "TRIAL_NUMBER", "Command", "help_page", "job_options", "paths", "sweep_of"]

_LIST = re.compile(r"\n\n(?=[^\n]+:[^\n]*\n  )")


class _SweepDir(click.ParamType):  # type: ignore[type-arg]  # generic in later versions of click only
    name = "directory"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return Path(os.path.abspath(value))  # noqa: PTH100 - `..` goes, symbolic links stay as they were named

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from azsweep_core.cli._complete import sweeps_from

        return [CompletionItem(path) for path in sweeps_from(incomplete)] or [CompletionItem(incomplete, type="dir")]


SWEEP_DIR = _SweepDir()
"""An absolute path, which shells complete to those of sweeps. Whether there is one is for `look` to say."""


class _TrialNumber(click.IntRange):
    def __init__(self) -> None:
        super().__init__(min=0)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from azsweep_core.cli._complete import trials_from

        directory = sweep_of(ctx)
        return [] if directory is None else [CompletionItem(each) for each in trials_from(directory, incomplete)]


TRIAL_NUMBER = _TrialNumber()
"""Of a trial in the sweep's `directory`."""


def sweep_of(ctx: click.Context) -> Path | None:
    """The sweep's directory in a command that is being typed; None if there is none yet."""
    typed = ctx.params.get("directory") or next(iter(ctx.args), None)  # there if the value of an option is next
    return None if typed is None else Path(typed)


def paths(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Leaves it to the shell to offer paths: of a `file`, or a `dir`."""
    return lambda ctx, param, incomplete: [CompletionItem(incomplete, type=kind)]


def job_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a command that starts a job file is told of the job: its `inputs`, `code` and `node`."""
    help_of_input = "An input of the job: a path here, or a value."
    options = (
        click.option("--input", "inputs", metavar="NAME=VALUE", multiple=True, help=help_of_input),
        click.option("--code", metavar="DIR", help="The folder of the job's source."),
        click.option("--node", metavar="NAME", help="Which sweep of a pipeline file; else the first."),
    )
    for option in reversed(options):  # as decorators that stand above each other
        command = option(command)
    return command


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
