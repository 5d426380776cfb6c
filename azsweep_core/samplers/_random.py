"""Random sampling: pseudo-random or Sobol points, a function of seed and trial number; never looks at a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from azsweep_core.history import History
from azsweep_core.samplers._streams import Unseen, is_finite, random_points, stream
from azsweep_core.sampling_algorithm import SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters

__all__ = ["RandomSampler", "SobolSequence"]

CHUNK = 64
"""Sobol points made at a time: a power of two keeps the sequence balanced."""


class SobolSequence:
    """Scrambled Sobol points (Owen 1998; direction numbers of Joe and Kuo 2008): the n-th is a function of the seed."""

    def __init__(self, dimensions: int, seed: int) -> None:
        from scipy.stats.qmc import Sobol

        self._engine = Sobol(dimensions, scramble=True, rng=stream(seed))
        self._first = -CHUNK
        self._chunk: list[list[float]] = []

    def __getitem__(self, number: int) -> list[float]:
        """Coordinates of point `number`, each in [0, 1)."""
        first = number - number % CHUNK
        if first != self._first:
            if first < self._engine.num_generated:
                self._engine.reset()
            if first > self._engine.num_generated:
                self._engine.fast_forward(first - self._engine.num_generated)
            self._chunk = self._engine.random(CHUNK).tolist()
            self._first = first
        return self._chunk[number - first]


class RandomSampler:
    """Draw n of the sweep, without repetition where the space is finite (`is_finite`).

    There draw n is the first candidate that no earlier draw is: under Sobol point n of the sequence, then in either
    case the pseudo-random stream of (seed, n); after 100 candidates, any of the points that are left.

    Args:
        tried: the points of the first trials, which are not drawn here; Sobol's sequence begins after them.
    """

    def __init__(self, space: SearchSpace, seed: int, rule: SamplingRule, tried: Sequence[Parameters] = ()) -> None:
        self._space = space
        self._seed = seed
        self._first = len(tried)
        self._sobol = SobolSequence(len(space.dimensions), seed) if rule is SamplingRule.SOBOL else None
        self._unseen = Unseen(space) if is_finite(space) else None
        if self._unseen is not None:
            for point in tried:
                self._unseen.note(point)
        self._next = self._first

    def ask(self, number: int, history: History) -> Parameters | None:
        if self._unseen is None:
            return next(self._candidates(number, stream(self._seed, number)))
        for earlier in range(self._next, number):
            if earlier in history:
                self._unseen.note(history[earlier].parameters)
            else:
                self._draw(earlier, self._unseen)
        self._next = number + 1
        return self._draw(number, self._unseen)

    def _draw(self, number: int, unseen: Unseen) -> Parameters | None:
        generator = stream(self._seed, number)
        return unseen.draw(self._candidates(number, generator), generator)

    def _candidates(self, number: int, generator: np.random.Generator) -> Iterator[Parameters]:
        points = random_points(self._space, generator)
        return points if self._sobol is None else chain([self._space.point(self._sobol[number - self._first])], points)
