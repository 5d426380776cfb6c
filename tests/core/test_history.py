"""The history: what events add up to."""

from __future__ import annotations

import math

import pytest

from azsweep_core.events import AttemptLost, Event, TrialBegan, TrialEnded, TrialMeasured, TrialSubmitted, WarmStarted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import EarlierTrial, Measurement, TrialState


def submitted(number: int, attempt: int = 1) -> TrialSubmitted:
    return TrialSubmitted(time_s=10.0, number=number, attempt=attempt, parameters={"lr": 0.1})


def measured(number: int, *values: float) -> TrialMeasured:
    return TrialMeasured(number=number, measurements=tuple(Measurement(None, value, 0.0) for value in values))


def ended(number: int, state: TrialState = TrialState.COMPLETED) -> TrialEnded:
    return TrialEnded(time_s=20.0, number=number, state=state)


def history_of(*events: Event, goal: Goal = Goal.MINIMIZE) -> History:
    history = History(Objective("loss", goal))
    for event in events:
        history.apply(event)
    return history


class TestBest:
    """The best trial is kept up to date by AzureML's rules."""

    @pytest.mark.parametrize(
        ("goal", "values", "best"),
        [
            pytest.param(Goal.MINIMIZE, [[0.5], [0.3], [0.4]], 1, id="minimize"),
            pytest.param(Goal.MAXIMIZE, [[0.5], [0.3], [0.4]], 0, id="maximize"),
            pytest.param(Goal.MINIMIZE, [[0.5, 0.1, 0.9], [0.3]], 0, id="over-the-whole-history"),
            pytest.param(Goal.MINIMIZE, [[0.3], [0.3]], 0, id="ties-go-to-the-lowest-number"),
            pytest.param(Goal.MINIMIZE, [[math.nan], [0.9]], 1, id="nan-never-wins"),
            pytest.param(Goal.MINIMIZE, [[-math.inf], [0.9]], 1, id="infinity-never-wins"),
            pytest.param(Goal.MINIMIZE, [[-1.7976931348623157e308], [0.9]], 1, id="mlflow-infinity-never-wins"),
            pytest.param(Goal.MINIMIZE, [[math.nan], []], None, id="nobody"),
        ],
    )
    def test_best(self, goal: Goal, values: list[list[float]], best: int | None) -> None:
        events = [event for n, each in enumerate(values) for event in (submitted(n), measured(n, *each))]

        history = history_of(*events, goal=goal)

        assert (None if history.best is None else history.best.number) == best

    def test_a_tie_found_later_by_an_earlier_trial_wins(self) -> None:
        history = history_of(submitted(0), submitted(1), measured(1, 0.3), measured(0, 0.3))

        assert history.best is not None
        assert history.best.number == 0

    def test_failed_trials_count_and_the_best_completed_is_known_too(self) -> None:
        history = history_of(
            submitted(0), measured(0, 0.1), ended(0, TrialState.FAILED), submitted(1), measured(1, 0.2), ended(1)
        )

        assert history.best is not None
        assert history.best.number == 0
        completed = history.best_completed()
        assert completed is not None
        assert completed.number == 1

    def test_the_best_completed_is_the_lowest_number_of_equals_whenever_it_ends(self) -> None:
        history = history_of(submitted(0), submitted(1), measured(0, 0.2), measured(1, 0.2), ended(1), ended(0))

        completed = history.best_completed()
        assert completed is not None
        assert completed.number == 0

    def test_trials_that_ended_since_are_told_in_the_order_they_did(self) -> None:
        history = history_of(*map(submitted, range(4)), ended(2), ended(0), ended(3))

        assert [trial.number for trial in history.finished_since(1)] == [0, 3]
        assert history.finished_since(3) == []

    def test_the_best_trial_shown_is_never_stale(self) -> None:
        history = history_of(submitted(0), measured(0, 0.1), ended(0))

        assert history.best is not None
        assert history.best.state is TrialState.COMPLETED


class TestLifeOfATrial:
    """Trials go from submission to one end, possibly by way of further attempts."""

    def test_an_attempt_that_was_lost_keeps_number_and_measurements(self) -> None:
        history = history_of(
            submitted(0), measured(0, 0.4), AttemptLost(time_s=1.0, number=0, reason="preempted"), submitted(0, 2)
        )

        assert history[0].attempt == 2
        assert history[0].reports == 1
        assert history[0].value is None
        assert [trial.number for trial in history.active] == [0]
        assert history.lost == []
        assert len(history) == 1

    def test_duration_runs_from_the_start_of_the_task(self) -> None:
        history = history_of(submitted(0), TrialBegan(time_s=12.0, number=0, directory="d"), ended(0))

        assert history[0].duration_s == 8.0

    @pytest.mark.parametrize("state", [state for state in TrialState if state.is_final], ids=lambda s: s.value)
    def test_nothing_follows_a_final_state(self, state: TrialState) -> None:
        history = history_of(submitted(0), ended(0, state))

        with pytest.raises(ValueError, match=rf"^trial 0 cannot go from {state.value} to completed$"):
            history.apply(ended(0))

    def test_counts_follow_the_states(self) -> None:
        history = history_of(submitted(0), submitted(1), ended(1, TrialState.FAILED), submitted(2), ended(2))

        assert history.count(TrialState.RUNNING) == 1
        assert history.count(TrialState.FAILED, TrialState.COMPLETED) == 2
        assert history.finished == 2
        assert [trial.number for trial in history.first_finished(1)] == [1]


