"""Turns the user's submitit launcher into jobs: its options, its executor, and what a job is given. Runs nothing.

As hydra-submitit-launcher itself does it, but one job at a time and without waiting.
"""

from __future__ import annotations

import copy
import logging
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.singleton import Singleton

from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialJob, TrialTask, note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import SubmititJob, run_in_job

__all__ = ["LocalJobs", "Options", "executor_options", "make_executor", "minutes_for", "submitit_job"]

log = logging.getLogger("azsweep")

_DEFAULT_MINUTES = 60
"""hydra-submitit-launcher's; whoever writes 60 gets what the limits ask for, too."""
_DEFAULT_SIGNAL_DELAY_S = 30
"""submitit's, where the launcher has no setting for it."""


def minutes_for(trial_timeout_s: float, grace_s: float, signal_delay_s: float) -> int:
    """Minutes of a job whose task may take so long; the job's own start and end have a minute each."""
    return math.ceil((trial_timeout_s + grace_s + signal_delay_s) / 60) + 2


@dataclass(frozen=True, slots=True)
class Options:
    """A launcher's options.

    Args:
        executor: by the names of submitit's executor.
        limit_s: how long a job runs before its task is told that the time is nearly over.
    """

    executor: Mapping[str, Any]
    limit_s: float


def executor_options(cluster: str, given: Mapping[str, Any], trial_timeout_s: float | None, grace_s: float) -> Options:
    """What the user has set for the launcher, with a time limit that fits the sweep's."""
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

    common = set(BaseQueueConf.__dataclass_fields__)
    params = {name if name in common else f"{cluster}_{name}": value for name, value in given.items()}
    delay = f"{cluster}_signal_delay_s"
    delay_s = params.get(delay, _DEFAULT_SIGNAL_DELAY_S)
    if trial_timeout_s is not None:
        if params["timeout_min"] == _DEFAULT_MINUTES:
            params["timeout_min"] = minutes_for(trial_timeout_s, grace_s, delay_s)
        elif 60 * params["timeout_min"] < trial_timeout_s + grace_s:
            log.warning(
                "Warning: hydra.launcher.timeout_min of %s ends jobs before limits.trial_timeout of %g s does",
                params["timeout_min"],
                trial_timeout_s,
            )
    delay_s = min(delay_s, 30 * params["timeout_min"])  # a shorter job would be warned when it starts
    if delay in params:
        params[delay] = delay_s
    return Options(params, 60.0 * params["timeout_min"] - delay_s)


def make_executor(cluster: str, options: Options, sweep_dir: Path) -> Any:
    """Submitit's executor with these options."""
    import submitit

    params = dict(options.executor)
    folder = params.pop("submitit_folder", sweep_dir / ".submitit" / "%j")
    timeouts = {f"{cluster}_max_num_timeout": params.pop(f"{cluster}_max_num_timeout", 0)}
    executor = submitit.AutoExecutor(cluster=cluster, folder=folder, **timeouts)
    executor.update_parameters(**params)
    return executor


def submitit_job(
    launcher: Any, task: TrialTask, job: TrialJob, environment: Mapping[str, str], limit_s: float
) -> SubmititJob:
    """What a job is given, for a launcher that was set up with the task."""
    launcher = copy.copy(launcher)
    launcher.task_function = TrialTask(task.task_function, task.prepare, job.control)
    arguments = (list(job.overrides), "hydra.sweep.dir", job.number, f"job_id_for_{job.number}")
    run = cloudpickle.dumps((launcher, arguments, Singleton.get_state()))
    return SubmititJob(tuple(sys.path), job.control, dict(environment), limit_s, run)


class LocalJobs:
    """Runs trials as submitit's local jobs; called in a process of the trial's own, which waits for the job's end.

    Args:
        shared: variables of that process that the job must have as they are.
    """

    def __init__(
        self, app: HydraApp, sweep_dir: Path, trial_timeout_s: float | None, grace_s: float, shared: tuple[str, ...]
    ) -> None:
        self._app = app
        self._sweep_dir = sweep_dir
        self._trial_timeout_s = trial_timeout_s
        self._grace_s = grace_s
        self._shared = shared

    def run(self, job: TrialJob) -> None:
        """Submit the one job, and come back when nothing of it runs any more."""
        try:
            launcher, task = self._app.make_launcher()
            options = executor_options("local", launcher.params, self._trial_timeout_s, self._grace_s)
            environment = {name: os.environ[name] for name in self._shared if name in os.environ}
            given = submitit_job(launcher, task, job, environment, options.limit_s)
            submitted = make_executor("local", options, self._sweep_dir).submit(run_in_job, given)
            job.control.note_job({"submitit_local_job": submitted.job_id})
        except Exception as error:
            note_launch_error(job.control, error)
            raise
        os.waitpid(int(submitted.job_id), 0)  # a local job has the number of its process
