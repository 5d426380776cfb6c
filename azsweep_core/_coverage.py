"""Decides which few points of a search space show every value of every choice at least once. Nothing is random."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from azsweep_core._values import count_of
from azsweep_core.distributions import Choice, Value
from azsweep_core.search_space import Dimension, SearchSpace
from azsweep_core.trial import Parameters

__all__ = ["covering_points"]

_UNITS = (0.5, 0.0, math.nextafter(1.0, 0.0))


def covering_points(space: SearchSpace) -> Iterator[Parameters]:
    """Points that together take every branch and every value that is listed; of other expressions the middle and ends.

    As many as there are values in the longest choice, not their product.

    >>> from azsweep_core.search_space import read_space
    >>> space = read_space({"a": "choice(1, 2, 3)", "b": "choice({c: choice(4, 5)}, {d: 6})"})
    >>> for point in covering_points(space):
    ...     print(point)
    {'a': 1, 'b.c': 4}
    {'a': 2, 'b.d': 6}
    {'a': 3, 'b.c': 5}
    """
    coverage = _Coverage(space)
    while coverage.is_open:
        yield space.draw(coverage.pick)


class _Coverage:
    """What has been picked so far."""

    def __init__(self, space: SearchSpace) -> None:
        self._values = {each.index: _values(each) for each in space.dimensions}
        self._picked: Counter[int] = Counter()
        self._open = {index for index, values in self._values.items() if count_of(values)}
        self._below: dict[tuple[int, int], set[int]] = {}
        for child, parents in space.conditions().items():
            for parent, options in parents.items():
                for option in options:
                    self._below.setdefault((parent, option), set()).add(child)

    @property
    def is_open(self) -> bool:
        """Whether something is left that no point has had."""
        return bool(self._open)

    def pick(self, dimension: Dimension) -> Value:
        index = dimension.index
        turn, values = self._picked[index], self._values[index]
        count = count_of(values)
        self._picked[index] += 1
        if turn + 1 >= count:
            self._open.discard(index)
        if turn >= count:  # a selector goes where something is left
            wanted = (option for option in range(count) if dimension.is_branch and self._leads_on(index, option))
            return next(wanted, values[turn % count])
        return values[turn]

    def _leads_on(self, selector: int, option: int) -> bool:
        """Whether something below this option has not had all its values."""
        for child in self._below.get((selector, option), ()):
            if child in self._open:
                return True
            options = range(count_of(self._values[child]))
            if any((child, each) in self._below and self._leads_on(child, each) for each in options):
                return True
        return False


def _values(dimension: Dimension) -> Sequence[Value]:
    distribution = dimension.distribution
    if isinstance(distribution, Choice):
        return distribution.support
    return [distribution.from_unit(unit) for unit in _UNITS]
