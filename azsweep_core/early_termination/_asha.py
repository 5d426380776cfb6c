"""Decides by successive halving: at few rungs, ever further apart, only the best of those that got there go on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from azsweep_core.early_termination._base import Policy, at_interval
from azsweep_core.early_termination._cadence import progress_curves
from azsweep_core.errors import ONLY_HERE, Problem
from azsweep_core.history import History

__all__ = ["AshaPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AshaPolicy(Policy):
    """Stops a trial that is not among the best 1 / reduction_factor of all trials that have reached its rung so far.

    Rungs are grace_period * reduction_factor ** k reports. Trials are compared by their best up to the rung, the
    judged and the stopped ones included. The number spared is rounded up, so that the first at a rung goes on, and a
    trial equal to the last one spared is spared. Nobody waits for others, and nobody is judged twice at a rung.

    Args:
        grace_period: reports before the first rung, at least 1.
        reduction_factor: at least 2.
    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020). There a trial pauses and
        may be taken up again; here it stops.
    """

    type: ClassVar[str] = "asha"
    timing: ClassVar[tuple[str, ...]] = ("grace_period",)

    grace_period: int = 1
    reduction_factor: int = 4

    def due(self, since: int, reports: int) -> Iterator[int]:
        """The rungs.

        >>> list(AshaPolicy(grace_period=2, reduction_factor=3).due(2, 54))
        [6, 18, 54]
        """
        rung = self.grace_period
        while rung <= reports:
            if rung > since:
                yield rung
            rung *= self.reduction_factor

    def _judge(self, history: History, number: int, interval: int) -> tuple[bool, str]:
        curves = progress_curves(history)
        losses = sorted(curve[interval - 1].best for curve in curves.values() if len(curve) >= interval)
        mine = curves[number][interval - 1]
        own = at_interval(mine, interval, history.objective)
        spared = math.ceil(len(losses) / self.reduction_factor)
        last = losses[spared - 1]
        share = f"among the best 1/{self.reduction_factor} of {len(losses)} trials there"
        if mine.best <= last:
            return False, f"{own} is {share}"
        return True, f"{own} is not {share}; the last one spared has {history.objective.loss(last):.6g}"

    def in_words(self) -> str:
        return f"asha: stops a trial that is not among the best 1/{self.reduction_factor} of those that came as far"

    def validate(self, where: str = "early_termination") -> Iterator[Problem]:
        if self.grace_period < 1:
            yield Problem(f"{where}.grace_period", "must be at least 1", str(self.grace_period))
        if self.reduction_factor < 2:
            got, fix = str(self.reduction_factor), "With 4, one trial of four goes on."
            yield Problem(f"{where}.reduction_factor", "must be greater than 1", got, fix)

    def warnings(self, where: str = "early_termination") -> Iterator[Problem]:
        yield Problem(f"{where}.type", "AzureML has no asha", None, ONLY_HERE)
