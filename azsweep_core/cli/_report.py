"""`azsweep report`: writes a sweep's report anew, from its files alone. Disturbs nobody, a running sweep included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from azsweep_core.cli._click import SWEEP_DIR, Command
from azsweep_core.cli._standing import Standing, in_words, look, who_in_words
from azsweep_core.cli._words import printable
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["report"]

_BEGINNING = 1000
_UNTIL_IT_FAILS_S = 3.0


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file instead of DIR/report.html. An earlier report is replaced, nothing else.",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
def report(directory: Path, output: Path | None, is_opened: bool) -> None:
    """Write the report of the sweep in DIR as it stands now, and print its path.

    A running sweep keeps DIR/report.html fresh by itself, every few seconds at most. This writes the same file with all
    that there is at the moment, whether the sweep runs, was interrupted or has ended, and on any machine. The file
    needs nothing but a browser.

    Examples:
      azsweep report multirun/2026-11-22/04-12-15 --open
      azsweep report DIR --output /tmp/sweep.html

    Exit codes:
      0  it was written
      1  DIR holds no sweep, or the file cannot be written, or is there and no report
    """
    from azsweep_core.report._html import write_report
    from azsweep_core.report._report_data import Moment

    if output is not None:
        _check(output)
    now = look(directory)
    if now.recorded is None:
        raise AzsweepError(str(Problem("DIR", "must be the directory of a sweep that has begun", in_words(now))))
    history = now.recorded.history
    until_s = {Standing.RUNNING: None, Standing.ENDED: history.last_s}.get(now.standing, now.last_sign_s)
    moment = Moment(
        written_s=now.now_s,
        state=now.standing.value,
        state_in_words=(history.stop_reason or "") if now.standing is Standing.ENDED else who_in_words(now),
        until_s=until_s,
        is_final=now.standing is Standing.ENDED,
    )
    path = write_report(directory, now.recorded, moment, None if output is None else output.absolute())
    click.echo(str(path))
    if is_opened and not _is_shown(path):
        click.echo(f"There is no browser here. Open it in one: {printable(str(path))}", err=True)


def _check(output: Path) -> None:
    """See to it that nothing is lost by writing this file.

    Raises:
        AzsweepError: if it is any file but an earlier report, or has no place.
    """
    from azsweep_core.report._page import MARK

    if str(output) == "-":
        raise AzsweepError(str(Problem("--output", "must be a file, for a browser needs one", "-")))
    if not output.absolute().parent.is_dir():
        raise AzsweepError(str(Problem("--output", "must be in a folder that is there", str(output))))
    if not output.exists():
        return
    is_report = False
    if output.is_file():
        with output.open("rb") as file:
            is_report = MARK.encode() in file.read(_BEGINNING)
    if not is_report:
        fix = "Name another file."
        raise AzsweepError(str(Problem("--output", "is there, and no report of a sweep", str(output), fix)))


def _is_shown(path: Path) -> bool:
    """Whether a browser takes it; what the programs that look for one have to say is not shown."""
    if sys.platform != "linux":
        return click.launch(path.as_uri()) == 0
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    nowhere = subprocess.DEVNULL
    command = ["xdg-open", path.as_uri()]
    try:
        opener = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
        return opener.wait(_UNTIL_IT_FAILS_S) == 0
    except subprocess.TimeoutExpired:  # it is the browser itself
        return True
    except OSError:
        return False
