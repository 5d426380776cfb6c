"""Turns the user's submitit launcher into jobs: its options, its executor, and what a job is given. Runs nothing.

As hydra-submitit-launcher itself does it, but one job at a time and without waiting.
"""

from __future__ import annotations

import functools
import importlib
import logging
import math
import os
import pickle
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import cloudpickle
from hydra.core.singleton import Singleton
from omegaconf import DictConfig

from azsweep_core.control import ControlDir
from azsweep_core.tracking import redacted
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialJob, note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._quick_copy import copy_quickly
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import ADDRESS, SubmititJob, run_in_job

__all__ = ["LocalJobs", "Options", "executor_options", "make_executor", "minutes_for", "submitit_job"]

log = logging.getLogger("azsweep")

_DEFAULT_MINUTES = 60
"""hydra-submitit-launcher's; whoever writes 60 gets what the limits ask for, too."""
_DEFAULT_SIGNAL_DELAY_S = 30
"""submitit's, where the launcher has no setting for it."""
_LOOK_EVERY_S = 0.03


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
    launcher: Any,
    job: TrialJob,
    environment: Mapping[str, str],
    limit_s: float,
    config: DictConfig | None = None,
) -> SubmititJob:
    """What a job is given, for a launcher that was set up with a TrialTask.

    Args:
        config: the trial's, if it is known; else the job composes it.
    """
    loader = None if config is None else _Composed(cloudpickle.dumps(config))
    arguments = (list(job.overrides), "hydra.sweep.dir", job.number, f"job_id_for_{job.number}")
    run = pickle.dumps(_Run(_shared(launcher), job.control, loader, arguments))
    address = environment.get(ADDRESS, "")
    is_secret = redacted(address) != address
    written = {name: value for name, value in environment.items() if name != ADDRESS or not is_secret}
    return SubmititJob(tuple(sys.path), job.control, written, limit_s, run, has_secret_address=is_secret)


@functools.lru_cache(maxsize=1)
def _shared(launcher: Any) -> bytes:
    """What is the same for all jobs: the launcher with the task, and Hydra's global state."""
    return cast(bytes, cloudpickle.dumps((launcher, Singleton.get_state())))


@dataclass(frozen=True, slots=True)
class _Run:
    """Unpickled, this is the launcher, its arguments and Hydra's global state."""

    shared: bytes
    control: ControlDir
    loader: _Composed | None
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _put_together, (self.shared, self.control, self.loader, self.arguments)


def _put_together(
    shared: bytes, control: ControlDir, loader: _Composed | None, arguments: tuple[Any, ...]
) -> tuple[Any, tuple[Any, ...], Any]:
    launcher, singletons = pickle.loads(shared)
    launcher.task_function.control = control
    if loader is not None:
        launcher.hydra_context = replace(launcher.hydra_context, config_loader=loader)
    return launcher, arguments, singletons


@dataclass(frozen=True, slots=True)
class _Composed:
    """Takes the config loader's place in a job whose config is there already."""

    config: bytes

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        config: DictConfig = pickle.loads(self.config)
        copy_quickly(config.hydra)
        return config


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
        self._launcher: Any = None

    def preload(self) -> None:
        """In the process that those of the trials are forked from: what each of them would do for itself."""
        importlib.import_module("submitit")
        self._launcher, _ = self._app.make_launcher()
        _shared(self._launcher)

    def run(self, job: TrialJob) -> None:
        """Submit the one job, and come back when nothing of it runs any more."""
        try:
            launcher = self._launcher or self._app.make_launcher()[0]
            options = executor_options("local", launcher.params, self._trial_timeout_s, self._grace_s)
            environment = {name: os.environ[name] for name in self._shared if name in os.environ}
            given = submitit_job(launcher, job, environment, options.limit_s, self._composed(job))
            submitted = make_executor("local", options, self._sweep_dir).submit(run_in_job, given)
            job.control.note_job({"submitit_local_job": submitted.job_id})
        except Exception as error:
            note_launch_error(job.control, error)
            raise
        _wait(int(submitted.job_id), job.control, options)  # a local job has the number of its process

    def _composed(self, job: TrialJob) -> DictConfig | None:
        """The trial's config; None if it has variables that are to be read in the job."""
        config = self._app.context.config_loader.load_sweep_config(self._app.config, list(job.overrides))
        return None if config.hydra.job.env_copy else config


def _wait(pid: int, control: ControlDir, options: Options) -> None:
    """Until the job is over: its process, or its one trial, after which it does nothing but end."""
    is_alone = options.executor.get("tasks_per_node", 1) == 1
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if is_alone and control.exit_status() is not None:
            return
        time.sleep(_LOOK_EVERY_S)
