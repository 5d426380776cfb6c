"""What a surrogate sees in place of Optuna's distributions: a point as a row of numbers, and which of them count.

It translates and moves points, and knows which parameter is active when; it never looks at a result.

A row holds a code for every parameter: a position in [0, 1] for a continuous one, the index of the value for any other.
Codes of parameters that are inactive are there, so that they have a value once they are active, but mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

__all__ = ["Axis", "Categories", "Conditions", "Interval", "Levels", "MixedSpace", "axis_of"]

Array = NDArray[np.float64]
Conditions = Mapping[str, Mapping[str, Collection[Any]]]
"""Parameter -> parent -> values: it is active if one of its parents is and has one of the values named with it.
A parameter that does not stand here is always active."""

MOST_LEVELS = 1000
"""Of more values than these an ordered parameter is moved as if it were continuous, and rounded in the end."""
FEW_LEVELS = 20
SPREADS = (0.2, 0.05, 0.0125)
"""How far a mutation goes, in parts of the range: one of these, as likely as the others."""
MISSING = 0.5
"""Where a number stands that is inactive: in the middle, as far from one end as from the other."""


class Axis(Protocol):
    """One parameter."""

    @property
    def count(self) -> int | None:
        """Number of its values, None if continuous."""
        ...

    def code(self, value: Any) -> float: ...

    def value(self, code: float) -> Any: ...

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        """Codes (size,) as the distribution alone has them."""
        ...

    def mutate(self, codes: Array, generator: np.random.Generator) -> Array:
        """One other code for each, mostly near; some of another order of magnitude."""
        ...

    def neighbours(self, codes: Array, radius: float, generator: np.random.Generator) -> Array:
        """(n, k) codes to try in place of each of `codes` (n,), about `radius` away where there is a distance."""
        ...

    def columns(self, codes: Array, active: NDArray[np.bool_]) -> Array:
        """(n, columns) whose squared differences add up to the squared distance; equal for all that are inactive."""
        ...


@dataclass(frozen=True)
class Categories:
    """Values without an order."""

    distribution: CategoricalDistribution

    @property
    def count(self) -> int:
        return len(self.distribution.choices)

    def code(self, value: Any) -> float:
        return float(self.distribution.to_internal_repr(value))

    def value(self, code: float) -> Any:
        return self.distribution.choices[int(code)]

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        return generator.integers(self.count, size=size).astype(float)

    def mutate(self, codes: Array, generator: np.random.Generator) -> Array:
        others = self.count - 1
        return (codes + generator.integers(1, 1 + others, size=len(codes))) % self.count if others else codes

    def neighbours(self, codes: Array, radius: float, generator: np.random.Generator) -> Array:
        return (codes[:, None] + np.arange(1, self.count)) % self.count

    def columns(self, codes: Array, active: NDArray[np.bool_]) -> Array:
        columns: Array = ((codes[:, None] == np.arange(self.count)) & active[:, None]) * math.sqrt(0.5)
        return columns


class Levels:
    """Values in ascending order, each at its position in [0, 1]; of more than a few, steps are taken by position."""

    def __init__(self, values: Sequence[Any], positions: Sequence[float]) -> None:
        self._values = values
        self._numbers = np.array(values, float)
        self._positions = np.array(positions, float)
        self._between = (self._positions[1:] + self._positions[:-1]) / 2

    @property
    def count(self) -> int:
        return len(self._values)

    def code(self, value: Any) -> float:
        return float(np.abs(self._numbers - value).argmin())

    def value(self, code: float) -> Any:
        return self._values[int(code)]

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        if self.count == 1:
            return np.zeros(size)
        low = 2 * self._positions[0] - self._between[0]  # as much room beyond the ends as between levels
        high = 2 * self._positions[-1] - self._between[-1]
        return self._nearest(low + (high - low) * generator.random(size))

    def mutate(self, codes: Array, generator: np.random.Generator) -> Array:
        return self._stepped(codes, generator.choice(SPREADS, size=len(codes)), 0.3, generator)

    def neighbours(self, codes: Array, radius: float, generator: np.random.Generator) -> Array:
        if self.count <= 4:
            return (codes[:, None] + np.arange(1, self.count)) % self.count
        if self.count <= FEW_LEVELS:
            return self._reflected(codes[:, None] + np.array([-2.0, -1.0, 1.0, 2.0]))
        return self._stepped(np.repeat(codes[:, None], 4, axis=1), radius, 1.0, generator)

    def columns(self, codes: Array, active: NDArray[np.bool_]) -> Array:
        return np.where(active, self._positions[codes.astype(np.intp)], MISSING)[:, None]

    def _stepped(self, codes: Array, spread: Array | float, far: float, generator: np.random.Generator) -> Array:
        """A code away, or with probability `far` about `spread` of the whole range."""
        step = generator.choice([-1.0, 1.0], size=codes.shape)
        positions = self._positions[codes.astype(np.intp)] + spread * generator.standard_normal(codes.shape)
        there = self._nearest(_reflected(positions))
        return np.where((generator.random(codes.shape) < far) & (there != codes), there, self._reflected(codes + step))

    def _nearest(self, positions: Array) -> Array:
        nearest: Array = np.searchsorted(self._between, positions).astype(np.float64)
        return nearest

    def _reflected(self, codes: Array) -> Array:
        last = self.count - 1
        within: Array = np.clip(last - np.abs(last - np.abs(codes)), 0, last)
        return within


@dataclass(frozen=True)
class Interval:
    """A number from low to high: by its logarithm if `log`, in steps from low if there is a `step`."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    is_whole: bool = False

    @property
    def count(self) -> None:
        return None

    def code(self, value: Any) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        return min(1.0, max(0.0, (self._scale(float(value)) - low) / (high - low)))

    def value(self, code: float) -> Any:
        low, high = self._scale(self.low), self._scale(self.high)
        number = low + code * (high - low)
        number = math.exp(number) if self.log else number
        if self.step is not None:
            number = self.low + round((number - self.low) / self.step) * self.step
        number = min(self.high, max(self.low, number))
        return int(number) if self.is_whole else number

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        return generator.random(size)

    def mutate(self, codes: Array, generator: np.random.Generator) -> Array:
        spread = generator.choice(SPREADS, size=len(codes))
        return _reflected(codes + spread * generator.standard_normal(len(codes)))

    def neighbours(self, codes: Array, radius: float, generator: np.random.Generator) -> Array:
        return _reflected(codes[:, None] + radius * generator.standard_normal((len(codes), 4)))

    def columns(self, codes: Array, active: NDArray[np.bool_]) -> Array:
        return np.where(active, codes, MISSING)[:, None]

    def _scale(self, number: float) -> float:
        return math.log(number) if self.log else number


