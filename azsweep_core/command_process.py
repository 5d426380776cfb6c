"""The process of a trial's command: started, waited for, told to stop, and its end in words. Decides nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from azsweep_core.attempts import last_words
from azsweep_core.control import ControlDir
from azsweep_core.processes import exit_words
from azsweep_core.trial_process import TaskFailed

__all__ = ["failure_of", "run_command"]

_HEARD_WITHIN_S = 0.5
_LOOK_EVERY_S = 1.0
_SHELL_SAYS_DIED = 128
_QUOTING = "; its last output:\n"
_EXIT_WHEN_TOLD = "trap 'exit 143' TERM; "
"""For a shell that is told to stop: it waits for what it has started, and then starts nothing more."""


def run_command(words: Sequence[str], directory: Path, environment: Mapping[str, str]) -> int:
    """Run a command to its end, or, when a stop is raised meanwhile, until it has ended by itself.

    Returns:
        Its exit code, or minus the signal that killed it.
    Raises:
        TaskFailed: if it cannot be started.
        BaseException: the stop, once the command is gone.
    """
    is_shell = tuple(words[:2]) == ("bash", "-c")
    if is_shell:
        words = ["bash", "-c", _EXIT_WHEN_TOLD + words[2]]
    with _letting_sigterm_pass() as was_told:
        try:
            process = subprocess.Popen(words, cwd=directory, env=dict(environment))
        except OSError as error:
            reason = f"the command cannot be started: {error.strerror}: {error.filename or words[0]}"
            raise TaskFailed(reason, reason, 127) from None
        try:
            status = _wait(process)
        except BaseException:  # a stop, or Ctrl-C where the command is run by itself; raised again
            _tell_to_end(process)
            process.wait()
            raise
        if is_shell and status > _SHELL_SAYS_DIED and status - _SHELL_SAYS_DIED in signal.valid_signals():
            status = _SHELL_SAYS_DIED - status
        if status == -signal.SIGTERM:
            time.sleep(_HEARD_WITHIN_S)  # whoever told both may have told the other first
    if status != 0 and was_told:
        _end_by_sigterm()
    return status


def failure_of(status: int, control: ControlDir, directory: Path) -> TaskFailed:
    """What to say of a command that has failed.

    Args:
        directory: the trial's own, which is another one for each that fails alike.
    """
    last_line = control.last_output(1).strip()
    told = f"the command {last_words(control, status)}"
    if (
        last_line and status > 0
    ):  # where it is seen first: a line of the log holds no more of a reason than its first one
        before, quoting, output = told.partition(_QUOTING)
        told = f"{before}: {last_line}" + (f"{quoting}{output}" if "\n" in output.strip() else "")
    short = f": {last_line.replace(str(directory), '.')}" if last_line else ""
    return TaskFailed(told, f"the command {exit_words(status)}{short}", status if status > 0 else 128 - status)


def _wait(process: subprocess.Popen[bytes]) -> int:
    if threading.current_thread() is threading.main_thread():
        return process.wait()  # signals interrupt it
    while True:  # a stop is raised between two bytecodes
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_EVERY_S)


def _tell_to_end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the command and whatever it has started; to the command alone, where this process leads no group."""
    if os.getpgrp() != os.getpid() or threading.current_thread() is not threading.main_thread():
        process.terminate()
        return
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.killpg(os.getpgrp(), signal.SIGTERM)


@contextlib.contextmanager
def _letting_sigterm_pass() -> Iterator[list[int]]:
    """Where SIGTERM is ignored, as in a SLURM job, the command is not to ignore it, too; yields those that came.

    A handler, unlike what is ignored, is not handed down.
    """
    came: list[int] = []
    is_ignored = signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    if is_ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    yield came


def _end_by_sigterm() -> None:
    """Go as the command went, with no result: who told both of them, a scheduler's preemption say, knows why."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
