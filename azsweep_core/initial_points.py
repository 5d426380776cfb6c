"""Reads `initial_points`, what to try before a sampler chooses, and says which of them lie outside of the space.

Never completes a point at random: that is for the samplers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from azsweep_core import expressions
from azsweep_core._choice import value_problems
from azsweep_core._reading import nearest, shown
from azsweep_core._values import shown as in_python
from azsweep_core.distributions import Choice, Distribution, Value
from azsweep_core.errors import Problem, SpecError
from azsweep_core.search_space import SearchSpace, identity
from azsweep_core.trial import Parameters

__all__ = ["count_outside", "doubtful_points", "read_initial_points"]

_DEFAULT = "default"
"""Stands for the values that the app's own config has."""
_MOST_COMPARED = 1000


def read_initial_points(
    value: Any, where: str, space: SearchSpace | None, value_of: Callable[[str], Value] | None
) -> tuple[tuple[Parameters, ...], list[Problem]]:
    """The points of `[default, {lr: 0.1}]` by the full keys of the space, and what is doubtful about `default`.

    A point may set some parameters only.

    Args:
        space: None if it is not known; then names are not judged, and there are no points.
        value_of: the value that the app's own config has for a key, KeyError if it has none; None without an app.
    Raises:
        SpecError: with every problem.
    """
    if not isinstance(value, (list, tuple)):
        fix = "Write [default, {lr: 0.1}], for instance."
        raise SpecError([Problem(where, "must be a list of points", shown(value), fix)])
    problems: list[Problem] = []
    doubts: list[Problem] = []
    points: list[Parameters] = []
    for number, item in enumerate(value):
        place = f"{where}[{number}]"
        if isinstance(item, Mapping):
            points.append(_read_point(item, place, space, problems))
        elif not isinstance(item, str) or item.lower() != _DEFAULT:
            rule = f"must be {_DEFAULT} or a mapping from parameters to values"
            problems.append(Problem(place, rule, shown(item), "Write {lr: 0.1}, for instance."))
        elif value_of is None:
            problems.append(Problem(place, f"{_DEFAULT} needs an app to ask", None, "Write the values: {lr: 0.1}."))
        elif space is not None:
            points.append(_default_point(space, value_of))
            doubts += _doubtful_default(points[-1], place, space)
    if problems:
        raise SpecError(problems)
    return tuple(points) if space is not None else (), doubts


def _read_point(item: Mapping[Any, Any], where: str, space: SearchSpace | None, problems: list[Problem]) -> Parameters:
    by_path = {key.lstrip("+"): key for key in space.keys} if space is not None else {}
    point: dict[str, Value] = {}
    for name, value in item.items():
        path = name.lstrip("+") if isinstance(name, str) else None
        if path is None or (space is not None and path not in by_path):
            fix = nearest(name, sorted(by_path)) if by_path else None
            problems.append(Problem(where, "must name parameters of the search space", shown(name), fix))
            continue
        key = by_path.get(path, path)
        if key in point:
            problems.append(Problem(where, f"{path} may stand in a point once", shown(dict(item))))
        if expressions.is_expression(value):
            problems.append(Problem(f"{where}.{path}", "must be a value, not an expression", shown(value)))
        else:
            problems += value_problems(value, f"{where}.{path}")
        point[key] = value
    return point


def _default_point(space: SearchSpace, value_of: Callable[[str], Value]) -> Parameters:
    known: dict[str, Value] = {}
    for key in sorted(space.keys):
        try:
            known[key] = value_of(key)
        except KeyError:
            continue
    return space.part_of_a_point(known)


def _doubtful_default(point: Parameters, where: str, space: SearchSpace) -> Iterator[Problem]:
    if not any(space.validate(where)) and (missing := _ends(point, space)[0].keys() - point.keys()):
        got = f"none for {', '.join(sorted(missing))}"
        yield Problem(where, "the app's own config has no value for some parameters", got, "They are drawn.")


def _ends(point: Parameters, space: SearchSpace) -> tuple[Parameters, Parameters]:
    """The point completed by the lowest values, and by the highest: the same if there is nothing to draw."""
    count = len(space.dimensions)
    return space.complete(point, [0.0] * count), space.complete(point, [math.nextafter(1.0, 0.0)] * count)


def doubtful_points(
    points: Sequence[Parameters], space: SearchSpace, most: int | None, *, learns: bool, where: str = "initial_points"
) -> Iterator[Problem]:
    """What may not be meant: points outside of a legal space, the same point again, more points than trials.

    Args:
        most: trials in all, None if that is not limited.
        learns: whether the sampler has a model.
    """
    first: dict[Hashable, int] = {}
    for number, point in enumerate(points):
        place = f"{where}[{number}]"
        low, high = _ends(point, space)
        for expression, values in space.misfits(low):
            given = {key: value for key, value in values.items() if key in point}
            yield _outside(place, expression, given, learns)
        if identity(low) == identity(high) and (other := first.setdefault(identity(low), number)) != number:
            yield Problem(place, f"is the same point as {where}[{other}]", None, "It is tried once.")
    if most is not None and len(points) > most:
        rule = f"holds more points than limits.max_total_trials, {most}"
        yield Problem(where, rule, str(len(points)), f"The first {most} are tried.")


def _outside(where: str, expression: Distribution | None, given: Parameters, learns: bool) -> Problem:
    fix = "It is tried all the same, but the model learns nothing from it." if learns else "It is tried all the same."
    if expression is None:
        got = ", ".join(f"{key.lstrip('+')}={shown(value)}" for key, value in given.items())
        return Problem(where, "no draw of the search space gives this", got, fix)
    ((key, value),) = given.items()
    listed = expression.values[:_MOST_COMPARED] if isinstance(expression, Choice) else ()
    alike = [in_python(each) for each in listed if each == value or str(each) == str(value)]
    fix = f"Did you mean {alike[0]}? {fix}" if alike else fix
    rule = f"lies outside of {shown(expressions.to_text(expression))}"
    return Problem(f"{where}.{key.lstrip('+')}", rule, in_python(value), fix)


def count_outside(points: Sequence[Parameters], space: SearchSpace) -> int:
    """How many of the points, without repetitions, are none of the space's own."""
    outside: set[Hashable] = set()
    for number, point in enumerate(points):
        low, high = _ends(point, space)
        if not space.contains(low):
            outside.add(identity(low) if identity(low) == identity(high) else number)
    return len(outside)
