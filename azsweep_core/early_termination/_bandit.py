"""Decides by slack: stops a trial whose best value lags too far behind the best of all trials at the same interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from azsweep_core.early_termination._base import at_interval
from azsweep_core.early_termination._cadence import progress_curves
from azsweep_core.early_termination._periodic import PeriodicPolicy
from azsweep_core.errors import Problem
from azsweep_core.history import History
from azsweep_core.objective import Goal

__all__ = ["BanditPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditPolicy(PeriodicPolicy):
    """Stops a trial that is worse than the best at its interval by more than the slack.

    Trials with fewer reports than the interval are not compared with. AzureML gives the bounds of `maximize` only;
    `minimize` mirrors them, and a best value that is not positive moves by slack_factor * |best|.

    Args:
        slack_factor: bound is best / (1 + slack_factor); to minimize, best * (1 + slack_factor).
        slack_amount: bound is best - slack_amount; to minimize, best + slack_amount. Exactly one of the two is given.
    """

    type: ClassVar[str] = "bandit"

    slack_factor: float | None = None
    slack_amount: float | None = None

    def _judge(self, history: History, number: int, interval: int) -> tuple[bool, str]:
        objective = history.objective
        curves = progress_curves(history)
        mine = curves[number][interval - 1]
        own = at_interval(mine, interval, objective)
        best_loss = min(curve[interval - 1].best for curve in curves.values() if len(curve) >= interval)
        if math.isinf(best_loss):
            return False, f"{own}, nor has any other trial one"
        bound, formula = self._bound(objective.loss(best_loss), objective.goal)
        if not objective.is_better(bound, objective.loss(mine.best)):
            return False, f"{own} is within {formula}"
        return True, f"{own} is {'above' if objective.goal is Goal.MINIMIZE else 'below'} {formula}"

    def _bound(self, best: float, goal: Goal) -> tuple[float, str]:
        """The worst value that may go on, and how it came about."""
        away, sign = (1, "+") if goal is Goal.MINIMIZE else (-1, "-")
        shown = f"{best:.6g}"
        if self.slack_amount is not None:
            bound = best + away * self.slack_amount
            formula = f"best {shown} {sign} {self.slack_amount:g}"
        else:
            factor = 0.0 if self.slack_factor is None else self.slack_factor
            if best <= 0:
                bound = best + away * factor * abs(best)
                formula = f"best {shown} {sign} {factor:g} * |{shown}|"
            elif goal is Goal.MINIMIZE:
                bound = best * (1 + factor)
                formula = f"best {shown} * (1 + {factor:g})"
            else:
                bound = best / (1 + factor)
                formula = f"best {shown} / (1 + {factor:g})"
        return bound, f"{bound:.6g} = {formula}"

    def in_words(self) -> str:
        slack = f"{self.slack_amount:g}" if self.slack_amount is not None else f"{100 * (self.slack_factor or 0.0):g} %"
        return f"bandit: stops a trial that is worse than the best by more than {slack}"

    def validate(self, where: str = "early_termination") -> Iterator[Problem]:
        yield from PeriodicPolicy.validate(self, where)
        given = {
            name: slack
            for name, slack in (("slack_factor", self.slack_factor), ("slack_amount", self.slack_amount))
            if slack is not None
        }
        if len(given) != 1:
            got = " and ".join(f"{name}={slack:g}" for name, slack in given.items()) or "neither"
            yield Problem(where, "bandit needs exactly one of slack_factor and slack_amount", got)
        for name, slack in given.items():
            if slack < 0:
                yield Problem(f"{where}.{name}", "must be at least 0", f"{slack:g}")
