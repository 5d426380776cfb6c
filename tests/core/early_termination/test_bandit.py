"""What the bandit policy promises."""

from __future__ import annotations

import math

import pytest

from azsweep_core.early_termination import BanditPolicy, Decision
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import MirroredPolicyContract, PolicyContract, history_of

MIN, MAX = Goal.MINIMIZE, Goal.MAXIMIZE


class TestContractOfFactor(PolicyContract):
    policies = (
        BanditPolicy(slack_factor=0.0),
        BanditPolicy(slack_factor=0.2),
        BanditPolicy(slack_factor=0.1, evaluation_interval=2),
    )


class TestContractOfAmount(MirroredPolicyContract):
    policies = (
        BanditPolicy(slack_amount=0.0, evaluation_interval=2),
        BanditPolicy(slack_amount=0.1, delay_evaluation=2),
        BanditPolicy(slack_amount=0.3),
    )


@pytest.mark.parametrize(
    ("policy", "goal", "best", "mine", "stops"),
    [
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.8, 0.67, False, id="factor:inside-0.8/1.2"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.8, 0.66, True, id="factor:below-0.8/1.2"),
        pytest.param(BanditPolicy(slack_amount=0.2), MAX, 0.8, 0.61, False, id="amount:inside-0.6"),
        pytest.param(BanditPolicy(slack_amount=0.2), MAX, 0.8, 0.59, True, id="amount:below-0.6"),
        pytest.param(BanditPolicy(slack_factor=0.1), MAX, 1.0, 0.91, False, id="factor:91-per-cent-of-the-best"),
        pytest.param(BanditPolicy(slack_factor=0.1), MAX, 1.0, 0.9, True, id="factor:below-91-per-cent-of-the-best"),
        pytest.param(BanditPolicy(slack_amount=0.25), MAX, 0.75, 0.5, False, id="amount:on-the-bound"),
        pytest.param(BanditPolicy(slack_factor=1.0), MAX, 0.5, 0.25, False, id="factor:on-the-bound"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, 0.5, 0.59, False, id="minimize:factor:inside-0.6"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, 0.5, 0.61, True, id="minimize:factor:above-0.6"),
        pytest.param(BanditPolicy(slack_amount=0.2), MIN, 0.5, 0.69, False, id="minimize:amount:inside-0.7"),
        pytest.param(BanditPolicy(slack_amount=0.2), MIN, 0.5, 0.71, True, id="minimize:amount:above-0.7"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, -1.0, -1.19, False, id="negative-best:inside--1.2"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, -1.0, -1.21, True, id="negative-best:below--1.2"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, -1.0, -0.81, False, id="minimize:negative-best:inside--0.8"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, -1.0, -0.79, True, id="minimize:negative-best:above--0.8"),
        pytest.param(BanditPolicy(slack_amount=0.2), MAX, -1.0, -1.3, True, id="negative-best:amount"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.0, -0.001, True, id="zero-best:factor-leaves-no-slack"),
        pytest.param(BanditPolicy(slack_amount=0.2), MIN, 0.0, 0.1, False, id="zero-best:amount-leaves-slack"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, 0.0, 0.001, True, id="minimize:zero-best:factor-leaves-none"),
        pytest.param(
            BanditPolicy(slack_amount=0.25), MIN, -1.0, -0.75, False, id="minimize:negative-best:amount:on-it"
        ),
        pytest.param(BanditPolicy(slack_amount=0.25), MIN, -1.0, -0.7, True, id="minimize:negative-best:amount"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, 0.5, math.nan, True, id="minimize:nan-loses-to-any-value"),
        pytest.param(BanditPolicy(slack_factor=0.2), MIN, 0.5, -math.inf, True, id="minimize:infinity-never-wins"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.1, -5.0, True, id="positive-best-negative-mine"),
        pytest.param(BanditPolicy(slack_factor=0.0), MAX, 0.5, 0.5, False, id="no-slack:equal"),
        pytest.param(BanditPolicy(slack_factor=0.0), MAX, 0.5, 0.499, True, id="no-slack:worse"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.5, math.nan, True, id="nan-loses-to-any-value"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, 0.5, math.inf, True, id="infinity-never-wins"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, math.nan, 0.5, False, id="nan-is-no-best"),
        pytest.param(BanditPolicy(slack_factor=0.2), MAX, math.nan, math.nan, False, id="nan-against-nan"),
        pytest.param(BanditPolicy(slack_factor=40), MIN, 1e308, 1.1e308, False, id="bound-beyond-floats-stops-nobody"),
    ],
)
def test_stops_exactly_the_trials_beyond_the_slack(
    policy: BanditPolicy, goal: Goal, best: float, mine: float, *, stops: bool
) -> None:
    history = history_of(goal, [[best], [mine]])

    assert policy.evaluate(history, 1).stop is stops


