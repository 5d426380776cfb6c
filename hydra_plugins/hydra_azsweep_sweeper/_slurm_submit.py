"""Hands jobs to `sbatch`, through submitit, with the environment that they shall have. Decides nothing about trials.

`sbatch` gives a job a copy of its own environment: so a job is told what no file may hold, and so it would be told what
belongs to the job that the sweep itself runs in.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.slurm import outside_of_job
from azsweep_core.tracking import chosen_uri, redacted
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import ADDRESS, SECRET_ADDRESS, SubmititJob, run_in_job

__all__ = ["RefusedError", "check_exports", "header_taken", "refuse_without_commands", "submitted"]

_COMMANDS = ("sbatch", "srun", "squeue", "scancel")
_HEADER = "#SBATCH --"
_OURS = ("error", "open-mode", "output", "signal", "wckey")
"""What of a job's header no user has asked for."""
_TEST_TIMEOUT_S = 60.0


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


def refuse_without_commands() -> None:
    """See to it that this host is one from which jobs are submitted.

    Raises:
        AzsweepError: if it is not.
    """
    missing = [command for command in _COMMANDS if shutil.which(command) is None]
    if missing:
        rule, fix = "needs SLURM's commands on this host", "Start the sweep where jobs are submitted from."
        raise AzsweepError(str(Problem("hydra/launcher", rule, f"no {', '.join(missing)}", fix)))


def header_taken(executor: Any) -> list[str]:
    """What jobs would ask of SLURM, `partition=debug` for instance, once sbatch has said that it would take one.

    Args:
        executor: submitit's.
    Raises:
        RefusedError: if it would not; nothing is submitted either way.
    """
    slurms = executor._executor  # noqa: SLF001 - submitit says what it would submit nowhere else
    script: str = slurms._make_submission_file_text("true", "dry-run")  # noqa: SLF001
    try:
        done = subprocess.run(
            ["sbatch", "--test-only"],
            input=script,
            env=outside_of_job(os.environ),
            capture_output=True,
            text=True,
            timeout=_TEST_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"no answer for {_TEST_TIMEOUT_S:g} s") from error
    if done.returncode:
        raise RefusedError(_words_of_sbatch(done.stderr))
    header = [line.removeprefix(_HEADER) for line in script.splitlines() if line.startswith(_HEADER)]
    return [each for each in header if each.partition("=")[0] not in _OURS]


def _words_of_sbatch(said: str) -> str:
    """Its errors, on one line."""
    lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in said.splitlines()]
    return "; ".join(lines) or "sbatch failed without a word"


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
        raise RefusedError(_words_of_sbatch(str(error))) from error


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
