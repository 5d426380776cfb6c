"""One trial of a sweep as a value: its number, parameters, state and what it measured; and the legal transitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from azsweep_core.objective import usable

__all__ = [
    "FINAL_STATES",
    "TRANSITIONS",
    "EarlierTrial",
    "Measurement",
    "Parameters",
    "StopRequest",
    "Trial",
    "TrialState",
    "last_usable",
    "not_held",
]

Parameters = Mapping[str, Any]
"""One point of the search space: the keys that are active, in the order of the space, each with its value.

Keys are Hydra keys with their prefix (`lr`, `+opt.wd`, `db@backup`); values are None, bool, int, float, str, or
lists and dicts of these."""


class TrialState(Enum):
    """Where a trial stands. `terminated` is the early termination policy's word, `cancelled` the user's."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES

    @property
    def counts_as_failure(self) -> bool:
        """True for the states that the failure limits count."""
        return self in (TrialState.FAILED, TrialState.TIMED_OUT)


FINAL_STATES = frozenset(
    {
        TrialState.COMPLETED,
        TrialState.FAILED,
        TrialState.TIMED_OUT,
        TrialState.TERMINATED,
        TrialState.CANCELLED,
    }
)

TRANSITIONS: Mapping[TrialState, frozenset[TrialState]] = {
    TrialState.PENDING: FINAL_STATES | {TrialState.RUNNING},
    TrialState.RUNNING: FINAL_STATES | {TrialState.PENDING},  # back to pending: a new attempt
    **{state: frozenset() for state in FINAL_STATES},
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One reported value of the primary metric.

    Args:
        step: the step the task gave, or None; never used as the interval, which is the count of reports.
        value: what was reported, NaN and infinities included.
        time_s: seconds since the epoch at which it was logged.
    """

    step: int | None
    value: float
    time_s: float

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells two reports apart; NaN equals NaN."""
        return self.step, repr(self.value), self.time_s


def not_held(found: Iterable[Measurement], held: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Those of `found` that `held` does not have, in their order; one that came twice is two."""
    counts = Counter(each.identity for each in held)
    news = []
    for each in found:
        if counts[each.identity] > 0:
            counts[each.identity] -= 1
        else:
            news.append(each)
    return tuple(news)


def last_usable(values: Sequence[float]) -> float | None:
    """The last value that can win; None if there is none.

    >>> last_usable([0.5, 0.4, float("nan")])
    0.4
    """
    return next((value for value in reversed(values) if usable(value)), None)


@dataclass(frozen=True, slots=True)
class StopRequest:
    """That a trial shall stop, which final state it will then have, and why, in words.

    Args:
        by_user: the user ended the sweep; the trial runs again when the sweep is resumed.
    """

    state: TrialState
    reason: str
    by_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as the history knows it. Times are seconds since the epoch.

    Args:
        attempt: 1 for the first; further ones only after the one before was lost.
        losses: attempts that the infrastructure lost; those that were lost with the sweep itself do not count.
        measurements: the primary metric's reports so far, in the order they were seen.
        inherited: how many of them, from the first, are of earlier attempts.
        value: the best usable one of them.
        submitted_s: when the attempt was handed to the launcher.
        started_s: when its task began; None while it waits in a queue.
        stopping: set from the moment it was told to stop.
        failure: what makes two failures alike (exception type and message); None unless it failed.
        interrupted: cancelled because the user ended the sweep.
    """

    number: int
    parameters: Parameters
    attempt: int
    state: TrialState
    submitted_s: float
    started_s: float | None = None
    ended_s: float | None = None
    reason: str = ""
    measurements: tuple[Measurement, ...] = ()
    value: float | None = None
    directory: str | None = None
    mlflow_run_id: str | None = None
    stopping: StopRequest | None = None
    failure: str | None = None
    interrupted: bool = False
    losses: int = 0
    inherited: int = 0

    def with_reports(self, reports: Sequence[Measurement]) -> Trial:
        """The trial with new measurements, its value left alone.

        What earlier attempts reported at the first of their steps, or later, is reported again, or would be if the
        attempt had gone as far: it is left out. So a task that starts over starts over here, too, and one that goes on
        from a checkpoint goes on. Reports without a step start over.
        """
        held = self.measurements
        kept = self.inherited
        for report in reports if kept else ():
            while kept and not _is_before(held[kept - 1].step, report.step):
                kept -= 1
        return replace(self, measurements=(*held[:kept], *held[self.inherited :], *reports), inherited=kept)

    @property
    def duration_s(self) -> float | None:
        """Seconds from the start of the task (or the submission, if it never began) to the end."""
        if self.ended_s is None:
            return None
        return self.ended_s - (self.submitted_s if self.started_s is None else self.started_s)

    @property
    def last_value(self) -> float | None:
        """The last usable report: what a model is told of a trial that was stopped."""
        return last_usable([measurement.value for measurement in self.measurements])

    @property
    def reports(self) -> int:
        """How often the primary metric was reported."""
        return len(self.measurements)


def _is_before(step: int | None, other: int | None) -> bool:
    return step is not None and other is not None and step < other


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTrial:
    """A trial of an earlier sweep that has a value, as far as a sampler's model is concerned with it.

    Args:
        source: the earlier sweep, as the user named it.
        number: the trial's number there.
        parameters: its point, in the keys of the search space of now.
        state, value, last_value, reports: as those of a `Trial`.
    """

    source: str
    number: int
    parameters: Parameters
    state: TrialState
    value: float
    last_value: float
    reports: int
