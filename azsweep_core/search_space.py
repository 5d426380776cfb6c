"""The search space: its dimensions, how values of them make a point, and how many points there are.

Never draws random numbers: whoever samples hands in the picks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from azsweep_core import expressions
from azsweep_core._completion import complete, misfits, part_of_a_point
from azsweep_core._space_tree import (
    Dimension,
    Fixed,
    Node,
    Numbering,
    Tree,
    always_set,
    clashes,
    conditions,
    cover,
    ever_set,
    match,
    may_repeat,
)
from azsweep_core._values import identity as _identity
from azsweep_core._values import shown
from azsweep_core.distributions import Branch, Choice, Distribution, Value
from azsweep_core.errors import Problem, SpecError
from azsweep_core.trial import Parameters

__all__ = ["FINITE_POINTS", "Branch", "Dimension", "SearchSpace", "identity", "read_space"]

_KEY = re.compile(r"\+{0,2}[^\s+~=,'\"\[\]{}()][^\s=,'\"\[\]{}()]*")

FINITE_POINTS = 10**6
"""A space of more distinct points counts as infinite: it is drawn with repetition, and its points are not compared."""


def identity(point: Parameters) -> Hashable:
    """A key that is equal for equal points: values of different types differ, the order of keys does not matter.

    >>> identity({"a": 1, "b": {"x": 1, "y": 2}}) == identity({"b": {"y": 2, "x": 1}, "a": 1})
    True
    >>> identity({"a": 1}) == identity({"a": 1.0})
    False
    """
    return _identity(point)


@dataclass(frozen=True)
class SearchSpace:
    """Parameters by Hydra key, in order, each with its distribution.

    Args:
        absolute_children: take the keys of a nested choice's branches as they stand, not relative to the parameter.
        zipped: groups of parameters that vary together, each one dimension; see `read_zip`.

    >>> from azsweep_core.distributions import Randint, Uniform
    >>> space = SearchSpace({"lr": Uniform(0, 1), "model": Choice([Branch(None, {"units": Randint(8)}), "linear"])})
    >>> [dimension.key for dimension in space.dimensions]
    ['lr', 'model', 'model.units']
    >>> space.point([0.5, 0.0, 0.25]), space.point([0.5, 0.9, 0.25])
    ({'lr': 0.5, 'model.units': 2}, {'lr': 0.5, 'model': 'linear'})
    """

    parameters: Mapping[str, Distribution]
    absolute_children: bool = False
    zipped: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.parameters, self.absolute_children, self.zipped)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Every dimension of every branch, parents before children; a key that branches share is one dimension."""
        return tuple(self._tree.dimensions.values())

    @property
    def keys(self) -> frozenset[str]:
        """The keys that some point has."""
        return ever_set(self._tree.nodes)

    @property
    def keys_always(self) -> frozenset[str]:
        """The keys that every point has."""
        return always_set(self._tree.nodes)

    def draw(self, pick: Callable[[Dimension], Value]) -> Parameters:
        """The point made by asking `pick` for each active dimension, in order; for a selector it answers a number."""
        point: dict[str, Value] = {}
        _draw(self._tree.nodes, pick, point)
        return point

    def complete(self, given: Parameters, units: Sequence[float]) -> Parameters:
        """The point with these values, by full keys, and for the rest with what lies at `units`.

        What is given is never changed; a value that the space does not have makes a point outside of it.

        >>> model = "choice({name: mlp, units: randint(8)}, {name: linear})"
        >>> space = read_space({"model": model, "lr": "uniform(0, 1)"})
        >>> space.complete({"model.units": 4}, [0.9] * 3), space.complete({"lr": 5}, [0.9] * 3)
        ({'model.name': 'mlp', 'model.units': 4, 'lr': 0.9}, {'model.name': 'linear', 'lr': 5})
        """
        point: dict[str, Value] = {}
        complete(self._tree.nodes, given, units, point)
        return point

    def part_of_a_point(self, known: Mapping[str, Value]) -> Parameters:
        """What a configuration with these values says of a point: the branches it is in, and their values."""
        return part_of_a_point(self._tree.nodes, known)

    def misfits(self, point: Parameters) -> Iterator[tuple[Distribution | None, Parameters]]:
        """What no draw gives of a point with all its values: the expression they lie outside of, None for several."""
        return misfits(self._tree.nodes, point)

    def point(self, units: Sequence[float]) -> Parameters:
        """The point at `units`, a number of [0, 1) for every dimension."""
        return self.draw(lambda dimension: dimension.distribution.from_unit(units[dimension.index]))

    def conditions(self) -> dict[int, dict[int, set[int]]]:
        """Which dimensions belong to branches: by index, the selectors and those of their values that have it.

        >>> nested = Choice([Branch(None, {"units": Choice([4, 8])}), "linear"])
        >>> SearchSpace({"model": nested}).conditions()
        {1: {0: {0}}}
        """
        return conditions(self._tree.nodes)

    def middle_points(self) -> Iterator[Parameters]:
        """Points from the middle of every distribution that together take every branch; one if there are none.

        >>> nested = Choice([Branch(None, {"units": Choice([4, 8])}), Branch(None, {"depth": 2})])
        >>> list(SearchSpace({"model": nested}).middle_points())
        [{'model.units': 8}, {'model.depth': 2}]
        """
        for picks in cover(self._tree.nodes):
            yield _point_in_the_middle(self, picks)

    def read(self, point: Parameters) -> dict[int, Value]:
        """What was picked, by dimension index, to make `point`; where several branches fit, the first.

        Raises:
            ValueError: if the point is not in the space.
        """
        picked = self._read(point)
        if picked is None:
            raise ValueError(f"not a point of the search space: {dict(point)}")
        return picked

    def contains(self, point: Parameters) -> bool:
        """True if the point can be drawn."""
        return self._read(point) is not None

    def _read(self, point: Parameters) -> dict[int, Value] | None:
        found = match(self._tree.nodes, point)
        return found[0] if found is not None and found[1] == point.keys() else None

    @cached_property
    def size(self) -> int | None:
        """Number of distinct points; None if infinite."""
        if self._distinct is None:
            return None
        return self._distinct.count if self._firsts is None else len(self._firsts)

    def point_at(self, number: int) -> Parameters:
        """One of the `size` distinct points, numbered from 0 with the last key fastest."""
        if self._distinct is None:
            raise ValueError("an infinite search space has no numbered points")
        return _numbered(self._distinct, number if self._firsts is None else self._firsts[number])

    @property
    def grid_size(self) -> int:
        """Number of points of the grid, where a value listed twice counts twice. Choices only."""
        return self._grid.count

    def grid_point(self, number: int) -> Parameters:
        """Point of the grid, in the order of itertools.product; the branches of a nested choice follow each other."""
        return _numbered(self._grid, number)

    @cached_property
    def _grid(self) -> Numbering:
        return Numbering(self._tree.nodes, repeated=True)

    @cached_property
    def _distinct(self) -> Numbering | None:
        """The distinct points, and some twice if unequal branches can give equal points."""
        if any(dimension.distribution.size is None for dimension in self.dimensions):
            return None
        return Numbering(self._tree.nodes, repeated=False)

    @cached_property
    def _firsts(self) -> list[int] | None:
        """Numbers of points that equal no earlier one, where unequal branches might give equal points."""
        points = self._distinct
        if points is None or points.count > FINITE_POINTS or not may_repeat(self._tree.nodes):
            return None
        firsts: dict[Hashable, int] = {}
        for number in range(points.count):
            firsts.setdefault(identity(_numbered(points, number)), number)
        return list(firsts.values())

    def with_logbase(self, base: float) -> SearchSpace:
        """The same space with `base` in place of e in the four log expressions."""
        parameters = {key: distribution.with_base(base) for key, distribution in self.parameters.items()}
        return replace(self, parameters=parameters)

    def only(self, keys: Collection[str]) -> SearchSpace:
        """The space of these parameters; those of a group that are among them stay zipped."""
        parameters = {key: distribution for key, distribution in self.parameters.items() if key in keys}
        groups = (tuple(key for key in group if key in keys) for group in self.zipped)
        return replace(self, parameters=parameters, zipped=tuple(group for group in groups if len(group) > 1))

    def validate(self, where: str) -> Iterator[Problem]:
        """Every rule the space breaks."""
        if not self.parameters:
            fix = "Give it one with an expression, as in lr: uniform(0.1, 1)."
            yield Problem(where, "must hold at least one parameter", "{}", fix)
        for key, distribution in self.parameters.items():
            if not _KEY.fullmatch(key):
                yield Problem(where, "keys must be Hydra keys such as lr, +model.lr or db@backup", repr(key))
            yield from distribution.validate(f"{where}.{key}")
        tree = Tree(self.parameters, self.absolute_children) if self.zipped else self._tree
        for key, pair in tree.conflicts.items():
            got = " and ".join(map(expressions.to_text, pair))
            fix = "Give both the same, wide enough for each, or the parameters names of their own."
            yield Problem(f"{where}.{key}", "branches may share a parameter only with equal distributions", got, fix)
        for one, other in clashes(tree.nodes):
            yield _clash(where, one, other)

    def validate_grid(self, where: str) -> Iterator[Problem]:
        """What a grid cannot be made of: anything but choices."""
        for dimension in self.dimensions:
            distribution = dimension.distribution
            if not isinstance(distribution, Choice):
                fix = "List the values in a choice, or use random."
                yield Problem(
                    f"{where}.{dimension.key}", "grid takes choice only", expressions.to_text(distribution), fix
                )

    def warnings(self, where: str) -> Iterator[Problem]:
        """What is legal but probably not meant."""
        for key, distribution in self.parameters.items():
            yield from distribution.warnings(f"{where}.{key}")


