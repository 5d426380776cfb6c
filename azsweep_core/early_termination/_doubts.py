"""Decides why a policy has stopped nobody, if it hardly could, and says what helps; never stops a trial, never logs."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

from azsweep_core.early_termination._base import Policy
from azsweep_core.errors import Problem
from azsweep_core.events import TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import Measurement, Trial, TrialState

__all__ = ["why_nothing_stops"]

_AT_THE_END = 0.95
"""A trial that reports nothing before so much of its time has passed cannot be stopped in time."""
_LOOKED_AT = 20
"""So many of the trials that ended first are looked at for one that others came too late to stop."""
_HOPELESS = 1e300


def why_nothing_stops(policy: Policy, history: History, where: str = "early_termination") -> str | None:
    """One sentence, with what to do about it, if the policy could not stop anybody; None if it did or could.

    Worth asking when the first few trials are over, and once more when the sweep is (after SweepEnded): only then is it
    said that there was nobody to compare with.
    """
    over = [trial for trial in history.trials if trial.state.is_final and trial.reports]
    first = next(policy.due(0, sys.maxsize), None)
    if not over or first is None or any(_was_stopped(trial) for trial in history.trials):
        return None
    doubt = _reported_too_rarely(policy, history, over, first, where)
    if doubt is None and history.stop_reason is not None:
        doubt = _too_few(policy, history, first, where) or _others_came_later(policy, history, where)
    return None if doubt is None else str(doubt)


def _was_stopped(trial: Trial) -> bool:
    request = trial.stopping
    return trial.state is TrialState.TERMINATED or (request is not None and request.state is TrialState.TERMINATED)


def _reported_too_rarely(
    policy: Policy, history: History, over: Sequence[Trial], first: int, where: str
) -> Problem | None:
    """That no trial reports before its end, or none often enough to be judged before it."""
    metric = history.objective.primary_metric
    most = max(trial.reports for trial in history.trials)
    late = most == 1 or all(_reported_at_its_end(trial) for trial in over)
    if late:
        when = "once only" if most == 1 else "at its end only"
        log = f'mlflow.log_metric("{metric}", value) or azsweep_core.log_metric("{metric}", value)'
        rule = f"every trial has reported {metric} {when}, so that no trial can be stopped"
        return Problem(where, rule, None, f"Log it after each epoch: {log}.")
    if most > first:
        return None
    half = most // 2  # with no setting above it, a trial is judged before its last report
    settings = {name: getattr(policy, name) for name in policy.timing}
    lower = " and ".join(f"{name}: {half}" for name, value in settings.items() if value > half)
    timing = ", ".join(f"{name} {value}" for name, value in settings.items())
    rule = f"a trial is judged from its report {first} of {metric} on ({timing or policy.type}), and none has made more"
    return Problem(
        where, rule, f"{most} at most", f"Set {lower}, or log it more often." if lower else "Log it more often."
    )


def _reported_at_its_end(trial: Trial) -> bool:
    began = trial.submitted_s if trial.started_s is None else trial.started_s
    ended = math.inf if trial.ended_s is None else trial.ended_s
    return trial.measurements[0].time_s - began >= _AT_THE_END * (ended - began)


def _too_few(policy: Policy, history: History, first: int, where: str) -> Problem | None:
    """That even a hopeless trial among those that were judged would have gone on."""
    judged = [trial for trial in history.trials if trial.reports >= first]
    worst = max(judged, key=lambda trial: _loss(trial, history.objective))
    hopeless = Measurement(None, -_HOPELESS if history.objective.goal is Goal.MAXIMIZE else _HOPELESS, 0.0)
    curves = {trial.number: trial.measurements for trial in history.trials}
    supposed = _history(history.objective, {**curves, worst.number: (hopeless,) * first})
    if policy.evaluate(supposed, worst.number).stop:
        return None
    metric = history.objective.primary_metric
    rule = f"{policy.type} judges trials from report {first} of {metric} on, and stops none of so few as came there"
    return Problem(where, rule, str(len(judged)), "Run more trials: limits.max_total_trials.")


def _loss(trial: Trial, objective: Objective) -> float:
    return math.inf if trial.value is None else objective.loss(trial.value)


def _others_came_later(policy: Policy, history: History, where: str) -> Problem | None:
    """That a trial was behind others that ran at the same time, which was known too late."""
    in_hindsight = _history(history.objective, {trial.number: trial.measurements for trial in history.trials})
    for trial in history.first_finished(_LOOKED_AT):
        if not policy.evaluate(in_hindsight, trial.number).stop:
            continue
        earlier = trial.measurements[:-1]  # to be stopped at the last report saves nothing
        decision = policy.evaluate(_as_of(history, trial, len(earlier), math.inf), trial.number)
        if not decision.stop:
            continue
        for interval in policy.due(0, len(earlier)):
            then = _as_of(history, trial, interval, earlier[interval - 1].time_s)
            if policy.evaluate(then, trial.number, since=interval - 1).stop:
                rule = f"trial {trial.number} was over before it could be stopped ({decision.reason})"
                return Problem(where, rule, None, "Log it earlier, or look more often: poll_interval.")
        rule = f"trial {trial.number} would have been stopped ({decision.reason}), but the others came there later"
        fix = "Run fewer at once (limits.max_concurrent_trials), or more in all (limits.max_total_trials)."
        return Problem(where, rule, None, fix)
    return None


def _as_of(history: History, trial: Trial, reports: int, time_s: float) -> History:
    """The first so many reports of a trial, and of those that ran beside it what they had reported at a time."""
    beside = [
        other
        for other in history.trials
        if other.number != trial.number and trial.ended_s is not None and other.submitted_s <= trial.ended_s
    ]
    curves = {other.number: tuple(one for one in other.measurements if one.time_s <= time_s) for other in beside}
    over = [other.number for other in beside if other.ended_s is not None and other.ended_s <= time_s]
    return _history(history.objective, {**curves, trial.number: trial.measurements[:reports]}, over)


def _history(objective: Objective, curves: Mapping[int, tuple[Measurement, ...]], over: Sequence[int] = ()) -> History:
    """A history that holds what policies look at: who reported what, and who is over."""
    history = History(objective)
    for number, measurements in curves.items():
        history.apply(TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters={}))
        if measurements:
            history.apply(TrialMeasured(number=number, measurements=measurements))
    for number in over:
        history.apply(TrialEnded(time_s=0.0, number=number, state=TrialState.COMPLETED))
    return history
