"""Decides by the median: stops a trial whose best value is worse than the median of all trials' averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from azsweep_core.early_termination._base import at_interval
from azsweep_core.early_termination._cadence import progress_curves
from azsweep_core.early_termination._periodic import PeriodicPolicy
from azsweep_core.history import History

__all__ = ["MedianStoppingPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianStoppingPolicy(PeriodicPolicy):
    """Stops a trial whose best value up to an interval is worse than the median of the averages up to there.

    Every trial with a usable value enters the median, the judged one included; one with fewer reports than the
    interval enters with the average of those it made. Nothing is judged with fewer than two averages.

    Source: AzureML's reference, after the median stopping rule of Golovin et al., "Google Vizier" (KDD 2017).
    """

    type: ClassVar[str] = "median_stopping"

    def in_words(self) -> str:
        return "median_stopping: stops a trial whose best value is worse than the median of the trials' averages"

    def _judge(self, history: History, number: int, interval: int) -> tuple[bool, str]:
        curves = progress_curves(history)
        mine = curves[number][interval - 1]
        own = at_interval(mine, interval, history.objective)
        averages = [curve[min(interval, len(curve)) - 1].average for curve in curves.values()]
        losses = [average for average in averages if average is not None]
        if len(losses) < 2:
            return False, f"{own} has no second trial to compare with"
        median = _median(losses)
        stop = mine.best > median
        relation = "worse" if stop else "no worse"
        shown = f"{history.objective.loss(median):.6g}"
        return stop, f"{own} is {relation} than {shown}, the median of the averages of {len(losses)} trials"


def _median(values: Sequence[float]) -> float:
    """Median of one or more values; the mean of the middle two, exact if they are equal.

    >>> _median([3.0, 1.0, 2.0]), _median([4.0, 1.0])
    (2.0, 2.5)
    """
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low + (high - low) / 2
