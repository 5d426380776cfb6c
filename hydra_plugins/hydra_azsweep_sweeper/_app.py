"""What runs in a trial's process: the user's app, by way of its launcher. The only file that knows `launch()`."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from azsweep_core.control import ControlDir
from azsweep_core.trial import TrialState
from azsweep_core.trial_process import run_task
from hydra_plugins.hydra_azsweep_sweeper._trial_directory import MisplacedError

__all__ = [
    "HydraApp",
    "TrialJob",
    "TrialTask",
    "limit_threads",
    "log_to_own_run",
    "no_preparation",
    "note_launch_error",
]

_PASSIVE = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
}
"""Launchers that hold nothing but their settings until they launch, so that all trials can have copies of one."""


@dataclass(frozen=True, slots=True)
class TrialJob:
    """What a trial's process is told: its number, its overrides and its control directory."""

    number: int
    overrides: Sequence[str]
    control: ControlDir


@dataclass(slots=True)
class TrialTask:
    """The user's task function, wrapped to report for itself. Picklable, so that any launcher can carry it."""

    task_function: TaskFunction
    prepare: Callable[[], None]
    control: ControlDir | None = None
    """Known when the launcher is to launch it."""

    def __call__(self, config: DictConfig) -> Any:
        assert self.control is not None
        directory = Path(HydraConfig.get().runtime.output_dir)
        link = directory / "output.log"
        with contextlib.suppress(OSError):  # a convenience: no file system needs to have links
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(self.control.output_file, directory))
        self.prepare()
        return run_task(self.control, functools.partial(self.task_function, config), str(directory))


def limit_threads(share: int) -> None:
    """Hold libraries that are loaded already to a trial's share of the cores: they have read their variables.

    For the process that trials are forked from: there it costs once, in each trial a thread that spins for a while.
    """
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(share)


@dataclass(slots=True, kw_only=True)
class HydraApp:
    """The user's app, and what to do in each trial's process right before its task."""

    context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    prepare: Callable[[], None]
    ready: tuple[Any, TrialTask] | None = field(default=None, init=False)

    def run(self, job: TrialJob) -> None:
        """In the trial's process: run the one job, and raise what the task raised."""
        try:
            launcher, task = self.ready or self.make_launcher()
            task.control = job.control
            returns = launcher.launch([list(job.overrides)], initial_job_idx=job.number)
        except Exception as error:
            note_launch_error(job.control, error)
            raise
        for each in returns:
            _ = each.return_value

    def run_afresh(self, singletons: Any, job: TrialJob) -> None:
        """The same in a fresh interpreter, which knows Hydra's global state only from here."""
        Singleton.set_state(singletons)
        setup_globals()
        self.run(job)

    def preload(self) -> None:
        """In the helper: what every trial would do for itself, which is to make the launcher and import its parts."""
        target = str(self.config.hydra.launcher.get("_target_"))
        with contextlib.suppress(ImportError):  # by Hydra's custom what a launcher needs is in a module `_core`
            importlib.import_module(f"{target.rpartition('.')[0].rpartition('.')[0]}._core")
        if target in _PASSIVE and "${" not in repr(self.config.hydra.launcher):
            self.ready = self.make_launcher()

    def make_launcher(self) -> tuple[Any, TrialTask]:
        """The user's launcher, set up, and the task that it is to launch."""
        task = TrialTask(self.task_function, self.prepare)
        plugins: Any = Plugins.instance()
        launcher = plugins.instantiate_launcher(hydra_context=self.context, task_function=task, config=self.config)
        return launcher, task

    def one_job_at_a_time(self) -> HydraApp:
        """The app with a launcher that makes no further processes for its one job."""
        if "joblib" not in str(self.config.hydra.launcher.get("_target_")):
            return self
        config = self.config.copy()
        with open_dict(config.hydra.launcher):
            config.hydra.launcher.n_jobs = 1
        return replace(self, config=config)


def note_launch_error(control: ControlDir, error: Exception) -> None:
    """Say why there is no task, if it has not begun; what a task raises it says for itself.

    A directory that a trial cannot have is no better at the next attempt.
    """
    if isinstance(error, MisplacedError):
        failed = {"outcome": "judged", "state": TrialState.FAILED.value, "reason": str(error)}
        control.write_result({**failed, "failure": error.problem.rule})
    elif control.heartbeat() is None:
        text = "".join(traceback.format_exception(error))
        document = {"exception": type(error).__qualname__, "message": str(error), "traceback": text}
        control.write_launch_error(document)


def log_to_own_run() -> None:
    """In a trial's process: whatever the task does with MLflow ends up in the trial's run."""
    from azsweep_core import _mlflow_guard

    names = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")
    _mlflow_guard.install(*(os.environ[name] for name in names))


def no_preparation() -> None:
    """Without MLflow there is nothing to prepare in a trial's process."""
