"""The two discrete expressions, choice (nested or not) and randint: which values they give, and which are legal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from azsweep_core._distribution import Distribution, Value
from azsweep_core._values import Lazy, count_of, distinct, identity, shown
from azsweep_core.errors import Problem

__all__ = ["GROUP", "Branch", "Choice", "Randint", "value_problems"]

GROUP = "_group_"
"""Key of a branch that chooses an option of the config group the parameter names."""

_NAMES = (
    "choice",
    "randint",
    *(q + log + end for q in ("", "q") for log in ("", "log") for end in ("uniform", "normal")),
)
_NAME = re.compile("|".join(_NAMES), re.IGNORECASE)
_ARGUMENTS = {"values", "upper", "min_value", "max_value", "mu", "sigma"}
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")
_CALL = re.compile(rf"\s*({_NAME.pattern})\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Randint(Distribution):
    """Integer of [0, upper), upper excluded.

    >>> Randint(4).support
    range(0, 4)
    """

    upper: int
    kind = "randint"

    def from_unit(self, u: float) -> int:
        return min(int(u * self.upper), self.size - 1)

    def contains(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < self.upper

    @property
    def size(self) -> int:
        return int(self.upper)

    @property
    def support(self) -> Sequence[Value]:
        return range(self.size)

    @property
    def masses(self) -> Sequence[float]:
        return Lazy(self.size, lambda i: 1 / self.upper)

    def _rules(self, where: str) -> Iterator[Problem]:
        if self.upper != int(self.upper):
            yield Problem(where, "randint needs a whole number for upper", self._call())
        elif self.upper <= 0:
            yield Problem(where, "randint needs upper > 0", self._call(), "It draws whole numbers from 0 to upper - 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One mapping of a nested choice: what is set when it is drawn.

    Args:
        group: option of the config group that the parameter names, or None if the parameter is no group.
        children: what else is set, by key relative to the parameter: a distribution to draw from, or a fixed value.
    """

    group: str | None
    children: Mapping[str, Distribution | Value]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Branch) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> Hashable:
        return (self.group, identity(self.children))

    @property
    def distributions(self) -> Iterator[tuple[str, Distribution]]:
        """The children that are drawn."""
        return ((key, child) for key, child in self.children.items() if isinstance(child, Distribution))


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Distribution):
    """One of the values, each position equally likely: a value listed twice has double weight.

    Args:
        values: any sequence; a lazy one (a range, or anything but a list or tuple) is never written out and taken to
            hold no value twice. With Branch objects among the values the choice is nested.

    >>> Choice(["adam", "sgd", "adam"]).masses
    [0.6666666666666666, 0.3333333333333333]
    """

    values: Sequence[Value]
    kind = "choice"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        if isinstance(self.values, range) and isinstance(other.values, range):
            return self.values == other.values
        return count_of(self.values) == count_of(other.values) and all(
            identity(mine) == identity(theirs) for mine, theirs in zip(self.values, other.values, strict=True)
        )

    def __hash__(self) -> int:
        return hash((Choice, count_of(self.values)))

    @property
    def is_nested(self) -> bool:
        """True if any value is a Branch."""
        return isinstance(self.values, (list, tuple)) and any(isinstance(value, Branch) for value in self.values)

    def from_unit(self, u: float) -> Value:
        count = count_of(self.values)
        return self.values[min(int(u * count), count - 1)]

    def contains(self, value: Value) -> bool:
        if isinstance(self.values, range):
            return type(value) is int and value in self.values
        wanted = identity(value)
        return any(identity(item) == wanted for item in self.values)

    @property
    def size(self) -> int:
        return count_of(self.support)

    @property
    def support(self) -> Sequence[Value]:
        return distinct(self.values) if isinstance(self.values, (list, tuple)) else self.values

    @property
    def masses(self) -> Sequence[float]:
        if not isinstance(self.values, (list, tuple)):
            count = count_of(self.values)
            return Lazy(count, lambda i: 1 / count)
        counts = Counter(identity(value) for value in self.values)  # in the order of first appearance, as is `support`
        return [count / len(self.values) for count in counts.values()]

    def with_base(self, base: float) -> Distribution:
        if not self.is_nested:
            return self
        return Choice([_rebased(value, base) for value in self.values])

    def validate(self, where: str) -> Iterator[Problem]:
        if isinstance(self.values, (str, bytes)) or not isinstance(self.values, Sequence):
            yield Problem(where, "choice needs a list of values", shown(self.values))
        elif not self.values:
            yield Problem(where, "choice needs at least one value", "choice()")
        elif isinstance(self.values, (list, tuple)):
            for index, value in enumerate(self.values):
                yield from value_problems(value, f"{where}.values[{index}]")

    def warnings(self, where: str) -> Iterator[Problem]:
        if not isinstance(self.values, (list, tuple)):
            return
        if len(self.values) == 1 and isinstance(self.values[0], (list, tuple)):
            meant = f"choice({', '.join(shown(item) for item in self.values[0])})"
            yield Problem(
                where, "choice has one value, a list", f"choice({shown(self.values[0])})", f"Did you mean {meant}?"
            )
        for index, value in enumerate(self.values):
            inner = f"{where}.values[{index}]"
            for key, child in value.children.items() if isinstance(value, Branch) else [("", value)]:
                place = f"{inner}.{key}" if key else inner
                yield from child.warnings(place) if isinstance(child, Distribution) else _doubts(child, place)


