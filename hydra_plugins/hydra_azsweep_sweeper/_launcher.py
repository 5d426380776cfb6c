"""A TrialLauncher over any Hydra launcher: a supervised process on this machine for each trial."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra.core.singleton import Singleton

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.devices import DeviceSlots
from azsweep_core.events import TrialEnded
from azsweep_core.leftovers import clear_leftovers
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.processes import ChildRequest, ProcessHelper
from azsweep_core.trial import Parameters, StopRequest, Trial, TrialState
from azsweep_core.trial_process import STOP_SIGNAL
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialJob, limit_threads

__all__ = ["Host", "ProcessLauncher", "usable_cores"]

log = logging.getLogger("azsweep")

_IDLE_S = 60.0
_LOOK_EVERY_S = 5.0
_REMEDY = "an app that trains with OpenMP or opens a GPU while it is imported needs hydra.sweeper.start_method=spawn"


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How this machine runs trials.

    Args:
        slots: how many run at once at most.
        devices: shared out among them; empty for none.
        spawn: fresh interpreters instead of forks.
        jobs: hand trials to submitit as local jobs, which may take `trial_timeout_s`, and `grace_s` to stop.
    """

    slots: int
    devices: tuple[str, ...] = ()
    spawn: bool = False
    jobs: bool = False
    trial_timeout_s: float | None = None
    grace_s: float = 10.0


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
        self._left: list[TrialReport] = []
        self._was_said = False
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        self._config_folder: str | None = app.config.hydra.output_subdir
        self._cores = usable_cores() // host.slots or 1
        app = app.one_job_at_a_time()
        run, prepare = self._run(app)
        share = () if "OMP_NUM_THREADS" in os.environ else (functools.partial(limit_threads, self._cores),)
        self._helper: ProcessHelper[TrialJob] = ProcessHelper(
            run, (prepare, preload, *share), spawn=host.spawn and not host.jobs
        )

    def _run(self, app: HydraApp) -> tuple[Callable[[TrialJob], object], Callable[[], object]]:
        """What a trial's process does with its job, and what the process that it is forked from does before."""
        host = self._host
        if host.jobs:
            from hydra_plugins.hydra_azsweep_sweeper._submitit import LocalJobs

            shared = ("CUDA_VISIBLE_DEVICES",) if host.devices else ()
            jobs = LocalJobs(app, self._sweep_dir, host.trial_timeout_s, host.grace_s, shared)
            return jobs.run, jobs.preload
        run = functools.partial(app.run_afresh, Singleton.get_state()) if host.spawn else app.run
        return run, app.preload

    def start(self, launch: Launch) -> None:
        control = attempts.prepare(self._sweep_dir, launch, self._config_folder)
        job = TrialJob(launch.number, tuple(self._overrides_of(launch.parameters)), control)
        key = f"{launch.number}.{launch.attempt}"
        self._running[key] = _Running(launch.number, control)
        self._keys[launch.number] = key
        environment = {**self._own_share(launch.number), **launch.environment}
        self._helper.start(ChildRequest(key=key, output=control.output_file, environment=environment, payload=job))

    def _own_share(self, number: int) -> dict[str, str]:
        """The trial's part of this machine: a device, and threads for its part of the cores."""
        threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(self._cores)}
        return {**threads, **self._devices.take(number)}

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        if self._left:
            left, self._left = self._left, []
            return left
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
        try:
            running.control.request_stop(request, grace_s)
        except OSError:  # nothing can be written: the signal says it without words
            self._helper.interrupt(self._keys[number], STOP_SIGNAL)
        self._kill_overdue()

    def adopt(self, trials: Sequence[Trial]) -> None:
        clear_leftovers(self._sweep_dir)
        for trial in trials:
            control = ControlDir.of(self._sweep_dir, trial.number, trial.attempt)
            attempts.refuse_job_of_another(control, trial.number)
            self._left.append(attempts.left_behind(control, trial.number))

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        attempts.conclude(ControlDir.of(self._sweep_dir, trial.number, trial.attempt), end)

    def close(self) -> None:
        self._helper.close()

    def _end(self, key: str, status: int) -> TrialReport:
        running = self._running.pop(key)
        del self._keys[running.number]
        self._devices.give_back(running.number)
        noted = running.control.exit_status()  # of a process that was not ours to wait for
        status = status if noted is None else noted
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


@dataclass(slots=True)
class _Running:
    """An attempt in flight; `kill_at` is a time of the monotonic clock."""

    number: int
    control: ControlDir
    request: StopRequest | None = None
    kill_at: float | None = None
    has_begun: bool = False
