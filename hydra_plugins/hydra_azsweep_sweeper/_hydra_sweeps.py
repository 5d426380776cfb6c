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

from azsweep_core._values import count_of
from azsweep_core.distributions import Choice, Distribution, LogUniform, QLogUniform, Uniform, Value
from azsweep_core.errors import Problem, SpecError

__all__ = ["to_distribution"]

_MOST_LISTED = 10**6
"""Values of a float range, and of anything shuffled, are listed; a range of whole numbers is not."""


def to_distribution(override: Override, where: str, *, logbase: float = math.e) -> Distribution:
    """The distribution of a sweep override.

    Args:
        logbase: base of the exponents that `tag(log, interval(…))` is turned into.

    Raises:
        SpecError: if it cannot be sampled; its arguments are judged with all others, later.
    """
    sweep = override.value()
    if isinstance(sweep, IntervalSweep):
        return _interval(sweep, where, override, logbase)
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
        values = [_plain(value, where, override) for value in sweep.list]
    if getattr(sweep, "shuffle", False):
        values = _shuffled(values, where, override)
    return Choice(values)


def _fault(where: str, rule: str, override: Override, fix: str | None = None) -> SpecError:
    return SpecError([Problem(where, rule, override.get_value_string(), fix)])


def _interval(sweep: IntervalSweep, where: str, override: Override, logbase: float) -> Distribution:
    """`interval(a, b)`; as `int(…)`, whose bounds are ints, it holds whole numbers from a to b, both included."""
    start, end = sweep.start, sweep.end
    assert start is not None
    assert end is not None
    whole = isinstance(start, int) and isinstance(end, int)
    if not (start < end or (whole and start == end)):
        raise _fault(where, "interval needs start < end", override)
    if "log" not in sweep.tags:
        return Choice(range(int(start), int(end) + 1)) if whole else Uniform(start, end)
    if start <= 0:
        raise _fault(where, "interval tagged log needs start > 0", override, "Its bounds are those of the value.")
    low, high = (math.log(bound) if logbase == math.e else math.log(bound, logbase) for bound in (start, end))
    return QLogUniform(low, high, 1, base=logbase) if whole else LogUniform(low, high, base=logbase)


def _range(sweep: RangeSweep, where: str, override: Override) -> Sequence[Value]:
    """Hydra's values in Hydra's order. The stop is left out, also where Hydra's sums fall just short of it."""
    start, stop, step = sweep.start, sweep.stop, sweep.step
    assert start is not None
    assert stop is not None
    if not all(math.isfinite(number) for number in (start, stop, step)) or step == 0:
        rule = "range needs finite numbers and a step other than 0"
        raise _fault(where, rule, override, "Write range(start, stop, step).")
    hydras = sweep.range()
    if isinstance(hydras, range):
        return hydras
    count = math.ceil((Fraction(stop) - Fraction(start)) / Fraction(step))
    if count > _MOST_LISTED:
        fix = "Write interval(start, stop), or quniform(start, stop, step)."
        raise _fault(where, f"a range of floats takes at most {_MOST_LISTED:,} values", override, fix)
    return [value for value in hydras if (value < stop if step > 0 else value > stop)]


def _shuffled(values: Sequence[Value], where: str, override: Override) -> list[Value]:
    """In an order that depends on the key alone: a sweep that is started again must find its values where they were."""
    if count_of(values) > _MOST_LISTED:
        raise _fault(where, f"shuffle takes at most {_MOST_LISTED:,} values", override, "Sample randomly instead.")
    shuffled = list(values)
    random.Random(override.get_key_element()).shuffle(shuffled)
    return shuffled


def _plain(value: ParsedElementType | Sweep | Glob, where: str, override: Override) -> Value:
    if isinstance(value, (Sweep, Glob)):
        raise _fault(where, "a sweep or distribution must be the whole value of a key", override)
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item, where, override) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, where, override) for key, item in value.items()}
    return value
