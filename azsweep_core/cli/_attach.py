"""`azsweep attach` and `azsweep stop`: what a running sweep says, seen from another shell, and the wish to end it."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from azsweep_core.cli._click import SWEEP_DIR, Command
from azsweep_core.cli._follow import Follower
from azsweep_core.cli._standing import Standing, SweepNow, in_words, limits_of, log_of, look, max_trials, typed
from azsweep_core.cli._words import at, printable
from azsweep_core.coordinator import request_stop
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import EndingKind, Event, SweepResumed, TrialMeasured
from azsweep_core.report import Console, LogLines, Outlook, open_console, summary
from azsweep_core.run_again import as_a_shell_takes_it, best_config_command

__all__ = ["attach", "stop"]

_SHOWN_LATELY = 10
_ASK_EVERY_S = 1.0


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option("--plain", is_flag=True, help="Lines only, on a terminal too.")
def attach(directory: Path, plain: bool) -> None:
    """Follow the sweep in DIR until it ends.

    Shows what happened lately, then what happens, as the sweep's own console does, and at the end the summary. On a
    terminal, progress, running trials and the best one stand below. Ctrl-C leaves; the sweep goes on.

    Example:
      azsweep attach multirun/2026-11-22/04-12-15

    Exit codes: the sweep's own, once it has ended
      0    a trial has a value
      1    none has, a failure limit stopped it, or nobody coordinates it (any more)
      130  the user stopped it, or Ctrl-C has left it
    """
    now = look(directory)
    follower = Follower(directory)
    lines = _Lines(follower, now)
    click.echo(f"{directory}: {printable(in_words(now))}")
    try:
        lines.catch_up(_SHOWN_LATELY)
        with lines.on_console("plain" if plain else "auto"):
            for event in follower.until(lambda: False):
                lines.notice(event)
    except KeyboardInterrupt:
        click.echo(f"Left; the sweep goes on. `{typed('stop', directory)}` stops it.", err=True)
        sys.exit(130)
    sys.exit(_result(follower))


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option("--now", "kill", is_flag=True, help="Kill running trials at once, as a second Ctrl-C does.")
@click.option("--no-wait", is_flag=True, help="Return when the sweep has been asked, not when it has ended.")
def stop(directory: Path, kill: bool, no_wait: bool) -> None:
    """End the sweep in DIR as Ctrl-C does, wherever it runs.

    No further trial starts; running ones have hydra.sweeper.stop_grace seconds to end by themselves. They run again
    when the sweep is resumed. Says what happens until the sweep has ended; Ctrl-C leaves, and the stop stands.

    Examples:
      azsweep stop multirun/2026-11-22/04-12-15
      azsweep stop --now DIR

    Exit codes:
      0    it has ended, now or before; with --no-wait: it was asked to
      1    nobody coordinates it (any more), or nothing can be told of it from here
      130  Ctrl-C
    """
    now = look(directory)
    if now.standing is Standing.ENDED:
        click.echo(f"{directory}: {printable(in_words(now))}")
        return
    if now.standing is Standing.INTERRUPTED:
        raise _not_running(now)
    follower = _until_it_has_ended(now, kill=kill, no_wait=no_wait)
    has_ended = follower.history is not None and follower.history.ending is not None
    if not has_ended and no_wait and follower.is_coordinated():
        return
    now = look(directory)
    if now.recorded is None or not has_ended:
        raise _not_running(now)
    click.echo(f"{directory}: {printable(in_words(now))}")
    if now.was_stopped:
        click.echo(f"`{typed('resume', directory)}` goes on with it.")


def _until_it_has_ended(now: SweepNow, *, kill: bool, no_wait: bool) -> Follower:
    """Ask the sweep to end, and say what happens until it has; with `no_wait` until it surely has heard."""
    follower = Follower(now.directory)
    lines = _Lines(follower, now)
    lines.catch_up(0)
    how = "kill its trials and end" if kill else "end"
    click.echo(f"{now.directory}: {now.holder} is asked to {how}")
    wish = _Wish(now.directory, kill=kill)
    try:
        for event in follower.until(lambda: no_wait and follower.standing() is not Standing.STARTING):
            if follower.history is None or follower.history.ending is None:
                wish.repeat()
            lines.notice(event)
    except KeyboardInterrupt:
        click.echo("Left; the sweep ends without anybody waiting.", err=True)
        sys.exit(130)
    return follower


class _Wish:
    """Asks a sweep to end, again and again: one that is only getting ready forgets what was asked before."""

    def __init__(self, directory: Path, *, kill: bool) -> None:
        self._directory = directory
        self._kill = kill
        self._due_at = 0.0

    def repeat(self) -> None:
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + _ASK_EVERY_S
        try:
            request_stop(self._directory, kill=self._kill)
        except OSError as error:
            rule = (
                f"must be a directory that can be written, for that is how a sweep is asked to end ({error.strerror})"
            )
            raise AzsweepError(str(Problem("DIR", rule, str(self._directory)))) from error


class _Now:
    """The time that the sweep's own clock has begun with."""

    def now(self) -> float:
        return time.time()


