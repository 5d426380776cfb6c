"""Decides what Optuna's model sees in place of a dimension, and translates values both ways; proposes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from azsweep_core._quantised import multiple, nearest
from azsweep_core._values import Lazy, count_of, identity
from azsweep_core.distributions import (
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
    Value,
)
from azsweep_core.samplers._mixed_space import Axis, Interval, Levels
from azsweep_core.search_space import Dimension

__all__ = ["Encoding", "encode", "to_unit"]

Array = NDArray[np.float64]

STANDARD = NormalDist()
WIDEST = 3.5
"""A Gaussian process does not look further than so many standard deviations; less than 0.05 % of draws are there."""
CATEGORIES = 1000
"""Longer choices are modelled as if they were continuous: a category each would cost more than it tells."""


class Encoding(Protocol):
    """What the model knows one dimension as.

    Args:
        axis: how a Gaussian process sees it where `distribution` does not say it all.
    """

    name: str
    distribution: BaseDistribution
    axis: Axis | None

    def external(self, coded: float) -> Value:
        """The value that `coded` stands for."""
        ...

    def internal(self, value: Value) -> int | float:
        """What stands for `value` in the model."""
        ...


class _Categories:
    """Values without an order, by their index: choices of words, branches, and randint as AzureML reads it."""

    def __init__(self, name: str, values: Sequence[Value]) -> None:
        self.name = name
        self.distribution: BaseDistribution = CategoricalDistribution(range(len(values)))
        self.axis: Axis | None = None
        self._values = values
        self._index = {identity(value): index for index, value in enumerate(values)}

    def external(self, coded: float) -> Value:
        return self._values[int(coded)]

    def internal(self, value: Value) -> int | float:
        return self._index[identity(value)]


class _Positions:
    """Numbers in ascending order, such as `choice(16, 32, 64)` and `range(...)`, by their index."""

    def __init__(self, name: str, values: Sequence[Value]) -> None:
        self.name = name
        self.distribution: BaseDistribution = IntDistribution(0, len(values) - 1)
        self.axis: Axis | None = None
        self._values = values

    def external(self, coded: float) -> Value:
        return self._values[int(coded)]

    def internal(self, value: Value) -> int | float:
        return self._values.index(value)


class _Quantile:
    """A number by its quantile in [0, 1], so that the model starts from the very distribution that the user gave.

    For uniform and loguniform this is the value and its exponent on another scale, for a long choice the position.
    """

    def __init__(self, name: str, distribution: Distribution) -> None:
        self.name = name
        self.distribution: BaseDistribution = FloatDistribution(0.0, 1.0)
        self.axis = _axis(distribution)
        self._distribution = distribution

    def external(self, coded: float) -> Value:
        return self._distribution.from_unit(min(coded, math.nextafter(1.0, 0.0)))

    def internal(self, value: Value) -> int | float:
        return to_unit(self._distribution, value)


class _Scores(Interval):
    """A quantile of a bell curve by its standard score: as far apart as the values are, not as likely."""

    def __init__(self) -> None:
        super().__init__(-WIDEST, WIDEST)

    def code(self, value: float) -> float:
        return super().code(_score(value))

    def value(self, code: float) -> float:
        return STANDARD.cdf(super().value(code))

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        return np.clip(0.5 + generator.standard_normal(size) / (2 * WIDEST), 0, 1)


def _score(quantile: float) -> float:
    return STANDARD.inv_cdf(min(max(quantile, STANDARD.cdf(-WIDEST)), STANDARD.cdf(WIDEST)))


def _axis(distribution: Distribution) -> Axis | None:
    """Quantised expressions of few values by these, bell curves by the score; what is left is its quantile."""
    is_bell = isinstance(distribution, (Normal, LogNormal, QNormal, QLogNormal)) and distribution.sigma > 0
    values = _values(distribution)
    if 1 < count_of(values) <= CATEGORIES:
        middles = [to_unit(distribution, value) for value in values]
        places = [_score(middle) for middle in middles] if is_bell else middles
        return Levels(middles, [(place - places[0]) / (places[-1] - places[0]) for place in places])
    return _Scores() if is_bell else None


def _values(distribution: Distribution) -> Sequence[Value]:
    """The values of a quantised expression, without the rarest if there is no end of them."""
    if isinstance(distribution, (QUniform, QLogUniform)):
        return distribution.support or ()
    if not isinstance(distribution, (QNormal, QLogNormal)):
        return ()
    q, ends = distribution.q, [distribution.from_unit(STANDARD.cdf(end)) for end in (-WIDEST, WIDEST)]
    first, last = (nearest(end, q) for end in ends)
    return Lazy(last - first + 1, lambda index: multiple(first + index, q))


def encode(dimension: Dimension) -> Encoding:
    """The encoding that fits the kind of the dimension."""
    name, distribution = str(dimension.index), dimension.distribution
    if not isinstance(distribution, (Choice, Randint)):
        return _Quantile(name, distribution)
    values = distribution.support
    if count_of(values) > CATEGORIES and not dimension.is_branch:
        return _Quantile(name, distribution)
    ordered = isinstance(distribution, Choice) and not dimension.is_branch and _is_ascending(values)
    return _Positions(name, values) if ordered else _Categories(name, values)


def _is_ascending(values: Sequence[Value]) -> bool:
    """True for two numbers or more, each greater than the one before."""
    are_numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return are_numbers and len(values) > 1 and all(left < right for left, right in pairwise(values))


def to_unit(distribution: Distribution, value: Value) -> float:
    """Quantile of `value` in [0, 1]; of a discrete value the middle of the quantiles that give it."""
    match distribution:
        case Choice(values):
            return (values.index(value) + 0.5) / count_of(values)
        case Randint(upper):
            return (int(value) + 0.5) / upper
        case QUniform() | QLogUniform() | QNormal() | QLogNormal():
            half = distribution.q / 2
            return (_quantile(distribution, value - half) + _quantile(distribution, value + half)) / 2
        case _:
            return _quantile(distribution, value)


def _quantile(distribution: Distribution, value: float) -> float:
    """Probability of at most `value` under the distribution before it is rounded."""
    if isinstance(distribution, (LogUniform, QLogUniform, LogNormal, QLogNormal)):
        if value <= 0:
            return 0.0
        value = math.log(value) / math.log(distribution.base)
    match distribution:
        case Uniform() | QUniform() | LogUniform() | QLogUniform():
            width = distribution.max_value - distribution.min_value
            return min(1.0, max(0.0, (value - distribution.min_value) / width)) if width > 0 else 0.5
        case Normal() | QNormal() | LogNormal() | QLogNormal():
            return NormalDist(distribution.mu, distribution.sigma).cdf(value) if distribution.sigma > 0 else 0.5
        case _:
            raise TypeError(f"{distribution} has no quantiles")
