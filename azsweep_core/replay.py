"""Reads a ledger back: the sweep so far, and what it takes to go on with it. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core.errors import AzsweepError
from azsweep_core.events import Event, SweepResumed, SweepStarted, TrialMeasured
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, LedgerReader
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import Measurement

__all__ = ["Recorded", "history_of", "replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A sweep as its ledger has it.

    Args:
        origin: its first event.
        latest: its last start: the same, or the last time that it was resumed.
        judged: by trial, how many of its measurements an early termination policy has surely judged.
        size: bytes of the ledger's whole lines.
    """

    history: History
    origin: SweepStarted
    latest: SweepStarted | SweepResumed
    judged: Mapping[int, int]
    size: int

    @property
    def is_over(self) -> bool:
        """Whether it has ended, whatever for."""
        return self.history.ending is not None


def replay(directory: Path) -> Recorded | None:
    """The sweep in a directory; None if none has begun there.

    Raises:
        AzsweepError: naming the line of the ledger that cannot be read, or cannot follow those before it.
        OSError: if the ledger cannot be read.
    """
    path = directory / LEDGER
    if not path.exists():
        return None
    reader = LedgerReader(path)
    events = list(reader.news())
    if not events:
        return None
    judged: dict[int, int] = {}
    try:
        history = history_of(events, judged)
    except _ImpossibleError as error:
        raise AzsweepError(f"{path}:{error.line}: must be an event that can follow; got {error}.") from error
    origin = events[0]
    assert isinstance(origin, SweepStarted)
    return Recorded(history=history, origin=origin, latest=_latest(events), judged=judged, size=reader.size)


def history_of(events: Sequence[Event], judged: dict[int, int] | None = None) -> History:
    """What the events of a whole ledger add up to.

    Args:
        judged: takes, by trial, how many measurements it had before the last ones came.
    Raises:
        ValueError: in words, if no sweep can have given these events.
    """
    if not events or not isinstance(events[0], SweepStarted):
        raise _ImpossibleError(1, "no sweep has begun")
    judged = {} if judged is None else judged
    number = 1
    try:
        history = History(_objective(_latest(events).spec))
        reports = _Reports(history)
        for number, event in enumerate(events, start=1):  # noqa: B007 - named in the error
            if isinstance(event, TrialMeasured):
                judged[event.number] = reports.count(event.number)
            reports.apply(event)
        reports.apply_all()
    except ValueError as error:
        raise _ImpossibleError(number, str(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise _ImpossibleError(number, f"{type(error).__name__}: {error}") from error
    return history


class _Reports:
    """Gathers what a trial reports until another event concerns it: at once it adds up to the same, and much sooner."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._waiting: dict[int, list[Measurement]] = {}

    def count(self, number: int) -> int:
        """How many measurements the trial has so far."""
        return len(self._history[number].measurements) + len(self._waiting.get(number, ()))

    def apply(self, event: Event) -> None:
        if isinstance(event, TrialMeasured) and not event.returned and not self._history[event.number].inherited:
            self._waiting.setdefault(event.number, []).extend(event.measurements)
            return
        self._apply_waiting(getattr(event, "number", -1))
        self._history.apply(event)

    def apply_all(self) -> None:
        for number in list(self._waiting):
            self._apply_waiting(number)

    def _apply_waiting(self, number: int) -> None:
        if waiting := self._waiting.pop(number, None):
            self._history.apply(TrialMeasured(number=number, measurements=tuple(waiting)))


class _ImpossibleError(ValueError):
    """Events that no sweep can have given; `line` is the first of them."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def _latest(events: Sequence[Event]) -> SweepStarted | SweepResumed:
    return next(event for event in reversed(events) if isinstance(event, (SweepStarted, SweepResumed)))


def _objective(spec: Mapping[str, Any]) -> Objective:
    given = spec["objective"]
    return Objective(str(given["primary_metric"]), Goal(given["goal"]))
