"""Which reports of a trial its curve is drawn with: all, or those that keep its shape. Reads no file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from azsweep_core.trial import Trial

__all__ = ["curve", "kept"]


def kept(values: Sequence[float], most: int, best: float | None) -> list[int]:
    """Indices of at most `most` values, in order: first, last, best, and the extremes of equal parts in between.

    Args:
        most: at least 5.

    >>> kept([5, 4, 3, 9, 2, 2, 2, 2, 1, 2, 2, 2], 7, best=1)
    [0, 3, 4, 6, 8, 11]
    """
    count = len(values)
    if count <= most:
        return list(range(count))
    lows = highs = values
    if any(map(math.isnan, values)):
        lows = [math.inf if math.isnan(value) else value for value in values]
        highs = [-math.inf if math.isnan(value) else value for value in values]
    chosen = {0, count - 1}
    if best is not None and best in values:
        chosen.add(values.index(best))
    parts = (most - 3) // 2
    for part in range(parts):
        start, end = part * count // parts, (part + 1) * count // parts
        for extremes, wanted in ((lows, min), (highs, max)):
            section = extremes[start:end]
            chosen.add(start + section.index(wanted(section)))
    return sorted(chosen)


def curve(trial: Trial, most: int) -> dict[str, Any]:
    """Steps, values and times (seconds since the trial's start) of its reports, at most `most` of them.

    NaN and infinities are text. A report without a step comes one step after the one before.
    """
    found = trial.measurements
    steps = _steps([report.step for report in found])
    began_s = trial.submitted_s if trial.started_s is None else trial.started_s
    if trial.inherited:  # of attempts before, which began earlier
        began_s = min(began_s, found[0].time_s)
    chosen = kept([report.value for report in found], most, trial.value)
    return {
        "steps": [steps[index] for index in chosen],
        "values": [_short(found[index].value) for index in chosen],
        "times": [round(max(found[index].time_s - began_s, 0.0), 2) for index in chosen],
    }


def _steps(given: Sequence[int | None]) -> Sequence[int | None]:
    if None not in given:
        return given
    steps: list[int] = []
    for step in given:
        steps.append(step if step is not None else steps[-1] + 1 if steps else 0)
    return steps


def _short(value: float) -> float | str:
    """As many digits as can be told apart in a picture."""
    return float(f"{value:.7g}") if math.isfinite(value) else str(value)
