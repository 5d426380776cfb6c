"""Turns what Hydra sweeps over (`a,b`, choice, range, interval, glob) into distributions; never lists a long range."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    ParsedElementType,
    QuotedString,
    RangeSweep,
    Sweep,
)

from azsweep_core._values import Lazy, count_of
from azsweep_core.distributions import Choice, Distribution, LogUniform, QLogUniform, Uniform, Value
from azsweep_core.errors import Problem, SpecError

__all__ = ["to_distribution"]

_MOST_SHUFFLED = 10**6
_MOST_ADDED_UP = 10**5
"""So many values of a float range are Hydra's own sums; beyond, each is computed by itself, to the same precision."""


def to_distribution(override: Override, where: str, *, logbase: float = math.e) -> Distribution:
    """The distribution of a sweep override.

    Args:
        logbase: base of the exponents that `tag(log, interval(…))` is turned into.

    Raises:
        SpecError: if it cannot be sampled; its arguments are judged with all others, later.
    """
    sweep = override.value()
    if isinstance(sweep, IntervalSweep):
        return _interval(sweep, where, override.get_value_string(), logbase)
    if isinstance(sweep, Sweep) and "log" in sweep.tags:
        raise _fault(where, "only an interval can be tagged log", override, "Write tag(log, interval(start, end)).")
    if isinstance(sweep, RangeSweep):
        values = _range(sweep, where, override)
    elif isinstance(sweep, Glob):
        values = list(override.sweep_iterator())
        if not values:
            raise _fault(where, "no option of the config group matches", override, "Compare with the app's --help.")
    else:
        assert isinstance(sweep, ChoiceSweep)
        values = [_plain(value, where) for value in sweep.list]
    if getattr(sweep, "shuffle", False):
        values = _shuffled(values, where, override)
    return Choice(values)


def _fault(where: str, rule: str, override: Override, fix: str) -> SpecError:
    return SpecError([Problem(where, rule, override.get_value_string(), fix)])


def _interval(sweep: IntervalSweep, where: str, got: str, logbase: float) -> Distribution:
    """`interval(a, b)`; as `int(…)`, whose bounds are ints, it holds whole numbers from a to b, both included."""
    start, end = sweep.start, sweep.end
    assert start is not None
    assert end is not None
    whole = isinstance(start, int) and isinstance(end, int)
    if not (start < end or (whole and start == end)):
        raise SpecError([Problem(where, "interval needs start < end", got)])
    if "log" not in sweep.tags:
        return Choice(range(int(start), int(end) + 1)) if whole else Uniform(start, end)
    if start <= 0:
        raise SpecError([Problem(where, "interval tagged log needs start > 0", got, "Its bounds are the values'.")])
    low, high = (math.log(bound) if logbase == math.e else math.log(bound, logbase) for bound in (start, end))
    return QLogUniform(low, high, 1, base=logbase) if whole else LogUniform(low, high, base=logbase)


def _range(sweep: RangeSweep, where: str, override: Override) -> Sequence[Value]:
    """Hydra's values in Hydra's order. The stop is left out, also where Hydra's sums fall just short of it."""
    start, stop, step = sweep.start, sweep.stop, sweep.step
    assert start is not None
    assert stop is not None
    if not all(math.isfinite(number) for number in (start, stop, step)) or step == 0:
        raise _fault(where, "range needs finite numbers and a step other than 0", override, "range(start, stop, step).")
    hydras = sweep.range()
    if isinstance(hydras, range):
        return hydras
    count = math.ceil((Fraction(stop) - Fraction(start)) / Fraction(step))
    if count <= _MOST_ADDED_UP:
        return [value for value in hydras if (value < stop if step > 0 else value > stop)]

    def value_at(index: int) -> float:
        return float(Fraction(start) + index * Fraction(step))

    return Lazy(count - (value_at(count - 1) == stop), value_at)


def _shuffled(values: Sequence[Value], where: str, override: Override) -> list[Value]:
    """In an order that depends on the key alone: a sweep that is started again must find its values where they were."""
    if count_of(values) > _MOST_SHUFFLED:
        raise _fault(where, f"shuffle takes at most {_MOST_SHUFFLED:,} values", override, "Sample randomly instead.")
    shuffled = list(values)
    random.Random(override.get_key_element()).shuffle(shuffled)
    return shuffled


def _plain(value: ParsedElementType | Sweep | Glob, where: str) -> Value:
    if isinstance(value, (Sweep, Glob)):
        raise SpecError([Problem(where, "a sweep or distribution must be the whole value of a key")])
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item, where) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, where) for key, item in value.items()}
    return value
