"""The lattice of the four quantised expressions: which multiples of q they can give, how likely, and as which type."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from azsweep_core._values import Lazy

__all__ = ["MOST_STEPS", "Lattice", "multiple", "nearest"]

MOST_STEPS = 2**53
"""From here on a float cannot tell a multiple of q from its neighbour."""


@lru_cache(maxsize=256)
def _decimals(q: float) -> int:
    exponent = Decimal(repr(q)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def nearest(x: float, q: float) -> int:
    """`round(x / q)`, halves to the even neighbour: which multiple of q stands for x."""
    return round(x / q)


def multiple(k: int, q: float) -> int | float:
    """`k * q`: an int if q is integral, else a float rounded to the decimals of q.

    >>> multiple(3, 0.1), multiple(3, 2.0)
    (0.3, 6)
    """
    return k * int(q) if q == int(q) else round(k * q, _decimals(q))


@dataclass(frozen=True, slots=True)
class Lattice:
    """The multiples of q to which a draw from [low, high] is rounded with positive probability.

    A bound that lies exactly between two multiples belongs to the inner one; `round` alone would give the outer one,
    with probability 0.
    """

    low: float
    high: float
    q: float

    @property
    def first(self) -> int:
        """The lowest multiple is `first * q`."""
        return nearest(self.low, self.q) if self.low == self.high else math.floor(self.low / self.q + 0.5)

    @property
    def size(self) -> int:
        if self.low == self.high:
            return 1
        return max(1, math.ceil(self.high / self.q - 0.5) - self.first + 1)

    def value(self, x: float) -> int | float:
        """The multiple that stands for x."""
        first = self.first
        return multiple(min(max(nearest(x, self.q), first), first + self.size - 1), self.q)

    def contains(self, value: float) -> bool:
        k = nearest(value, self.q)
        return 0 <= k - self.first < self.size and multiple(k, self.q) == value

    def support(self) -> Sequence[int | float]:
        first, q = self.first, self.q
        return Lazy(self.size, lambda i: multiple(first + i, q))

    def masses(self, unit: Callable[[float], float]) -> Sequence[float]:
        """Probability of each multiple, where `unit` is monotone and maps low and high to the ends of [0, 1]."""
        first, size = self.first, self.size
        if size == 1:
            return (1.0,)
        ends = unit(self.low), unit(self.high)

        def edge(i: int) -> float:
            """`unit` at the lower edge of the i-th cell."""
            return unit((first + i - 0.5) * self.q) if 0 < i < size else ends[i > 0]

        return Lazy(size, lambda i: abs(edge(i + 1) - edge(i)))
