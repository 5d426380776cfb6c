"""Randomness as a function of (seed, trial number), and draws without repetition; knows no trial's result."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import islice

import numpy as np

from azsweep_core._quantised import multiple, nearest
from azsweep_core.distributions import Distribution, Value
from azsweep_core.search_space import FINITE_POINTS, SearchSpace, identity
from azsweep_core.trial import Parameters

__all__ = ["Unseen", "is_finite", "random_points", "stream"]

REJECTIONS = 100
"""So many points seen before in a row, and the draw is made among those that are left."""


def stream(seed: int, *key: int) -> np.random.Generator:
    """The generator of trial `key`; a negative seed counts down from 2**64, as numpy takes none."""
    return np.random.default_rng(np.random.SeedSequence(seed if seed >= 0 else seed % 2**64, spawn_key=key))


def random_points(space: SearchSpace, generator: np.random.Generator) -> Iterator[Parameters]:
    """Points of the space for ever, each with the probability the space gives it."""
    while True:
        yield space.point(generator.random(len(space.dimensions)).tolist())


def is_finite(space: SearchSpace) -> bool:
    """True for a space that is drawn without repetition."""
    return space.size is not None and space.size <= FINITE_POINTS


class Unseen:
    """The points of a finite space that were not drawn before.

    Which point `draw` gives depends on which points were noted or drawn, never on the order in which they were.
    """

    def __init__(self, space: SearchSpace) -> None:
        assert space.size is not None
        self._space = space
        self._size = space.size
        self._seen: set[Hashable] = set()
        self._left: dict[Hashable, int] | None = None

    def note(self, point: Parameters) -> None:
        """`point` counts as drawn; one that is not of this space changes nothing."""
        if self._space.contains(point):
            picked = self._space.read(point)
            self._add(self._space.draw(lambda dimension: _as_drawn(dimension.distribution, picked[dimension.index])))

    def draw(self, candidates: Iterator[Parameters], generator: np.random.Generator) -> Parameters | None:
        """The first unseen one of the candidates, after 100 seen ones any point that is left; None if none is."""
        if len(self._seen) == self._size:
            return None
        for point in islice(candidates, REJECTIONS):
            if self._add(point):
                return point
        left = self._points_left()
        nth = int(generator.integers(len(left)))
        point = self._space.point_at(next(islice(left.values(), nth, None)))
        self._add(point)
        return point

    def _add(self, point: Parameters) -> bool:
        """True if `point` is new."""
        key = identity(point)
        if key in self._seen:
            return False
        self._seen.add(key)
        if self._left is not None:
            del self._left[key]
        return True

    def _points_left(self) -> dict[Hashable, int]:
        """Index of every unseen point, ascending; listed once, when first needed, and kept up to date."""
        if self._left is None:
            keys = (identity(self._space.point_at(index)) for index in range(self._size))
            self._left = {key: index for index, key in enumerate(keys) if key not in self._seen}
        return self._left


def _as_drawn(distribution: Distribution, value: Value) -> Value:
    """`value` as the distribution gives it: a user may have written 2.0 for the 2 of a quantised expression."""
    q = getattr(distribution, "q", None)
    return value if q is None else multiple(nearest(value, q), q)
