"""The ten expressions of a search space as values: what each can give, how likely, and which arguments are legal.

Nothing here draws random numbers: a distribution maps a number of the unit interval to a value.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist

from azsweep_core._choice import Branch, Choice, Randint
from azsweep_core._distribution import Distribution, Value
from azsweep_core._quantised import Lattice, multiple, nearest
from azsweep_core._values import is_finite_number, shown
from azsweep_core.errors import Problem

__all__ = [
    "DISTRIBUTIONS",
    "Branch",
    "Choice",
    "Distribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "Uniform",
    "Value",
]

_STANDARD_NORMAL = NormalDist()

_LEAST_UNIT = 2.0**-54
"""Stands for u = 0 where the inverse CDF is infinite; as far from 0 as the largest u is from 1."""

_FARTHEST_SIGMAS = 8.3
"""No draw of a normal expression lies farther from mu."""


def _power(base: float, exponent: float) -> float:
    try:
        return math.exp(exponent) if base == math.e else base**exponent
    except OverflowError:
        return math.inf


def _logarithm(base: float, x: float) -> float:
    """Logarithm of x, minus infinity for 0 and below."""
    if x <= 0:
        return -math.inf
    return math.log(x) if base == math.e else math.log(x) / math.log(base)


def _is_within(value: Value, low: float, high: float) -> bool:
    """True for a number of [low, high], with room for the last digits of a float."""
    return is_finite_number(value) and (
        low <= value <= high or math.isclose(value, low, rel_tol=1e-12) or math.isclose(value, high, rel_tol=1e-12)
    )


@dataclass(frozen=True, slots=True)
class _Interval(Distribution):
    """A number x that is uniform on [min_value, max_value]."""

    min_value: float
    max_value: float

    def _at(self, u: float) -> float:
        low, high = float(self.min_value), float(self.max_value)
        return min(max((1 - u) * low + u * high, low), high)

    def _rules(self, where: str) -> Iterator[Problem]:
        low, high = self.min_value, self.max_value
        log = self.kind.endswith("loguniform")
        if low > high:
            meant = self._call(min_value=high, max_value=low)
            yield Problem(
                where,
                f"{self.kind} needs min_value {'<=' if log else '<'} max_value",
                self._call(),
                f"Did you mean {meant}?",
            )
        elif low == high and not log:
            fix = f"For a constant write choice({shown(low)})."
            yield Problem(where, f"{self.kind} needs min_value < max_value", self._call(), fix)

    def _farthest(self) -> float:
        return max(abs(self.min_value), abs(self.max_value))


class _Stepped(Distribution):
    """The multiples of q between two ends."""

    __slots__ = ()

    def contains(self, value: Value) -> bool:
        return is_finite_number(value) and self._lattice.contains(value)

    @property
    def size(self) -> int:
        return self._lattice.size

    @property
    def support(self) -> Sequence[Value]:
        return self._lattice.support()

    @property
    def masses(self) -> Sequence[float]:
        return self._lattice.masses(self._unit)

    @property
    @abstractmethod
    def _lattice(self) -> Lattice:
        """The values."""

    @abstractmethod
    def _unit(self, x: float) -> float:
        """The u at which x is drawn, before it is rounded."""


@dataclass(frozen=True, slots=True)
class Uniform(_Interval):
    """Real value, uniform on [min_value, max_value].

    >>> Uniform(1, 3).from_unit(0.5)
    2.0
    """

    kind = "uniform"

    def from_unit(self, u: float) -> float:
        return self._at(u)

    def contains(self, value: Value) -> bool:
        return _is_within(value, self.min_value, self.max_value)


@dataclass(frozen=True, slots=True)
class QUniform(_Stepped, _Interval):
    """`round(x / q) * q` with x uniform on [min_value, max_value]; not clipped, so it can lie outside the bounds.

    >>> list(QUniform(0.05, 0.75, 1).support)
    [0, 1]
    """

    q: float
    kind = "quniform"

    def from_unit(self, u: float) -> int | float:
        return self._lattice.value(self._at(u))

    def _unit(self, x: float) -> float:
        return (x - self.min_value) / (self.max_value - self.min_value)

    @property
    def _lattice(self) -> Lattice:
        return Lattice(self.min_value, self.max_value, self.q)


@dataclass(frozen=True, slots=True, repr=False)
class _LogInterval(_Interval):
    """A number `base ** x` with x uniform on [min_value, max_value]."""

    base: float = field(default=math.e, kw_only=True)

    def with_base(self, base: float) -> Distribution:
        return replace(self, base=base)

    def __repr__(self) -> str:
        return f"<{self._call()} = {self._values()}>"

    def warnings(self, where: str) -> Iterator[Problem]:
        low, high = self.min_value, self.max_value
        if 0 < low < high <= 1:
            meant = self._call(min_value=self._exponent(low), max_value=self._exponent(high))
            rule = f"{self.kind} takes exponents, not values; these give {self._values()}"
            yield Problem(where, rule, self._call(), f"Did you mean {meant}?")

    def _exponent(self, x: float) -> float:
        return float(f"{_logarithm(self.base, x):.6g}")

    def _values(self) -> str:
        low, high = self._ends()
        return f"{low:.6g} to {high:.6g}"

    def _ends(self) -> tuple[float, float]:
        """Lowest and highest value (a base below 1 turns them round)."""
        low, high = sorted((_power(self.base, self.min_value), _power(self.base, self.max_value)))
        return low, high

    def _farthest(self) -> float:
        return self._ends()[1]


@dataclass(frozen=True, slots=True, repr=False)
class LogUniform(_LogInterval):
    """Real value exp(x), with x uniform on [min_value, max_value].

    Args:
        min_value, max_value: bounds of the natural exponent, not of the value.
        base: taken in place of e; set by `sampling_algorithm.logbase`, no argument of the expression.

    >>> LogUniform(-3, 0)
    <loguniform(-3, 0) = 0.0497871 to 1>
    >>> round(LogUniform(-3, 0).from_unit(0.5), 4)  # exp(-1.5)
    0.2231
    """

    kind = "loguniform"

    def from_unit(self, u: float) -> float:
        return _power(self.base, self._at(u))

    def contains(self, value: Value) -> bool:
        return _is_within(value, *self._ends())


@dataclass(frozen=True, slots=True, repr=False)
class QLogUniform(_Stepped, _LogInterval):
    """`round(y / q) * q` with y = exp(x) and x uniform on [min_value, max_value]: natural exponents, not values.

    >>> list(QLogUniform(0, 2, 1).support)
    [1, 2, 3, 4, 5, 6, 7]
    """

    q: float
    kind = "qloguniform"

    def from_unit(self, u: float) -> int | float:
        return self._lattice.value(_power(self.base, self._at(u)))

    def _unit(self, x: float) -> float:
        return (_logarithm(self.base, x) - self.min_value) / (self.max_value - self.min_value)

    @property
    def _lattice(self) -> Lattice:
        return Lattice(*self._ends(), self.q)


@dataclass(frozen=True, slots=True)
class _Bell(Distribution):
    """A normally distributed number x; sigma is the standard deviation, and 0 makes x a constant."""

    mu: float
    sigma: float

    def _at(self, u: float) -> float:
        return self.mu + self.sigma * _STANDARD_NORMAL.inv_cdf(max(u, _LEAST_UNIT))

    def _rules(self, where: str) -> Iterator[Problem]:
        if self.sigma < 0:
            meant = self._call(sigma=-self.sigma)
            yield Problem(where, f"{self.kind} needs sigma >= 0", self._call(), f"Did you mean {meant}?")

    def _farthest(self) -> float:
        return abs(self.mu) + _FARTHEST_SIGMAS * self.sigma


@dataclass(frozen=True, slots=True)
class Normal(_Bell):
    """Real value, normally distributed with mean mu and standard deviation sigma.

    >>> Normal(10, 2).from_unit(0.5)
    10.0
    """

    kind = "normal"

    def from_unit(self, u: float) -> float:
        return self._at(u)

    def contains(self, value: Value) -> bool:
        return is_finite_number(value) and (self.sigma > 0 or _is_within(value, self.mu, self.mu))


@dataclass(frozen=True, slots=True)
class QNormal(_Bell):
    """`round(x / q) * q` with x normally distributed.

    >>> QNormal(10, 2, 0.5).from_unit(0.6)
    10.5
    """

    q: float
    kind = "qnormal"

    def from_unit(self, u: float) -> int | float:
        return multiple(nearest(self._at(u), self.q), self.q)

    def contains(self, value: Value) -> bool:
        if not is_finite_number(value):
            return False
        k = nearest(value, self.q)
        return multiple(k, self.q) == value and (self.sigma > 0 or k == nearest(self.mu, self.q))


@dataclass(frozen=True, slots=True)
class _LogBell(_Bell):
    """A number `base ** x` with x normally distributed."""

    base: float = field(default=math.e, kw_only=True)

    def with_base(self, base: float) -> Distribution:
        return replace(self, base=base)

    def _farthest(self) -> float:
        reach = _FARTHEST_SIGMAS * self.sigma
        return max(_power(self.base, self.mu - reach), _power(self.base, self.mu + reach))


@dataclass(frozen=True, slots=True)
class LogNormal(_LogBell):
    """Real value exp(x), with x normally distributed.

    Args:
        mu, sigma: mean and standard deviation of the natural exponent, not of the value.
        base: taken in place of e; set by `sampling_algorithm.logbase`, no argument of the expression.

    >>> LogNormal(0, 1).from_unit(0.5)
    1.0
    """

    kind = "lognormal"

    def from_unit(self, u: float) -> float:
        return _power(self.base, self._at(u))

    def contains(self, value: Value) -> bool:
        if not is_finite_number(value) or value < 0:
            return False
        constant = _power(self.base, self.mu)
        return self.sigma > 0 or _is_within(value, constant, constant)


@dataclass(frozen=True, slots=True)
class QLogNormal(_LogBell):
    """`round(y / q) * q` with y = exp(x) and x normally distributed; mu and sigma are those of the natural exponent.

    >>> QLogNormal(0, 1, 1).from_unit(0.9)
    4
    """

    q: float
    kind = "qlognormal"

    def from_unit(self, u: float) -> int | float:
        return multiple(nearest(_power(self.base, self._at(u)), self.q), self.q)

    def contains(self, value: Value) -> bool:
        if not is_finite_number(value) or value < 0:
            return False
        k = nearest(value, self.q)
        return multiple(k, self.q) == value and (self.sigma > 0 or k == nearest(_power(self.base, self.mu), self.q))


DISTRIBUTIONS: Mapping[str, type[Distribution]] = {
    cls.kind: cls
    for cls in (
        Choice,
        Randint,
        Uniform,
        QUniform,
        LogUniform,
        QLogUniform,
        Normal,
        QNormal,
        LogNormal,
        QLogNormal,
    )
}
"""The ten expressions by AzureML's name."""
