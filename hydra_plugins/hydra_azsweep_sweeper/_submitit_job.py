"""What a job of submitit's runs: a process for its one trial, watched as the sweep's own helper watches trials."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

from azsweep_core.control import ControlDir
from azsweep_core.processes import ChildRequest, ProcessHelper
from hydra_plugins.hydra_azsweep_sweeper._app import note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._watch import KEY, wait_for_end

__all__ = ["SubmititJob", "run_in_job"]

_EARLIEST_WARNING_S = 65.0


@dataclass(frozen=True, slots=True)
class SubmititJob:
    """What a job is told.

    Args:
        path: where the app's modules are found.
        environment: variables of the trial's process.
        limit_s: seconds after which the task is told to stop, before the job is ended.
        run: launcher, its arguments and Hydra's global state, pickled; read in the trial's process only.
    """

    path: tuple[str, ...]
    control: ControlDir
    environment: dict[str, str]
    limit_s: float
    run: bytes


def run_in_job(job: SubmititJob) -> None:
    """Run the trial to its end, however that comes; unless it is over, for SLURM may run a job again."""
    began = time.monotonic()
    _ignore_early_warnings(began + job.limit_s)
    rank = os.environ.get("SLURM_PROCID") or os.environ.get("SUBMITIT_LOCAL_GLOBALID", "0")
    is_first = rank == "0"
    if job.control.result() is not None and (is_first or os.environ.get("SLURM_RESTART_COUNT", "0") != "0"):
        return  # a further process of a job that runs for the first time may just be late
    helper: ProcessHelper[SubmititJob] = ProcessHelper(_run_first if is_first else _run_other)
    try:
        output = job.control.output_file if is_first else job.control.path / f"output-{rank}.log"
        helper.start(ChildRequest(key=KEY, output=output, environment=job.environment, payload=job))
        status = wait_for_end(helper, job.control, stop_at=began + job.limit_s)
    finally:
        helper.close()
    assert status is not None
    if is_first:
        job.control.note_exit(status)
    sys.exit(status if status >= 0 else 128 - status)


def _ignore_early_warnings(stop_at: float) -> None:
    """Let SLURM's warning that the time is nearly over pass: it may come a minute early, and we keep the time here.

    The same signal at any other time is a preemption, which is submitit's to handle.
    """
    number = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}", signal.SIGUSR2)
    preempted = signal.getsignal(number)

    def warned(signum: int, frame: Any) -> None:
        if time.monotonic() < stop_at - _EARLIEST_WARNING_S and callable(preempted):
            preempted(signum, frame)

    signal.signal(number, warned)


def _run_first(job: SubmititJob) -> None:
    """In the trial's process, of which there is one: the others have no say."""
    # SLURM's first warning before it kills. It does not say why, and the queue will; submitit lets it pass as well.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        launcher, arguments = _loaded(job)
        returned = launcher(*arguments)
    except Exception as error:
        note_launch_error(job.control, error)
        raise
    _ = returned.return_value


def _run_other(job: SubmititJob) -> None:
    """In the further processes of a job of several tasks: they work, and report nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    launcher, arguments = _loaded(job)
    launcher.task_function = launcher.task_function.task_function
    _ = launcher(*arguments).return_value


def _loaded(job: SubmititJob) -> tuple[Any, tuple[Any, ...]]:
    sys.path[:] = [*job.path, *(each for each in sys.path if each not in job.path)]
    launcher, arguments, singletons = pickle.loads(job.run)
    return launcher, (*arguments, singletons)
