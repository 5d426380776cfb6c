"""A TrialLauncher over Ray: one session for the sweep, and one task of Ray's for each attempt.

A task's end is heard from Ray, and what it means is read from the attempt's files, as everywhere. Ray retries nothing:
what is to be tried again, the sweep decides. On a cluster that was joined, tasks outlive a sweep that is killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from omegaconf import DictConfig, OmegaConf, open_dict

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import TrialEnded
from azsweep_core.leftovers import clear_leftovers
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.trial import Parameters, StopRequest, Trial, TrialState
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialTask, note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._ray_actor import DetachedOwner, clear_nodes, cluster_address, owner_name
from hydra_plugins.hydra_azsweep_sweeper._ray_job import RayJob
from hydra_plugins.hydra_azsweep_sweeper._ray_owner import TaskEnd, TaskOwner, last_line
from hydra_plugins.hydra_azsweep_sweeper._trial_directory import MisplacedError

__all__ = ["RayLauncher"]

log = logging.getLogger("azsweep")

_LOOK_EVERY_S = 0.25
_KILL_LATER_S = 5.0
_CLEAR_WITHIN_S = 20.0
_OWNER, _CLUSTER = "ray_owner", "ray_cluster"
"""What `ControlDir.job` holds of an attempt on a cluster that was joined: who owns its task, and where."""
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
        is_local = _is_local(launcher.ray_cfg.init)
        self._is_joined = not (self._is_ours and is_local)
        self._options = _task_options(launcher.ray_cfg.remote)
        self._owner: TaskOwner | DetachedOwner | None = None
        self._sweep = f"{os.getpid()}:{sweep_dir}:{time.time()}"
        self._attempts: dict[str, _Attempt] = {}
        self._failed: list[TrialReport] = []
        try:
            _check_resources(ray, self._options, is_local=is_local)
            self._place = {_OWNER: owner_name(sweep_dir), _CLUSTER: cluster_address()} if self._is_joined else {}
        except AzsweepError:
            self.close()
            raise

    @property
    def leaves_this_host(self) -> bool:
        """Whether trials may run elsewhere."""
        return len({node["NodeManagerAddress"] for node in self._ray.nodes() if node["Alive"]}) > 1

    def start(self, launch: Launch) -> None:
        control = attempts.prepare(self._sweep_dir, launch, self._app.config.hydra.output_subdir)
        key = _key(launch.number, launch.attempt)
        owner = self._owner or self._new_owner()
        if self._is_joined:
            control.note_job(self._place)  # before it can run there
        try:
            job = self._job(launch, control)
            try:
                task = owner.start(key, self._sweep, job)
            except self._ray.exceptions.RayActorError as error:
                self._lose_owner(error)
                task = self._new_owner().start(key, self._sweep, job)
        except Exception as error:  # whatever Ray, Hydra or pickle has against it
            if isinstance(error, AzsweepError) and not isinstance(error, MisplacedError):
                raise  # it is the sweep's, not the trial's
            note_launch_error(control, error)
            self._failed.append(attempts.ended(control, launch.number, 1, None))
            return
        self._attempts[key] = _Attempt(launch.number, control)
        control.note_job({**self._place, "ray_task": task})

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
        left = {_key(trial.number, trial.attempt): _Attempt(trial.number, self._control(trial)) for trial in trials}
        for attempt in left.values():
            attempts.refuse_job_of_another(attempt.control, attempt.number, own=_OWNER if self._is_joined else "")
        owner, known = self._left_owner(left)
        if owner is None and self._is_joined:
            for attempt in left.values():
                _refuse_another_cluster(attempt.control, attempt.number, self._place[_CLUSTER])
        self._owner = owner
        if owner is None and left:
            self._clear()
        for key, attempt in left.items():
            if key in known:
                self._attempts[key] = attempt
            else:
                self._failed.append(attempts.left_behind(attempt.control, attempt.number))

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        attempts.conclude(self._control(trial), end)

    def _control(self, trial: Trial) -> ControlDir:
        return ControlDir.of(self._sweep_dir, trial.number, trial.attempt)

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        deadline = time.monotonic() + timeout_s
        wait_s = 0.0
        while not (reports := [*self._ended(wait_s), *self._begun(), *self._take_failed()]):
            self._cancel_overdue()
            wait_s = min(deadline - time.monotonic(), _LOOK_EVERY_S)
            if wait_s <= 0:
                break
        return reports

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
        owner, self._owner = self._owner, None
        running = set(self._attempts)
        self._attempts.clear()
        if owner is not None:
            with contextlib.suppress(self._ray.exceptions.RayError):
                _cancel_all(owner, running)
                owner.close()
        if self._is_ours:
            self._ray.shutdown()

    def _new_owner(self) -> TaskOwner | DetachedOwner:
        """Whoever is to own the tasks of this sweep from now on; in its directory nothing runs on the cluster."""
        if self._is_joined and (left := DetachedOwner.find(self._sweep_dir)) is not None:
            with contextlib.suppress(self._ray.exceptions.RayActorError):
                _cancel_all(left, {key for key, runs in left.keys().items() if runs})
                left.close()
            self._clear()
        owner = DetachedOwner.make(self._sweep_dir) if self._is_joined else TaskOwner()
        try:
            owner.set_options(self._options)
        except self._ray.exceptions.RayError as error:
            rule = f"needs hydra-azsweep on the cluster's head, for the actor that owns the trials ({last_line(error)})"
            raise AzsweepError(str(Problem("hydra/launcher", rule, self._place[_CLUSTER]))) from error
        self._owner = owner
        return owner

    def _left_owner(self, wanted: Collection[str]) -> tuple[DetachedOwner | None, Collection[str]]:
        """The owner that an earlier start of this sweep has left, and the tasks that it knows; it ends the others."""
        owner = DetachedOwner.find(self._sweep_dir) if self._is_joined else None
        if owner is not None:
            with contextlib.suppress(self._ray.exceptions.RayActorError):
                known = owner.keys()
                _cancel_all(owner, {key for key, runs in known.items() if runs and key not in wanted})
                owner.set_options(self._options)
                return owner, known
        return None, ()

    def _lose_owner(self, error: Exception) -> None:
        """The owner is gone, with all that ran: another one may follow when none of that runs any more."""
        self._owner = None
        self._clear()
        end = TaskEnd(None, type(error).__name__, "the actor that had submitted it is gone")
        self._failed += [self._end(attempt, end) for attempt in self._attempts.values()]
        self._attempts.clear()

    def _clear(self) -> None:
        """Wait until nothing of the sweep runs any more, now that nobody owns it."""
        if self._is_joined:
            clear_nodes(self._sweep_dir)
        else:
            clear_leftovers(self._sweep_dir)

    def _take_failed(self) -> list[TrialReport]:
        failed, self._failed = self._failed, []
        return failed

    def _begun(self) -> Iterator[TrialReport]:
        for attempt in self._attempts.values():
            if not attempt.has_begun and (report := attempts.began(attempt.control, attempt.number)) is not None:
                attempt.has_begun = True
                yield report

    def _ended(self, timeout_s: float) -> list[TrialReport]:
        if self._owner is None or not self._attempts:
            time.sleep(timeout_s)
            return []
        try:
            ends = self._owner.ended(list(self._attempts), 0.0 if self._failed else timeout_s)
        except self._ray.exceptions.RayActorError as error:
            self._lose_owner(error)
            return []
        return [self._end(self._attempts.pop(key), end) for key, end in ends.items()]

    def _end(self, attempt: _Attempt, end: TaskEnd) -> TrialReport:
        """How the attempt ended, once Ray has done with its task."""
        control, number, request = attempt.control, attempt.number, attempt.request
        status = control.exit_status() if end.status is None else end.status
        if control.result() is not None or status is not None:
            return attempts.ended(control, number, status or 0, request)
        return attempts.judged(control, number, *_how_it_ended(end), request)

    def _cancel_overdue(self) -> None:
        now = time.monotonic()
        for key, attempt in self._attempts.items():
            if attempt.kill_at is not None and now >= attempt.kill_at and self._owner is not None:
                attempt.kill_at = None
                with contextlib.suppress(self._ray.exceptions.RayActorError):  # the next look sees it
                    self._owner.cancel(key)


def _key(number: int, attempt: int) -> str:
    return f"{number}.{attempt}"


def _how_it_ended(end: TaskEnd) -> tuple[TrialState | None, str]:
    """The state that Ray's error means, None if the infrastructure is to blame, and words for it."""
    if end.error == "TaskCancelledError":
        return TrialState.CANCELLED, "its Ray task was cancelled"
    if end.error == "OutOfMemoryError":
        return TrialState.FAILED, "Ray ended its task: the node was running out of memory"
    return None, f"its Ray task was lost ({end.error}: {end.words})"


def _cancel_all(owner: TaskOwner | DetachedOwner, keys: Collection[str]) -> None:
    """And wait until they have ended, or it takes too long."""
    for key in keys:
        owner.cancel(key)
    deadline = time.monotonic() + _CLEAR_WITHIN_S
    left = set(keys)
    while left and time.monotonic() < deadline:
        left -= owner.ended(left, _LOOK_EVERY_S).keys()


def _refuse_another_cluster(control: ControlDir, number: int, here: str) -> None:
    """See to it that an attempt does not run on a cluster that is not the one of now.

    Raises:
        AzsweepError: if it may.
    """
    there = control.job().get(_CLUSTER, here)
    if there != here and control.result() is None:
        everywhere = control.job_file.parents[2] / "*" / "*" / control.job_file.name
        rule = f"trial {number} may still run on the cluster at {there}"
        fix = f"Resume it there; or, if that cluster is no more, remove {everywhere}."
        raise AzsweepError(str(Problem("hydra.launcher.ray.init.address", rule, here, fix)))


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
