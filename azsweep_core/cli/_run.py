"""`azsweep run`: starts an app's sweep with this Python. Everything else is the app's and Hydra's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from azsweep_core.cli._click import Command
from azsweep_core.cli._resume import replace_process
from azsweep_core.command_line import with_overrides
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["run"]


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[APP.py] [OVERRIDES]...", nargs=-1)
@click.option("-m", "--module", metavar="MODULE", help="The app is a module: -m package.train for APP.py.")
@click.option("--detach", is_flag=True, help="In the background, independent of this terminal.")
def run(words: Sequence[str], module: str | None, detach: bool) -> None:
    """Start the sweep of a Hydra app.

    The same as `python APP.py --multirun OVERRIDES`. With --detach the command returns as soon as the sweep has begun,
    which then goes on without the terminal. Options of Hydra's (--config-name, ...) are passed on.

    Examples:
      azsweep run train.py +experiment=sweep
      azsweep run --detach train.py +experiment=sweep 'lr=loguniform(-6.9,-2.3)'
      azsweep run -m package.train --config-name sweep

    Exit codes:
      0  a trial has a value; with --detach: the sweep has begun
      1  none has, or the sweep was refused
      130  it was stopped
    """
    if module is not None:
        app, overrides = ["-m", module], words
    elif words:
        app, overrides = [words[0]], words[1:]
        _check(words[0])
    else:
        raise click.UsageError("Missing argument 'APP.py', or -m MODULE.")
    detached = ["hydra.sweeper.detach=true"] if detach else []
    replace_process(with_overrides([sys.executable, *app, "--multirun", *overrides], detached))


def _check(app: str) -> None:
    rule = "must be the Python file of a Hydra app"
    if app.endswith((".yml", ".yaml")):
        fix = "A job file cannot be run yet: put its sweep into the configuration of a Hydra app."
        raise AzsweepError(str(Problem("APP.py", rule, app, fix)))
    if not Path(app).is_file():
        fix = "It comes first, before overrides and options of Hydra's."
        raise AzsweepError(str(Problem("APP.py", rule, app, fix)))
