"""When policies are applied."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.early_termination import (
    BanditPolicy,
    Decision,
    MedianStoppingPolicy,
    PeriodicPolicy,
    TruncationSelectionPolicy,
)
from azsweep_core.early_termination._cadence import due_intervals, progress_curves
from azsweep_core.events import TrialMeasured
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import history_of
from azsweep_core.trial import Measurement


@pytest.mark.parametrize(
    ("every", "delay", "due"),
    [
        pytest.param(1, 0, [1, 2, 3, 4, 5, 6, 7], id="every-report"),
        pytest.param(0, 0, [1, 2, 3, 4, 5, 6, 7], id="interval-0-means-1"),
        pytest.param(1, 5, [5, 6, 7], id="from-the-5th"),
        pytest.param(2, 0, [2, 4, 6], id="every-second"),
        pytest.param(2, 5, [6], id="multiples-not-counted-from-the-delay"),
        pytest.param(3, 6, [6], id="delay-on-a-multiple"),
        pytest.param(1, 1, [1, 2, 3, 4, 5, 6, 7], id="delay-1-is-no-delay"),
        pytest.param(100, 200, [], id="longer-than-the-trial"),
        pytest.param(7, 7, [7], id="last-report"),
    ],
)
def test_a_policy_is_applied_at_every_multiple_that_is_not_delayed(every: int, delay: int, due: list[int]) -> None:
    assert list(due_intervals(0, 7, evaluation_interval=every, delay_evaluation=delay)) == due


@pytest.mark.parametrize(
    "policy",
    [BanditPolicy(slack_amount=0.1), MedianStoppingPolicy(), TruncationSelectionPolicy(truncation_percentage=50)],
    ids=lambda policy: str(policy.type),
)
@pytest.mark.parametrize(
    ("every", "delay", "stops_at"),
    [
        pytest.param(1, 0, 1, id="at-once"),
        pytest.param(0, 0, 1, id="interval-0-means-1"),
        pytest.param(1, 5, 5, id="after-the-delay"),
        pytest.param(5, 0, 5, id="at-the-first-multiple"),
        pytest.param(3, 5, 6, id="at-the-first-multiple-after-the-delay"),
        pytest.param(4, 4, 4, id="delay-on-a-multiple"),
        pytest.param(5, 8, None, id="after-the-trial"),
    ],
)
def test_a_hopeless_trial_stops_at_the_first_interval_that_is_due(
    policy: PeriodicPolicy, every: int, delay: int, stops_at: int | None
) -> None:
    timed = replace(policy, evaluation_interval=every, delay_evaluation=delay)
    histories = {reports: history_of(Goal.MAXIMIZE, [[0.9] * 9, [0.1] * reports]) for reports in range(1, 10)}

    stops = [reports for reports, history in histories.items() if timed.evaluate(history, 1, since=reports - 1).stop]

    assert stops[:1] == ([] if stops_at is None else [stops_at])


@settings(max_examples=100)
@given(
    reports=st.integers(0, 40),
    every=st.integers(0, 7),
    delay=st.integers(0, 20),
    looks=st.lists(st.integers(0, 40), max_size=5),
)
def test_no_interval_is_judged_twice_or_forgotten(reports: int, every: int, delay: int, looks: list[int]) -> None:
    """However the reports are spread over polls, the due intervals are the same."""
    polls = [0, *sorted(min(look, reports) for look in looks), reports]

    judged = [
        interval
        for since, now in itertools.pairwise(polls)
        for interval in due_intervals(since, now, evaluation_interval=every, delay_evaluation=delay)
    ]

    assert judged == list(due_intervals(0, reports, evaluation_interval=every, delay_evaluation=delay))


def test_the_first_stop_of_several_reports_is_the_answer() -> None:
    history = history_of(Goal.MAXIMIZE, [[0.9, 0.9, 0.9], [0.5, 0.6, 0.95]])

    decision = BanditPolicy(slack_amount=0.1).evaluate(history, 1)

    assert decision == Decision(True, "bandit: 0.5 at interval 1 is below 0.8 = best 0.9 - 0.1")


def test_what_was_judged_before_is_not_judged_again() -> None:
    """The trial was far behind at its first report, and has caught up since."""
    history = history_of(Goal.MAXIMIZE, [[0.9, 0.9], [0.1, 0.9]])

    assert not BanditPolicy(slack_amount=0.1).evaluate(history, 1, since=1).stop


def test_nothing_is_due_without_a_new_report() -> None:
    history = history_of(Goal.MAXIMIZE, [[0.9], [0.1]])

    decision = BanditPolicy(slack_amount=0.1).evaluate(history, 1, since=1)

    assert decision == Decision(False, "bandit: no evaluation is due at interval 1")


def test_an_interval_is_a_count_of_reports_and_never_a_step() -> None:
    history = history_of(Goal.MAXIMIZE, [[0.9] * 5, []])
    first = Measurement(step=500, value=0.1, time_s=1.0)
    history.apply(TrialMeasured(number=1, measurements=(first,)))

    decision = MedianStoppingPolicy(evaluation_interval=5).evaluate(history, 1)

    assert decision == Decision(False, "median_stopping: no evaluation is due at interval 1")


def test_unusable_values_count_as_reports() -> None:
    history = history_of(Goal.MAXIMIZE, [[0.9] * 3, [float("nan"), float("inf"), 0.1]])

    decision = BanditPolicy(slack_amount=0.1, evaluation_interval=3).evaluate(history, 1)

    assert decision.reason == "bandit: 0.1 at interval 3 is below 0.8 = best 0.9 - 0.1"


def test_curves_follow_a_history_as_it_grows() -> None:
    """Judging again after further reports gives what a fresh history of all of them gives."""
    growing = history_of(Goal.MINIMIZE, [[3.0], [2.0]])
    progress_curves(growing)

    growing.apply(TrialMeasured(number=0, measurements=(Measurement(None, 1.0, 2.0), Measurement(None, 5.0, 2.0))))

    assert progress_curves(growing) == progress_curves(history_of(Goal.MINIMIZE, [[3.0, 1.0, 5.0], [2.0]]))


@pytest.mark.parametrize(
    "policy",
    [
        BanditPolicy(slack_factor=0.1),
        MedianStoppingPolicy(),
        TruncationSelectionPolicy(truncation_percentage=20),
    ],
    ids=lambda policy: str(policy.type),
)
def test_defaults_judge_every_report_from_the_first(
    policy: PeriodicPolicy,
) -> None:
    assert (policy.evaluation_interval, policy.delay_evaluation) == (1, 0)
    assert list(policy.warnings()) == []


def test_an_interval_of_0_is_doubtful() -> None:
    warnings = MedianStoppingPolicy(evaluation_interval=0).warnings()

    assert [str(warning) for warning in warnings] == [
        "early_termination.evaluation_interval: 0 means 1; got 0. Write 1 to judge a trial at each of its reports."
    ]
