"""Asks SLURM what became of jobs, one command for all of them, and cancels jobs. Submits nothing, decides nothing.

Sources: the manual pages of squeue, sacct and scancel, sections "JOB STATE CODES" and "JOB REASON CODES".
"""

from __future__ import annotations

import getpass
import json
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from azsweep_core.trial import TrialState

__all__ = [
    "OUTSIDE",
    "JobEnd",
    "Obstacles",
    "QueueView",
    "SlurmQueue",
    "how_it_ended",
    "is_over",
    "outside_of_job",
    "variables_of_slurm",
]

OUTSIDE = "AZSWEEP_OUTSIDE_SLURM"
"""The variable by which a job knows what SLURM's variables were where it was submitted; JSON."""

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
_ORDINARY = {
    *("", "None", "Priority", "Resources", "Licenses", "Cleaning", "Prolog"),
    *("BeginTime", "Dependency", "JobArrayTaskLimit", "Reservation"),  # the user's own wish, or a requeue's delay
}
"""Why a job waits that only has to wait its turn."""
_SETTINGS = {"SLURM_CLUSTERS", "SLURM_CONF", "SLURM_DEBUG_FLAGS", "SLURM_JWT", "SLURM_TIME_FORMAT"}
"""Variables that SLURM reads and does not itself set for jobs."""
_COMMAND_TIMEOUT_S = 30.0
_OBSTACLE_TOLD_AFTER_S = 60.0
_JOBS_SHOWN = 3


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


def outside_of_job(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what SLURM has set for the job that this process is part of, if it is part of one.

    A further job would inherit it, and take its limits, its array or its restarts for its own.

    >>> outside_of_job({"SLURM_JOB_ID": "7", "SLURM_CONF": "/etc/slurm.conf", "SBATCH_ACCOUNT": "me", "HOME": "/"})
    {'SLURM_CONF': '/etc/slurm.conf', 'SBATCH_ACCOUNT': 'me', 'HOME': '/'}
    """
    if "SLURM_JOB_ID" not in environment:
        return dict(environment)
    kept = {name: value for name, value in environment.items() if not _is_of_job(name)}
    outside: dict[str, str] = json.loads(kept.pop(OUTSIDE, "{}"))
    return kept | outside


def variables_of_slurm(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that SLURM reads or sets."""
    return {name: value for name, value in environment.items() if name.startswith(("SLURM_", "SLURMD_", "SBATCH_"))}


def _is_of_job(name: str) -> bool:
    set_for_job = name.startswith(("SLURM_", "SLURMD_")) and name not in _SETTINGS
    return set_for_job or (name.startswith("SBATCH_") and "_BIND" in name)


@dataclass(frozen=True, slots=True)
class QueueView:
    """One look at the queue.

    Args:
        states: by job id.
        obstacles: by job id, why SLURM does not start jobs for which it is not just a matter of turn; in its words.
    """

    states: dict[str, str]
    obstacles: dict[str, str]


@dataclass(slots=True)
class Obstacles:
    """Finds what the user should be told of jobs that wait: each reason once, when it has lasted for a minute."""

    _since: dict[str, float] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def news(self, obstacles: Mapping[str, str], now: float) -> Iterator[str]:
        """What is to be said after a look at the queue.

        >>> told = Obstacles()
        >>> list(told.news({"7_0": "PartitionDown", "7_1": "PartitionDown"}, now=0.0))
        []
        >>> list(told.news({"7_0": "PartitionDown", "7_1": "PartitionDown"}, now=60.0))
        ['SLURM has not started jobs 7_0 7_1 for a minute: PartitionDown. Look with squeue; Ctrl-C stops the sweep']
        """
        self._since = {job: self._since.get(job, now) for job in obstacles}
        lasting = [job for job, since in self._since.items() if now - since >= _OBSTACLE_TOLD_AFTER_S]
        for kind in dict.fromkeys(_kind(obstacles[job]) for job in lasting):
            if kind not in self._told:
                self._told.add(kind)
                jobs = [job for job in lasting if _kind(obstacles[job]) == kind]
                what = f"SLURM has not started {_named(jobs)} for a minute: {obstacles[jobs[0]]}"
                yield f"{what}. Look with squeue; Ctrl-C stops the sweep"


def _kind(reason: str) -> str:
    """What two reasons share that name different nodes."""
    return reason.partition(",")[0]


def _named(jobs: Sequence[str]) -> str:
    more = f" and {len(jobs) - _JOBS_SHOWN} more" if len(jobs) > _JOBS_SHOWN else ""
    return f"job{'s' if len(jobs) > 1 else ''} {' '.join(jobs[:_JOBS_SHOWN])}{more}"


class SlurmQueue:
    """SLURM's answers about the jobs of this user."""

    def __init__(self) -> None:
        self._user = getpass.getuser()

    def look(self, jobs: Collection[str]) -> QueueView | None:
        """What the controller still knows of these jobs; None if it does not answer now."""
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r", f"--user={self._user}"]
        rows = _rows(command, jobs)
        if rows is None:
            return None
        hindered = {job: reason for job, (state, reason) in rows.items() if state in _WAITING}
        return QueueView(
            states={job: state for job, (state, _) in rows.items()},
            obstacles={job: reason for job, reason in hindered.items() if _kind(reason) not in _ORDINARY},
        )

    def recorded_states(self, jobs: Collection[str]) -> dict[str, str] | None:
        """State by job id from the accounting, which keeps jobs that the controller has forgotten; None as above."""
        command = ["sacct", "--noheader", "--array", "--allocations", "--parsable2", "--format=JobID,State"]
        rows = _rows([*command, f"--jobs={','.join(sorted(jobs))}"], jobs)
        return None if rows is None else {job: state for job, (state, _) in rows.items()}

    def jobs_that_print_below(self, directory: Path) -> set[str]:
        """Jobs in the queue whose own output goes there."""
        fields = "JobArrayID:64,STDOUT:4096"
        lines = _output(["squeue", "--noheader", "--array", f"--user={self._user}", f"--Format={fields}"]) or ""
        rows = [line.strip().partition(" ") for line in lines.splitlines()]
        return {job for job, _, path in rows if path.lstrip().startswith(f"{directory}/")}

    def cancel(self, jobs: Collection[str]) -> None:
        """Cancel these jobs; those that are over are let be."""
        if jobs:
            _output(["scancel", "--quiet", *sorted(jobs)])


def _rows(command: Sequence[str], jobs: Collection[str]) -> dict[str, tuple[str, str]] | None:
    """State and what follows it, by job id."""
    output = _output(command)
    if output is None:
        return None
    found: dict[str, tuple[str, str]] = {}
    for line in output.splitlines():
        job, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if job in jobs and state:
            found[job] = state.split()[0].rstrip("+"), reason.strip()  # "CANCELLED by 1000"
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
