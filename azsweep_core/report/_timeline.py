"""Which attempt held a slot when, and when nobody coordinated the sweep: from the ledger's events alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from azsweep_core._ledger_lines import decode
from azsweep_core.events import (
    AttemptLost,
    Event,
    SweepResumed,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialSubmitted,
)
from azsweep_core.ledger import LEDGER

__all__ = ["Attempt", "Timeline", "read_timeline"]

_MEASURED = b'{"event": "trial_measured"'
"""How most lines of a ledger begin, of which a timeline knows nothing."""

LOST = "lost"
"""How an attempt ends that another one follows."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt of a trial. Times are seconds since the epoch.

    Args:
        from_s: when it was handed to the launcher; from then on it holds a slot.
        began_s: when its task began; None if it has not.
        to_s: when it was over; None if it is not.
        end: the trial's final state, or `lost`.
    """

    trial: int
    attempt: int
    from_s: float
    began_s: float | None = None
    to_s: float | None = None
    end: str | None = None


class Timeline:
    """Told of all events of a ledger, in its order.

    Args:
        events: those that have happened already.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.started_s: float | None = None
        self.gaps: list[tuple[float, float]] = []
        self._counted_from_s = 0.0
        self._attempts: list[Attempt] = []
        self._open: dict[int, Attempt] = {}
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Take in what has happened."""
        match event:
            case SweepStarted():
                self.started_s = self._counted_from_s = event.time_s
            case SweepResumed():
                left_s = min(self._counted_from_s + event.used_s, event.time_s)
                self.gaps.append((left_s, event.time_s))
                self._counted_from_s = event.time_s - event.used_s
            case TrialSubmitted():
                attempt = Attempt(trial=event.number, attempt=event.attempt, from_s=event.time_s)
                self._attempts.append(attempt)
                self._open[event.number] = attempt
            case TrialBegan() if event.number in self._open:
                self._open[event.number].began_s = event.time_s
            case AttemptLost() if event.number in self._open:
                lost = self._open.pop(event.number)
                _close(lost, self._lost_s(lost, event), LOST)
            case TrialEnded() if event.number in self._open:
                _close(self._open.pop(event.number), event.time_s, event.state.value)

    def _lost_s(self, attempt: Attempt, event: AttemptLost) -> float:
        """When it was over: what died with its coordinator did so when that was seen for the last time."""
        if event.with_sweep and self.gaps and attempt.from_s <= self.gaps[-1][0]:
            return self.gaps[-1][0]
        return event.time_s

    def rows(self) -> list[list[Attempt]]:
        """The attempts by slot: each in the first one that is free then, so there are no more than were ever needed."""
        rows: list[list[Attempt]] = []
        free: list[int] = []
        taken: list[tuple[float, int]] = []
        for attempt in sorted(self._attempts, key=lambda each: (each.from_s, each.trial, each.attempt)):
            while taken and taken[0][0] <= attempt.from_s:
                heappush(free, heappop(taken)[1])
            if not free:
                heappush(free, len(rows))
                rows.append([])
            row = heappop(free)
            rows[row].append(attempt)
            heappush(taken, (math.inf if attempt.to_s is None else attempt.to_s, row))
        return rows

    def document(self, known_until_s: float | None) -> dict[str, Any]:
        """Rows and gaps for the report.

        Args:
            known_until_s: where attempts are drawn to that were not over when the sweep was last heard of; None while
                it can be asked.
        """
        rows = [[_drawn(attempt, known_until_s) for attempt in row] for row in self.rows()]
        return {"rows": rows, "gaps": [[round(start_s, 3), round(end_s, 3)] for start_s, end_s in self.gaps]}


def read_timeline(directory: Path, size: int | None = None) -> tuple[Timeline, SweepStarted]:
    """The timeline of a sweep whose ledger can be read, and its first start.

    Args:
        size: bytes of the ledger to read; None for all of its whole lines.
    """
    with (directory / LEDGER).open("rb") as stream:
        data = stream.read(-1 if size is None else size)
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    events = [decode(line) for line in lines if not line.startswith(_MEASURED)]
    origin = events[0]
    assert isinstance(origin, SweepStarted)
    return Timeline(events), origin


def _close(attempt: Attempt, to_s: float, end: str) -> None:
    attempt.to_s = max(to_s, attempt.from_s)  # a sweep that goes on elsewhere has another clock
    attempt.end = end


def _drawn(attempt: Attempt, known_until_s: float | None) -> dict[str, Any]:
    """The attempt with its beginning inside of it: that time is of the clock of the trial's machine."""
    from_s, to_s, began_s = attempt.from_s, attempt.to_s, attempt.began_s
    if to_s is None and known_until_s is not None:
        to_s = max(known_until_s, from_s)
    if began_s is not None:
        began_s = max(began_s, from_s) if to_s is None else min(max(began_s, from_s), to_s)
    return {
        "trial": attempt.trial,
        "attempt": attempt.attempt,
        "from_s": round(from_s, 3),
        "began_s": None if began_s is None else round(began_s, 3),
        "to_s": None if to_s is None else round(to_s, 3),
        "end": attempt.end,
    }
