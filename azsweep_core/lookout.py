"""Looks at what running trials report, no oftener than the store can bear, and has the policy judge it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from azsweep_core.early_termination import Decision, Policy, why_nothing_stops
from azsweep_core.history import History
from azsweep_core.ports import IN_A_CHILD_RUN, Clock, Tracker, TrialReport
from azsweep_core.trial import Measurement

__all__ = ["Lookout", "never_measured"]

log = logging.getLogger("azsweep")

_PAUSE_FOR_EACH_SECOND = 4.0
"""A look is followed by a pause so many times as long: most of the time the store is the trials' own."""
_PAUSE_FOR_THE_EYE = 20.0
_PAUSE_FOR_THE_EYE_S = 2.0
"""The same where no policy waits for it, and the least such pause."""
_ASK_FOR_NAMES_AFTER_S = 60.0
_DOUBT_AFTER_TRIALS = 3


@dataclass(slots=True, kw_only=True)
class Lookout:
    """When to look, what is new, and whom the policy wants to stop.

    Args:
        policy: None if nobody is to be stopped. Reports are then for the eye alone, and looked for less often.
        poll_interval_s: between two looks at least.
        judged: by trial, how many reports it has been judged by already.
    """

    policy: Policy | None
    tracker: Tracker
    clock: Clock
    primary_metric: str
    poll_interval_s: float
    judged: dict[int, int] = field(default_factory=dict)
    _next_s: float | None = None
    _ask_for_names_after_s: float = _ASK_FOR_NAMES_AFTER_S
    _has_doubted: bool = False

    def due_in(self) -> float:
        """Seconds until the next look."""
        now = self.clock.now()
        if self._next_s is None:
            self._next_s = now if self.policy is not None else now + self._pause_s(0.0)
        return self._next_s - now

    def look(self, history: History) -> Mapping[int, tuple[Measurement, ...]]:
        """What running trials have reported since the last look."""
        began = self.clock.now()
        news = self.tracker.new_measurements(history.active)
        ended = self.clock.now()
        self._next_s = ended + self._pause_s(ended - began)
        self._look_for_other_names(history)
        return news

    def _pause_s(self, looked_s: float) -> float:
        if self.policy is None:
            return max(self.poll_interval_s, _PAUSE_FOR_THE_EYE_S, _PAUSE_FOR_THE_EYE * looked_s)
        return max(self.poll_interval_s, _PAUSE_FOR_EACH_SECOND * looked_s)

    def judge(self, history: History, news: Mapping[int, tuple[Measurement, ...]]) -> Iterator[tuple[int, Decision]]:
        """The policy's decisions on trials with news, each by the reports that it has not been judged by before."""
        if self.policy is None:
            return
        for number, reports in news.items():
            total = len(history[number].measurements)
            since = min(self.judged.get(number, 0), total - len(reports))  # less, if a new attempt has started over
            self.judged[number] = total
            yield number, self.policy.evaluate(history, number, since=since)

    def note_end(self, history: History, number: int) -> None:
        """The trial is over."""
        self.judged.pop(number, None)
        if history.finished == _DOUBT_AFTER_TRIALS:
            self.doubt(history)

    def doubt(self, history: History) -> None:
        """Say once if the policy could stop nobody, and what helps."""
        if self.policy is None or self._has_doubted:
            return
        words = why_nothing_stops(self.policy, history)
        if words is not None:
            self._has_doubted = True
            log.warning("Warning: %s", words)

    def _look_for_other_names(self, history: History) -> None:
        """Say once, and not only when the trial is over, that it logs other metrics than the primary one."""
        now = self.clock.now()
        silent = [
            (each, now - each.started_s)
            for each in history.active
            if each.started_s is not None
            and not each.measurements
            and now - each.started_s >= self._ask_for_names_after_s
        ]
        if not silent:
            return
        trial, ran_s = silent[0]
        self._ask_for_names_after_s *= 2
        names = self.tracker.metric_names(trial)
        if names:
            self._ask_for_names_after_s = math.inf
            words = _missing_metric(self.primary_metric, names)
            log.warning("Warning: trial %d has run for %.0f s and %s", trial.number, ran_s, words)


def never_measured(primary: str, names: Sequence[str], report: TrialReport, how_to_log: str) -> str:
    """That a trial that is over never reported the primary metric, with what it did report."""
    if names:
        return f"the task {_missing_metric(primary, names)}"
    instead = f" and returned {report.returned_instead}, not a number" if report.returned_instead else ""
    return f"the task never logged the primary metric {primary!r}{instead}. {how_to_log}"


def _missing_metric(primary: str, names: Sequence[str]) -> str:
    """That the primary metric was not among those that were logged, with the nearest name."""
    near = get_close_matches(primary, [name for name in names if not name.endswith(IN_A_CHILD_RUN)], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    if f"{primary}{IN_A_CHILD_RUN}" in names:
        hint = "; what counts is the trial's own run, the first that the task starts"
    return f"never logged the primary metric {primary!r}; it logged {', '.join(names)}{hint}"