@pytest.mark.parametrize(
    ("policy", "goal", "best", "mine", "reason"),
    [
        pytest.param(
            BanditPolicy(slack_factor=0.2, evaluation_interval=10),
            MAX,
            0.8,
            0.61,
            "bandit: 0.61 at interval 10 is below 0.666667 = best 0.8 / (1 + 0.2)",
            id="factor",
        ),
        pytest.param(
            BanditPolicy(slack_amount=0.2, evaluation_interval=10),
            MAX,
            0.8,
            0.5,
            "bandit: 0.5 at interval 10 is below 0.6 = best 0.8 - 0.2",
            id="amount",
        ),
        pytest.param(
            BanditPolicy(slack_factor=0.5, evaluation_interval=10),
            MIN,
            2.0,
            4.0,
            "bandit: 4 at interval 10 is above 3 = best 2 * (1 + 0.5)",
            id="minimize-factor",
        ),
        pytest.param(
            BanditPolicy(slack_amount=0.5, evaluation_interval=10),
            MIN,
            2.0,
            4.0,
            "bandit: 4 at interval 10 is above 2.5 = best 2 + 0.5",
            id="minimize-amount",
        ),
        pytest.param(
            BanditPolicy(slack_factor=0.5, evaluation_interval=10),
            MAX,
            -2.0,
            -4.0,
            "bandit: -4 at interval 10 is below -3 = best -2 - 0.5 * |-2|",
            id="negative-best",
        ),
        pytest.param(
            BanditPolicy(slack_factor=0.5, evaluation_interval=10),
            MAX,
            0.0,
            -1.0,
            "bandit: -1 at interval 10 is below 0 = best 0 - 0.5 * |0|",
            id="zero-best",
        ),
        pytest.param(
            BanditPolicy(slack_amount=0.2, evaluation_interval=10),
            MAX,
            0.8,
            math.nan,
            "bandit: no usable value by interval 10 is below 0.6 = best 0.8 - 0.2",
            id="no-usable-value",
        ),
    ],
)
def test_says_which_bound_was_crossed(policy: BanditPolicy, goal: Goal, best: float, mine: float, reason: str) -> None:
    history = history_of(goal, [[best] * 10, [mine] * 10])

    assert policy.evaluate(history, 1) == Decision(True, reason)


@pytest.mark.parametrize(
    ("mine", "reason"),
    [
        (0.7, "bandit: 0.7 at interval 1 is within 0.666667 = best 0.8 / (1 + 0.2)"),
        (None, "bandit: no evaluation is due at interval 0"),
    ],
)
def test_says_why_a_trial_goes_on(mine: float | None, reason: str) -> None:
    history = history_of(MAX, [[0.8], [] if mine is None else [mine]])

    assert BanditPolicy(slack_factor=0.2).evaluate(history, 1) == Decision(False, reason)


def test_says_that_nobody_has_a_usable_value() -> None:
    history = history_of(MAX, [[math.nan], [math.nan]])

    decision = BanditPolicy(slack_factor=0.2).evaluate(history, 1)

    assert decision.reason == "bandit: no usable value by interval 1, nor has any other trial one"


