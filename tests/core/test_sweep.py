"""The loop, in virtual time: whole sweeps with scripted trials."""

from __future__ import annotations

import math
import os
import signal

import pytest

from azsweep_core.events import EndingKind, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.ledger import read_ledger
from azsweep_core.limits import Limits
from azsweep_core.ports import Launch
from azsweep_core.testing.simulation import Script
from azsweep_core.trial import EarlierTrial, TrialState
from tests.core.rig import Rig, returns, states


class TestRunning:
    """Trials fill the slots without a barrier, and the best is found."""

    def test_a_sweep_runs_all_its_trials_and_names_the_best(self, rig: Rig) -> None:
        result = rig.run(lambda launch: returns(abs(launch.parameters["x"] - 3)))

        assert states(result) == ["completed"] * 5
        assert result.best is not None
        assert (result.best.number, result.best.value) == (3, 0)
        assert result.exit_code == 0
        assert rig.launcher.running == {}

    def test_a_slot_is_refilled_the_moment_it_is_free(self, rig: Rig) -> None:
        durations = [10.0, 1.0, 1.0, 1.0, 1.0]

        result = rig.run(lambda launch: returns(0.0, duration_s=durations[launch.number]))

        assert [trial.submitted_s for trial in result.trials] == [0, 0, 1, 2, 3]
        assert rig.clock.now() == 10.0

    @pytest.mark.parametrize("slots", [1, 3, 8])
    def test_the_slots_are_all_used_and_never_exceeded(self, rig: Rig, slots: int) -> None:
        rig.run(lambda launch: returns(0.0, duration_s=1 + launch.number % 3), slots=slots, max_trials=20)

        assert rig.launcher.most_at_once == slots

    def test_an_exhausted_space_ends_the_sweep(self, rig: Rig) -> None:
        result = rig.run(lambda launch: returns(0.0), max_trials=None, points=3)

        assert len(result.trials) == 3
        assert result.ending.reason == "every point of the search space was tried: 3 trials"

    def test_what_the_sampler_learns_from_is_in_the_ledger_before_the_first_trial(self, rig: Rig) -> None:
        """And is none of the sweep's own trials."""
        earlier = EarlierTrial(
            source="old",
            number=0,
            parameters={"x": 1},
            state=TrialState.COMPLETED,
            value=-1.0,
            last_value=-1.0,
            reports=1,
        )

        result = rig.run(lambda launch: returns(1.0), earlier=(earlier,), max_trials=2)

        events = [type(event).__name__ for event in read_ledger(rig.directory / "sweep.jsonl")]
        assert events[:3] == ["SweepStarted", "WarmStarted", "TrialSubmitted"]
        assert result.history.earlier == (earlier,)
        assert [trial.value for trial in result.trials] == [1.0, 1.0]

    def test_every_event_is_in_the_ledger(self, rig: Rig) -> None:
        result = rig.run(lambda launch: Script(curve=[(0.5, 0.3)]))

        replayed = History(result.history.objective)
        for event in read_ledger(rig.directory / "sweep.jsonl"):
            replayed.apply(event)
        assert list(replayed.trials) == result.trials

    def test_a_start_is_in_the_ledger_before_its_launch(self, rig: Rig) -> None:
        seen: list[bool] = []

        def script(launch: Launch) -> Script:
            events = list(read_ledger(rig.directory / "sweep.jsonl"))
            seen.append(any(isinstance(each, TrialSubmitted) and each.number == launch.number for each in events))
            return returns(0.0)

        rig.run(script)

        assert all(seen)


class TestValues:
    """A trial's value is its best usable report; without one it has failed, and says why."""

    @pytest.mark.parametrize(
        ("script", "value"),
        [
            pytest.param(Script(curve=[(0.1, 0.9), (0.2, 0.4), (0.3, 0.6)]), 0.4, id="best-of-the-history"),
            pytest.param(Script(returned={"": 0.5}), 0.5, id="returned-number"),
            pytest.param(Script(returned={"loss": 0.5, "acc": 0.1}), 0.5, id="returned-mapping"),
            pytest.param(Script(curve=[(0.1, 0.3)], returned={"": 0.5}), 0.3, id="returned-is-one-report-more"),
            pytest.param(Script(curve=[(0.1, math.nan), (0.2, 0.7)]), 0.7, id="nan-in-between"),
        ],
    )
    def test_value(self, rig: Rig, script: Script, value: float) -> None:
        result = rig.run(lambda launch: script)

        assert {trial.value for trial in result.trials} == {value}

    @pytest.mark.parametrize(
        ("script", "names", "reason"),
        [
            pytest.param(
                Script(),
                (),
                "the task never logged the primary metric 'loss'. Log it",
                id="nothing-logged",
            ),
            pytest.param(
                Script(returned={"lost": 1.0}),
                ("acc",),
                "the task never logged the primary metric 'loss'; it logged acc, lost; did you mean 'lost'?",
                id="nearest-name",
            ),
            pytest.param(
                Script(),
                ("lossy", "loss (in a child run)"),
                "the task never logged the primary metric 'loss'; it logged loss (in a child run), lossy; "
                "what counts is the trial's own run, the first that the task starts",
                id="in-a-child-run",
            ),
            pytest.param(Script(returned={"": math.nan}), (), "loss was nan whenever it was reported", id="nan"),
            pytest.param(Script(curve=[(0.1, -math.inf)]), (), "loss was -inf whenever it was reported", id="inf"),
        ],
    )
    def test_no_usable_value_is_a_failure_with_a_reason(
        self, rig: Rig, script: Script, names: tuple[str, ...], reason: str
    ) -> None:
        result = rig.run(lambda launch: script, names=names, limits=Limits(fail_fast=0))

        assert states(result) == ["failed"] * 5
        assert result.trials[0].reason == reason
        assert result.exit_code == 1

    def test_a_metric_that_never_appears_ends_the_sweep_after_three_trials(self, rig: Rig) -> None:
        result = rig.run(lambda launch: Script(), max_trials=50, slots=1)

        assert len(result.trials) == 3
        assert result.ending.kind is EndingKind.FAILURES

    def test_a_failed_trial_keeps_the_value_it_logged(self, rig: Rig) -> None:
        script = Script(curve=[(0.1, 0.2)], state=TrialState.FAILED, reason="ValueError: x", failure="ValueError: x")

        result = rig.run(lambda launch: script if launch.number == 0 else returns(0.5))

        assert result.trials[0].state is TrialState.FAILED
        assert result.best is result.trials[0]