class TestEarlierTrials:
    """Trials of other sweeps are known, and none of this one."""

    WARM = WarmStarted(
        time_s=1.0,
        trials=(
            EarlierTrial(
                source="a",
                number=0,
                parameters={"lr": 0.1},
                state=TrialState.COMPLETED,
                value=-9.0,
                last_value=-9.0,
                reports=1,
            ),
        ),
    )

    def test_they_have_no_number_here_are_not_counted_and_never_the_best(self) -> None:
        history = history_of(self.WARM, submitted(0), measured(0, 0.5), ended(0))

        assert history.earlier == self.WARM.trials
        assert [trial.number for trial in history.trials] == [0]
        assert (len(history), history.finished, history.count(TrialState.COMPLETED)) == (1, 1, 1)
        assert history.best is history[0]

    @pytest.mark.parametrize(
        "before", [pytest.param([submitted(0)], id="after-a-trial"), pytest.param([WARM], id="twice")]
    )
    def test_they_come_once_and_before_the_first_trial(self, before: list[Event]) -> None:
        history = history_of(*before)

        with pytest.raises(ValueError, match=r"^a sweep is warm-started once, before its first trial$"):
            history.apply(self.WARM)


class TestFurtherAttempts:
    """What a further attempt reports again replaces what was reported before; a waiting trial has no value."""

    @pytest.mark.parametrize(
        ("before", "after", "held"),
        [
            pytest.param([(0, 3.0), (1, 2.0)], [(0, 3.0), (1, 2.0)], [3.0, 2.0], id="starts-over"),
            pytest.param([(0, 3.0), (1, 2.0)], [(2, 1.0)], [3.0, 2.0, 1.0], id="goes-on"),
            pytest.param([(0, 3.0), (1, 2.0)], [(1, 2.5)], [3.0, 2.5], id="goes-on-from-a-checkpoint-before"),
            pytest.param([(0, 3.0), (0, 2.0)], [(0, 3.0)], [3.0], id="all-at-step-0-as-mlflow-has-it"),
            pytest.param([(None, 3.0)], [(None, 4.0)], [4.0], id="without-steps"),
            pytest.param([(5, 3.0)], [(None, 4.0)], [4.0], id="with-and-without"),
            pytest.param([(0, 3.0)], [], [3.0], id="nothing-new"),
        ],
    )
    def test_reports_count_once(
        self, before: list[tuple[int | None, float]], after: list[tuple[int | None, float]], held: list[float]
    ) -> None:
        history = history_of(submitted(0), reports(0, before), AttemptLost(time_s=1.0, number=0, reason="x"))
        assert history[0].value is None

        history.apply(submitted(0, 2))
        for each in after:
            history.apply(reports(0, [each]))
        history.apply(ended(0))

        assert [each.value for each in history[0].measurements] == held
        assert history[0].value == min(held)

    def test_what_a_task_returns_at_its_end_replaces_nothing(self) -> None:
        history = history_of(
            submitted(0), reports(0, [(0, 0.25)]), AttemptLost(time_s=1.0, number=0, reason="x"), submitted(0, 2)
        )

        history.apply(TrialMeasured(number=0, measurements=(Measurement(None, 1.0, 2.0),), returned=True))

        assert history[0].value == 0.25

    def test_the_best_trial_that_is_lost_leaves_the_lead_to_the_next(self) -> None:
        history = history_of(
            submitted(0), submitted(1), submitted(2), measured(0, 0.1), measured(1, 0.3), measured(2, 0.2)
        )

        history.apply(AttemptLost(time_s=1.0, number=0, reason="x", with_sweep=True))

        assert history.best is not None
        assert history.best.number == 2
        assert history[0].losses == 0

    def test_only_a_trial_that_the_user_stopped_can_run_again(self) -> None:
        stopped = TrialEnded(time_s=2.0, number=0, state=TrialState.CANCELLED, by_user=True)
        history = history_of(submitted(0), measured(0, 0.1), stopped)
        assert history.finished == 1
        assert [trial.number for trial in history.interrupted] == [0]

        history.apply(AttemptLost(time_s=3.0, number=0, reason="x", with_sweep=True))

        assert (history.finished, history.best, history.interrupted) == (0, None, [])
        assert [trial.number for trial in history.lost] == [0]


def reports(number: int, found: list[tuple[int | None, float]]) -> TrialMeasured:
    measurements = tuple(Measurement(step, value, 0.0) for step, value in found)
    return TrialMeasured(number=number, measurements=measurements)