@pytest.mark.parametrize(
    ("policy", "mine", "stops_at"),
    [
        pytest.param(BanditPolicy(slack_factor=0.2, evaluation_interval=10), 0.66, 10, id="0.8/1.2-is-0.66"),
        pytest.param(BanditPolicy(slack_factor=0.2, evaluation_interval=10), 0.67, None, id="inside-0.8/1.2"),
        pytest.param(BanditPolicy(slack_amount=0.2, evaluation_interval=10), 0.599, 10, id="0.8-0.2-is-0.6"),
        pytest.param(BanditPolicy(slack_amount=0.2, evaluation_interval=10), 0.601, None, id="inside-0.8-0.2"),
        pytest.param(BanditPolicy(slack_factor=0.1, delay_evaluation=5), 0.8 * 0.90, 5, id="below-91-per-cent"),
        pytest.param(BanditPolicy(slack_factor=0.1, delay_evaluation=5), 0.8 * 0.91, None, id="91-per-cent"),
    ],
)
def test_stops_at_the_documented_interval_and_value(policy: BanditPolicy, mine: float, stops_at: int | None) -> None:
    """AzureML's examples: the best has 0.8 at interval 10, or at every interval from the 5th on."""
    trials = [[0.8] * 12, [mine] * 12]

    stops = [
        reports
        for reports in range(1, 13)
        if policy.evaluate(history_of(MAX, [trials[0], trials[1][:reports]]), 1, since=reports - 1).stop
    ]

    assert stops[:1] == ([] if stops_at is None else [stops_at])


def test_compares_the_best_so_far_not_the_latest_value() -> None:
    history = history_of(MAX, [[0.8, 0.8], [0.75, 0.1]])

    assert not BanditPolicy(slack_factor=0.2).evaluate(history, 1).stop


@pytest.mark.parametrize(
    ("other", "stops"),
    [
        pytest.param([0.1, 0.1, 0.9], False, id="what-others-reached-later-does-not-count"),
        pytest.param([0.9], False, id="a-trial-that-never-got-there-does-not-count"),
        pytest.param([0.9, 0.1], True, id="best-by-the-same-interval-counts"),
    ],
)
def test_compares_at_the_same_interval(other: list[float], *, stops: bool) -> None:
    history = history_of(MAX, [other, [0.1, 0.1]])

    assert BanditPolicy(slack_factor=0.2).evaluate(history, 1, since=1).stop is stops


def test_compares_with_finished_trials() -> None:
    history = history_of(MAX, [[0.9], [0.1]], finished=[0])

    assert BanditPolicy(slack_factor=0.2).evaluate(history, 1).stop


@pytest.mark.parametrize(
    ("policy", "problems"),
    [
        pytest.param(BanditPolicy(slack_factor=0.1), [], id="factor"),
        pytest.param(BanditPolicy(slack_amount=0.0), [], id="amount-of-zero"),
        pytest.param(
            BanditPolicy(),
            ["early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither."],
            id="neither",
        ),
        pytest.param(
            BanditPolicy(slack_factor=40, slack_amount=3),
            [
                (
                    "early_termination: bandit needs exactly one of slack_factor and slack_amount; "
                    "got slack_factor=40 and slack_amount=3."
                )
            ],
            id="both",
        ),
        pytest.param(
            BanditPolicy(slack_factor=-0.1),
            ["early_termination.slack_factor: must be at least 0; got -0.1."],
            id="negative-factor",
        ),
        pytest.param(
            BanditPolicy(slack_amount=-1, evaluation_interval=-1, delay_evaluation=-2),
            [
                "early_termination.evaluation_interval: must be at least 0; got -1.",
                "early_termination.delay_evaluation: must be at least 0; got -2.",
                "early_termination.slack_amount: must be at least 0; got -1.",
            ],
            id="all-negative",
        ),
    ],
)
def test_needs_exactly_one_slack_and_nothing_negative(policy: BanditPolicy, problems: list[str]) -> None:
    assert [str(problem) for problem in policy.validate()] == problems
