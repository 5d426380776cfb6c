"""A TrialLauncher over any Hydra launcher: one supervised process per trial calls `launch` for its one job.

The only file that knows `launch()` and `JobReturn`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.devices import DeviceSlots
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.processes import ChildRequest, ProcessHelper
from azsweep_core.trial import Parameters, StopRequest, TrialState
from azsweep_core.trial_process import run_task

__all__ = ["Host", "HydraApp", "ProcessLauncher", "usable_cores"]

log = logging.getLogger("azsweep")

_IDLE_S = 60.0
_LOOK_EVERY_S = 5.0
_REMEDY = "an app that trains with OpenMP or opens a GPU while it is imported needs hydra.sweeper.start_method=spawn"
_THREADS_VARIABLE = "AZSWEEP_THREADS"
_PASSIVE = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
}
"""Launchers that hold nothing but their settings until they launch, so that all trials can have copies of one."""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Job:
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
        _limit_threads()
        self.prepare()
        return run_task(self.control, functools.partial(self.task_function, config), str(directory))


def _limit_threads() -> None:
    """Hold libraries that were loaded before the fork to the trial's share of the cores; they read variables once."""
    share = os.environ.get(_THREADS_VARIABLE)
    if share is not None and "numpy" in sys.modules and importlib.util.find_spec("threadpoolctl") is not None:
        importlib.import_module("threadpoolctl").threadpool_limits(int(share))


@dataclass(slots=True, kw_only=True)
class HydraApp:
    """The user's app, and what to do in each trial's process right before its task."""

    context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    prepare: Callable[[], None]
    ready: tuple[Any, TrialTask] | None = field(default=None, init=False)

    def run(self, job: _Job) -> None:
        """In the trial's process: run the one job, and raise what the task raised."""
        try:
            launcher, task = self.ready or self._launcher()
            task.control = job.control
            returns = launcher.launch([list(job.overrides)], initial_job_idx=job.number)
        except Exception as error:
            if job.control.heartbeat() is None:
                text = "".join(traceback.format_exception(error))
                document = {"exception": type(error).__qualname__, "message": str(error), "traceback": text}
                job.control.write_launch_error(document)
            raise
        for each in returns:
            _ = each.return_value

    def run_afresh(self, singletons: Any, job: _Job) -> None:
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
            self.ready = self._launcher()

    def _launcher(self) -> tuple[Any, TrialTask]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How this machine runs trials.

    Args:
        slots: how many run at once at most.
        devices: shared out among them; empty for none.
        spawn: fresh interpreters instead of forks.
    """

    slots: int
    devices: tuple[str, ...] = ()
    spawn: bool = False


class ProcessLauncher:
    """Runs each attempt in a child of a helper process that is forked here and now.

    Args:
        sweep_dir: absolute; control directories live under it.
        overrides_of: the Hydra overrides that give a trial its parameters.
        preload: called once in the helper, before any trial.
    """

    def __init__(
        self,
        app: HydraApp,
        host: Host,
        *,
        sweep_dir: Path,
        overrides_of: Callable[[Parameters], Sequence[str]],
        preload: Callable[[], object],
    ) -> None:
        self._host = host
        self._sweep_dir = sweep_dir
        self._overrides_of = overrides_of
        self._devices = DeviceSlots(host.devices)
        self._running: dict[str, _Running] = {}
        self._keys: dict[int, str] = {}
        self._was_said = False
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        self._config_folder: str | None = app.config.hydra.output_subdir
        app = app.one_job_at_a_time()
        run = functools.partial(app.run_afresh, Singleton.get_state()) if host.spawn else app.run
        self._helper: ProcessHelper[_Job] = ProcessHelper(run, (app.preload, preload), spawn=host.spawn)

    def start(self, launch: Launch) -> None:
        if launch.attempt > 1:
            _keep_what_is_left(ControlDir.of(self._sweep_dir, launch.number, launch.attempt - 1), self._config_folder)
        control = ControlDir.create(self._sweep_dir, launch.number, launch.attempt)
        job = _Job(launch.number, tuple(self._overrides_of(launch.parameters)), control)
        key = f"{launch.number}.{launch.attempt}"
        self._running[key] = _Running(launch.number, control)
        self._keys[launch.number] = key
        environment = {**self._own_share(launch.number), **launch.environment}
        self._helper.start(ChildRequest(key=key, output=control.output_file, environment=environment, payload=job))

    def _own_share(self, number: int) -> dict[str, str]:
        """The trial's part of this machine: a device, and threads for its part of the cores."""
        share = str(usable_cores() // self._host.slots or 1)
        threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": share, _THREADS_VARIABLE: share}
        return {**threads, **self._devices.take(number)}

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        deadlines = [each.kill_at for each in self._running.values() if each.kill_at is not None]
        patience = min([timeout_s, *(deadline - time.monotonic() for deadline in deadlines)])
        ends = [self._end(exit_.key, exit_.status) for exit_ in self._helper.poll(patience)]
        self._kill_overdue()
        self._look_for_hangs()
        return [*self._begun(), *ends]

    def stop(self, number: int, request: StopRequest, grace_s: float) -> None:
        if number not in self._keys:
            return
        running = self._running[self._keys[number]]
        running.request = request
        running.kill_at = time.monotonic() + grace_s
        running.control.request_stop(request, grace_s)
        self._kill_overdue()

    def close(self) -> None:
        self._helper.close()

    def _end(self, key: str, status: int) -> TrialReport:
        running = self._running.pop(key)
        del self._keys[running.number]
        self._devices.give_back(running.number)
        report = attempts.ended(running.control, running.number, status, running.request)
        if report.state is TrialState.TIMED_OUT and self._seems_to_hang(running):
            return replace(report, reason=f"{report.reason}; it had used no CPU for {_IDLE_S:g} s: {_REMEDY}")
        return report

    def _begun(self) -> Iterator[TrialReport]:
        """Reports on attempts whose task has begun since the last look."""
        for running in self._running.values():
            if not running.has_begun:
                report = attempts.began(running.control, running.number)
                if report is not None:
                    running.has_begun = True
                    yield report

    def _look_for_hangs(self) -> None:
        """Say once what to do if a forked trial does nothing: it may wait for threads that a fork does not copy."""
        if self._was_said or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        for running in self._running.values():
            if self._seems_to_hang(running):
                self._was_said = True
                log.warning("trial %d has used no CPU for %g s. If it hangs: %s", running.number, _IDLE_S, _REMEDY)
                return

    def _seems_to_hang(self, running: _Running) -> bool:
        beat = running.control.heartbeat() or {}
        return not self._host.spawn and beat.get("idle_s", 0.0) >= _IDLE_S

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for key, running in self._running.items():
            if running.kill_at is not None and now >= running.kill_at:
                running.kill_at = None
                self._helper.kill(key)


def _keep_what_is_left(control: ControlDir, config_folder: str | None) -> None:
    """Copy an attempt's config and logs to its control directory: the next attempt writes its own in their place."""
    heartbeat = control.heartbeat()
    if heartbeat is None:  # its task did not begin
        return
    directory = Path(heartbeat["directory"])
    for log_file in directory.glob("*.log"):
        if not log_file.is_symlink():
            shutil.copy2(log_file, control.path)
    if config_folder is not None and (directory / config_folder).is_dir():
        shutil.copytree(directory / config_folder, control.path / config_folder, dirs_exist_ok=True)


@dataclass(slots=True)
class _Running:
    """An attempt in flight; `kill_at` is a time of the monotonic clock."""

    number: int
    control: ControlDir
    request: StopRequest | None = None
    kill_at: float | None = None
    has_begun: bool = False
