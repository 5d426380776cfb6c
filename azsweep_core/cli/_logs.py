"""`azsweep logs`: what a trial, or a detached sweep, printed; as it is, and as it comes. Writes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from azsweep_core.cli._click import SWEEP_DIR, TRIAL_NUMBER, Command
from azsweep_core.cli._follow import Follower
from azsweep_core.cli._standing import log_of, look, typed
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.trial import TrialState

__all__ = ["logs"]

_BLOCK = 65536


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.argument("number", metavar="[N]", type=TRIAL_NUMBER, required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the trial, or the sweep, is over.")
@click.option("--attempt", type=click.IntRange(min=1), help="Which attempt of the trial; the latest if left out.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), help="Begin with so many of the last lines; all if left out."
)
def logs(directory: Path, number: int | None, follow: bool, attempt: int | None, lines: int | None) -> None:
    """Print what a trial, or a detached sweep, has printed.

    N is the trial's number; without it, the sweep's own words are shown. With -f it goes on until the trial is over.
    One that is lost and runs again is followed in its next attempt.

    Examples:
      azsweep logs multirun/2026-11-22/04-12-15 7
      azsweep logs DIR 7 -f -n 20
      azsweep logs DIR -f

    Exit codes:
      0    shown, whatever became of the trial
      1    there is no such trial, attempt or log
      130  left by Ctrl-C
    """
    if number is None:
        _show_the_sweeps(directory, follow=follow, lines=lines)
    else:
        _show_a_trials(directory, number, follow=follow, attempt=attempt, lines=lines)


def _show_the_sweeps(directory: Path, *, follow: bool, lines: int | None) -> None:
    path = log_of(directory)
    if path is None:
        look(directory)
        rule = "must hold a sweep that was detached, whose words went into a file"
        raise AzsweepError(str(Problem("DIR", rule, str(directory), f"Of its trials: `{typed('logs', directory)} N`.")))
    tail = _Tail(path, lines)
    tail.show()
    for _ in Follower(directory).until(lambda: False) if follow else ():
        tail.show()
    tail.show()


def _show_a_trials(directory: Path, number: int, *, follow: bool, attempt: int | None, lines: int | None) -> None:
    shown = _existing_attempt(directory, number, attempt)
    tail = _Tail(ControlDir.of(directory, number, shown).output_file, lines)
    tail.show()
    if not follow:
        if not tail.exists:
            click.echo(f"trial {number} has printed nothing yet", err=True)
        return
    follower = Follower(directory)

    def is_over() -> bool:
        """Nothing more comes: the trial is over, or the attempt that was asked for."""
        trial = None if follower.history is None else follower.history.get(number)
        if trial is None:
            return False
        is_lost = trial.attempt > shown or (trial.attempt == shown and trial.state is TrialState.PENDING)
        return trial.state.is_final or (attempt is not None and is_lost)

    for event in follower.until(is_over):
        if event is not None or follower.history is None:
            continue
        latest = follower.history[number].attempt
        tail.show()
        if attempt is None and latest > shown:
            shown = latest
            click.echo(f"trial {number}: attempt {latest}", err=True)
            tail = _Tail(ControlDir.of(directory, number, shown).output_file, None)
    tail.show()
    if not is_over():
        click.echo(f"trial {number} is not over, but nobody coordinates the sweep any more", err=True)


def _existing_attempt(directory: Path, number: int, attempt: int | None) -> int:
    """The attempt to show: the latest of the trial unless one is asked for.

    Raises:
        AzsweepError: if there is none.
    """
    place = ControlDir.of(directory, number, 1).path.parent
    attempts = [int(each.name) for each in _entries(place) if each.name.isdecimal()]
    if attempts and (attempt is None or attempt in attempts):
        return max(attempts) if attempt is None else attempt
    if attempts:
        had = ", ".join(map(str, sorted(attempts)))
        rule = f"must be an attempt of trial {number}, which had {had}"
        raise AzsweepError(str(Problem("--attempt", rule, str(attempt))))
    look(directory)
    known = sorted(int(each.name) for each in _entries(place.parent) if each.name.isdecimal())
    fix = f"There are trials {known[0]} to {known[-1]}." if known else "There is none yet."
    raise AzsweepError(str(Problem("N", "must be a trial of the sweep", str(number), fix)))


def _entries(directory: Path) -> Iterator[Path]:
    return directory.iterdir() if directory.is_dir() else iter(())


class _Tail:
    """Copies a file to the standard output, byte for byte, as far as it has come; its beginning may be left out."""

    def __init__(self, path: Path, lines: int | None) -> None:
        self._path = path
        self._lines = lines
        self._offset: int | None = None

    @property
    def exists(self) -> bool:
        return self._offset is not None

    def show(self) -> None:
        """What has come since the last call."""
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return
        out = sys.stdout.buffer
        with stream:
            if self._offset is None:
                self._offset = 0 if self._lines is None else _start_of_last(stream, self._lines)
            stream.seek(self._offset)
            while block := stream.read(_BLOCK):
                out.write(block)
                self._offset += len(block)
        out.flush()


def _start_of_last(stream: BinaryIO, lines: int) -> int:
    """Where the last so many lines of a file begin."""
    position = stream.seek(0, os.SEEK_END)
    data = b""
    while position > 0 and data.count(b"\n") <= lines:
        block = min(_BLOCK, position)
        position = stream.seek(position - block)
        data = stream.read(block) + data
    start = len(data)
    for _ in range(lines):
        start = max(data.rfind(b"\n", 0, max(start - 1, 0)) + 1, 0)
    return position + start
