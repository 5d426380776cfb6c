"""Decides by rank: stops a trial that is among the worst so many per cent at its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from azsweep_core.early_termination._base import at_interval
from azsweep_core.early_termination._cadence import progress_curves
from azsweep_core.early_termination._periodic import PeriodicPolicy
from azsweep_core.errors import Problem
from azsweep_core.history import History

__all__ = ["TruncationSelectionPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncationSelectionPolicy(PeriodicPolicy):
    """Stops the worst truncation_percentage % of the trials that have reached an interval, by their best up to there.

    The number of trials that go is rounded down (20 % of 4 trials is nobody), and a trial equal to the last one
    spared is spared.

    Args:
        truncation_percentage: 1 to 99.
        exclude_finished_jobs: compare with trials that are not over only.
    """

    type: ClassVar[str] = "truncation_selection"

    truncation_percentage: int
    exclude_finished_jobs: bool = False

    def _judge(self, history: History, number: int, interval: int) -> tuple[bool, str]:
        curves = progress_curves(history)
        losses = [
            curve[interval - 1].best
            for other, curve in curves.items()
            if len(curve) >= interval and (other == number or self._counts(history, other))
        ]
        mine = curves[number][interval - 1]
        cut = len(losses) * self.truncation_percentage // 100
        better = sum(loss < mine.best for loss in losses)
        stop = better >= len(losses) - cut  # every place that is spared belongs to a better trial
        relation = "is" if stop else "is not"
        own = at_interval(mine, interval, history.objective)
        share = f"{self.truncation_percentage} % ({cut} of {len(losses)} trials)"
        return stop, f"{own} {relation} among the worst {share}"

    def _counts(self, history: History, number: int) -> bool:
        """Whether another trial is compared with."""
        return not (self.exclude_finished_jobs and history[number].state.is_final)

    def in_words(self) -> str:
        compared = " that still run" if self.exclude_finished_jobs else ""
        return f"truncation_selection: stops the worst {self.truncation_percentage} % of the trials{compared}"

    def validate(self, where: str = "early_termination") -> Iterator[Problem]:
        yield from PeriodicPolicy.validate(self, where)
        if not 1 <= self.truncation_percentage <= 99:
            yield Problem(f"{where}.truncation_percentage", "must be between 1 and 99", str(self.truncation_percentage))
