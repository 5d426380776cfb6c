"""Grid sampling: trial n is the n-th combination of all choices; nothing is random and nothing is remembered."""

from __future__ import annotations

from azsweep_core.history import History
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters

__all__ = ["GridSampler"]


class GridSampler:
    """Every combination once, in the order of `itertools.product`: the last parameter changes fastest.

    A value listed twice is tried twice, as in a Hydra sweep. AzureML does not say in which order it goes.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def ask(self, number: int, history: History) -> Parameters | None:
        return self._space.grid_point(number) if number < self._space.grid_size else None
