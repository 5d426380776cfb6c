"""Parameter values as JSON and back, type by type: infinities, NaN and keys that are no text included."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["as_float", "finite", "from_json", "number_to_json", "to_json"]

_FLOAT, _PAIRS = "__float__", "__pairs__"
"""The only key of a mapping that stands for a float JSON does not have, or for a mapping it does not have."""


def to_json(value: Any) -> Any:
    """A twin of the value that JSON can hold.

    >>> to_json({"a": [1, float("inf")], "b": {1: "x"}})
    {'a': [1, {'__float__': 'inf'}], 'b': {'__pairs__': [[1, 'x']]}}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if isinstance(value, dict):
        if all(type(key) is str for key in value) and value.keys() not in ({_FLOAT}, {_PAIRS}):
            return {key: to_json(item) for key, item in value.items()}
        return {_PAIRS: [[to_json(key), to_json(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """The value that `to_json` was given; a tuple is a list then.

    Raises:
        ValueError, TypeError: if no value has this twin.
    """
    if isinstance(value, dict):
        if value.keys() == {_FLOAT}:
            return as_float(_of_type(str, value[_FLOAT]))
        if value.keys() == {_PAIRS}:
            pairs = (_of_type(list, pair) for pair in _of_type(list, value[_PAIRS]))
            return {from_json(key): from_json(item) for key, item in pairs}
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def _of_type(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"no {kind.__name__}: {value!r}")
    return value


def number_to_json(value: float) -> float | str:
    """JSON has no NaN and no infinities: they are written as text, which `as_float` reads back."""
    return value if math.isfinite(value) else str(value)


def as_float(value: Any) -> float:
    """A float from a number, or from the text of one that JSON does not have.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"not a number: {value!r}")
    return float(value)


def finite(value: Any) -> Any:
    """The value for readers that want no more than JSON: NaN and infinities as text.

    >>> finite({"a": [1, float("inf")]})
    {'a': [1, 'inf']}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
