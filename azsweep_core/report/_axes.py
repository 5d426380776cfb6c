"""How each parameter is drawn: its kind and scale, its values or ends. Of secrets, it never tells the values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from azsweep_core._secrets import data_without_secrets, is_secret
from azsweep_core._values import count_of, distinct
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
from azsweep_core.report._files import plain_key
from azsweep_core.report._plain import cut, plain
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters

__all__ = ["Axes"]

_MOST_CHOICES = 100
_LAST_UNIT = math.nextafter(1.0, 0.0)


class Axes:
    """The parameters of a space, and of trials with others.

    Args:
        space: None if the recorded one cannot be read: then all is taken from the trials.
    """

    def __init__(self, space: SearchSpace | None) -> None:
        self._points = [] if space is None else list(space.middle_points())
        known = {} if space is None else _distributions(space)
        self._shapes = {key: {"kind": each.kind, **_shape(each)} for key, each in known.items()}
        self._keys = _merged(self._points)

    def keys(self, trials: Iterable[Parameters]) -> list[str]:
        """Those of the space in its order, then those that trials alone have."""
        return list(dict.fromkeys([*self._keys, *(key for parameters in trials for key in parameters)]))

    def document(self, trials: Sequence[Parameters], most: int) -> list[dict[str, Any]]:
        """The axis of each key.

        Args:
            most: characters of a value at most.
        """
        return [self._axis(key, trials, most) for key in self.keys(trials)]

    def _axis(self, key: str, trials: Sequence[Parameters], most: int) -> dict[str, Any]:
        shape = self._shapes.get(key)
        if shape is None:
            shape = _shape_of(point[key] for point in (*self._points, *trials) if key in point)
        if is_secret(key):
            values = distinct(data_without_secrets({key: value})[key] for value in shape.get("choices") or [""])
            shape = {"kind": shape["kind"], "scale": "category", "choices": values}
        axis = {"key": plain_key(key), "choices": None, "low": None, "high": None, **shape}
        if axis["choices"] is not None:
            axis["choices"] = [cut(value, most) for value in axis["choices"]]
        return axis


def _distributions(space: SearchSpace) -> Mapping[str, Distribution]:
    """What each parameter is drawn from; what branches set is drawn from nothing of its own."""
    children = {each.key: each.distribution for each in space.dimensions if not each.is_branch}
    found = {**children, **space.parameters}
    return {key: each for key, each in found.items() if not (isinstance(each, Choice) and each.is_nested)}


def _merged(points: Iterable[Parameters]) -> list[str]:
    """The keys of all points, each after the one that it follows in its own."""
    merged: list[str] = []
    for point in points:
        place = 0
        for key in point:
            if key in merged:
                place = merged.index(key) + 1
            else:
                merged.insert(place, key)
                place += 1
    return merged


def _shape(distribution: Distribution) -> dict[str, Any]:
    match distribution:
        case Choice(values) if count_of(values) > _MOST_CHOICES and _are_numbers(values):
            ends = sorted((values[0], values[-1])) if isinstance(values, range) else (min(values), max(values))
            return {"scale": "linear", "low": _end(ends[0]), "high": _end(ends[1])}
        case Choice():
            return _categories(distribution.support)
        case Randint():
            return {"scale": "linear", "low": 0, "high": _end(distribution.size - 1)}
        case Uniform() | QUniform() | LogUniform() | QLogUniform():
            low, high = distribution.from_unit(0.0), distribution.from_unit(_LAST_UNIT)
            is_log = isinstance(distribution, (LogUniform, QLogUniform)) and low > 0
            return {"scale": "log" if is_log else "linear", "low": _end(low), "high": _end(high)}
        case Normal() | QNormal() | QLogNormal():
            return {"scale": "linear"}
        case LogNormal():
            return {"scale": "log"}
    raise TypeError(f"no expression: {distribution!r}")


def _shape_of(values: Iterable[Value]) -> dict[str, Any]:
    """The axis of a parameter that is known from its values alone."""
    known = distinct(values)
    if _are_numbers(known):
        return {"kind": "number", "scale": "linear"}
    return {"kind": "choice", **_categories(known)}


def _categories(values: Sequence[Value]) -> dict[str, Any]:
    """Words in their order; none where they are too many to list."""
    are_few = count_of(values) <= _MOST_CHOICES
    known = distinct(data_without_secrets(value) for value in values) if are_few else []
    return {"scale": "category", "choices": [plain(value) for value in known] if are_few else None}


def _are_numbers(values: Sequence[Value]) -> bool:
    if not isinstance(values, (list, tuple)):
        return isinstance(values, range)
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _end(value: float) -> int | float | None:
    """The end of an axis, without the traces of float arithmetic in its last digits."""
    try:
        return value if isinstance(plain(value), int) else float(f"{float(value):.12g}")
    except OverflowError:
        return None
