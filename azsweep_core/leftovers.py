"""Sees to it that nothing of a killed sweep still runs on this machine when the sweep goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from pathlib import Path

from azsweep_core import _linux
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["clear_leftovers"]

log = logging.getLogger("azsweep")

_LOOK_EVERY_S = 0.05
_KILL_AFTER_S = 10.0
_GIVE_UP_AFTER_S = 40.0


def clear_leftovers(sweep_dir: Path) -> None:
    """Wait until the trials of an earlier coordinator, and the helper that it forked them from, are gone.

    They die with it, which takes a moment. What does not is killed, if it writes to a trial's output.

    Raises:
        AzsweepError: if something cannot be killed, as while it waits for a file server.
    """
    trials = sweep_dir / ".azsweep" / "trials"
    began = time.monotonic()
    was_killed = False
    while holders := _linux.holders(trials):
        writers = [pid for pid, writes in holders.items() if writes]
        waited_s = time.monotonic() - began
        if waited_s > _KILL_AFTER_S and not writers:
            return  # somebody else looks in there, as anyone may
        if waited_s > _KILL_AFTER_S and not was_killed:
            was_killed = True
            log.warning("killing what an earlier start of this sweep has left running: %s", writers)
            for pid in writers:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        if waited_s > _GIVE_UP_AFTER_S:
            got = ", ".join(f"process {pid}" for pid in writers)
            rule = "must not have trials of an earlier start that still run"
            raise AzsweepError(str(Problem("hydra.sweep.dir", rule, got, "Kill them, and try again.")))
        time.sleep(_LOOK_EVERY_S)
