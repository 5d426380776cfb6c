"""What a user is told whose policy cannot stop anybody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.early_termination import (
    AshaPolicy,
    BanditPolicy,
    MedianStoppingPolicy,
    Policy,
    TruncationSelectionPolicy,
    why_nothing_stops,
)
from azsweep_core.events import (
    EndingKind,
    StopRequested,
    SweepEnded,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
)
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import Measurement, StopRequest, TrialState

BANDIT = BanditPolicy(slack_amount=0.1)
MEDIAN = MedianStoppingPolicy()
TRUNCATION = TruncationSelectionPolicy(truncation_percentage=20)
ASHA = AshaPolicy()
EVERY_POLICY = [BANDIT, MEDIAN, TRUNCATION, ASHA]
LOG_IT = 'Log it after each epoch: mlflow.log_metric("loss", value) or azsweep_core.log_metric("loss", value).'
ONCE = f"early_termination: every trial has reported loss once only, so that no trial can be stopped. {LOG_IT}"
AT_ITS_END = (
    f"early_termination: every trial has reported loss at its end only, so that no trial can be stopped. {LOG_IT}"
)


class Told(NamedTuple):
    """A trial: what it reported, at one report every so many seconds from its submission on, and how it ended."""

    values: Sequence[float]
    submitted_s: float = 0.0
    every_s: float = 10.0
    idle_s: float = 0.0
    state: TrialState | None = TrialState.COMPLETED
    stopping: StopRequest | None = None


def sweep_of(trials: Sequence[Told], goal: Goal = Goal.MINIMIZE, *, over: bool = False) -> History:
    """The history of these trials.

    Args:
        over: whether the sweep is.
    """
    history = History(Objective("loss", goal))
    for number, told in enumerate(trials):
        history.apply(TrialSubmitted(time_s=told.submitted_s - 5, number=number, attempt=1, parameters={}))
        history.apply(TrialBegan(time_s=told.submitted_s, number=number, directory=str(number)))
        times = [told.submitted_s + told.idle_s + told.every_s * count for count in range(1, len(told.values) + 1)]
        measurements = [Measurement(None, value, time_s) for value, time_s in zip(told.values, times, strict=True)]
        history.apply(TrialMeasured(number=number, measurements=tuple(measurements)))
        if told.stopping is not None:
            history.apply(StopRequested(time_s=0.0, number=number, request=told.stopping))
        if told.state is not None:
            ended_s = max([told.submitted_s, *times]) + 1
            history.apply(TrialEnded(time_s=ended_s, number=number, state=told.state))
    if over:
        history.apply(SweepEnded(time_s=1e6, stop_reason="all trials are over", kind=EndingKind.FINISHED))
    return history


def flat(reports: int, value: float = 0.5) -> list[float]:
    return [value] * reports


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=lambda policy: str(policy.type))
@pytest.mark.parametrize(
    "trials",
    [
        pytest.param([Told([0.5])] * 3, id="three"),
        pytest.param([Told([0.5]), Told([0.6], state=None), Told([], state=None)], id="others-are-under-way"),
        pytest.param([Told([0.5]), Told([], state=TrialState.FAILED)], id="one-failed-before"),
        pytest.param([Told([math.nan]), Told([0.5], state=TrialState.FAILED)], id="nan-is-a-report-too"),
    ],
)
def test_says_that_the_metric_comes_once_only(policy: Policy, trials: list[Told]) -> None:
    assert why_nothing_stops(policy, sweep_of(trials)) == ONCE
    assert why_nothing_stops(policy, sweep_of(trials, over=True)) == ONCE


def test_says_that_the_metric_comes_at_the_end_only() -> None:
    """All epochs are logged when training is over."""
    trials = [Told(flat(20), every_s=0.01, idle_s=600.0)] * 3

    assert why_nothing_stops(BANDIT, sweep_of(trials)) == AT_ITS_END


@pytest.mark.parametrize(
    ("policy", "reports", "message"),
    [
        pytest.param(
            BanditPolicy(slack_amount=0.1, delay_evaluation=8, evaluation_interval=5),
            4,
            (
                "early_termination: a trial is judged from its report 10 of loss on (evaluation_interval 5, "
                "delay_evaluation 8), and none has made more; got 4 at most. "
                "Set evaluation_interval: 2 and delay_evaluation: 2, or log it more often."
            ),
            id="delay-and-interval",
        ),
        pytest.param(
            MedianStoppingPolicy(delay_evaluation=8),
            5,
            (
                "early_termination: a trial is judged from its report 8 of loss on (evaluation_interval 1, "
                "delay_evaluation 8), and none has made more; got 5 at most. "
                "Set delay_evaluation: 2, or log it more often."
            ),
            id="delay",
        ),
        pytest.param(
            TruncationSelectionPolicy(truncation_percentage=20, evaluation_interval=6),
            5,
            (
                "early_termination: a trial is judged from its report 6 of loss on (evaluation_interval 6, "
                "delay_evaluation 0), and none has made more; got 5 at most. "
                "Set evaluation_interval: 2, or log it more often."
            ),
            id="interval",
        ),
        pytest.param(
            AshaPolicy(grace_period=50),
            30,
            (
                "early_termination: a trial is judged from its report 50 of loss on (grace_period 50), "
                "and none has made more; got 30 at most. Set grace_period: 15, or log it more often."
            ),
            id="grace-period",
        ),
        pytest.param(
            AshaPolicy(grace_period=30),
            30,
            (
                "early_termination: a trial is judged from its report 30 of loss on (grace_period 30), "
                "and none has made more; got 30 at most. Set grace_period: 15, or log it more often."
            ),
            id="judged-at-its-last-report-only",
        ),
        pytest.param(AshaPolicy(grace_period=29), 30, None, id="judged-before-its-last-report"),
        pytest.param(MedianStoppingPolicy(delay_evaluation=4, evaluation_interval=2), 5, None, id="judged-once"),
    ],
)
def test_says_that_trials_end_before_they_are_judged(policy: Policy, reports: int, message: str | None) -> None:
    trials = [Told(flat(reports)), Told(flat(reports - 1)), Told(flat(1)), Told([], state=TrialState.FAILED)]

    assert why_nothing_stops(policy, sweep_of(trials)) == message


@settings(max_examples=150)
@given(reports=st.integers(2, 12), interval=st.integers(0, 12), delay=st.integers(0, 24))
def test_what_it_says_to_set_is_early_enough(reports: int, interval: int, delay: int) -> None:
    """With both settings at the advised number a trial is judged before its last report."""
    policy = MedianStoppingPolicy(evaluation_interval=interval, delay_evaluation=delay)
    half = reports // 2
    advised = MedianStoppingPolicy(evaluation_interval=min(interval, half), delay_evaluation=min(delay, half))
    trials = [Told(flat(reports))] * 3

    doubt = why_nothing_stops(policy, sweep_of(trials))

    assert doubt is None or (f"{half}, or log" in doubt and advised != policy)
    assert why_nothing_stops(advised, sweep_of(trials)) is None


@pytest.mark.parametrize(
    ("policy", "trials", "message"),
    [
        pytest.param(
            TRUNCATION,
            [Told(flat(3, value)) for value in (0.1, 0.2, 0.3, 0.9)],
            (
                "early_termination: truncation_selection judges trials from report 1 of loss on, and stops none of so "
                "few as came there; got 4. Run more trials: limits.max_total_trials."
            ),
            id="20-per-cent-of-4",
        ),
        pytest.param(
            BanditPolicy(slack_amount=0.1, delay_evaluation=3),
            [Told(flat(9, 0.9)), Told(flat(2, 0.1)), Told(flat(2, 0.1))],
            (
                "early_termination: bandit judges trials from report 3 of loss on, and stops none of so few "
                "as came there; got 1. Run more trials: limits.max_total_trials."
            ),
            id="only-one-got-that-far",
        ),
        pytest.param(
            MEDIAN,
            [Told(flat(3))],
            (
                "early_termination: median_stopping judges trials from report 1 of loss on, and stops none of so few "
                "as came there; got 1. Run more trials: limits.max_total_trials."
            ),
            id="one-trial",
        ),
        pytest.param(
            MedianStoppingPolicy(delay_evaluation=3),
            [Told(flat(9)), Told(flat(2)), Told(flat(2))],
            None,
            id="the-median-takes-young-trials-in",
        ),
        pytest.param(TRUNCATION, [Told(flat(3))] * 5, None, id="20-per-cent-of-5-that-are-equal"),
        pytest.param(ASHA, [Told(flat(3))] * 2, None, id="asha-of-two-that-are-equal"),
        pytest.param(
            BANDIT,
            [Told(flat(3, 0.9), every_s=1.0), Told(flat(3, 0.1), every_s=100.0)],
            (
                "early_termination: trial 0 would have been stopped (bandit: 0.9 at interval 1 is above 0.2 = best "
                "0.1 + 0.1), but the others came there later. Run fewer at once (limits.max_concurrent_trials), "
                "or more in all (limits.max_total_trials)."
            ),
            id="the-bad-one-was-the-fastest",
        ),
        pytest.param(
            BANDIT,
            [Told(flat(3, 0.9)), Told(flat(3, 0.1), submitted_s=100.0)],
            None,
            id="the-better-one-began-when-the-bad-one-was-over",
        ),
        pytest.param(
            ASHA,
            [Told(flat(9, 0.1), every_s=0.1), Told(flat(9, 0.9), every_s=0.2)],
            (
                "early_termination: trial 1 was over before it could be stopped (asha: 0.9 at interval 1 is not among "
                "the best 1/4 of 2 trials there; the last one spared has 0.1). "
                "Log it earlier, or look more often: poll_interval."
            ),
            id="trials-are-over-before-they-are-looked-at",
        ),
        pytest.param(
            BANDIT,
            [Told(flat(3, 0.1)), Told([0.1, 0.15, 0.12], submitted_s=3.0)],
            None,
            id="nobody-was-bad-enough",
        ),
        pytest.param(
            BanditPolicy(slack_amount=0.1, evaluation_interval=3, delay_evaluation=3),
            [Told(flat(6, 0.9)), Told([*flat(5, 0.9), 0.1])],
            None,
            id="behind-at-the-last-report-only",
        ),
    ],
)
def test_says_at_the_end_that_nobody_could_be_compared_with(
    policy: Policy, trials: list[Told], message: str | None
) -> None:
    under_way = why_nothing_stops(policy, sweep_of(trials))

    assert under_way is None, "the next trials may have somebody to be compared with"
    assert why_nothing_stops(policy, sweep_of(trials, over=True)) == message


def test_a_goal_of_maximize_is_the_same() -> None:
    trials = [Told(flat(3, 0.1), every_s=1.0), Told(flat(3, 0.9), every_s=100.0)]

    doubt = why_nothing_stops(BANDIT, sweep_of(trials, Goal.MAXIMIZE, over=True))

    assert doubt is not None
    assert "trial 0 would have been stopped (bandit: 0.1 at interval 1 is below 0.8 = best 0.9 - 0.1)" in doubt
    assert why_nothing_stops(TRUNCATION, sweep_of(trials, Goal.MAXIMIZE, over=True)) is not None


@pytest.mark.parametrize(
    "trials",
    [
        pytest.param([], id="no-trial"),
        pytest.param([Told([0.5], state=None)] * 3, id="none-is-over"),
        pytest.param([Told([], state=TrialState.FAILED)] * 3, id="all-failed-before-a-report"),
        pytest.param([Told([0.5], state=TrialState.TERMINATED), Told([0.5])], id="one-was-stopped"),
        pytest.param(
            [Told([0.5], stopping=StopRequest(TrialState.TERMINATED, "bandit")), Told([0.5])],
            id="one-was-told-to-stop-and-ended-by-itself",
        ),
        pytest.param([Told([0.5]), Told([0.5]), Told(flat(2), state=None)], id="a-running-one-reports-often"),
    ],
)
def test_says_nothing_without_a_reason(trials: list[Told]) -> None:
    assert why_nothing_stops(BANDIT, sweep_of(trials)) is None


def test_a_stop_by_the_user_is_none_by_the_policy() -> None:
    cancelled = StopRequest(TrialState.CANCELLED, "stopped by SIGINT")

    assert why_nothing_stops(BANDIT, sweep_of([Told([0.5], stopping=cancelled)])) == ONCE
