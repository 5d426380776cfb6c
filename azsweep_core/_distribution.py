"""What all ten expressions of a search space have in common. Decides nothing about any one of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from azsweep_core._quantised import MOST_STEPS
from azsweep_core._values import is_finite_number, shown
from azsweep_core.errors import Problem

__all__ = ["Distribution", "Value"]

Value = Any
"""What a parameter can be: None, bool, int, float, str, or lists and dicts of these."""


class Distribution(ABC):
    """What all ten expressions can do. They are plain records: `validate` judges them, the constructor does not."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str]
    """AzureML's name of the expression."""

    @abstractmethod
    def from_unit(self, u: float) -> Value:
        """The value at `u` in [0, 1): the inverse of the cumulative distribution function."""

    @abstractmethod
    def contains(self, value: Value) -> bool:
        """True if `value` can be drawn (up to float rounding of the bounds)."""

    @property
    def size(self) -> int | None:
        """Number of distinct values; None if infinite."""
        return None

    @property
    def support(self) -> Sequence[Value] | None:
        """The distinct values in order, never written out; None if infinite."""
        return None

    @property
    def masses(self) -> Sequence[float] | None:
        """Probability of each value of `support`; None if infinite."""
        return None

    def with_base(self, base: float) -> Distribution:
        """The same expression with `base` in place of e, if it takes an exponent."""
        return self

    def validate(self, where: str) -> Iterator[Problem]:
        """Every rule the arguments break."""
        for name, value in self._arguments():
            if not is_finite_number(value):
                yield Problem(where, f"{self.kind} needs a finite number for {name}", self._call())
                return
        problems = [*self._rules(where), *self._step_rules(where)]
        yield from problems or self._reach_rules(where)

    def warnings(self, where: str) -> Iterator[Problem]:
        """What is legal but probably not meant."""
        return iter(())

    def _rules(self, where: str) -> Iterator[Problem]:
        """The rules of one expression, once all arguments are known to be finite numbers."""
        return iter(())

    def _farthest(self) -> float:
        """Largest absolute value that can be drawn; infinite if that is too large for a float."""
        return 0.0

    def _step_rules(self, where: str) -> Iterator[Problem]:
        q = dict(self._arguments()).get("q")
        if q is not None and q <= 0:
            meant = self._call(q=-q) if q else self._call(q=None).replace(", null", "")[1:]
            yield Problem(where, f"{self.kind} needs q > 0", self._call(), f"Did you mean {meant}?")

    def _reach_rules(self, where: str) -> Iterator[Problem]:
        q, farthest = dict(self._arguments()).get("q", 0), self._farthest()
        if math.isinf(farthest):
            yield Problem(where, f"{self.kind} must give finite numbers, below 1.8e308", self._call())
        elif farthest > MOST_STEPS * q > 0:
            rule = f"{self.kind} needs a larger q: beyond 2**53 * q a number cannot be told from its neighbour"
            yield Problem(where, rule, self._call())

    def _arguments(self) -> list[tuple[str, Any]]:
        """What the expression is written with, by name."""
        return [(name, getattr(self, name)) for name in self.__match_args__]

    def _call(self, **changed: float | None) -> str:
        """The expression as the user could write it, with some arguments changed."""
        return f"{self.kind}({', '.join(shown(changed.get(name, value)) for name, value in self._arguments())})"
