"""What asynchronous successive halving promises."""

from __future__ import annotations

import math

import pytest

from azsweep_core.early_termination import AshaPolicy, Decision
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import MirroredPolicyContract, history_of

MIN, MAX = Goal.MINIMIZE, Goal.MAXIMIZE
NAN = math.nan


class TestContract(MirroredPolicyContract):
    policies = (
        AshaPolicy(),
        AshaPolicy(grace_period=2, reduction_factor=2),
        AshaPolicy(grace_period=3, reduction_factor=100),
    )


@pytest.mark.parametrize(
    ("grace", "factor", "rungs"),
    [
        pytest.param(1, 4, [1, 4, 16, 64], id="defaults"),
        pytest.param(1, 2, [1, 2, 4, 8, 16, 32, 64], id="halving"),
        pytest.param(5, 3, [5, 15, 45], id="grace-period-of-5"),
        pytest.param(100, 4, [100], id="last-report"),
        pytest.param(101, 4, [], id="grace-period-longer-than-the-trial"),
    ],
)
def test_rungs_are_ever_further_apart(grace: int, factor: int, rungs: list[int]) -> None:
    assert list(AshaPolicy(grace_period=grace, reduction_factor=factor).due(0, 100)) == rungs


@pytest.mark.parametrize(
    ("factor", "goal", "values", "stopped"),
    [
        pytest.param(4, MAX, [8, 7, 6, 5, 4, 3, 2, 1], {2, 3, 4, 5, 6, 7}, id="2-of-8-go-on"),
        pytest.param(4, MIN, [8, 7, 6, 5, 4, 3, 2, 1], {0, 1, 2, 3, 4, 5}, id="minimize"),
        pytest.param(2, MAX, [4, 3, 2, 1], {2, 3}, id="2-of-4-go-on"),
        pytest.param(4, MAX, [5, 4, 3, 2, 1], {2, 3, 4}, id="quarter-of-5-is-rounded-up-to-2"),
        pytest.param(4, MAX, [3, 2, 1], {1, 2}, id="quarter-of-3-is-rounded-up-to-1"),
        pytest.param(100, MAX, [2, 1], {1}, id="the-best-always-goes-on"),
        pytest.param(4, MAX, [1], set(), id="the-first-at-a-rung-goes-on"),
        pytest.param(4, MAX, [4, 4, 3, 2], {2, 3}, id="equal-to-the-last-one-spared"),
        pytest.param(4, MAX, [4, 4, 4, 4], set(), id="all-equal"),
        pytest.param(4, MAX, [-1, -2, -3, -4], {1, 2, 3}, id="negative-values"),
        pytest.param(4, MAX, [0, -0.0, -1, -2], {2, 3}, id="zero-best-and-both-zeros-are-equal"),
        pytest.param(2, MAX, [3, 2, 1, NAN], {2, 3}, id="nan-is-worst"),
        pytest.param(2, MAX, [3, math.inf, 2, -math.inf], {1, 3}, id="infinities-are-worst"),
        pytest.param(2, MAX, [3, NAN, NAN, NAN], set(), id="nan-is-equal-to-nan-spared"),
        pytest.param(4, MAX, [NAN, NAN], set(), id="nan-only"),
    ],
)
def test_lets_exactly_the_best_at_a_rung_go_on(factor: int, goal: Goal, values: list[float], stopped: set[int]) -> None:
    policy = AshaPolicy(reduction_factor=factor)
    history = history_of(goal, [[value] for value in values])

    assert {number for number in range(len(values)) if policy.evaluate(history, number).stop} == stopped


def test_says_who_was_the_last_one_spared() -> None:
    values = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.61]
    history = history_of(MAX, [[value] * 4 for value in values])

    assert AshaPolicy(grace_period=4).evaluate(history, 8) == Decision(
        True, "asha: 0.61 at interval 4 is not among the best 1/4 of 9 trials there; the last one spared has 0.7"
    )
    assert AshaPolicy(grace_period=4).evaluate(history, 2) == Decision(
        False, "asha: 0.7 at interval 4 is among the best 1/4 of 9 trials there"
    )
    assert AshaPolicy(grace_period=5).evaluate(history, 8) == Decision(
        False, "asha: no evaluation is due at interval 4"
    )


def test_says_that_there_is_no_usable_value() -> None:
    decision = AshaPolicy(reduction_factor=2).evaluate(history_of(MIN, [[0.25], [NAN]]), 1)

    assert decision.reason == (
        "asha: no usable value by interval 1 is not among the best 1/2 of 2 trials there; the last one spared has 0.25"
    )


def test_between_rungs_nobody_is_stopped() -> None:
    history = history_of(MAX, [[9.0] * 3, [1.0] * 3])

    assert not AshaPolicy().evaluate(history, 1, since=1).stop


@pytest.mark.parametrize(
    ("other", "stops"),
    [
        pytest.param([1, 1, 1, 1, 9], False, id="what-others-reached-after-the-rung-does-not-count"),
        pytest.param([9, 9, 9], False, id="who-has-not-reached-the-rung-does-not-count"),
        pytest.param([9, 1, 1, 1], True, id="best-by-the-rung-counts"),
    ],
)
def test_trials_are_compared_at_the_rung(other: list[float], *, stops: bool) -> None:
    """A late trial does not suffer from being young."""
    history = history_of(MAX, [other, [1, 1, 1, 2]])

    assert AshaPolicy().evaluate(history, 1, since=1).stop is stops


def test_the_best_so_far_counts_not_the_latest_value() -> None:
    history = history_of(MAX, [[5, 5, 5, 5], [6, 1, 1, 1]])

    assert not AshaPolicy().evaluate(history, 1, since=1).stop
    assert AshaPolicy().evaluate(history, 0, since=1).stop


def test_stopped_and_finished_trials_keep_their_places_at_a_rung() -> None:
    curves = [[8.0], [7.0], [6.0], [5.0], [7.5]]  # two of five go on

    running = AshaPolicy().evaluate(history_of(MAX, curves), 4)
    alone = AshaPolicy().evaluate(history_of(MAX, curves, finished=[0], stopped=[1, 2, 3]), 4)

    assert running == alone == Decision(False, "asha: 7.5 at interval 1 is among the best 1/4 of 5 trials there")


@pytest.mark.parametrize(
    ("policy", "problems"),
    [
        pytest.param(AshaPolicy(), [], id="defaults"),
        pytest.param(AshaPolicy(reduction_factor=2), [], id="smallest"),
        pytest.param(
            AshaPolicy(grace_period=0, reduction_factor=1),
            [
                "early_termination.grace_period: must be at least 1; got 0.",
                "early_termination.reduction_factor: must be greater than 1; got 1. With 4, one trial of four goes on.",
            ],
            id="too-small",
        ),
        pytest.param(
            AshaPolicy(grace_period=-3),
            ["early_termination.grace_period: must be at least 1; got -3."],
            id="negative",
        ),
    ],
)
def test_needs_a_first_rung_and_a_real_reduction(policy: AshaPolicy, problems: list[str]) -> None:
    assert [str(problem) for problem in policy.validate()] == problems


def test_warns_once_that_it_is_ours() -> None:
    assert [str(warning) for warning in AshaPolicy().warnings()] == [
        "early_termination.type: AzureML has no asha. It runs here, but not on AzureML."
    ]


def test_is_written_with_all_of_its_settings() -> None:
    assert AshaPolicy().to_mapping() == {"type": "asha", "grace_period": 1, "reduction_factor": 4}
