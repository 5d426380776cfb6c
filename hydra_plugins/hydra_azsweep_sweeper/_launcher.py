"""A TrialLauncher over any Hydra launcher: one supervised process per trial calls `launch` for its one job.

The only file that knows `launch()` and `JobReturn`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.processes import ChildRequest, ProcessHelper
from azsweep_core.trial import Parameters, StopRequest
from azsweep_core.trial_process import run_task

__all__ = ["ProcessLauncher"]


@dataclass(frozen=True, slots=True)
class _Job:
    """What a trial's process is told: its number, its overrides and its control directory."""

    number: int
    overrides: Sequence[str]
    control: ControlDir


@dataclass(frozen=True, slots=True)
class TrialTask:
    """The user's task function, wrapped to report for itself. Picklable, so that any launcher can carry it."""

    task_function: TaskFunction
    control: ControlDir
    prepare: Callable[[], None]

    def __call__(self, config: DictConfig) -> Any:
        directory = Path(HydraConfig.get().runtime.output_dir)
        link = directory / "output.log"
        with contextlib.suppress(OSError):  # a convenience: no file system needs to have links
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(self.control.output_file, directory))
        self.prepare()
        return run_task(self.control, functools.partial(self.task_function, config), str(directory))


def _launch(
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    prepare: Callable[[], None],
    job: _Job,
) -> None:
    """In the trial's process: run the one job, and end as a script that raised if the task did."""
    task: Any = TrialTask(task_function, job.control, prepare)
    try:
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task, config=config
        )
        returns = launcher.launch([list(job.overrides)], initial_job_idx=job.number)
    except Exception as error:
        if job.control.heartbeat() is None:
            text = "".join(traceback.format_exception(error))
            document = {"exception": type(error).__qualname__, "message": str(error), "traceback": text}
            job.control.write_launch_error(document)
        raise
    for each in returns:
        _ = each.return_value  # raises what the task raised


class ProcessLauncher:
    """Runs each attempt in a child of a helper process that is forked here and now.

    Args:
        sweep_dir: absolute; control directories live under it.
        overrides_of: the Hydra overrides that give a trial its parameters.
        prepare: called in the trial's process right before the task.
        preload: called once in the helper, before any trial.
    """

    def __init__(
        self,
        *,
        sweep_dir: Path,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
        overrides_of: Callable[[Parameters], Sequence[str]],
        prepare: Callable[[], None],
        preload: Callable[[], object],
    ) -> None:
        self._sweep_dir = sweep_dir
        self._overrides_of = overrides_of
        self._running: dict[str, _Running] = {}
        self._keys: dict[int, str] = {}
        run = functools.partial(_launch, hydra_context, task_function, config, prepare)
        self._helper: ProcessHelper[_Job] = ProcessHelper(run, preload)

    def start(self, launch: Launch) -> None:
        control = ControlDir.create(self._sweep_dir, launch.number, launch.attempt)
        job = _Job(launch.number, tuple(self._overrides_of(launch.parameters)), control)
        key = f"{launch.number}.{launch.attempt}"
        self._running[key] = _Running(launch.number, control)
        self._keys[launch.number] = key
        self._helper.start(
            ChildRequest(key=key, output=control.output_file, environment=launch.environment, payload=job)
        )

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        deadlines = [each.kill_at for each in self._running.values() if each.kill_at is not None]
        patience = min([timeout_s, *(deadline - time.monotonic() for deadline in deadlines)])
        ends = [self._end(exit_.key, exit_.status) for exit_ in self._helper.poll(patience)]
        self._kill_overdue()
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
        return attempts.ended(running.control, running.number, status, running.request)

    def _begun(self) -> Iterator[TrialReport]:
        """Reports on attempts whose task has begun since the last look."""
        for running in self._running.values():
            if not running.has_begun:
                report = attempts.began(running.control, running.number)
                if report is not None:
                    running.has_begun = True
                    yield report

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for key, running in self._running.items():
            if running.kill_at is not None and now >= running.kill_at:
                running.kill_at = None
                self._helper.kill(key)


@dataclass(slots=True)
class _Running:
    """An attempt in flight; `kill_at` is a time of the monotonic clock."""

    number: int
    control: ControlDir
    request: StopRequest | None = None
    kill_at: float | None = None
    has_begun: bool = False
