"""What the median stopping policy promises."""

from __future__ import annotations

import math

import pytest

from azsweep_core.early_termination import Decision, MedianStoppingPolicy
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import MirroredPolicyContract, history_of

MIN, MAX = Goal.MINIMIZE, Goal.MAXIMIZE
NAN = math.nan


class TestContract(MirroredPolicyContract):
    policies = (MedianStoppingPolicy(), MedianStoppingPolicy(evaluation_interval=2, delay_evaluation=3))


@pytest.mark.parametrize(
    ("goal", "others", "mine", "stops"),
    [
        pytest.param(MAX, [[0.5], [0.7]], [0.4], True, id="below-the-median-of-0.4-0.5-0.7"),
        pytest.param(MAX, [[0.5], [0.7]], [0.5], False, id="equal-to-the-median"),
        pytest.param(MAX, [[0.5], [0.7]], [0.6], False, id="is-the-median"),
        pytest.param(MIN, [[0.5], [0.7]], [0.8], True, id="minimize:above-the-median"),
        pytest.param(MIN, [[0.5], [0.7]], [0.4], False, id="minimize:best"),
        pytest.param(MAX, [[0.8]], [0.4], True, id="two-trials:median-is-0.6"),
        pytest.param(MAX, [[-0.8]], [-1.0], True, id="negative-values"),
        pytest.param(MAX, [[0.0]], [-0.1], True, id="zero-best"),
        pytest.param(MIN, [[-1.0]], [-0.8], True, id="minimize:negative-values"),
        pytest.param(MIN, [[0.0]], [0.1], True, id="minimize:zero-best"),
        pytest.param(MIN, [[0.2], [0.3]], [NAN], True, id="minimize:nan-is-worse-than-any-median"),
        pytest.param(MAX, [[0.5], [0.5], [0.9]], [0.5], False, id="equal-to-both-in-the-middle"),
        pytest.param(MAX, [[0.5], [0.7], [0.9]], [0.5], True, id="below-the-middle-of-the-middle-two"),
        pytest.param(MAX, [[0.1] * 3, [0.1] * 3], [0.1] * 3, False, id="all-equal-whatever-rounding-does"),
        pytest.param(MIN, [[0.1] * 3, [0.1] * 3], [0.1] * 3, False, id="minimize:all-equal"),
        pytest.param(MAX, [[0.4, 0.8], [0.4, 0.8]], [0.1, 0.7], False, id="my-best-against-their-averages"),
        pytest.param(MAX, [[0.4, 0.8], [0.4, 0.8]], [0.1, 0.5], True, id="my-best-below-their-averages"),
        pytest.param(MAX, [[0.9], [0.9]], [0.1, 0.8], True, id="shorter-trials-enter-with-what-they-have"),
        pytest.param(MAX, [[0.1, 0.1, 9.0], [0.1, 0.1, 9.0]], [0.1, 0.2], False, id="later-reports-do-not-enter"),
        pytest.param(MAX, [[0.5, NAN], [0.5, NAN]], [0.4, 0.49], True, id="nan-is-left-out-of-averages"),
        pytest.param(MAX, [[0.5, math.inf], [0.5, math.inf]], [0.4, 0.5], False, id="inf-is-left-out-of-averages"),
        pytest.param(MAX, [[NAN], [0.9]], [0.5], True, id="a-trial-of-nan-only-does-not-enter"),
        pytest.param(MAX, [[0.2], [0.3]], [NAN], True, id="nan-is-worse-than-any-median"),
        pytest.param(MAX, [[0.9]], [NAN], False, id="one-average-is-no-median"),
        pytest.param(MAX, [[NAN]], [0.1], False, id="one-usable-trial-is-no-median"),
        pytest.param(MAX, [[]], [0.1], False, id="a-trial-that-logged-nothing-does-not-enter"),
        pytest.param(MAX, [], [0.1], False, id="alone"),
        pytest.param(MAX, [[1e308] * 3, [1e308] * 3], [1e308] * 3, False, id="sums-beyond-floats"),
        pytest.param(MIN, [[1e308] * 3, [1e308] * 3], [1.1e308] * 3, False, id="minimize:sums-beyond-floats"),
    ],
)
def test_stops_exactly_the_trials_whose_best_is_worse_than_the_median_average(
    goal: Goal, others: list[list[float]], mine: list[float], *, stops: bool
) -> None:
    policy = MedianStoppingPolicy(evaluation_interval=len(mine))
    history = history_of(goal, [*others, mine])

    assert policy.evaluate(history, len(others)).stop is stops


def test_judges_the_fifth_report_against_averages_of_five() -> None:
    """Delay 5 and interval 1: the best of reports 1 to 5 against the median of the averages of reports 1 to 5."""
    policy = MedianStoppingPolicy(delay_evaluation=5, evaluation_interval=1)
    others = [[0.1, 0.2, 0.3, 0.4, 0.5, 9.0], [0.2, 0.3, 0.4, 0.5, 0.6, 9.0]]  # averages of five: 0.3 and 0.4

    four = policy.evaluate(history_of(MAX, [*others, [0.0] * 4]), 2)
    five = policy.evaluate(history_of(MAX, [*others, [0.1, 0.0, 0.0, 0.0, 0.29]]), 2)
    spared = policy.evaluate(history_of(MAX, [*others, [0.31, 0.0, 0.0, 0.0, 0.0]]), 2)

    assert four == Decision(False, "median_stopping: no evaluation is due at interval 4")
    assert five == Decision(
        True, "median_stopping: 0.29 at interval 5 is worse than 0.3, the median of the averages of 3 trials"
    )
    assert spared == Decision(
        False, "median_stopping: 0.31 at interval 5 is no worse than 0.3, the median of the averages of 3 trials"
    )


def test_says_that_there_is_nobody_to_compare_with() -> None:
    decision = MedianStoppingPolicy().evaluate(history_of(MIN, [[0.5]]), 0)

    assert decision == Decision(False, "median_stopping: 0.5 at interval 1 has no second trial to compare with")


def test_finished_trials_enter_the_median() -> None:
    history = history_of(MAX, [[0.9], [0.1]], finished=[0])

    assert MedianStoppingPolicy().evaluate(history, 1).stop
