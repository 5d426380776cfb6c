"""Reads plain mappings as users write them and collects every problem of shape; never judges what a value means."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

from azsweep_core._values import shown as in_python
from azsweep_core.errors import Problem

__all__ = ["MappingReader", "join", "nearest", "shown"]

_MOST_NAMES = 16


def join(where: str, name: object) -> str:
    """Dotted path of a setting below `where`, which may be the top ("")."""
    return f"{where}.{name}" if where else str(name)


def shown(value: object) -> str:
    """A value as the user may have written it in YAML, cut if it is long.

    >>> shown("2h"), shown(None), shown("")
    ('2h', 'null', "''")
    """
    text = in_python(value)
    return value if isinstance(value, str) and value.strip() and text == repr(value) else text


def nearest(name: object, known: Collection[str]) -> str:
    """The sentence that helps with an unknown name.

    >>> nearest("max", ["minimize", "maximize"])
    'Did you mean maximize?'
    >>> nearest("colour", ["seed", "rule"])
    'Known: seed, rule.'
    """
    given = str(name).lower()
    near = [one for one in known if len(given) > 2 and one.startswith(given)] or get_close_matches(given, known, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    told = [*known][:_MOST_NAMES]
    return f"Known: {', '.join(told)}{'.' if len(told) == len(known) else ', ...'}"


class MappingReader:
    """One mapping of the configuration; what is null there counts as absent.

    Args:
        where: dotted path of the mapping; "" for the top.
        known: keys it may have.
        problems: grows by each problem found, so that the readers of one configuration share the list.
    """

    def __init__(self, value: object, where: str, known: Collection[str], problems: list[Problem]) -> None:
        self.where = where
        self.problems = problems
        self._mapping: Mapping[Any, Any] = {}
        if not isinstance(value, Mapping):
            self.problem("", "must be a mapping", value, f"It may hold {', '.join(known)}.")
            return
        self._mapping = value
        self.problems += [
            Problem(join(where, key), "unknown key", None, nearest(key, known)) for key in value if key not in known
        ]

    def __contains__(self, name: str) -> bool:
        return self._mapping.get(name) is not None

    def problem(self, name: str, rule: str, value: object, fix: str | None = None) -> None:
        """Note what is wrong with a value; name "" is the mapping itself."""
        where = join(self.where, name) if name else self.where or "configuration"
        self.problems.append(Problem(where, rule, shown(value), fix))

    def get(self, name: str) -> Any:
        return self._mapping.get(name)

    def read(self, fields: Mapping[str, Callable[[MappingReader, str], Any]]) -> dict[str, Any]:
        """What each field's method reads; absent and unreadable ones are left out, so that defaults stand elsewhere."""
        values = {name: read(self, name) for name, read in fields.items()}
        return {name: value for name, value in values.items() if value is not None}

    def number(self, name: str, rule: str = "must be a number", fix: str | None = None) -> float | None:
        """A finite number, also one written as text, as AzureML's client takes it; booleans are none."""
        value = self.get(name)
        if value is None:
            return None
        number = _as_number(value)
        if number is None:
            self.problem(name, rule, value, fix)
        return number

    def integer(self, name: str) -> int | None:
        """A whole number; a float is one if nothing is lost."""
        number = self.number(name, "must be a whole number")
        if number is None or int(number) == number:
            return None if number is None else int(number)
        self.problem(name, "must be a whole number", self.get(name))
        return None

    def boolean(self, name: str) -> bool | None:
        value = self.get(name)
        truths = {"true": True, "false": False}
        if isinstance(value, str) and value.lower() in truths:
            return truths[value.lower()]
        if value is None or isinstance(value, bool):
            return value
        self.problem(name, "must be true or false", value)
        return None

    def text(self, name: str) -> str | None:
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        self.problem(name, "must be text", value)
        return None


def _as_number(value: object) -> int | float | None:
    """`value` as a number no larger than a float can be; None if it is not one."""
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().lstrip("+-").isdecimal() else int(value)
        except ValueError:  # not a number, or thousands of digits
            return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    number = int(value) if isinstance(value, numbers.Integral) else float(value)
    return number if abs(number) <= sys.float_info.max and not math.isnan(number) else None
