"""Follows a sweep that runs by the ledger it writes, and notices when nobody writes there any more. Writes nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from azsweep_core.cli._standing import Standing, standing_of
from azsweep_core.errors import AzsweepError
from azsweep_core.events import Event, SweepResumed, SweepStarted
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, LedgerReader
from azsweep_core.lock import current_holder
from azsweep_core.replay import history_of

__all__ = ["Follower"]

_LEDGER_EVERY_S = 0.3
_HOLDER_EVERY_S = 1.5
_SILENT_AFTER_S = 120.0
"""Network file systems show a sign of life up to a minute late."""
_ENDS_WITHIN_S = 60.0


@dataclass(slots=True)
class Follower:
    """A sweep as it goes on.

    Args:
        directory: absolute.
        history: None until the sweep has begun.
        wait, clock: how to let seconds pass, and how many have.
    """

    directory: Path
    wait: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    history: History | None = None
    began_s: float | None = None
    _events: list[Event] = field(default_factory=list)
    _reader: LedgerReader = field(init=False)

    def __post_init__(self) -> None:
        self._reader = LedgerReader(self.directory / LEDGER)

    def news(self) -> Iterator[Event]:
        """Events since the last call; each is in the history when it is given.

        Raises:
            AzsweepError: naming the line that cannot be read, or cannot follow.
        """
        try:
            for event in self._reader.news():
                self._apply(event)
                yield event
        except FileNotFoundError:
            if self._events:
                raise

    def until(self, is_enough: Callable[[], bool]) -> Iterator[Event | None]:
        """Events as they come, and None at every turn: until it is enough, or the sweep is not coordinated any more.

        A sweep that has ended is followed until its process has gone, too: it is writing its results.
        """
        look_at, over_at = -math.inf, math.inf
        while True:
            yield from self.news()
            yield None
            if is_enough():
                return
            now = self.clock()
            if self.history is not None and self.history.ending is not None:
                over_at = min(over_at, now)
            if now >= look_at:
                look_at = now + _HOLDER_EVERY_S
                if not self.is_coordinated() or now > over_at + _ENDS_WITHIN_S:
                    yield from self.news()
                    return
            self.wait(_LEDGER_EVERY_S)

    def is_coordinated(self) -> bool:
        """Whether a process is known to coordinate the sweep, or has given a sign of life lately elsewhere."""
        holder = current_holder(self.directory)
        if holder is None or holder.is_alive is False:
            return False
        return bool(holder.is_alive) or time.time() - holder.seen_s < _SILENT_AFTER_S

    def standing(self) -> Standing:
        """How the sweep stands now."""
        ending = None if self.history is None else self.history.ending
        return standing_of(ending, self.began_s, current_holder(self.directory))

    def _apply(self, event: Event) -> None:
        self._events.append(event)
        try:
            if self.history is None or isinstance(event, SweepResumed):
                self.history = history_of(self._events)
            else:
                self.history.apply(event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            place = f"{self.directory / LEDGER}:{len(self._events)}"
            raise AzsweepError(f"{place}: must be an event that can follow; got {error}.") from error
        if isinstance(event, (SweepStarted, SweepResumed)):
            self.began_s = event.time_s
