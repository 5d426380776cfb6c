"""What a benchmark task is: a search space of ours, and what a trial at a point of it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np

from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.trial import Parameters

__all__ = ["Evaluate", "Outcome", "Task", "function_task", "random_points"]

_DRAWS = 2_000
"""Random points whose median is the far end of the scale."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trial gave; smaller is better.

    Args:
        observed: what the sampler is told.
        true: its mean over repetitions, which the sampler never sees.
        duration: virtual time that the trial takes.
    """

    observed: float
    true: float
    duration: float = 1.0


Evaluate = Callable[[Parameters, np.random.Generator], Outcome]
"""What a trial at a point gives; the generator decides what is noise."""


@dataclass(frozen=True)
class Task:
    """A problem with a known answer.

    Args:
        optimum: the least true value of the space.
    """

    name: str
    space: SearchSpace
    evaluate: Evaluate
    optimum: float

    @cached_property
    def median(self) -> float:
        """Median of the true values of random draws."""
        noise = np.random.default_rng(0)
        return median(self.evaluate(point, noise).true for point in random_points(self.space, _DRAWS))

    def regret(self, true: float) -> float:
        """0 at the optimum, 1 at the median of random draws."""
        return (true - self.optimum) / (self.median - self.optimum)


def random_points(space: SearchSpace, count: int) -> list[Parameters]:
    """So many independent draws, the same every time."""
    generator = np.random.default_rng(0)
    return [space.point(generator.random(len(space.dimensions)).tolist()) for _ in range(count)]


def function_task(
    name: str, space: Mapping[str, Any], function: Callable[..., float], optimum: float, *, noise: float = 0.0
) -> Task:
    """A task whose true value is a function of the point, observed with normal noise if any. A trial takes 1.0."""

    def evaluate(point: Parameters, generator: np.random.Generator) -> Outcome:
        true = float(function(point))
        return Outcome(true + noise * float(generator.standard_normal()) if noise else true, true)

    return Task(name, read_space(space), evaluate, optimum)
