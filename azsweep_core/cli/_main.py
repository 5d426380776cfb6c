"""The command's entrance: which commands there are, and that whatever goes wrong is said in words."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from azsweep_core import __version__
from azsweep_core.cli._attach import attach, stop
from azsweep_core.cli._best import best
from azsweep_core.cli._click import help_page
from azsweep_core.cli._compare import compare
from azsweep_core.cli._export import export
from azsweep_core.cli._logs import logs
from azsweep_core.cli._plan import plan
from azsweep_core.cli._report import report
from azsweep_core.cli._resume import resume
from azsweep_core.cli._run import run
from azsweep_core.cli._status import status
from azsweep_core.cli._trials import trials
from azsweep_core.cli._validate import validate
from azsweep_core.cli._words import printable
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["commands", "main"]


class _Refused(click.ClickException):
    """Shown as it is: our messages say where and why by themselves."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=sys.stderr if file is None else file)


class _Commands(click.Group):
    """Lists its commands in the order of their use, and says in words what they raise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = help_page(self.help or "")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AzsweepError as error:
            raise _Refused("\n".join(map(printable, str(error).split("\n")))) from error
        except BrokenPipeError:
            raise  # somebody has read enough: click ends without a word
        except OSError as error:
            where, rule = (str(error.filename), "readable") if error.filename else ("standard output", "writable")
            raise _Refused(str(Problem(where, f"must be {rule} ({error.strerror or error})"))) from error
        except KeyboardInterrupt:
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="azsweep", message="%(prog)s %(version)s")
def commands() -> None:
    """Hyperparameter sweeps of Hydra apps, from any shell: start them, see how they stand, stop them, go on with them.

    DIR is a sweep's directory (hydra.sweep.dir). Everything is read from its files, so it need not be the shell, nor
    the machine, in which the sweep was started.

    Examples:
      azsweep plan train.py +experiment=sweep
      azsweep run --detach train.py +experiment=sweep
      azsweep status multirun/2026-11-22/04-12-15
      azsweep attach multirun/2026-11-22/04-12-15
      azsweep logs multirun/2026-11-22/04-12-15 7 -f
      azsweep trials multirun/2026-11-22/04-12-15 --sort value
      azsweep best multirun/2026-11-22/04-12-15
      azsweep compare multirun/2026-11-22/*
      azsweep stop multirun/2026-11-22/04-12-15
      azsweep resume multirun/2026-11-22/04-12-15 hydra.sweeper.limits.max_total_trials=40
      azsweep validate sweep.yml

    Exit codes of all commands (further ones in their own --help):
      0    done
      1    not done; a message on stderr says why, and what to do
      2    the command itself was misspelt
      130  left by Ctrl-C

    Completion of commands, options, sweeps, numbers of trials, ... with the Tab key:
      bash  eval "$(_AZSWEEP_COMPLETE=bash_source azsweep)"   in ~/.bashrc
      zsh   eval "$(_AZSWEEP_COMPLETE=zsh_source azsweep)"    in ~/.zshrc
      fish  _AZSWEEP_COMPLETE=fish_source azsweep | source    in ~/.config/fish/completions/azsweep.fish
    """


for _command in (plan, run, status, trials, best, compare, report, attach, logs, stop, resume, validate, export):
    commands.add_command(_command)


def main() -> None:
    """Run the command that was typed, and end the process with its exit code."""
    if sys.stdout is None:  # closed by the shell: what is said goes nowhere
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the end of the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what the terminal's encoding does not
    commands(prog_name="azsweep", color=False if os.environ.get("NO_COLOR") else None)
