"""The scheduler: what starts, what stops and when a sweep ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from azsweep_core.events import (
    AttemptLost,
    Ending,
    EndingKind,
    Event,
    StopRequested,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialSubmitted,
)
from azsweep_core.history import History
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.scheduler import Action, Start, Stop, next_actions, next_deadline, why_end
from azsweep_core.trial import StopRequest, TrialState

COMPLETED, FAILED, TIMED_OUT = TrialState.COMPLETED, TrialState.FAILED, TrialState.TIMED_OUT
TERMINATED, CANCELLED = TrialState.TERMINATED, TrialState.CANCELLED


def submitted(number: int, attempt: int = 1) -> Event:
    return TrialSubmitted(time_s=0.0, number=number, attempt=attempt, parameters={})


def over(number: int, state: TrialState = COMPLETED, failure: str | None = None) -> list[Event]:
    return [submitted(number), TrialEnded(time_s=1.0, number=number, state=state, failure=failure)]


def history_of(*events: Event | list[Event]) -> History:
    history = History(Objective("loss", Goal.MINIMIZE))
    history.apply(SweepStarted(time_s=0.0, spec={}))
    for event in events:
        for each in event if isinstance(event, list) else [event]:
            history.apply(each)
    return history


def actions(
    history: History,
    limits: Limits | None = None,
    *,
    now: float = 0.0,
    slots: int = 2,
    max_trials: int | None = 5,
    exhausted: bool = False,
    ending: Ending | None = None,
) -> list[Action]:
    return list(
        next_actions(
            limits or Limits(), history, now, slots=slots, max_trials=max_trials, exhausted=exhausted, ending=ending
        )
    )


class TestStarts:
    """Free slots are filled at once, and never more than that."""

    @pytest.mark.parametrize(
        ("history", "expected"),
        [
            pytest.param(history_of(), [0, 1], id="empty-history-fills-every-slot"),
            pytest.param(history_of(submitted(0)), [1], id="one-running-leaves-one-slot"),
            pytest.param(history_of(submitted(0), submitted(1)), [], id="full"),
            pytest.param(history_of(over(0), submitted(1)), [2], id="refilled-as-soon-as-one-ends"),
            pytest.param(history_of(*map(over, range(4))), [4], id="total-caps-the-last-round"),
            pytest.param(history_of(*map(over, range(5))), [], id="total-reached"),
        ],
    )
    def test_numbers_ascend_and_respect_slots_and_total(self, history: History, expected: Sequence[int]) -> None:
        assert actions(history) == [Start(number, 1) for number in expected]

    def test_a_lost_trial_runs_again_before_a_new_one_and_counts_once(self) -> None:
        history = history_of(submitted(0), AttemptLost(time_s=1.0, number=0, reason="node died"), submitted(1))

        assert actions(history, slots=3) == [Start(0, 2), Start(2, 1)]

    def test_an_exhausted_sampler_still_retries_lost_trials(self) -> None:
        history = history_of(submitted(0), AttemptLost(time_s=1.0, number=0, reason="node died"))

        assert actions(history, exhausted=True) == [Start(0, 2)]

    def test_without_a_total_only_slots_count(self) -> None:
        assert actions(history_of(*map(over, range(50))), max_trials=None) == [Start(50, 1), Start(51, 1)]


class TestStops:
    """Trials are stopped once, for the first reason."""

    def test_trial_timeout_runs_from_the_start_of_the_task_not_from_the_submission(self) -> None:
        limits = Limits(trial_timeout_s=10)
        waiting = history_of(submitted(0))
        running = history_of(submitted(0), TrialBegan(time_s=5.0, number=0, directory="d"))

        assert actions(waiting, limits, now=99.0, slots=1) == []
        assert actions(running, limits, now=14.9, slots=1) == []
        assert actions(running, limits, now=15.0, slots=1) == [
            Stop(0, StopRequest(TIMED_OUT, "limits.trial_timeout of 10 s reached"))
        ]

    def test_an_ending_stops_everything_and_starts_nothing(self) -> None:
        ending = Ending(EndingKind.USER, "stopped by Ctrl-C")

        assert actions(history_of(submitted(0)), slots=4, ending=ending) == [
            Stop(0, StopRequest(CANCELLED, "stopped by Ctrl-C", by_user=True))
        ]

    def test_a_trial_that_was_told_to_stop_is_not_told_again(self) -> None:
        request = StopRequest(TERMINATED, "bandit")
        history = history_of(submitted(0), StopRequested(time_s=1.0, number=0, request=request))

        assert actions(history, slots=1, ending=Ending(EndingKind.TIMEOUT, "late")) == []


def failures(*states: TrialState, failure: str = "ValueError: x") -> History:
    return history_of(*(over(n, state, failure if state is FAILED else None) for n, state in enumerate(states)))


class TestEndings:
    """The sweep ends when it is done, or when a limit says so."""

    @pytest.mark.parametrize(
        ("history", "limits", "now", "exhausted", "kind", "reason"),
        [
            pytest.param(history_of(over(0)), Limits(), 0, False, None, "", id="not-yet"),
            pytest.param(
                history_of(*map(over, range(5))), Limits(), 0, False, EndingKind.FINISHED, "all 5 trials are done",
                id="total",
            ),
            pytest.param(
                history_of(*map(over, range(4)), submitted(4)), Limits(), 0, False, None, "", id="last-one-runs",
            ),
            pytest.param(
                history_of(over(0)), Limits(), 0, True, EndingKind.FINISHED,
                "every point of the search space was tried: 1 trials", id="exhausted",
            ),
            pytest.param(
                history_of(submitted(0)), Limits(timeout_s=60), 60, False, EndingKind.TIMEOUT,
                "limits.timeout of 60 s reached", id="timeout-strikes-although-one-runs",
            ),
            pytest.param(history_of(submitted(0)), Limits(timeout_s=60), 59.9, False, None, "", id="before-timeout"),
        ],
    )  # fmt: skip
    def test_ends_for_the_right_reason(
        self, history: History, limits: Limits, now: float, exhausted: bool, kind: EndingKind | None, reason: str
    ) -> None:
        ending = why_end(limits, history, now, max_trials=5, exhausted=exhausted)

        assert ending == (None if kind is None else Ending(kind, reason))

    @pytest.mark.parametrize(
        ("history", "limits", "ends"),
        [
            pytest.param(failures(FAILED, FAILED, FAILED), Limits(), True, id="first-three-alike"),
            pytest.param(failures(FAILED, FAILED), Limits(), False, id="two-are-not-three"),
            pytest.param(failures(COMPLETED, FAILED, FAILED, FAILED), Limits(), False, id="not-the-first-three"),
            pytest.param(failures(FAILED, FAILED, FAILED), Limits(fail_fast=0), False, id="switched-off"),
            pytest.param(failures(FAILED), Limits(fail_fast=1), True, id="fail-fast-one"),
            pytest.param(failures(TIMED_OUT, TIMED_OUT, TIMED_OUT), Limits(), False, id="timeouts-are-no-exception"),
            pytest.param(failures(FAILED, FAILED), Limits(max_failed_trials=2), False, id="as-many-as-allowed"),
            pytest.param(failures(FAILED, TIMED_OUT), Limits(max_failed_trials=1), True, id="more-than-allowed"),
            pytest.param(failures(FAILED), Limits(max_failed_trials=0), True, id="none-allowed"),
            pytest.param(
                failures(TERMINATED, CANCELLED), Limits(max_failed_trials=0), False, id="stopped-ones-do-not-count"
            ),
            pytest.param(
                failures(*[COMPLETED] * 4, *[FAILED] * 5), Limits(max_failure_rate=0.5), False, id="rate-before-ten"
            ),
            pytest.param(
                failures(*[COMPLETED] * 4, *[FAILED] * 6), Limits(max_failure_rate=0.5), True, id="rate-at-ten"
            ),
            pytest.param(
                failures(*[COMPLETED] * 5, *[FAILED] * 5), Limits(max_failure_rate=0.5), False, id="rate-not-exceeded"
            ),
        ],
    )
    def test_failure_limits(self, history: History, limits: Limits, ends: bool) -> None:
        ending = why_end(limits, history, 0.0, max_trials=100, exhausted=False)

        assert (ending is not None and ending.kind is EndingKind.FAILURES) == ends

    def test_three_different_failures_go_on(self) -> None:
        history = history_of(*(over(number, FAILED, f"ValueError: {number}") for number in range(3)))

        assert why_end(Limits(), history, 0.0, max_trials=9, exhausted=False) is None


def test_the_next_deadline_is_the_earliest_limit_that_can_still_strike() -> None:
    began: list[Event] = [TrialBegan(time_s=float(5 + n), number=n, directory="d") for n in range(2)]
    told = StopRequested(time_s=9.0, number=0, request=StopRequest(TERMINATED, "bandit"))
    history = history_of(submitted(0), submitted(1), began)

    assert next_deadline(Limits(), history) is None
    assert next_deadline(Limits(timeout_s=100), history) == 100.0
    assert next_deadline(Limits(timeout_s=100, trial_timeout_s=10), history) == 15.0
    history.apply(told)
    assert next_deadline(Limits(timeout_s=100, trial_timeout_s=10), history) == 16.0
