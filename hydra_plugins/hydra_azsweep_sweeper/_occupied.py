"""The sweep's directory while this process coordinates the sweep in it: lock, ledger, and what is left of before."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from azsweep_core.coordinator import Presence
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.ledger import LEDGER, Ledger
from azsweep_core.lock import SweepLock
from azsweep_core.recovery import unrecorded
from azsweep_core.replay import Recorded, replay
from azsweep_core.signals import StopSignals
from azsweep_core.sweep_plan import Past

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Occupied", "refuse_orphans"]

log = logging.getLogger("azsweep")

T = TypeVar("T")


class Occupied:
    """Entered, nobody else coordinates the sweep, from `resume` or `ledger` on; left, somebody else may.

    Nothing is written before that: a sweep that cannot begin leaves no directory.

    Args:
        break_lock: as SweepLock's.
    """

    def __init__(self, directory: Path, *, break_lock: bool) -> None:
        self._directory = directory
        self._break_lock = break_lock
        self._undo = contextlib.ExitStack()
        self._lock: SweepLock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._undo.__exit__(kind, error, traceback)
        if self._lock is not None:
            self._lock.release()

    def callback(self, undo: Callable[[], object]) -> None:
        """Call it at the end, before others may come in."""
        self._undo.callback(undo)

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter it, and leave it at the end, before others may come in."""
        return self._undo.enter_context(context)

    def on_fault(self, tell: Callable[[str], object]) -> None:
        """Call it with what went wrong, if that is how all this ends."""

        def leave(_: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
            if error is not None:
                tell(str(error) or type(error).__name__)

        self._undo.push(leave)

    def resume(self, recorded: Recorded) -> Past | None:
        """What there is to go on with, as it stands now that nobody else writes; None if there is nothing after all.

        Args:
            recorded: the same as it stood a moment ago.
        Raises:
            AzsweepError: if another process coordinates the sweep, or its ledger is damaged.
        """
        lock = self._locked()
        size = (self._directory / LEDGER).stat().st_size
        latest = recorded if size == recorded.size else replay(self._directory)
        if latest is None:
            return None
        if torn := size - latest.size:
            log.warning("Warning: the last line of %s is torn; its %d bytes are left out", LEDGER, torn)
        seen_s = 0.0 if lock.earlier is None else lock.earlier.seen_s
        lost = tuple(unrecorded(latest.history, self._directory, time.time()))
        return Past(recorded=latest, seen_s=seen_s, unrecorded=lost)

    def ledger(self, past: Past | None) -> Ledger:
        """The ledger to write to: what is there goes on, else there is a new one.

        Raises:
            AzsweepError: if trials have run here and their ledger is gone.
        """
        self._locked()
        path = self._directory / LEDGER
        if past is None:
            refuse_orphans(self._directory)
        if past is None and path.exists() and replay(self._directory) is None:
            path.replace(path.with_name(f"{LEDGER}.torn"))  # of a sweep that never began
        ledger = Ledger(path, keep=0 if past is None else past.recorded.size)
        self.callback(ledger.close)
        return ledger

    def presence(self, signals: StopSignals) -> Presence:
        """What is to be called at each turn of the loop."""
        return Presence(self._directory, self._locked(), signals)

    def _locked(self) -> SweepLock:
        if self._lock is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = SweepLock(self._directory, break_lock=self._break_lock)
        return self._lock


def refuse_orphans(directory: Path) -> None:
    """See to it that a directory without a ledger holds no trials.

    Raises:
        AzsweepError: if it does.
    """
    trials = directory / ".azsweep" / "trials"
    if trials.is_dir() and any(trials.iterdir()):
        rule, fix = f"must not hold trials whose {LEDGER} is gone or empty", "Choose another, or move it away."
        raise AzsweepError(str(Problem("hydra.sweep.dir", rule, str(directory), fix)))