def _reflected(codes: Array) -> Array:
    """Codes thrown back into [0, 1] from its ends."""
    within: Array = np.clip(1 - np.abs(1 - np.abs(codes)), 0, 1)
    return within


def axis_of(distribution: BaseDistribution) -> Axis:
    """How a parameter is seen of which nothing is known but its distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return Categories(distribution)
    if not isinstance(distribution, (FloatDistribution, IntDistribution)):
        raise TypeError(f"a distribution that Optuna does not document: {distribution}")
    low, high, step = distribution.low, distribution.high, distribution.step
    is_whole = isinstance(distribution, IntDistribution)
    if distribution.single():
        return Levels([low], [MISSING])
    if step is not None and (high - low) / step < MOST_LEVELS:
        values = [low + index * step for index in range(round((high - low) / step) + 1)]
        numbers = np.log(values) if distribution.log else np.array(values, float)
        return Levels(values, (numbers - numbers[0]) / (numbers[-1] - numbers[0]))
    return Interval(low, high, distribution.log, step, is_whole)


class MixedSpace:
    """Parameters by name, each with its axis and the conditions under which it is active.

    Args:
        axes: how to see those parameters of which their distribution does not say it all.

    Raises:
        ValueError: if a condition names a parameter that is not there or has no countable values, or a circle is made.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        conditions: Conditions | None = None,
        axes: Mapping[str, Axis] | None = None,
    ) -> None:
        given = axes or {}
        self.names = tuple(distributions)
        self.axes = [given.get(name) or axis_of(distribution) for name, distribution in distributions.items()]
        self.is_discrete = all(axis.count is not None for axis in self.axes)
        self._index = {name: index for index, name in enumerate(self.names)}
        self._accepted = conditions or {}
        self._conditions = self._in_order(self._accepted)
        self.conditional = frozenset(self._accepted)
        self.parents_first = (
            *(name for name in self.names if name not in self.conditional),
            *(self.names[child] for child, _ in self._conditions),
        )
        widths = [axis.columns(np.zeros(1), np.ones(1, bool)).shape[1] for axis in self.axes]
        self.groups = np.repeat(np.arange(len(self.axes)), widths)

    def _in_order(self, conditions: Conditions) -> list[tuple[int, list[tuple[int, NDArray[np.bool_]]]]]:
        """Children after their parents, each with its parents and which of their codes make it active."""
        waiting = dict(conditions)
        ordered: list[tuple[int, list[tuple[int, NDArray[np.bool_]]]]] = []
        unknown = {name for child in conditions for name in (child, *conditions[child])} - self._index.keys()
        if unknown:
            raise ValueError(f"conditions on parameters that are not in the space: {', '.join(sorted(unknown))}")
        while waiting:
            ready = [child for child, parents in waiting.items() if not parents.keys() & waiting.keys()]
            if not ready:
                raise ValueError(f"parameters that depend on each other in a circle: {', '.join(waiting)}")
            for child in ready:
                parents = waiting.pop(child).items()
                ordered.append((self._index[child], [(self._index[name], self._mask(name, v)) for name, v in parents]))
        return ordered

    def _mask(self, parent: str, values: Collection[Any]) -> NDArray[np.bool_]:
        axis = self.axes[self._index[parent]]
        if axis.count is None:
            raise ValueError(f"a condition on {parent}, which has no countable values")
        mask = np.zeros(axis.count, bool)
        mask[[int(axis.code(value)) for value in values]] = True
        return mask

    def active(self, rows: Array) -> NDArray[np.bool_]:
        """(n, parameters): whether each parameter of each row counts."""
        active = np.ones(rows.shape, bool)
        for child, parents in self._conditions:
            reasons = [active[:, parent] & mask[rows[:, parent].astype(np.intp)] for parent, mask in parents]
            active[:, child] = np.logical_or.reduce(reasons)
        return active

    def is_active(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a parameter counts, given the values of all its active parents."""
        parents = self._accepted.get(name)
        return parents is None or any(parent in values and values[parent] in parents[parent] for parent in parents)

    def columns(self, rows: Array) -> Array:
        """(n, columns) for the Gaussian process; `groups` says which column belongs to which parameter."""
        active = self.active(rows)
        return np.hstack([axis.columns(rows[:, i], active[:, i]) for i, axis in enumerate(self.axes)])

    def keys(self, rows: Array) -> list[bytes]:
        """One for each row, equal where all that is active is."""
        return [row.tobytes() for row in np.where(self.active(rows), rows, -1.0)]

    def row(self, values: Mapping[str, Any]) -> Array | None:
        """The row of a point, with 0 for what is inactive; None if an active parameter is missing."""
        named = zip(self.names, self.axes, strict=True)
        row = np.array([axis.code(values[name]) if name in values else 0.0 for name, axis in named])
        missing = [name not in values for name in self.names]
        return None if any(missing) and (self.active(row[None])[0] & missing).any() else row

    def completed(self, rows: Array, generator: np.random.Generator) -> Array:
        """The rows with drawn codes for what is inactive."""
        completed: Array = np.where(self.active(rows), rows, self.draw(generator, len(rows)))
        return completed

    def point(self, row: Array) -> dict[str, Any]:
        """The active parameters of a row with their values."""
        active = self.active(row[None])[0]
        items = zip(self.names, self.axes, row.tolist(), active, strict=True)
        return {name: axis.value(code) for name, axis, code, is_active in items if is_active}

    def draw(self, generator: np.random.Generator, size: int) -> Array:
        """Rows (size, parameters) as the distributions have them."""
        return np.column_stack([axis.draw(generator, size) for axis in self.axes])

    def mutated(self, rows: Array, generator: np.random.Generator) -> Array:
        """The rows with one active parameter changed, in three of ten cases two."""
        order = np.argsort(np.where(self.active(rows), generator.random(rows.shape), 2.0), axis=1)
        changed: Array = rows.copy()
        for place, take in enumerate((np.ones(len(rows), bool), generator.random(len(rows)) < 0.3)):
            if place >= rows.shape[1]:
                break
            for index, axis in enumerate(self.axes):
                chosen = take & (order[:, place] == index)
                if chosen.any():
                    changed[chosen, index] = axis.mutate(rows[chosen, index], generator)
        return changed

    def neighbours(self, rows: Array, radius: float, generator: np.random.Generator) -> Array:
        """(n, k, parameters): each row with one parameter changed, and with all its continuous ones changed at once."""
        alone = [axis.neighbours(rows[:, index], radius, generator) for index, axis in enumerate(self.axes)]
        floats = [index for index, axis in enumerate(self.axes) if axis.count is None]
        together = 6 if len(floats) > 1 else 0
        moved = np.repeat(rows[:, None, :], sum(codes.shape[1] for codes in alone) + together, axis=1)
        first = together
        for index, codes in enumerate(alone):
            moved[:, first : first + codes.shape[1], index] = codes
            first += codes.shape[1]
        if together:
            steps = radius / 2 * generator.standard_normal((len(rows), together, len(floats)))
            moved[:, :together, floats] = _reflected(moved[:, :together, floats] + steps)
        return moved
