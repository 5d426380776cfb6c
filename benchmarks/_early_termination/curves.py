"""The recorded learning curves: which there are, and what is known of each. Trains nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from azsweep_core.objective import Goal

__all__ = ["CROSSING", "EPOCHS", "PATH", "TASKS", "Task", "load"]

EPOCHS = 50
PATH = Path(__file__).with_name("curves.npz")
TASKS: Mapping[str, Goal] = {
    "boosting_digits": Goal.MINIMIZE,
    "boosting_cancer": Goal.MINIMIZE,
    "network_digits": Goal.MAXIMIZE,
    "network_wine": Goal.MINIMIZE,
    "network_diabetes": Goal.MAXIMIZE,
    "linear_digits": Goal.MAXIMIZE,
    "linear_cancer": Goal.MAXIMIZE,
    "boosting_diabetes": Goal.MINIMIZE,
    "scheduled_digits": Goal.MAXIMIZE,
}
CROSSING = frozenset({"boosting_diabetes", "scheduled_digits"})
"""Tasks on which those that win in the end look bad for long: by small steps, or by a learning rate that falls late."""


@dataclass(frozen=True)
class Task:
    """The validation metric of every configuration after each epoch.

    Args:
        curves: a row a configuration, a column an epoch.
        seconds: what an epoch of each configuration takes; the mean over the configurations is 1.
    """

    name: str
    goal: Goal
    curves: Sequence[Sequence[float]]
    seconds: Sequence[float]

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The best loss of each configuration up to each epoch: values turned so that smaller is better."""
        curves = np.array(self.curves)
        return np.minimum.accumulate(curves if self.goal is Goal.MINIMIZE else -curves, axis=1)

    @property
    def bests(self) -> NDArray[np.float64]:
        """The best loss of each configuration."""
        return self.losses[:, -1]

    def first(self, count: int) -> Task:
        """The same with so many configurations."""
        return Task(self.name, self.goal, self.curves[:count], self.seconds[:count])

    def regret(self, value: float) -> float:
        """0 for the best configuration's value, 1 for that of the median one."""
        loss = value if self.goal is Goal.MINIMIZE else -value
        least = float(self.bests.min())
        return (loss - least) / (float(np.median(self.bests)) - least)

    def foresight(self, epoch: int) -> float:
        """Rank correlation of the best losses up to `epoch` with those of the end, over the better half."""
        half = np.argsort(self.bests, kind="stable")[: len(self.bests) // 2]
        early, late = (
            np.argsort(np.argsort(losses[half], kind="stable"), kind="stable").astype(float)
            for losses in (self.losses[:, epoch - 1], self.bests)
        )
        early, late = early - early.mean(), late - late.mean()
        return float(early @ late / np.sqrt((early @ early) * (late @ late)))


def load(name: str, path: Path = PATH) -> Task:
    with np.load(path) as arrays:
        curves, seconds = arrays[name].astype(float), arrays[f"{name}.seconds"].astype(float)
    return Task(name, TASKS[name], curves.tolist(), (seconds / seconds.mean()).tolist())