def _point_in_the_middle(space: SearchSpace, picks: Mapping[int, int]) -> Parameters:
    return space.draw(lambda each: picks[each.index] if each.index in picks else each.distribution.from_unit(0.5))


def _draw(entries: Sequence[Fixed | Node], pick: Callable[[Dimension], Value], point: dict[str, Value]) -> None:
    for entry in entries:
        if isinstance(entry, Fixed):
            point[entry.key] = entry.value
        elif entry.options is None:
            point[entry.dimension.key] = pick(entry.dimension)
        else:
            _draw(entry.options[pick(entry.dimension)], pick, point)


def _numbered(points: Numbering, number: int) -> Parameters:
    if not 0 <= number < points.count:
        raise IndexError(f"no point {number} among {points.count}")
    point: dict[str, Value] = {}
    points.put(number, point)
    return point


def _clash(where: str, one: str, other: str) -> Problem:
    if one.lstrip("+") == other.lstrip("+"):
        return Problem(f"{where}.{other}", "a parameter may stand in the space once", f"{one} and {other}")
    fix = f"If {one} is a config group, nest the choice: values: [{{_group_: option, key: expression}}, ...]."
    return Problem(f"{where}.{other}", f"cannot be drawn beside {one}, which holds it", f"{one} and {other}", fix)


def read_space(mapping: Mapping[str, Any], where: str = "search_space", absolute_children: bool = False) -> SearchSpace:
    """The space of a mapping from Hydra key to expression, in any notation.

    Args:
        absolute_children: as a job file has it: keys of branches as they stand, and every mapping in a choice a branch.
    Raises:
        SpecError: with everything that cannot be read. Whether it makes sense is for `validate`.
    """
    if not isinstance(mapping, Mapping):
        raise SpecError([Problem(where, "must be a mapping from key to expression", shown(mapping))])
    parameters: dict[str, Distribution] = {}
    problems: list[Problem] = []
    for key, expression in mapping.items():
        if not isinstance(key, str):
            problems.append(Problem(where, "keys must be text", shown(key), f"Write '{key}' in quotes."))
            continue
        try:
            parameters[key] = expressions.read(expression, f"{where}.{key}", all_branches=absolute_children)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return SearchSpace(parameters, absolute_children)