class TestAttempts:
    """What the infrastructure loses runs again under its own number; what the task breaks does not."""

    def test_a_lost_attempt_is_retried_and_the_trial_counted_once(self, rig: Rig) -> None:
        def script(launch: Launch) -> Script:
            lost = launch.number == 1 and launch.attempt == 1
            return Script(lost=True, reason="node died", begins=False) if lost else returns(1.0)

        result = rig.run(script)

        assert states(result) == ["completed"] * 5
        assert result.trials[1].attempt == 2
        assert len(rig.launcher.started) == 6

    def test_what_a_lost_attempt_had_logged_is_kept(self, rig: Rig) -> None:
        def script(launch: Launch) -> Script:
            return Script(lost=True, curve=[(0.1, 0.25)]) if launch.attempt == 1 else returns(1.0)

        result = rig.run(script, max_trials=1)

        assert result.trials[0].value == 0.25

    def test_an_attempt_lost_too_often_fails(self, rig: Rig) -> None:
        result = rig.run(lambda launch: Script(lost=True, reason="node died"), max_trials=1)

        assert states(result) == ["failed"]
        assert result.trials[0].reason == "lost 2 times: node died"
        assert rig.launcher.started == [(0, 1), (0, 2)]

    def test_a_failure_of_the_task_is_not_retried(self, rig: Rig) -> None:
        rig.run(lambda launch: Script(state=TrialState.FAILED, failure="x"), max_trials=1)

        assert rig.launcher.started == [(0, 1)]


class TestOutage:
    """While the store is away trials run on; ends and starts wait, and nothing is asked or counted twice."""

    def test_the_sweep_catches_up_when_the_store_is_back(self, rig: Rig) -> None:
        result = rig.run(lambda launch: Script(curve=[(0.5, launch.number + 1.0)]), away=(0.5, 60.0))

        assert states(result) == ["completed"] * 5
        assert [trial.value for trial in result.trials] == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert [trial.parameters["x"] for trial in result.trials] == [0, 1, 2, 3, 4]
        assert rig.tracker.ended == [0, 1, 2, 3, 4]
        assert 60.0 <= rig.clock.now() < 65.0

    def test_a_sweep_that_is_to_end_does_not_wait_for_the_store(self, rig: Rig) -> None:
        result = rig.run(lambda launch: returns(0.5), away=(0.5, 1e9), limits=Limits(timeout_s=30))

        assert [trial.value for trial in result.trials] == [0.5, 0.5]
        assert rig.clock.now() == 30.0

    def test_the_parent_hears_of_each_new_best_once(self, rig: Rig) -> None:
        rig.run(lambda launch: returns([3.0, 2.0, 2.0, 5.0, 1.0][launch.number]), slots=1)

        assert rig.tracker.bests == [0, 1, 4]


class TestStopping:
    """Limits, policies and the user stop trials; each says so in state and reason."""

    def test_trial_timeout_stops_one_trial_and_the_sweep_goes_on(self, rig: Rig) -> None:
        result = rig.run(
            lambda launch: returns(0.0, duration_s=1e9 if launch.number == 1 else 1.0), limits=Limits(trial_timeout_s=5)
        )

        assert states(result) == ["completed", "timed_out", "completed", "completed", "completed"]
        assert result.trials[1].reason == "limits.trial_timeout of 5 s reached"
        assert result.trials[1].ended_s == 5.0

    def test_timeout_cancels_what_runs_and_ends_the_sweep(self, rig: Rig) -> None:
        result = rig.run(lambda launch: returns(0.0, duration_s=4.0), limits=Limits(timeout_s=10), max_trials=50)

        assert states(result) == ["completed"] * 4 + ["cancelled"] * 2
        assert result.ending.kind is EndingKind.TIMEOUT
        assert result.exit_code == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
    def test_a_signal_stops_the_sweep_and_says_so(self, rig: Rig, number: signal.Signals) -> None:
        def script(launch: Launch) -> Script:
            if launch.number == 2:
                os.kill(os.getpid(), number)
            return returns(0.0)

        result = rig.run(script, slots=1)

        name = "Ctrl-C" if number is signal.SIGINT else number.name
        assert states(result) == ["completed", "completed", "cancelled"]
        assert result.trials[2].reason == f"stopped by {name}"
        assert result.exit_code == 130

    def test_a_second_signal_kills_what_does_not_stop(self, rig: Rig) -> None:
        def script(launch: Launch) -> Script:
            os.kill(os.getpid(), signal.SIGINT)
            return returns(0.0, duration_s=1e6, stops_in_s=1e6)

        result = rig.run(script, slots=2)

        assert states(result) == ["cancelled", "cancelled"]
        assert rig.clock.now() < 1.0

    def test_the_handlers_of_the_caller_are_given_back(self, rig: Rig) -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

        rig.run(lambda launch: returns(0.0))

        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
