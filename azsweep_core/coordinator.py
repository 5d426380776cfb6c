"""What the coordinator has in the sweep's directory: its signs of life, and the wish to stop it. Stops nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

from azsweep_core.control import write_atomically
from azsweep_core.lock import SweepLock
from azsweep_core.signals import StopSignals

__all__ = ["COORDINATOR_LOG", "Presence", "request_stop"]

COORDINATOR_LOG = "coordinator.log"
"""In `.azsweep/`: what a detached sweep prints."""

_LOOK_EVERY_S = 0.5


class Presence:
    """Gives signs of life, and hears `azsweep stop`; for the loop to call at each turn.

    What was asked of an earlier coordinator is forgotten.
    """

    def __init__(self, directory: Path, lock: SweepLock, signals: StopSignals) -> None:
        self._path = _stop_file(directory)
        self._lock = lock
        self._signals = signals
        self._look_at = 0.0
        write_atomically(self._path, "")  # network file systems cache a file's absence, not its content

    def turn(self) -> None:
        self._lock.beat()
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        for _ in range(self._signals.count, _requests(self._path)):
            self._signals.note("azsweep stop")


def request_stop(directory: Path, *, kill: bool) -> None:
    """Ask the coordinator, wherever it runs, to stop as at the first Ctrl-C, or at the second.

    Raises:
        OSError: if that cannot be written.
    """
    write_atomically(_stop_file(directory), json.dumps({"requests": 2 if kill else 1}))


def _stop_file(directory: Path) -> Path:
    return directory / ".azsweep" / "stop"


def _requests(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["requests"])
    except (OSError, ValueError, TypeError, KeyError):  # nothing was asked for
        return 0
