"""What the truncation selection policy promises."""

from __future__ import annotations

import math

import pytest

from azsweep_core.early_termination import Decision, TruncationSelectionPolicy
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import MirroredPolicyContract, history_of

MIN, MAX = Goal.MINIMIZE, Goal.MAXIMIZE
NAN = math.nan


class TestContract(MirroredPolicyContract):
    policies = (
        TruncationSelectionPolicy(truncation_percentage=20),
        TruncationSelectionPolicy(truncation_percentage=60, evaluation_interval=2),
        TruncationSelectionPolicy(truncation_percentage=99, exclude_finished_jobs=True),
    )


@pytest.mark.parametrize(
    ("percentage", "goal", "values", "stopped"),
    [
        pytest.param(20, MAX, [5, 4, 3, 2, 1], {4}, id="20-per-cent-of-5"),
        pytest.param(20, MAX, [4, 3, 2, 1], set(), id="20-per-cent-of-4-is-nobody"),
        pytest.param(20, MIN, [5, 4, 3, 2, 1], {0}, id="minimize"),
        pytest.param(40, MAX, [5, 4, 3, 2, 1], {3, 4}, id="40-per-cent-of-5"),
        pytest.param(39, MAX, [5, 4, 3, 2, 1], {4}, id="39-per-cent-of-5-is-rounded-down"),
        pytest.param(99, MAX, [5, 4, 3, 2, 1], {1, 2, 3, 4}, id="99-per-cent-leaves-the-best"),
        pytest.param(1, MAX, [5, 4, 3, 2, 1], set(), id="1-per-cent-of-5-is-nobody"),
        pytest.param(20, MAX, [5, 4, 3, 1, 1], set(), id="equal-to-the-last-one-spared"),
        pytest.param(40, MAX, [5, 4, 3, 1, 1], {3, 4}, id="equals-that-go-together"),
        pytest.param(60, MAX, [5, 4, 4, 4, 1], {4}, id="equals-across-the-cut-are-spared"),
        pytest.param(99, MAX, [1, 1, 1, 1, 1], set(), id="all-equal"),
        pytest.param(40, MAX, [-1, -2, -3, -4, -5], {3, 4}, id="negative-values"),
        pytest.param(20, MAX, [0, 0, 0, 0, -0.5], {4}, id="zero-best"),
        pytest.param(40, MIN, [-1, -2, -3, -4, -5], {0, 1}, id="minimize:negative-values"),
        pytest.param(20, MIN, [0, 0, 0, 0, 0.5], {4}, id="minimize:zero-best"),
        pytest.param(60, MIN, [1, 4, 4, 4, 5], {4}, id="minimize:equals-across-the-cut-are-spared"),
        pytest.param(20, MIN, [5, 4, 3, 2, NAN], {4}, id="minimize:nan-is-the-worst"),
        pytest.param(20, MAX, [5, 4, 3, 2, NAN], {4}, id="nan-is-the-worst"),
        pytest.param(20, MAX, [5, 4, 3, 2, math.inf], {4}, id="infinity-is-the-worst"),
        pytest.param(20, MAX, [5, 4, 3, NAN, NAN], set(), id="two-nan-are-equal"),
        pytest.param(40, MAX, [5, 4, 3, NAN, NAN], {3, 4}, id="two-nan-go-together"),
        pytest.param(50, MAX, [NAN, NAN], set(), id="nan-only"),
        pytest.param(99, MAX, [1], set(), id="alone"),
    ],
)
def test_stops_exactly_the_worst_per_cent(percentage: int, goal: Goal, values: list[float], stopped: set[int]) -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=percentage)
    history = history_of(goal, [[value] for value in values])

    assert {number for number in range(len(values)) if policy.evaluate(history, number).stop} == stopped


def test_judges_the_fifth_report_among_those_that_got_there() -> None:
    """20 %, delay 5 and interval 1: stopped at interval 5 if among the worst 20 % at interval 5."""
    policy = TruncationSelectionPolicy(truncation_percentage=20, evaluation_interval=1, delay_evaluation=5)
    others = [[0.5] * 5, [0.6] * 5, [0.7] * 5, [0.8] * 9]

    four = policy.evaluate(history_of(MAX, [*others, [0.1] * 4]), 4)
    five = policy.evaluate(history_of(MAX, [*others, [0.1] * 5]), 4)

    assert four == Decision(False, "truncation_selection: no evaluation is due at interval 4")
    assert five == Decision(True, "truncation_selection: 0.1 at interval 5 is among the worst 20 % (1 of 5 trials)")


def test_young_trials_are_not_compared_with() -> None:
    """Four trials reached interval 2, and 20 % of four is nobody."""
    policy = TruncationSelectionPolicy(truncation_percentage=20)
    history = history_of(MAX, [[9, 9], [8, 8], [7, 7], [9], [1, 1]])

    decision = policy.evaluate(history, 4, since=1)

    assert decision == Decision(
        False, "truncation_selection: 1 at interval 2 is not among the worst 20 % (0 of 4 trials)"
    )


def test_compares_the_best_so_far_not_the_latest_value() -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=50, evaluation_interval=2)

    assert not policy.evaluate(history_of(MAX, [[5, 5], [6, 1]]), 1).stop
    assert policy.evaluate(history_of(MAX, [[5, 5], [6, 1]]), 0).stop


@pytest.mark.parametrize(("exclude", "stops"), [(False, True), (True, False)])
def test_finished_trials_count_unless_excluded(*, exclude: bool, stops: bool) -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=50, exclude_finished_jobs=exclude)
    history = history_of(MAX, [[5], [1]], finished=[0])

    assert policy.evaluate(history, 1).stop is stops


@pytest.mark.parametrize(("exclude", "stops"), [(False, False), (True, True)])
def test_stopped_trials_keep_their_places_unless_excluded(*, exclude: bool, stops: bool) -> None:
    """The worst two of the five are over already; without those, the judged one is the worst of three."""
    policy = TruncationSelectionPolicy(truncation_percentage=40, exclude_finished_jobs=exclude)
    history = history_of(MAX, [[5], [4], [3], [2], [1]], stopped=[3, 4])

    assert policy.evaluate(history, 2).stop is stops


def test_the_judged_trial_itself_always_counts() -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=50, exclude_finished_jobs=True)

    assert not policy.evaluate(history_of(MAX, [[1]], finished=[0]), 0).stop


def test_finished_trials_count_by_default() -> None:
    assert TruncationSelectionPolicy(truncation_percentage=50).exclude_finished_jobs is False


@pytest.mark.parametrize(
    ("percentage", "problems"),
    [
        (1, []),
        (99, []),
        (0, ["early_termination.truncation_percentage: must be between 1 and 99; got 0."]),
        (100, ["early_termination.truncation_percentage: must be between 1 and 99; got 100."]),
        (150, ["early_termination.truncation_percentage: must be between 1 and 99; got 150."]),
    ],
)
def test_takes_1_to_99_per_cent(percentage: int, problems: list[str]) -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=percentage)

    assert [str(problem) for problem in policy.validate()] == problems