def _doubts(value: Value, where: str) -> Iterator[Problem]:
    """A plain value that was probably meant as an expression."""
    if isinstance(value, str) and _CALL.match(value):
        rule, fix = "this text is passed on as it is", "For an expression write a mapping: {type: uniform, ...}."
        yield Problem(where, rule, shown(value), fix)
    elif isinstance(value, Mapping):
        rule, name = "this mapping is passed on as it is", str(value.get("type"))
        if _NAME.fullmatch(name):
            fix = "For an expression give what is drawn a name: {name: {type: uniform, ...}}."
            yield Problem(where, rule, shown(value), fix)
        elif value.keys() & _ARGUMENTS and (near := get_close_matches(name.lower(), _NAMES, n=1)):
            yield Problem(where, rule, shown(value), f"For an expression write type: {near[0]}.")


def _rebased(value: Value, base: float) -> Value:
    if not isinstance(value, Branch):
        return value
    drawn = {key: child.with_base(base) for key, child in value.distributions}
    return Branch(value.group, {**value.children, **drawn})


def value_problems(value: Value, where: str) -> Iterator[Problem]:
    """What is wrong with a value that a parameter is to be given, or with a part of it."""
    if isinstance(value, Branch):
        for key, child in value.children.items():
            inner = f"{where}.{key}"
            yield from child.validate(inner) if isinstance(child, Distribution) else value_problems(child, inner)
    elif isinstance(value, Mapping):
        if GROUP in value:
            yield Problem(
                where, f"{GROUP} may stand only in a mapping that is itself a value of a choice", shown(value)
            )
        for key, item in value.items():
            yield from value_problems(item, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from value_problems(item, f"{where}[{index}]")
    else:
        yield from _scalar_problems(value, where)


def _scalar_problems(value: Value, where: str) -> Iterator[Problem]:
    if isinstance(value, Distribution):
        rule = "an expression cannot be a value of a choice"
        yield Problem(where, rule, value.kind, "Make it a mapping with a name for what is drawn: {name: expression}.")
    elif value is not None and not isinstance(value, (bool, int, float, str)):
        rule = "must be null, a boolean, a number, text, a list or a mapping"
        yield Problem(where, rule, f"{shown(value)} ({type(value).__name__})", "Put it in quotes to pass it as text.")
    elif isinstance(value, str) and _UNFIT.search(value):
        rule = "text must be fit for a command line and for UTF-8 files, without NUL and lone surrogates"
        yield Problem(where, rule, ascii(value))
