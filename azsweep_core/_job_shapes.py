"""What a value in a job file may look like: text, numbers, lists, mappings of known keys. Knows no key of AzureML's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from azsweep_core._reading import join, nearest, shown
from azsweep_core.errors import Problem

__all__ = [
    "Shape",
    "anything",
    "boolean",
    "either",
    "ignored",
    "list_of",
    "literal",
    "mapping_of",
    "named",
    "nullable",
    "number",
    "of_type",
    "one_of",
    "plain",
    "record",
    "refused",
    "snake_case",
    "text",
    "whole",
]

Shape = Callable[[Any, str], Iterator[Problem]]
"""A rule for a value and its place: yields what is wrong with it."""

_TRUTHS = ("t", "true", "on", "y", "yes", "1", "f", "false", "off", "n", "no", "0")
_BOOLEANS = frozenset(form for word in _TRUTHS for form in (word, word.capitalize(), word.upper()))
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])")


def refused(value: Any, where: str, rule: str, fix: str | None = None) -> Problem:
    """What is told about a value of a wrong kind."""
    if value is None:
        return Problem(where, "must not be null", None, "Leave the key out.")
    return Problem(where, rule, shown(value), fix)


def anything(_value: Any, _where: str) -> Iterator[Problem]:
    return iter(())


def ignored(value: Any, where: str) -> Iterator[Problem]:
    """What AzureML itself writes into a file: it may stand there, and means nothing."""
    if value is None:
        yield refused(value, where, "")


def text(value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield refused(value, where, "must be text", None if isinstance(value, (list, Mapping)) else "Put it in quotes.")


def whole(value: Any, where: str) -> Iterator[Problem]:
    """A number, also as text; AzureML cuts off what is behind the point, but not in text."""
    if not _is_number(value, int):
        yield refused(value, where, "must be a whole number")


def number(value: Any, where: str) -> Iterator[Problem]:
    """A finite number, also as text."""
    if not _is_number(value, float):
        yield refused(value, where, "must be a number")


def boolean(value: Any, where: str) -> Iterator[Problem]:
    if not (
        value in _BOOLEANS if isinstance(value, str) else isinstance(value, (bool, int, float)) and value in (0, 1)
    ):
        yield refused(value, where, "must be true or false")


def literal(value: Any, where: str) -> Iterator[Problem]:
    """A value that is passed on as it is."""
    if not isinstance(value, (bool, str)) and not (isinstance(value, (int, float)) and _is_number(value, float)):
        yield refused(value, where, "must be a number, a boolean or text")


def plain(value: Any, where: str) -> Iterator[Problem]:
    """The same, and also what is no finite number."""
    if not isinstance(value, (bool, int, float, str)):
        yield refused(value, where, "must be a number, a boolean or text")


def one_of(*names: str, fold: Callable[[str], str] = str.lower) -> Shape:
    """One of these words, in whatever case `fold` makes the same of."""

    def check(value: Any, where: str) -> Iterator[Problem]:
        if not (isinstance(value, str) and fold(value) in names):
            near = nearest(value, names)
            yield refused(
                value, where, f"must be one of {', '.join(names)}", None if near.startswith("Known") else near
            )

    return check


def snake_case(word: str) -> str:
    """The words of a name in lower case, as AzureML takes them apart.

    >>> [snake_case(word) for word in ("MedianStopping", "MEDIAN_STOPPING", "AMLToken")]
    ['median_stopping', 'median_stopping', 'aml_token']
    """
    return _WORD_ENDS.sub("_", word).lower()


def nullable(shape: Shape) -> Shape:
    return lambda value, where: anything(value, where) if value is None else shape(value, where)


def either(first: type, one: Shape, other: Shape) -> Shape:
    """`one` for a value of the first type, `other` for the rest."""
    return lambda value, where: (one if isinstance(value, first) else other)(value, where)


def list_of(item: Shape) -> Shape:
    def check(value: Any, where: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield refused(value, where, "must be a list")
            return
        for index, each in enumerate(value):
            yield from item(each, f"{where}[{index}]")

    return check


def mapping_of(item: Shape, key: Shape = text) -> Shape:
    """A mapping with whatever keys."""

    def check(value: Any, where: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield refused(value, where, "must be a mapping")
            return
        for name, each in value.items():
            yield from key(name, where)
            yield from item(each, join(where, name))

    return check


def named(value: Any, where: str) -> Iterator[Problem]:
    """A key that placeholders can name."""
    if not (isinstance(value, str) and re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", value)):
        yield Problem(where, "names are made of letters, digits and underscores", shown(value))


def record(fields: Mapping[str, Shape], required: Collection[str] = ()) -> Shape:
    """A mapping with these keys and no others."""

    def check(value: Any, where: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            known = ", ".join(key for key, shape in fields.items() if shape is not ignored)
            yield refused(value, where, "must be a mapping", f"It may hold {known}.")
            return
        for key, each in value.items():
            at = join(where, key)
            yield from (
                fields[key](each, at) if key in fields else [Problem(at, "unknown key", None, nearest(key, fields))]
            )
        yield from (Problem(join(where, key), "is required") for key in required if key not in value)

    return check


def of_type(kinds: Mapping[str, Mapping[str, Shape]], fold: Callable[[str], str] = str.lower) -> Shape:
    """A mapping whose `type` says which other keys it may have."""

    def check(value: Any, where: str) -> Iterator[Problem]:
        given = value.get("type") if isinstance(value, Mapping) else None
        kind = fold(given) if isinstance(given, str) else None
        is_known = kind in kinds or not isinstance(value, Mapping)
        fields = kinds.get(kind or "", {}) if is_known else dict.fromkeys(value, anything)
        yield from record({**fields, "type": one_of(*kinds, fold=fold)}, ["type"])(value, where)

    return check


def _is_number(value: Any, kind: type[int | float]) -> bool:
    """Whether Python's own reading of a number takes it, booleans and what is not finite left out."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        return math.isfinite(kind(value))
    except (ValueError, OverflowError):  # int(nan), int(inf), more than a float can be
        return isinstance(value, int)
