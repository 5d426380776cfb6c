"""The points that the user wants tried first, then what another sampler chooses; looks at no result."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from azsweep_core.history import History
from azsweep_core.samplers._base import Sampler
from azsweep_core.samplers._streams import REJECTIONS, stream
from azsweep_core.search_space import SearchSpace, identity
from azsweep_core.trial import Parameters

__all__ = ["InitialPoints", "completed"]


class InitialPoints:
    """Trials 0 to k-1 are the given points; every later one is the other sampler's."""

    def __init__(self, points: Sequence[Parameters], sampler: Sampler) -> None:
        self._points = points
        self._sampler = sampler

    def ask(self, number: int, history: History) -> Parameters | None:
        return self._points[number] if number < len(self._points) else self._sampler.ask(number, history)


def completed(given: Sequence[Parameters], space: SearchSpace, seed: int | None) -> list[Parameters]:
    """The given points with all their values: trial n draws what is missing from the stream of (seed, n).

    None comes twice: where nothing is to be drawn, or 100 draws give nothing new, the repetition is left out. Without a
    seed (a grid has none) the first values of the space are tried before any draw.
    """
    points: dict[Hashable, Parameters] = {}
    count = len(space.dimensions)
    for point in given:
        generator = stream(seed or 0, len(points))
        for draw in range(REJECTIONS):
            units = [0.0] * count if seed is None and draw == 0 else generator.random(count).tolist()
            candidate = space.complete(point, units)
            if identity(candidate) not in points:
                points[identity(candidate)] = candidate
                break
    return list(points.values())
