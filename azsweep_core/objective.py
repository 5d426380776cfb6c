"""Decides which of two metric values is better, and what NaN and infinities mean; nothing else does."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Goal", "Objective", "usable"]


class Goal(Enum):
    """Direction of the objective, spelt as AzureML spells it."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


def usable(value: float) -> bool:
    """True for a value that can win: finite, and not the stand-in MLflow's SQL stores give back for an infinity.

    >>> usable(0.5), usable(float("nan")), usable(-1.7976931348623157e308)
    (True, False, False)
    """
    return math.isfinite(value) and abs(value) < sys.float_info.max


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric to optimise and its direction.

    Args:
        primary_metric: name of the metric exactly as the task logs it.
        goal: whether smaller or larger is better.

    >>> Objective("loss", Goal.MINIMIZE).best([0.4, float("nan"), 0.2, 0.3])
    0.2
    """

    primary_metric: str
    goal: Goal

    def is_better(self, value: float, than: float | None) -> bool:
        """True if `value` beats `than`; None loses to every usable value, an unusable value never wins."""
        if not usable(value):
            return False
        if than is None:
            return True
        return value < than if self.goal is Goal.MINIMIZE else value > than

    def best(self, values: Iterable[float]) -> float | None:
        """Best usable value, the earliest of equals; None if there is none."""
        best: float | None = None
        for value in values:
            if self.is_better(value, best):
                best = value
        return best

    def loss(self, value: float) -> float:
        """`value` turned so that smaller is better."""
        return value if self.goal is Goal.MINIMIZE else -value
