"""Asks SLURM what became of jobs, one command for all of them, and cancels jobs. Submits nothing, decides nothing.

Sources: the manual pages of squeue, sacct and scancel, sections "JOB STATE CODES".
"""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from azsweep_core.trial import TrialState

__all__ = ["JobEnd", "SlurmQueue", "how_it_ended", "is_over"]

_WAITING = {"CONFIGURING", "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
_RUNNING = {"COMPLETING", "RESIZING", "RUNNING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED"}
_ENDS = {
    "CANCELLED": (TrialState.CANCELLED, "was cancelled by somebody else than this sweep"),
    "DEADLINE": (TrialState.TIMED_OUT, "met its deadline"),
    "OUT_OF_MEMORY": (TrialState.FAILED, "ran out of memory"),
    "TIMEOUT": (TrialState.TIMED_OUT, "reached its time limit"),
}
_LOST = {
    "BOOT_FAIL": "was lost: its node did not boot",
    "LAUNCH_FAILED": "was lost: its node could not start it",
    "NODE_FAIL": "was lost: its node failed",
    "PREEMPTED": "was preempted",
    "RECONFIG_FAIL": "was lost: its node could not be reconfigured",
    "REVOKED": "was lost: another cluster took it",
}
_COMMAND_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended that left no result: its state, None if the infrastructure is to blame; and in words."""

    state: TrialState | None
    words: str


def is_over(state: str) -> bool:
    """True if a job in this state neither runs nor will."""
    return state not in _WAITING and state not in _RUNNING


def how_it_ended(state: str) -> JobEnd:
    """What a final state of SLURM's means for a trial.

    >>> how_it_ended("NODE_FAIL")
    JobEnd(state=None, words='was lost: its node failed')
    """
    if state in _LOST:
        return JobEnd(None, _LOST[state])
    return JobEnd(*_ENDS.get(state, (TrialState.FAILED, f"ended as {state}")))


class SlurmQueue:
    """SLURM's answers about the jobs of this user."""

    def __init__(self) -> None:
        self._user = getpass.getuser()

    def states(self, jobs: Collection[str]) -> dict[str, str] | None:
        """State by job id, of those that the controller still knows; None if it does not answer now."""
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--user={self._user}"]
        return _states(command, jobs)

    def recorded_states(self, jobs: Collection[str]) -> dict[str, str] | None:
        """The same from the accounting, which keeps jobs that the controller has forgotten; None as above."""
        command = ["sacct", "--noheader", "--array", "--allocations", "--parsable2", "--format=JobID,State"]
        return _states([*command, f"--jobs={','.join(sorted(jobs))}"], jobs)

    def cancel(self, jobs: Collection[str]) -> None:
        """Cancel these jobs; those that are over are let be."""
        if jobs:
            _output(["scancel", "--quiet", *sorted(jobs)])


def _states(command: Sequence[str], jobs: Collection[str]) -> dict[str, str] | None:
    output = _output(command)
    if output is None:
        return None
    found: dict[str, str] = {}
    for line in output.splitlines():
        job, _, state = line.strip().partition("|")
        if job in jobs and state:
            found[job] = state.split()[0].rstrip("+")  # "CANCELLED by 1000"
    return found


def _output(command: Sequence[str]) -> str | None:
    """What the command prints; None if it fails, as it does while SLURM's controller is away."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            start_new_session=True,  # a terminal's Ctrl-C is the sweep's to hear
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
