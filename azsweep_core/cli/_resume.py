"""`azsweep resume`: the recorded command once more, with what is to be different. The sweeper decides what goes on."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from azsweep_core.cli._click import SWEEP_DIR, Command
from azsweep_core.cli._standing import Standing, in_words, look, typed
from azsweep_core.command_line import hydra_text, is_override, key_of, with_overrides
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.ledger import LEDGER

__all__ = ["replace_process", "resume", "resumed_command"]

_DIR = "hydra.sweep.dir"
_DETACH = "hydra.sweeper.detach"
_FOR_ONE_START = {_DETACH, "hydra.sweeper.break_lock", "hydra.sweeper.allow_spec_change"}
"""What a user allowed or wanted once is not repeated unasked."""
_REDACTED = "***"


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.argument("overrides", nargs=-1)
@click.option("--detach", is_flag=True, help="In the background, independent of this terminal.")
def resume(directory: Path, overrides: Sequence[str], detach: bool) -> None:
    """Go on with the sweep in DIR, by the command that started it.

    Shows that command and runs it, where it was typed, with hydra.sweep.dir=DIR. OVERRIDES take the place of recorded
    ones with the same key. Trials that are over stay; environment variables are those of this shell.

    Examples:
      azsweep resume multirun/2026-11-22/04-12-15
      azsweep resume DIR --detach
      azsweep resume DIR hydra.sweeper.limits.max_total_trials=40

    Exit codes:
      1  it cannot be started from here; else those of the sweep:
      0  a trial has a value      1  none has, or refused      130  stopped
    """
    now = look(directory)
    if now.recorded is None or now.standing in (Standing.STARTING, Standing.RUNNING):
        rule = "must not hold a sweep that runs"
        fix = f"`{typed('attach', directory)}` follows it."
        raise AzsweepError(str(Problem("DIR", rule, f"{directory}, {in_words(now)}", fix)))
    start = now.recorded.latest
    if not start.command:
        rule = "must say by which command the sweep was started"
        fix = f"It was not started from a command line: start it as then, with {_DIR}={hydra_text(str(directory))}."
        raise AzsweepError(str(Problem(str(directory), rule, "none", fix)))
    command = resumed_command(start.command, directory, overrides, detach=detach)
    _check(directory, command, Path(start.working_dir))
    if Path.cwd() != Path(start.working_dir):
        click.echo(shlex.join(["cd", start.working_dir]))
    click.echo(shlex.join(command))
    os.chdir(start.working_dir)
    replace_process(command)


def resumed_command(
    recorded: Sequence[str], directory: Path, overrides: Sequence[str], *, detach: bool = False
) -> list[str]:
    """The recorded command with these overrides in place of its own for the same keys, and with the sweep's directory.

    >>> command = ["python", "train.py", "--multirun", "+x=1", "y=2"]
    >>> print(*resumed_command(command, Path("/sweeps/1"), ["x=3"]))
    python train.py --multirun y=2 hydra.sweep.dir=/sweeps/1 x=3
    """
    for override in overrides:
        if not is_override(override):
            raise AzsweepError(str(Problem("OVERRIDES", "must be overrides as Hydra has them, key=value", override)))
        if key_of(override) == _DIR:
            raise AzsweepError(str(Problem("OVERRIDES", f"must leave out {_DIR}, which DIR says", override)))
    added = [f"{_DIR}={hydra_text(str(directory))}", *overrides, *([f"{_DETACH}=true"] if detach else [])]
    return with_overrides(recorded, added, without=_FOR_ONE_START)


def replace_process(command: Sequence[str]) -> None:
    """Run the command in place of this process: signals, terminal and exit code are its own."""
    sys.stdout.flush()
    os.execv(shutil.which(command[0]) or command[0], list(command))


def _check(directory: Path, command: Sequence[str], working_dir: Path) -> None:
    """That the command can be run as it is here, and was recorded by nobody else.

    Raises:
        AzsweepError: in words, with the command, if it cannot.
    """
    by_hand = f"Type it by hand: {shlex.join(['cd', str(working_dir)])} && {shlex.join(command)}"
    if (directory / LEDGER).stat().st_uid != os.geteuid():
        rule = "must be your own, for the command in it is run"
        raise AzsweepError(str(Problem(str(directory / LEDGER), rule, "a file of another user", by_hand)))
    for word in command:
        if _REDACTED in word:
            rule = "must be known in full; a password was left out of the record"
            raise AzsweepError(str(Problem("the sweep's command", rule, word, by_hand)))
    if not working_dir.is_dir():
        rule = "must be run in the directory where it was first typed, which is gone"
        raise AzsweepError(str(Problem("the sweep's command", rule, str(working_dir), by_hand)))
    if shutil.which(command[0], path=None) is None:
        rule = "must have its Python interpreter, which is gone"
        raise AzsweepError(str(Problem("the sweep's command", rule, command[0], by_hand)))
