"""Puts the coordinator into the background: as a process that no terminal ends, or as a job of SLURM's."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from azsweep_core.coordinator import COORDINATOR_LOG
from azsweep_core.coordinator_job import submit_coordinator
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import Event
from azsweep_core.history import History
from hydra_plugins.hydra_azsweep_sweeper._command_line import rerun

__all__ = ["Background", "how_to_follow"]

_LOOK_EVERY_S = 0.05
_BEGUN = b"begun"


class Background:
    """In the process that goes on: an observer that lets the user's command return when the sweep has begun."""

    def __init__(self, begun: int) -> None:
        self._begun = begun

    def notice(self, event: Event, history: History) -> None:
        if self._begun >= 0:
            with suppress(BrokenPipeError):  # nobody waits any more
                os.write(self._begun, _BEGUN)
            os.close(self._begun)
            self._begun = -1

    @classmethod
    def enter(cls, directory: Path) -> Background:
        """Go on in a child of this process, in a session of its own; this one shows how it starts, and exits.

        Raises:
            SystemExit: here: 0 once the sweep has begun, else with the code of the child, which has said why.
        """
        with _made(directory) as log:
            ours, theirs = os.pipe()
            _flush()
            child = os.fork()
            if child == 0:
                os.close(ours)
                _leave_the_terminal(log)
                return cls(theirs)
            os.close(theirs)
            code = _follow(child, ours, log)
            if code == 0:
                print(how_to_follow(directory, f"process {child}"))
            _flush()
        raise SystemExit(code)


def submit(command: Sequence[str], directory: Path, options: Mapping[str, object]) -> None:
    """Have SLURM run the coordinator, and tell the user how to follow it.

    Raises:
        AzsweepError: if SLURM refuses, or the command is not known.
    """
    if not command:
        rule, fix = "a job needs the command that it is to run", "Start the sweep from a command line."
        raise AzsweepError(str(Problem("hydra.sweeper.detach", rule, "a sweep that a program has started", fix)))
    job = submit_coordinator(rerun(command, directory), Path.cwd(), directory, options)
    print(how_to_follow(directory, f"SLURM job {job}, as soon as it starts"))


def how_to_follow(directory: Path, who: str) -> str:
    """What the user reads when the sweep goes on without the terminal."""
    place = shlex.quote(str(directory))
    return (
        f"The sweep goes on in the background ({who}).\n"
        f"  azsweep status {place}\n"
        f"  azsweep attach {place}\n"
        f"  azsweep stop {place}"
    )


@contextmanager
def _made(directory: Path) -> Iterator[Path]:
    """The file that takes what the sweep prints. What was made for a sweep that did not begin is removed."""
    place = directory / ".azsweep"
    new = [path for path in (place, directory, *directory.parents) if not path.exists()]
    place.mkdir(parents=True, exist_ok=True)
    log = place / COORDINATOR_LOG
    log.touch()
    me = os.getpid()
    try:
        yield log
    finally:
        if os.getpid() == me and not (directory / "sweep.jsonl").exists():
            log.unlink(missing_ok=True)
            with suppress(OSError):  # somebody else is in there
                for path in new:
                    path.rmdir()


def _leave_the_terminal(log: Path) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)


def _follow(child: int, begun: int, log: Path) -> int:
    """Show what the child prints until the sweep has begun, or the child has ended; its exit code then."""
    os.set_blocking(begun, False)
    shown = log.stat().st_size
    try:
        while True:
            has_begun = _is_begun(begun)
            ended, status = (0, 0) if has_begun else os.waitpid(child, os.WNOHANG)
            shown = _show_from(log, shown)
            if has_begun or ended:
                return 0 if has_begun else os.waitstatus_to_exitcode(status)
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGINT)
        os.waitpid(child, 0)
        return 130


def _is_begun(begun: int) -> bool:
    try:
        return bool(os.read(begun, len(_BEGUN)))
    except BlockingIOError:
        return False


def _show_from(log: Path, offset: int) -> int:
    """Print what the log holds after `offset`; where it ends now."""
    with log.open("rb") as stream:
        stream.seek(offset)
        data = stream.read()
    sys.stdout.write(data.decode(errors="replace"))
    sys.stdout.flush()
    return offset + len(data)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
