"""The laws of every early termination policy, as a test class to inherit; a policy's own rules are its own tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from typing import ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core.early_termination import Policy, read_policy
from azsweep_core.events import TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import Measurement, TrialState

__all__ = ["MirroredPolicyContract", "PolicyContract", "history_of", "learning_curves"]

_ONCE_FOR_ALL_POLICIES = settings(max_examples=60, suppress_health_check=[HealthCheck.differing_executors])


def history_of(
    goal: Goal,
    curves: Sequence[Sequence[float]],
    *,
    finished: Collection[int] = (),
    stopped: Collection[int] = (),
    order: Sequence[int] | None = None,
) -> History:
    """A sweep in which trial n has reported curves[n].

    Args:
        finished: numbers of the trials that ran to their end.
        stopped: numbers of those that a policy stopped.
        order: trial numbers in the order their reports arrive, one a report; else trial by trial.
    """
    history = History(Objective("metric", goal))
    for number in range(len(curves)):
        history.apply(TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters={}))
    left = [iter(curve) for curve in curves]
    for number in order or [number for number, curve in enumerate(curves) for _ in curve]:
        measurement = Measurement(None, next(left[number]), 1.0)
        history.apply(TrialMeasured(number=number, measurements=(measurement,)))
    for state, numbers in ((TrialState.COMPLETED, finished), (TrialState.TERMINATED, stopped)):
        for number in numbers:
            history.apply(TrialEnded(time_s=2.0, number=number, state=state))
    return history


def learning_curves(min_size: int = 1) -> st.SearchStrategy[list[list[float]]]:
    """Reports of a few trials; equal, negative, extreme and unusable values included."""
    near = st.integers(-5, 5).map(lambda tenths: tenths / 10)
    value = st.one_of(near, st.sampled_from([-1.0, math.nan, math.inf]), st.floats())
    return st.lists(st.lists(value, min_size=1, max_size=6), min_size=min_size, max_size=6)


def _cut_at(curves: Sequence[Sequence[float]], number: int, interval: int) -> list[Sequence[float]]:
    """The curves as they stand when trial `number` has made so many reports; of the others, all."""
    return [curve[:interval] if other == number else curve for other, curve in enumerate(curves)]


class PolicyContract:
    """Inherit, set `policies` to a few instances that can stop, and every law is tested for each of them."""

    policies: ClassVar[Sequence[Policy]]

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves())
    def test_spares_the_best_trial_and_its_equals(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        """One is stopped only if another, running or over, had a better value by the interval."""
        policy = data.draw(st.sampled_from(self.policies))
        number, *others = data.draw(st.permutations(range(len(curves))))
        states = [data.draw(st.sampled_from(("running", "finished", "stopped"))) for _ in others]
        finished, stopped = (
            [other for other, state in zip(others, states, strict=True) if state == over]
            for over in ("finished", "stopped")
        )
        objective = Objective("metric", goal)

        for interval in range(1, len(curves[number]) + 1):
            history = history_of(goal, _cut_at(curves, number, interval), finished=finished, stopped=stopped)
            decision = policy.evaluate(history, number, since=interval - 1)
            if decision.stop:
                mine = objective.best(curves[number][:interval])
                bests = [objective.best(curves[other][:interval]) for other in others]
                assert any(best is not None and objective.is_better(best, mine) for best in bests)

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves())
    def test_lets_a_trial_of_every_sweep_run_to_its_end(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        """Whatever the order of the reports is, and each being judged as it arrives, not all trials are stopped."""
        policy = data.draw(st.sampled_from(self.policies))
        order = data.draw(st.permutations([number for number, curve in enumerate(curves) for _ in curve]))
        history = history_of(goal, [[] for _ in curves])

        for number in order:
            trial = history[number]
            if not trial.state.is_final:
                value = curves[number][trial.reports]
                history.apply(TrialMeasured(number=number, measurements=(Measurement(None, value, 1.0),)))
                if policy.evaluate(history, number, since=trial.reports).stop:
                    history.apply(TrialEnded(time_s=1.0, number=number, state=TrialState.TERMINATED))

        assert history.finished < len(curves)

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curve=st.lists(st.floats(), max_size=6))
    def test_spares_a_trial_that_is_alone(self, data: st.DataObject, goal: Goal, curve: list[float]) -> None:
        policy = data.draw(st.sampled_from(self.policies))

        assert not policy.evaluate(history_of(goal, [curve]), 0).stop

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves(min_size=2))
    def test_does_not_care_in_which_order_reports_arrive(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        """Reports of different trials that are there by the time of the decision are equal before it."""
        policy = data.draw(st.sampled_from(self.policies))
        order = data.draw(st.permutations([number for number, curve in enumerate(curves) for _ in curve]))
        number = data.draw(st.integers(0, len(curves) - 1))

        decision = policy.evaluate(history_of(goal, curves, order=order), number)

        assert decision == policy.evaluate(history_of(goal, curves), number)

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves(min_size=2))
    def test_judges_each_interval_of_a_batch_of_reports(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        """Several reports in one poll are judged as if they had come one by one, the first stop being the answer."""
        policy = data.draw(st.sampled_from(self.policies))
        number = data.draw(st.integers(0, len(curves) - 1))
        one_by_one = [
            policy.evaluate(history_of(goal, _cut_at(curves, number, interval)), number, since=interval - 1)
            for interval in range(1, len(curves[number]) + 1)
        ]

        decision = policy.evaluate(history_of(goal, curves), number)

        # The judged trial's own later reports do not count at an interval, so the cut histories are the same to it.
        stops = list(itertools.dropwhile(lambda one: not one.stop, one_by_one))
        assert decision.stop == bool(stops)
        assert not stops or decision == stops[0]

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves(min_size=2))
    def test_does_not_see_what_others_report_later(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        """Others are judged by what they had at the interval, however far they have come since."""
        policy = data.draw(st.sampled_from(self.policies))
        number = data.draw(st.integers(0, len(curves) - 1))
        interval = data.draw(st.integers(1, len(curves[number])))

        decision = policy.evaluate(history_of(goal, _cut_at(curves, number, interval)), number, since=interval - 1)

        young = history_of(goal, [curve[:interval] for curve in curves])
        assert decision == policy.evaluate(young, number, since=interval - 1)

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves(min_size=2))
    def test_remembers_nothing(self, data: st.DataObject, goal: Goal, curves: list[list[float]]) -> None:
        """A decision is the same whether or not others were taken before it, as when a sweep is resumed."""
        policy = data.draw(st.sampled_from(self.policies))
        growing = history_of(goal, [[] for _ in curves])
        for number, curve in enumerate(curves):
            for value in curve:
                growing.apply(TrialMeasured(number=number, measurements=(Measurement(None, value, 1.0),)))
                policy.evaluate(growing, number)

        for number in range(len(curves)):
            assert policy.evaluate(growing, number) == policy.evaluate(history_of(goal, curves), number)

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), reports=st.integers(0, 40), looks=st.lists(st.integers(0, 40), max_size=5))
    def test_judges_no_interval_twice_and_forgets_none(
        self, data: st.DataObject, reports: int, looks: list[int]
    ) -> None:
        """However the reports are spread over polls, the due intervals are the same, and they rise."""
        policy = data.draw(st.sampled_from(self.policies))
        polls = [0, *sorted(min(look, reports) for look in looks), reports]

        judged = [interval for since, now in itertools.pairwise(polls) for interval in policy.due(since, now)]

        assert judged == sorted({*judged} & {*range(1, reports + 1)})
        assert judged == list(policy.due(0, reports))

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), goal=st.sampled_from(Goal), curves=learning_curves())
    def test_gives_a_reason_for_every_decision(
        self, data: st.DataObject, goal: Goal, curves: list[list[float]]
    ) -> None:
        policy = data.draw(st.sampled_from(self.policies))

        decision = policy.evaluate(history_of(goal, curves), 0)

        assert decision.reason.startswith(f"{policy.type}: ")

    def test_can_be_written_and_read_back(self) -> None:
        assert [read_policy(policy.to_mapping()) for policy in self.policies] == list(self.policies)

    def test_is_legal(self) -> None:
        assert [problem for policy in self.policies for problem in policy.validate()] == []


class MirroredPolicyContract(PolicyContract):
    """The laws of policies to which maximizing is minimizing the negated values, as it is not to a ratio of values."""

    @_ONCE_FOR_ALL_POLICIES
    @given(data=st.data(), curves=learning_curves(min_size=2))
    def test_judges_a_mirrored_history_alike(self, data: st.DataObject, curves: list[list[float]]) -> None:
        policy = data.draw(st.sampled_from(self.policies))
        number = data.draw(st.integers(0, len(curves) - 1))
        mirrored = [[-value for value in curve] for curve in curves]

        decision = policy.evaluate(history_of(Goal.MAXIMIZE, curves), number)

        assert decision.stop == policy.evaluate(history_of(Goal.MINIMIZE, mirrored), number).stop
