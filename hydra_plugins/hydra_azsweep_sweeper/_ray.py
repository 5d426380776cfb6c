"""A TrialLauncher over Ray: one session for the sweep, and one task of Ray's for each attempt.

A task's end is heard from Ray, and what it means is read from the attempt's files, as everywhere. Ray retries nothing:
what is to be tried again, the sweep decides.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from omegaconf import DictConfig, OmegaConf, open_dict

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import TrialEnded
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.trial import Parameters, StopRequest, Trial, TrialState
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialTask, note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._ray_job import RayJob
from hydra_plugins.hydra_azsweep_sweeper._ray_worker import run_trial

__all__ = ["RayLauncher"]

log = logging.getLogger("azsweep")

_LOOK_EVERY_S = 0.25
_KILL_LATER_S = 5.0
_CLEAR_WITHIN_S = 20.0
_OBJECT_STORE_BYTES = 78643200
"""hydra-ray-launcher's own default, Ray's least: results go through files."""


@dataclass(slots=True)
class _Attempt:
    """An attempt that Ray has; `kill_at` is a time of the monotonic clock."""

    number: int
    control: ControlDir
    request: StopRequest | None = None
    kill_at: float | None = None
    has_begun: bool = False


class RayLauncher:
    """Hands attempts to Ray as the user's own Ray launcher is set up, with all its options.

    Args:
        sweep_dir: absolute, on a file system that the nodes share.
        overrides_of: the Hydra overrides that give a trial its parameters.
        spawn: give each trial a fresh interpreter.
    Raises:
        AzsweepError: if Ray cannot be started or reached, or can never run a trial.
    """

    def __init__(
        self,
        app: HydraApp,
        *,
        sweep_dir: Path,
        overrides_of: Callable[[Parameters], Sequence[str]],
        spawn: bool,
    ) -> None:
        self._app = app
        self._sweep_dir = sweep_dir
        self._overrides_of = overrides_of
        self._spawn = spawn
        launcher, self._task = app.make_launcher()
        self._is_ours = _connect(launcher.ray_cfg.init)
        import ray

        self._ray: Any = ray
        options = _task_options(launcher.ray_cfg.remote)
        self._run = ray.remote(**options)(run_trial)
        self._sweep = f"{os.getpid()}:{sweep_dir}:{time.time()}"
        self._attempts: dict[Any, _Attempt] = {}
        self._failed: list[TrialReport] = []
        try:
            _check_resources(ray, options, is_local=_is_local(launcher.ray_cfg.init))
        except AzsweepError:
            self.close()
            raise

    @property
    def leaves_this_host(self) -> bool:
        """Whether trials may run elsewhere."""
        return len({node["NodeManagerAddress"] for node in self._ray.nodes() if node["Alive"]}) > 1

    def start(self, launch: Launch) -> None:
        control = attempts.prepare(self._sweep_dir, launch, self._app.config.hydra.output_subdir)
        try:
            reference = self._run.remote(self._sweep, self._job(launch, control))
        except Exception as error:  # noqa: BLE001 - whatever Ray, Hydra or pickle has against it
            note_launch_error(control, error)
            self._failed.append(attempts.ended(control, launch.number, 1, None))
            return
        control.note_job({"ray_task": reference.task_id().hex()})
        self._attempts[reference] = _Attempt(launch.number, control)

    def _job(self, launch: Launch, control: ControlDir) -> bytes:
        import cloudpickle

        app = self._app
        config = app.context.config_loader.load_sweep_config(app.config, list(self._overrides_of(launch.parameters)))
        with open_dict(config):
            config.hydra.sweep.dir = str(self._sweep_dir)  # a worker may be elsewhere
            config.hydra.job.num = launch.number
        task = TrialTask(self._task.task_function, self._task.prepare, control)
        run = cloudpickle.dumps((app.context, config, task, Singleton.get_state()))
        job = RayJob(tuple(sys.path), Path.cwd(), control, launch.environment, self._spawn, run)
        data: bytes = cloudpickle.dumps(job)
        return data

    def adopt(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            control = ControlDir.of(self._sweep_dir, trial.number, trial.attempt)
            attempts.refuse_job_of_another(control, trial.number)
            self._failed.append(attempts.left_behind(control, trial.number))

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        attempts.conclude(ControlDir.of(self._sweep_dir, trial.number, trial.attempt), end)

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        deadline = time.monotonic() + timeout_s
        while not (reports := [*self._take_failed(), *self._begun(), *self._ended()]):
            self._cancel_overdue()
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            self._wait(min(left_s, _LOOK_EVERY_S))
        return reports

    def _wait(self, timeout_s: float) -> None:
        """Until a task has ended, or for so long."""
        if self._attempts:
            self._ray.wait(list(self._attempts), num_returns=1, timeout=timeout_s)
        else:
            time.sleep(timeout_s)

    def stop(self, number: int, request: StopRequest, grace_s: float) -> None:
        for attempt in self._attempts.values():
            if attempt.number == number:
                attempt.request = request
                attempt.control.request_stop(request, grace_s)
                # The supervisor kills what does not end; a task that still waits for resources has none.
                waits = attempt.control.heartbeat() is None
                attempt.kill_at = time.monotonic() + (0.0 if waits else grace_s + _KILL_LATER_S)
        self._cancel_overdue()

    def close(self) -> None:
        """Cancel what Ray still has, and end the session if it is this sweep's own."""
        if not self._ray.is_initialized():
            return
        running = list(self._attempts)
        self._attempts.clear()
        for reference in running:
            self._cancel(reference)
        if running:
            self._ray.wait(running, num_returns=len(running), timeout=_CLEAR_WITHIN_S)
        if self._is_ours:
            self._ray.shutdown()

    def _take_failed(self) -> list[TrialReport]:
        failed, self._failed = self._failed, []
        return failed

    def _begun(self) -> Iterator[TrialReport]:
        for attempt in self._attempts.values():
            if not attempt.has_begun and (report := attempts.began(attempt.control, attempt.number)) is not None:
                attempt.has_begun = True
                yield report

    def _ended(self) -> Iterator[TrialReport]:
        if not self._attempts:
            return
        over, _ = self._ray.wait(list(self._attempts), num_returns=len(self._attempts), timeout=0)
        for reference in over:
            yield self._end(self._attempts.pop(reference), reference)

    def _end(self, attempt: _Attempt, reference: Any) -> TrialReport:
        """How the attempt ended, once Ray has done with its task."""
        control, number, request = attempt.control, attempt.number, attempt.request
        try:
            status = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if control.result() is not None:
                return attempts.ended(control, number, 0, request)
            state, words = self._how_it_ended(error)
            return attempts.judged(control, number, state, words, request)
        return attempts.ended(control, number, status, request)

    def _how_it_ended(self, error: Exception) -> tuple[TrialState | None, str]:
        """The state that Ray's error means, None if the infrastructure is to blame, and words for it."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.TaskCancelledError):
            return TrialState.CANCELLED, "its Ray task was cancelled"
        if isinstance(error, exceptions.OutOfMemoryError):
            return TrialState.FAILED, "Ray ended its task: the node was running out of memory"
        said = (str(error).strip().splitlines() or [""])[-1]
        return None, f"its Ray task was lost ({type(error).__name__}: {said})"

    def _cancel_overdue(self) -> None:
        now = time.monotonic()
        for reference, attempt in self._attempts.items():
            if attempt.kill_at is not None and now >= attempt.kill_at:
                attempt.kill_at = None
                self._cancel(reference)

    def _cancel(self, reference: Any) -> None:
        """End this task alone: its worker is killed, and what that had started goes with it."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.cancel(reference, force=True)


