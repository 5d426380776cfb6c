"""Hears Ctrl-C, SIGTERM and SIGHUP and counts them. Never stops anything itself."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StopSignals"]


class StopSignals:
    """While entered, the three signals are counted instead of ending the process; in a thread, nothing is heard.

    Args of the instance: `count` is how many came, `name` the first one's name in words.
    """

    def __init__(self) -> None:
        self.count = 0
        self.name = ""
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._earlier[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def note(self, name: str) -> None:
        """Count a stop that came another way."""
        self.count += 1
        self.name = self.name or name

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.note("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
