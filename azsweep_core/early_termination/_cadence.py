"""Decides at which intervals a policy is applied, and how far each trial had come there; never which trial stops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from azsweep_core.history import History
from azsweep_core.objective import usable

__all__ = ["Progress", "due_intervals", "progress_curves"]


def due_intervals(since: int, reports: int, *, evaluation_interval: int, delay_evaluation: int) -> range:
    """Intervals in (since, reports] at which a policy is applied; an interval is a count of reports, never a step.

    >>> list(due_intervals(0, 10, evaluation_interval=2, delay_evaluation=5))
    [6, 8, 10]
    """
    every = max(evaluation_interval, 1)  # AzureML's SDK sends 0 where its reference says 1
    first = max(since + 1, delay_evaluation, 1)
    return range(math.ceil(first / every) * every, reports + 1, every)


@dataclass(frozen=True, slots=True)
class Progress:
    """A trial after one of its reports, in losses: values turned so that smaller is better.

    Args:
        best: smallest usable loss so far; infinite if there is none.
        total: sum of the usable losses so far.
        count: number of the usable losses so far; unusable values are reports too, but they are in none of these.
    """

    best: float = math.inf
    total: float = 0.0
    count: int = 0

    def after(self, loss: float) -> Progress:
        """The progress one report later."""
        if not usable(loss):
            return self
        return Progress(min(self.best, loss), self.total + loss, self.count + 1)

    @property
    def average(self) -> float | None:
        """Mean loss; never better than the best one, whatever rounding does. None without a usable value."""
        return max(self.total / self.count, self.best) if self.count else None


_CURVES: WeakKeyDictionary[History, dict[int, list[Progress]]] = WeakKeyDictionary()


def progress_curves(history: History) -> Mapping[int, list[Progress]]:
    """By trial number, the progress after each of the trial's reports; trials without reports are left out.

    A history's reports are only ever added to. So a curve is kept and extended, which makes judging one more report
    O(trials) instead of O(all reports).
    """
    curves = _CURVES.setdefault(history, {})
    for trial in history.trials:
        known = len(curves.get(trial.number, ()))
        for measurement in trial.measurements[known:]:
            curve = curves.setdefault(trial.number, [])
            last = curve[-1] if curve else Progress()
            curve.append(last.after(history.objective.loss(measurement.value)))
    return curves
