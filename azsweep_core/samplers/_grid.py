"""Grid sampling: trial n is the n-th combination of all choices; nothing is random, and no result is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from azsweep_core.history import History
from azsweep_core.search_space import SearchSpace, identity
from azsweep_core.trial import Parameters

__all__ = ["GridSampler"]


class GridSampler:
    """Every combination once, in the order of `itertools.product`: the last parameter changes fastest.

    A value listed twice is tried twice, as in a Hydra sweep. AzureML does not say in which order it goes.

    Args:
        tried: the points of the first trials, which are not the grid's to choose; it leaves out those it has.
    """

    def __init__(self, space: SearchSpace, tried: Sequence[Parameters] = ()) -> None:
        self._space = space
        self._tried = tried
        self._rest = self._points_left()
        self._next = len(tried)

    def ask(self, number: int, history: History) -> Parameters | None:
        if not self._tried:
            return self._space.grid_point(number) if number < self._space.grid_size else None
        point = None
        while self._next <= number:
            point = next(self._rest, None)
            self._next += 1
        return point

    def _points_left(self) -> Iterator[Parameters]:
        """The grid without one occurrence of each point that was tried."""
        tried = Counter(map(identity, self._tried))
        for number in range(self._space.grid_size):
            point = self._space.grid_point(number)
            if tried[identity(point)]:
                tried[identity(point)] -= 1
            else:
                yield point
