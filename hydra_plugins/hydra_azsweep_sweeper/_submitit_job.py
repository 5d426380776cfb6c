"""What a job of submitit's runs: a process for its one trial, watched as the sweep's own helper watches trials."""

from __future__ import annotations

import json
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

__all__ = ["ADDRESS", "JOB", "SECRET_ADDRESS", "SubmititJob", "run_in_job"]

JOB = "slurm_job"
"""The entry of `ControlDir.job` that holds a SLURM job's number."""
ADDRESS = "MLFLOW_TRACKING_URI"
SECRET_ADDRESS = "AZSWEEP_TRACKING_URI"
"""The variable in which a job is given MLflow's address if that holds a password: no file of the sweep may."""
_EARLIEST_WARNING_S = 65.0


@dataclass(frozen=True, slots=True)
class SubmititJob:
    """What a job is told.

    Args:
        path: where the app's modules are found.
        environment: variables of the trial's process.
        has_secret_address: one more is to be taken from the job's own environment.
        limit_s: seconds after which the task is told to stop, before the job is ended.
        run: launcher, its arguments and Hydra's global state, pickled; read in the trial's process only.
    """

    path: tuple[str, ...]
    control: ControlDir
    environment: dict[str, str]
    limit_s: float
    run: bytes
    has_secret_address: bool = False


def run_in_job(job: SubmititJob) -> None:
    """Run the trial to its end, however that comes; unless it is over or not wanted any more when the job begins.

    SLURM may run a job again; and a sweep that was killed while it submitted a job has gone on without it.
    """
    began = time.monotonic()
    _ignore_early_warnings(began + job.limit_s)
    rank, number = _rank_and_job()
    is_first = rank == "0"
    if job.control.result() is not None and (is_first or os.environ.get("SLURM_RESTART_COUNT", "0") != "0"):
        return  # a further process of a job that runs for the first time may just be late
    if is_first and number is not None and not job.control.job():
        job.control.job_file.write_text(json.dumps({JOB: number}), encoding="utf-8")  # in place, as ControlDir has it
    if job.control.stop_request() is not None:
        status = 0
    elif job.has_secret_address and SECRET_ADDRESS not in os.environ:
        status = 1
        if is_first:
            note_launch_error(job.control, LookupError(f"the job was not given {SECRET_ADDRESS}, which sbatch had"))
    else:
        status = _status_of_trial(job, rank, stop_at=began + job.limit_s)
    if is_first:
        job.control.note_exit(status)
    sys.exit(status if status >= 0 else 128 - status)


def _rank_and_job() -> tuple[str, str | None]:
    """Which process of the job this is, and the job's number if it is one of SLURM's."""
    variables = os.environ
    if variables.get("SUBMITIT_EXECUTOR") != "slurm":  # a local job, which may have been started in one of SLURM's
        return variables.get("SUBMITIT_LOCAL_GLOBALID", "0"), None
    array = variables.get("SLURM_ARRAY_JOB_ID")
    job = variables["SLURM_JOB_ID"] if array is None else f"{array}_{variables['SLURM_ARRAY_TASK_ID']}"
    return variables.get("SLURM_PROCID", "0"), job


def _status_of_trial(job: SubmititJob, rank: str, stop_at: float) -> int:
    """How the trial's process ended."""
    environment = dict(job.environment)
    if job.has_secret_address:
        environment[ADDRESS] = os.environ.pop(SECRET_ADDRESS)
    is_first = rank == "0"
    helper: ProcessHelper[SubmititJob] = ProcessHelper(_run_first if is_first else _run_other)
    try:
        output = job.control.output_file if is_first else job.control.path / f"output-{rank}.log"
        helper.start(ChildRequest(key=KEY, output=output, environment=environment, payload=job))
        status = wait_for_end(helper, job.control, stop_at=stop_at)
    finally:
        helper.close()
    assert status is not None
    return status


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
