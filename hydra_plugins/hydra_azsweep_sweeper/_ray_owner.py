"""Owns a sweep's tasks on Ray: submits them, holds them, and says how they ended. Imports nothing of Hydra's.

Ray ends a task with whoever has submitted it. So on a cluster that outlives the coordinator, this lives in an actor.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hydra_plugins.hydra_azsweep_sweeper._ray_worker import run_trial

__all__ = ["TaskEnd", "TaskOwner", "last_line"]

_LOOKS = 20
"""So many while nobody calls, until nobody is expected to."""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ended.

    Args:
        status: exit status of the trial's process; None if Ray has none to tell.
        error, words: name of Ray's error then, and the last line of what it says.
    """

    status: int | None
    error: str = ""
    words: str = ""


def last_line(error: Exception) -> str:
    """Of what Ray says, the part that tells what it was about."""
    return (str(error).strip().splitlines() or [""])[-1].strip()


class TaskOwner:
    """A sweep's tasks by their keys. Every call may be repeated.

    Args:
        deserted_after_s: for an actor: it ends once no task runs and nobody has called for so long.
    """

    def __init__(self, deserted_after_s: float | None = None) -> None:
        import ray

        self._ray: Any = ray
        self._run: Any = None
        self._ids: dict[str, str] = {}
        self._running: dict[str, Any] = {}
        self._ends: dict[str, TaskEnd] = {}
        self._called_at = time.monotonic()
        if deserted_after_s is not None:
            me = ray.get_runtime_context().current_actor
            threading.Thread(target=self._leave_when_deserted, args=(me, deserted_after_s), daemon=True).start()

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Ray's options of the tasks that start from now on."""
        self._called_at = time.monotonic()
        self._run = self._ray.remote(**options)(run_trial)

    def start(self, key: str, sweep: str, job: bytes) -> str:
        """Submit a task, and return Ray's id of it; the arguments are those of `run_trial`."""
        self._called_at = time.monotonic()
        if key not in self._ids:
            reference = self._run.remote(sweep, job)
            self._ids[key] = reference.task_id().hex()
            self._running[key] = reference
        return self._ids[key]

    def keys(self) -> Mapping[str, bool]:
        """Keys of all tasks there have been; True for those that have not ended."""
        self._called_at = time.monotonic()
        self._note_ends()
        return {key: key in self._running for key in self._ids}

    def ended(self, keys: Collection[str], timeout_s: float) -> Mapping[str, TaskEnd]:
        """Those of these tasks that have ended; waits so long for the first."""
        self._called_at = time.monotonic()
        running = [self._running[key] for key in keys if key in self._running]
        if len(running) == len(keys) > 0:
            self._ray.wait(running, num_returns=1, timeout=timeout_s)
        self._note_ends()
        return {key: self._ends[key] for key in keys if key in self._ends}

    def cancel(self, key: str) -> None:
        """End this task alone: its worker is killed, and what that had started goes with it."""
        self._called_at = time.monotonic()
        with contextlib.suppress(self._ray.exceptions.RayError, KeyError):
            self._ray.cancel(self._running[key], force=True)

    def close(self) -> None:
        """Nothing is left to do in the coordinator itself."""

    def _note_ends(self) -> None:
        keys = {reference: key for key, reference in self._running.items()}
        if keys:
            over, _ = self._ray.wait(list(keys), num_returns=len(keys), timeout=0)
            for reference in over:
                self._ends[keys[reference]] = self._end(reference)
                del self._running[keys[reference]]

    def _end(self, reference: Any) -> TaskEnd:
        try:
            return TaskEnd(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return TaskEnd(None, type(error).__name__, last_line(error))

    def _leave_when_deserted(self, me: Any, after_s: float) -> None:
        while not self._is_deserted(after_s):
            time.sleep(after_s / _LOOKS)
        self._ray.kill(me)

    def _is_deserted(self, after_s: float) -> bool:
        if time.monotonic() - self._called_at < after_s:
            return False
        running = list(self._running.values())
        return not running or not self._ray.wait(running, num_returns=len(running), timeout=0)[1]
