"""How a job waits for the one trial that it runs: stops it when it is told to, kills it when it does not stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from azsweep_core.control import ControlDir
from azsweep_core.processes import ProcessHelper
from azsweep_core.trial import StopRequest, TrialState

__all__ = ["KEY", "wait_for_end"]

KEY = "trial"
"""The one child's."""
_LOOK_EVERY_S = 0.2
_UNTIL_THE_JOB_ENDS_S = 86400.0
_TIME_IS_OVER = "its job is about to reach its time limit (hydra.launcher.timeout_min)"


def wait_for_end(
    helper: ProcessHelper[Any],
    control: ControlDir,
    *,
    stop_at: float = float("inf"),
    is_abandoned: Callable[[], bool] = lambda: False,
) -> int | None:
    """Exit status of the trial's process, once nothing of it is left; None if nobody waits for it any more.

    Args:
        stop_at: time of the monotonic clock at which it is told that its time is over.
    """
    kill_at = float("inf")
    while not is_abandoned():
        for end in helper.poll(_LOOK_EVERY_S):
            return end.status
        grace_s = control.stop_grace_s()
        if grace_s is None and time.monotonic() >= stop_at:
            control.request_stop(StopRequest(TrialState.TIMED_OUT, _TIME_IS_OVER), _UNTIL_THE_JOB_ENDS_S)
        if grace_s is not None:
            kill_at = min(kill_at, time.monotonic() + grace_s)
        if time.monotonic() >= kill_at:
            helper.kill(KEY)
    return None
