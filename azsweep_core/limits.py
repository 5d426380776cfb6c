"""The limits of a sweep: how many trials, how many at once, how long, and how much failure. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from azsweep_core.errors import Problem

__all__ = ["Limits", "recorded_limits"]

_NO_LIMIT = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits with AzureML's names; times are in seconds, None means no limit.

    Args:
        max_total_trials: trials (not attempts) in all; None stands for the size of a finite search space.
        max_concurrent_trials: trials submitted or running at once; None lets the launcher decide.
        timeout_s: the sweep and its running trials are cancelled this long after its start.
        trial_timeout_s: a trial is stopped this long after its task began.
        max_retries: further attempts after one that the infrastructure lost.
        max_failed_trials: the sweep stops when more than this many trials have failed.
        max_failure_rate: the sweep stops when failed / finished exceeds this, judged from the 10th finished trial.
        fail_fast: the sweep stops when its first so many finished trials all failed alike; 0 switches it off.
    """

    max_total_trials: int | None = None
    max_concurrent_trials: int | None = None
    timeout_s: float | None = None
    trial_timeout_s: float | None = None
    max_retries: int = 1
    max_failed_trials: int | None = None
    max_failure_rate: float = 1.0
    fail_fast: int = 3

    def validate(self) -> Iterator[Problem]:
        """Every rule these limits break, by the user's own names."""
        for name, least in (
            ("max_total_trials", 1),
            ("max_concurrent_trials", 1),
            ("max_retries", 0),
            ("max_failed_trials", 0),
            ("fail_fast", 0),
        ):
            count = getattr(self, name)
            if count is not None and count < least:
                yield Problem(f"limits.{name}", f"must be at least {least}", str(count))
        for name, seconds in (("timeout", self.timeout_s), ("trial_timeout", self.trial_timeout_s)):
            if seconds is not None and seconds <= 0:
                yield Problem(
                    f"limits.{name}", "must be greater than 0 seconds", f"{seconds:g}", "Leave it out for no limit."
                )
        if not 0 <= self.max_failure_rate <= 1:
            rate = f"{self.max_failure_rate:g}"
            yield Problem("limits.max_failure_rate", "must be between 0 and 1", rate, "1 means never stop.")


def recorded_limits(spec: Mapping[str, Any]) -> dict[str, float]:
    """The limits of a recorded specification, by AzureML's names; what limits nothing, or is no number, is left out.

    >>> recorded_limits({"limits": {"timeout": 60, "max_total_trials": None, "trial_timeout": "soon"}})
    {'timeout': 60}
    """
    limits = spec.get("limits")
    given = limits.items() if isinstance(limits, Mapping) else ()
    return {name: value for name, value in given if type(value) in (int, float) and abs(value) < _NO_LIMIT}
