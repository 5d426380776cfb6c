"""Hands jobs to `sbatch`, through submitit, with the environment that they shall have. Decides nothing about trials.

`sbatch` gives a job a copy of its own environment: so a job is told what no file may hold, and so it would be told what
belongs to the job that the sweep itself runs in.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.slurm import outside_of_job
from azsweep_core.tracking import chosen_uri, redacted
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import ADDRESS, SECRET_ADDRESS, SubmititJob, run_in_job

__all__ = ["RefusedError", "check_exports", "submitted"]


class RefusedError(Exception):
    """What sbatch has against a job, on one line."""


def check_exports(options: Mapping[str, Any]) -> None:
    """See to it that jobs are given the address of MLflow's store, if that holds a password.

    Args:
        options: by the names of submitit's executor.
    Raises:
        AzsweepError: if the user keeps `sbatch` from giving them the environment.
    """
    address = chosen_uri(None, Path.cwd())
    more = options.get("slurm_additional_parameters") or {}
    exported = os.environ.get("SBATCH_EXPORT") or more.get("export", "ALL")
    if redacted(address) != address and not {"ALL", SECRET_ADDRESS} & set(str(exported).upper().split(",")):
        where = "SBATCH_EXPORT" if "SBATCH_EXPORT" in os.environ else "hydra.launcher.additional_parameters.export"
        rule = f"must hold ALL or {SECRET_ADDRESS}: by it alone jobs hear of the password in {ADDRESS}"
        raise AzsweepError(str(Problem(where, rule, str(exported), "Leave it out, or add ALL.")))


def submitted(executor: Any, jobs: Sequence[SubmititJob], variables: Mapping[str, str]) -> list[str]:
    """Job ids, one for each.

    Args:
        variables: of the trials' processes, as far as they are the same for all.
    Raises:
        RefusedError: if sbatch took none.
    """
    from submitit.core.utils import FailedJobError

    environment = outside_of_job(os.environ)
    if jobs[0].has_secret_address:
        environment[SECRET_ADDRESS] = variables[ADDRESS]
    try:
        # Redirected is where submitit says it, too.
        with _not_interrupted(), _environment_of_this_process(environment), contextlib.redirect_stderr(io.StringIO()):
            if len(jobs) == 1:
                return [str(executor.submit(run_in_job, jobs[0]).job_id)]
            return [str(job.job_id) for job in executor.map_array(run_in_job, jobs)]
    except FailedJobError as error:
        lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in str(error).splitlines()]
        raise RefusedError("; ".join(lines) or "sbatch failed without a word") from error


@contextlib.contextmanager
def _environment_of_this_process(wanted: Mapping[str, str]) -> Iterator[None]:
    """What submitit starts gets these variables."""
    before = dict(os.environ)
    _set_environment(wanted)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@contextlib.contextmanager
def _not_interrupted() -> Iterator[None]:
    """Keep a terminal's Ctrl-C from sbatch, which would leave a job that nobody knows; it is heard afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
