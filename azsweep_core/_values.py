"""What makes two values of a parameter the same, how one is shown, and sequences that are never written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, overload

__all__ = ["Lazy", "count_of", "distinct", "identity", "is_finite_number", "shown"]


def identity(value: Any) -> Hashable:
    """A key that is equal for equal values of the same type; the order of a mapping's keys does not matter.

    >>> len({identity(value) for value in (1, 1.0, True, "1")})
    4
    >>> identity({"a": 1, "b": [2]}) == identity({"b": (2,), "a": 1})
    True
    """
    if isinstance(value, float):
        return (float, float.__repr__(value))  # by text: NaN is itself
    if isinstance(value, Mapping):
        return (dict, frozenset((identity(key), identity(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return (list, tuple(identity(item) for item in value))
    try:
        hash(value)
    except TypeError:
        return (type(value), repr(value))
    return (type(value), value)


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetition, in the order of their first appearance."""
    first: dict[Hashable, Any] = {}
    for value in values:
        first.setdefault(identity(value), value)
    return list(first.values())


def is_finite_number(value: Any) -> bool:
    """True for an int or float that is no boolean, no NaN and no infinity.

    >>> is_finite_number(10**400), is_finite_number(True), is_finite_number("1")
    (False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def count_of(values: Sequence[Any]) -> int:
    """`len(values)`, for ranges of any length too.

    >>> count_of(range(0, 10**30, 3)) == 10**30 // 3 + 1
    True
    """
    if not isinstance(values, range):
        return len(values)
    return (values[-1] - values.start) // values.step + 1 if values else 0


def shown(value: Any, most: int = 60) -> str:
    """`value` for a message, cut if it is long.

    >>> shown("a"), shown(None), shown(True)
    ("'a'", 'null', 'true')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


class Lazy(Sequence[Any]):
    """`count` items, each made by `item(index)` when asked for. Beyond sys.maxsize `len` fails, indexing does not."""

    __slots__ = ("_count", "_item")

    def __init__(self, count: int, item: Callable[[int], Any]) -> None:
        self._count = count
        self._item = item

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        positions = range(self._count)[index]  # IndexError, negative indices and slices as a range has them
        if isinstance(positions, range):
            return Lazy(count_of(positions), lambda i: self._item(positions[i]))
        return self._item(positions)
