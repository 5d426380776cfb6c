"""What holds between decisions: the scales that policies do not see, and the settings that stop more or fewer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.early_termination import (
    AshaPolicy,
    BanditPolicy,
    MedianStoppingPolicy,
    Policy,
    TruncationSelectionPolicy,
)
from azsweep_core.objective import Goal
from azsweep_core.testing.policies import history_of

MEDIAN = MedianStoppingPolicy()
TRUNCATION = TruncationSelectionPolicy(truncation_percentage=40)
ASHA = AshaPolicy(reduction_factor=2)
FACTOR = BanditPolicy(slack_factor=0.5)
AMOUNT = BanditPolicy(slack_amount=1.0)

goals = st.sampled_from(Goal)
curves_of_integers = st.lists(st.lists(st.integers(-8, 8).map(float), min_size=4, max_size=4), min_size=2, max_size=7)
"""Sums and averages of one, two and four of these are exact, and so are their multiples by powers of two."""


def stopped(policy: Policy, goal: Goal, curves: list[list[float]]) -> list[bool]:
    """Who stops at reports 1, 2 and 4, where averages are exact."""
    histories = {reports: history_of(goal, [curve[:reports] for curve in curves]) for reports in (1, 2, 4)}
    return [
        policy.evaluate(history, number, since=reports - 1).stop
        for reports, history in histories.items()
        for number in range(len(curves))
    ]


def mapped(curves: list[list[float]], change: Callable[[float], float]) -> list[list[float]]:
    return [[change(value) for value in curve] for curve in curves]


@pytest.mark.parametrize("policy", [MEDIAN, TRUNCATION, ASHA, FACTOR], ids=lambda policy: str(policy.type))
@settings(max_examples=40)
@given(goal=goals, curves=curves_of_integers, exponent=st.integers(-30, 30))
def test_the_unit_of_the_metric_does_not_matter(
    policy: Policy, goal: Goal, curves: list[list[float]], exponent: int
) -> None:
    scaled = mapped(curves, lambda value: value * 2.0**exponent)

    assert stopped(policy, goal, scaled) == stopped(policy, goal, curves)


@settings(max_examples=40)
@given(goal=goals, curves=curves_of_integers, exponent=st.integers(-30, 30))
def test_the_slack_amount_has_the_unit_of_the_metric(goal: Goal, curves: list[list[float]], exponent: int) -> None:
    scaled = mapped(curves, lambda value: value * 2.0**exponent)

    assert stopped(BanditPolicy(slack_amount=2.0**exponent), goal, scaled) == stopped(AMOUNT, goal, curves)


@pytest.mark.parametrize("policy", [MEDIAN, TRUNCATION, ASHA, AMOUNT], ids=lambda policy: str(policy.type))
@settings(max_examples=40)
@given(goal=goals, curves=curves_of_integers, shift=st.integers(-100, 100))
def test_the_zero_of_the_metric_does_not_matter(
    policy: Policy, goal: Goal, curves: list[list[float]], shift: int
) -> None:
    """It does to a slack factor, which is a share of the best value."""
    assert stopped(policy, goal, mapped(curves, lambda value: value + shift)) == stopped(policy, goal, curves)


@pytest.mark.parametrize("policy", [TRUNCATION, ASHA], ids=lambda policy: str(policy.type))
@settings(max_examples=40)
@given(goal=goals, curves=curves_of_integers, steps=st.lists(st.floats(0.001, 1e6), min_size=17, max_size=17))
def test_only_the_order_of_values_matters_to_ranks(
    policy: Policy, goal: Goal, curves: list[list[float]], steps: list[float]
) -> None:
    heights = [sum(steps[:count]) for count in range(1, 18)]

    assert stopped(policy, goal, mapped(curves, lambda value: heights[int(value) + 8])) == stopped(policy, goal, curves)


@pytest.mark.parametrize(
    ("lenient", "strict"),
    [
        pytest.param(BanditPolicy(slack_factor=0.5), BanditPolicy(slack_factor=0.25), id="slack-factor"),
        pytest.param(BanditPolicy(slack_amount=2.0), BanditPolicy(slack_amount=1.0), id="slack-amount"),
        pytest.param(
            TruncationSelectionPolicy(truncation_percentage=20),
            TruncationSelectionPolicy(truncation_percentage=50),
            id="truncation-percentage",
        ),
        pytest.param(AshaPolicy(reduction_factor=2), AshaPolicy(reduction_factor=4), id="reduction-factor"),
    ],
)
@settings(max_examples=40)
@given(goal=goals, curves=curves_of_integers)
def test_a_stricter_setting_spares_nobody_whom_a_lenient_one_stops(
    lenient: Policy, strict: Policy, goal: Goal, curves: list[list[float]]
) -> None:
    """At the same interval: the first report, which all of these judge."""
    first = [curve[:1] for curve in curves]
    history = history_of(goal, first)

    for number in range(len(curves)):
        assert strict.evaluate(history, number).stop or not lenient.evaluate(history, number).stop


@pytest.mark.parametrize(
    "policy", [FACTOR, AMOUNT, MEDIAN, TRUNCATION, ASHA], ids=["factor", "amount", "median", "truncation", "asha"]
)
@settings(max_examples=40)
@given(data=st.data(), goal=goals, curves=curves_of_integers)
def test_how_the_others_fare_now_does_not_matter(
    policy: Policy, data: st.DataObject, goal: Goal, curves: list[list[float]]
) -> None:
    """Trials that ran to their end, or were stopped, are compared with just as those that run."""
    number, *others = data.draw(st.permutations(range(len(curves))))
    ended = data.draw(st.integers(0, len(others)))
    halfway = data.draw(st.integers(0, ended))
    history = history_of(goal, curves, finished=others[:halfway], stopped=others[halfway:ended])

    assert policy.evaluate(history, number) == policy.evaluate(history_of(goal, curves), number)
