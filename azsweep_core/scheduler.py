"""Decides what happens next in a sweep. Pure: reads limits, the history and the time; starts and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from azsweep_core.events import Ending, EndingKind
from azsweep_core.history import History
from azsweep_core.limits import Limits
from azsweep_core.trial import StopRequest, Trial, TrialState

__all__ = ["Action", "Start", "Stop", "next_actions", "next_deadline", "why_end"]

_RATE_JUDGED_FROM = 10


@dataclass(frozen=True, slots=True)
class Start:
    """Start this attempt of this trial; attempt 1 of a number that is not in the history is a new trial."""

    number: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell this running trial to stop."""

    number: int
    request: StopRequest


Action = Start | Stop


def why_end(limits: Limits, history: History, now: float, *, max_trials: int | None, exhausted: bool) -> Ending | None:
    """The reason to end the sweep, if there is one.

    Args:
        max_trials: trials in all; None for no limit.
        exhausted: True once the sampler has no point left.
    """
    if limits.timeout_s is not None and history.started_s is not None and now - history.started_s >= limits.timeout_s:
        return Ending(EndingKind.TIMEOUT, f"limits.timeout of {limits.timeout_s:g} s reached")
    failures = _too_many_failures(limits, history)
    if failures is not None:
        return Ending(EndingKind.FAILURES, failures)
    if history.active or history.lost:
        return None
    if exhausted:
        return Ending(EndingKind.FINISHED, f"every point of the search space was tried: {len(history)} trials")
    if max_trials is not None and len(history) >= max_trials:
        return Ending(EndingKind.FINISHED, f"all {max_trials} trials are done")
    return None


def next_actions(
    limits: Limits,
    history: History,
    now: float,
    *,
    slots: int,
    max_trials: int | None,
    exhausted: bool = False,
    ending: Ending | None = None,
) -> Iterator[Action]:
    """What to do now: stops first, then starts for every free slot, lost trials before new ones.

    Args:
        slots: attempts that may be submitted or running at once.
        ending: given once the sweep is to end; then everything that runs is stopped and nothing starts.
    """
    for trial in history.active:
        request = _why_stop(limits, trial, now, ending)
        if request is not None:
            yield Stop(trial.number, request)
    if ending is not None:
        return
    free = slots - len(history.active)
    for trial in history.lost[: max(free, 0)]:
        free -= 1
        yield Start(trial.number, trial.attempt + 1)
    if exhausted:
        return
    room = free if max_trials is None else min(free, max_trials - len(history))
    for number in range(len(history), len(history) + room):
        yield Start(number, 1)


def next_deadline(limits: Limits, history: History) -> float | None:
    """Time (seconds since the epoch) of the next limit to strike, if any is set; the loop need not look before it."""
    deadlines = []
    if limits.timeout_s is not None and history.started_s is not None:
        deadlines.append(history.started_s + limits.timeout_s)
    if limits.trial_timeout_s is not None:
        deadlines += [
            trial.started_s + limits.trial_timeout_s
            for trial in history.active
            if trial.started_s is not None and trial.stopping is None
        ]
    return min(deadlines, default=None)


def _why_stop(limits: Limits, trial: Trial, now: float, ending: Ending | None) -> StopRequest | None:
    if trial.stopping is not None:
        return None
    if ending is not None:
        return StopRequest(TrialState.CANCELLED, ending.reason, by_user=ending.kind is EndingKind.USER)
    limit = limits.trial_timeout_s
    if limit is not None and trial.started_s is not None and now - trial.started_s >= limit:
        return StopRequest(TrialState.TIMED_OUT, f"limits.trial_timeout of {limit:g} s reached")
    return None


def _too_many_failures(limits: Limits, history: History) -> str | None:
    """The failure limit that was broken, in words."""
    failed = history.count(TrialState.FAILED, TrialState.TIMED_OUT)
    if limits.max_failed_trials is not None and failed > limits.max_failed_trials:
        return f"{failed} trials failed, more than limits.max_failed_trials = {limits.max_failed_trials}"
    finished = history.finished
    if finished >= _RATE_JUDGED_FROM and failed / finished > limits.max_failure_rate:
        return f"{failed} of {finished} trials failed, more than limits.max_failure_rate = {limits.max_failure_rate:g}"
    first = history.first_finished(limits.fail_fast)
    if limits.fail_fast and len(first) == limits.fail_fast:
        alike = {trial.failure for trial in first}
        if len(alike) == 1 and first[0].state is TrialState.FAILED:
            return f"the first {len(first)} trials failed alike ({first[0].failure}); limits.fail_fast=0 goes on anyway"
    return None