def _connect(init: DictConfig) -> bool:
    """Start or join a Ray as the launcher's settings have it; False if there was a session already.

    Ctrl-C and the other signals stay the sweep's own.
    """
    import ray

    if ray.is_initialized():
        return False
    given: Any = OmegaConf.to_container(init, resolve=True)
    defaults: dict[str, Any] = {"log_to_driver": False}  # what trials print is in their files
    if _is_local(init):
        defaults["object_store_memory"] = _OBJECT_STORE_BYTES
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        ray.init(**{**defaults, **given})
    except (ConnectionError, OSError, RuntimeError, TypeError, ValueError) as error:
        rule = f"must be arguments with which ray.init succeeds ({type(error).__name__}: {error})"
        raise AzsweepError(str(Problem("hydra.launcher.ray.init", rule, str(given)))) from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return True


def _is_local(init: DictConfig) -> bool:
    """Whether Ray is started for this sweep, on this host, rather than joined."""
    return bool(init.get("address") == "local")


def _task_options(remote: DictConfig) -> dict[str, Any]:
    """Options of Ray's tasks: the user's, but for retries, which are the sweep's."""
    options: Any = OmegaConf.to_container(remote, resolve=True)
    if options.get("max_retries") or options.get("retry_exceptions"):
        log.warning(
            "Warning: hydra.launcher.ray.remote: retries are left to the sweep, and Ray makes none; "
            "got %s. Set hydra.sweeper.limits.max_retries.",
            {name: options[name] for name in ("max_retries", "retry_exceptions") if name in options},
        )
    return {**options, "max_retries": 0, "retry_exceptions": False}


def _check_resources(ray: Any, options: Mapping[str, Any], *, is_local: bool) -> None:
    """Refuse what the only node does not have; say it of a cluster, which other nodes may still join.

    Raises:
        AzsweepError: if no trial could ever run.
    """
    needed = {"CPU": options.get("num_cpus", 1), "GPU": options.get("num_gpus", 0), **(options.get("resources") or {})}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(all(node.get(name, 0) >= amount for name, amount in needed.items()) for node in nodes):
        return
    asked = ", ".join(f"{name}: {amount:g}" for name, amount in needed.items() if amount)
    most = ", ".join(f"{name}: {max(node.get(name, 0) for node in nodes):g}" for name in needed)
    rule = f"must not ask for more than a node has ({most})"
    problem = Problem("hydra.launcher.ray.remote", rule, asked)
    if is_local:
        raise AzsweepError(str(problem))
    log.warning("Warning: %s Trials wait until such a node joins.", problem)