class _Lines(logging.Handler):
    """Prints what the sweep's own console says, each line with the time of its event."""

    def __init__(self, follower: Follower, now: SweepNow) -> None:
        super().__init__()
        self._follower = follower
        self._time_s = now.now_s
        self._kept: deque[str] | None = None
        self._logger = logging.Logger("azsweep", logging.INFO)  # noqa: LOG001 - known to nobody else
        self._logger.addHandler(self)
        limits = {} if now.recorded is None else limits_of(now.recorded)
        self._outlook = Outlook(
            max_trials=None if now.recorded is None else max_trials(now.recorded),
            timeout_s=limits.get("timeout"),
            slots=None if "max_concurrent_trials" not in limits else int(limits["max_concurrent_trials"]),
        )
        self._console: Console = LogLines(self._logger, self._outlook.max_trials)

    def catch_up(self, count: int) -> None:
        """Print the last lines of what has happened already."""
        self._kept = deque(maxlen=count)
        for event in self._follower.news():
            self.notice(event)
        kept, self._kept = self._kept, None
        for line in kept:
            click.echo(line)

    @contextlib.contextmanager
    def on_console(self, mode: str) -> Iterator[None]:
        """Show what comes as the sweep itself would, in this mode."""
        history = self._follower.history
        with open_console(mode, self._logger, self._outlook, _Now(), history=history) as self._console:
            self._console.turn()
            yield

    def notice(self, event: Event | None) -> None:
        if event is None:
            self._console.turn()
            return
        assert self._follower.history is not None
        if not isinstance(event, TrialMeasured):  # whose times are those of its reports
            self._time_s = event.time_s
        if isinstance(event, SweepResumed):
            self._logger.info("the sweep goes on")
        self._console.notice(event, self._follower.history)

    def emit(self, record: logging.LogRecord) -> None:
        line = f"[{at(self._time_s, time.time())}] {printable(record.getMessage())}"
        if self._kept is None:
            click.echo(line)
        else:
            self._kept.append(line)


def _result(follower: Follower) -> int:
    """Show how the sweep has ended, or that it has not; the exit code."""
    history, directory = follower.history, follower.directory
    if history is None or history.ending is None:
        raise _not_running(look(directory))
    from azsweep_core.sweep_plan import SweepResult

    recorded = look(directory).recorded
    best = directory / "best"
    hints = []
    if recorded is not None and history.best is not None and best.is_dir():
        command = best_config_command(recorded.latest.command, best)
        hints.append(("Run it again", as_a_shell_takes_it(command, recorded.latest.working_dir, Path.cwd())))
    if history.ending.kind is EndingKind.USER:
        hints.append(("Go on", typed("resume", directory)))
    hints = [(label, text) for label, text in hints if text]
    summary(history, directory=directory, stream=sys.stdout, hints=hints)
    return SweepResult(history, history.ending).exit_code


def _not_running(now: SweepNow) -> AzsweepError:
    why = f" `{typed('logs', now.directory)}` may tell why." if log_of(now.directory) is not None else ""
    fix = f"`{typed('resume', now.directory)}` goes on with it.{why}"
    if now.standing is Standing.UNKNOWN:
        fix = f"If you know that it does not run: `{typed('resume', now.directory)} hydra.sweeper.break_lock=true`."
    return AzsweepError(str(Problem("DIR", "must hold a sweep that runs", f"{now.directory}, {in_words(now)}", fix)))
