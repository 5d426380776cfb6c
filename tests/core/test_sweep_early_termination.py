"""The loop with an early termination policy, in virtual time: who stops, how often the store is asked, what is said."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from azsweep_core.early_termination import BanditPolicy
from azsweep_core.events import Event, TrialMeasured
from azsweep_core.history import History
from azsweep_core.limits import Limits
from azsweep_core.ports import Launch
from azsweep_core.testing.simulation import FakeTracker, Script
from tests.core.rig import Rig, returns, states


def test_a_policy_stops_a_bad_trial_and_its_value_still_counts(rig: Rig) -> None:
    def script(launch: Launch) -> Script:
        value = 1.0 if launch.number == 0 else 9.0
        return Script(duration_s=10.0, curve=[(step + 0.5, value) for step in range(9)])

    result = rig.run(script, policy=BanditPolicy(slack_factor=0.5), max_trials=2)

    assert states(result) == ["completed", "terminated"]
    stopped = result.trials[1]
    assert stopped.value == 9.0
    assert stopped.ended_s is not None
    assert stopped.ended_s < 2.0
    assert stopped.reason.startswith("bandit: 9")


def test_a_slow_store_is_looked_at_less_often(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes two seconds here; four fifths of the time the store is left alone."""
    looks: list[float] = []

    def slowly(tracker: FakeTracker, trials: object) -> dict[int, Any]:
        looks.append(rig.clock.now())
        rig.clock.now_s += 2.0
        return {}

    monkeypatch.setattr(FakeTracker, "new_measurements", slowly)

    rig.run(lambda _: returns(1.0, duration_s=100.0), policy=BanditPolicy(slack_factor=0.5), max_trials=2)

    pauses = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert pauses
    assert all(10.0 <= pause < 11.0 for pause in pauses)


def test_a_misspelt_metric_is_named_while_the_trial_runs(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    script = Script(duration_s=1000.0)

    rig.run(lambda _: script, names=("losss", "lr"), policy=BanditPolicy(slack_factor=0.5), limits=Limits(fail_fast=0))

    (words,) = [record.getMessage() for record in caplog.records if "has run for" in record.getMessage()]
    assert words == (
        "Warning: trial 0 has run for 60 s and never logged the primary metric 'loss'; it logged losss, lr;"
        " did you mean 'losss'?"
    )


def test_a_trial_that_reports_is_not_asked_for_names(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    script = Script(duration_s=500.0, curve=[(1.0, 0.5)])

    rig.run(lambda _: script, names=("losss",), policy=BanditPolicy(slack_factor=0.5))

    assert "has run for" not in caplog.text


def test_without_a_policy_the_store_is_left_alone_nearly_always(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes a tenth of a second here, and nobody waits for it: less than a twentieth of the time is spent so."""
    looks: list[float] = []

    def look(tracker: FakeTracker, trials: object) -> dict[int, Any]:
        looks.append(rig.clock.now())
        rig.clock.now_s += 0.2 if len(looks) > 5 else 0.1
        return {}

    monkeypatch.setattr(FakeTracker, "new_measurements", look)

    rig.run(lambda _: returns(1.0, duration_s=100.0), max_trials=2)

    pauses = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert looks[0] == 2.0
    assert pauses[:5] == pytest.approx([2.1] * 5)
    assert pauses[5:]
    assert pauses[5:] == pytest.approx([4.2] * len(pauses[5:]))


def test_without_a_policy_a_short_sweep_asks_for_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTracker, "new_measurements", lambda *_: pytest.fail("queried"))

    assert rig.run(lambda launch: returns(0.0, duration_s=0.1)).exit_code == 0


def test_what_running_trials_report_is_known_without_a_policy(rig: Rig) -> None:
    """And counts once: at its end a trial has what it reported, not more."""
    seen: list[int] = []

    class Eye:
        def notice(self, event: Event, history: History) -> None:
            if isinstance(event, TrialMeasured):
                seen.append(history[event.number].reports)

    curve = [(float(step), 9.0 - step) for step in range(9)]
    result = rig.run(lambda _: Script(duration_s=10.0, curve=curve), max_trials=1, observers=[Eye()])

    assert seen[0] < seen[-1] == 9
    assert result.trials[0].reports == 9


def test_a_metric_that_is_reported_once_only_is_told_after_three_trials(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """And once, however many trials follow."""
    told_after: list[int] = []

    def script(launch: Launch) -> Script:
        if "once only" in caplog.text:
            told_after.append(launch.number)
        return Script(duration_s=10.0, curve=[(9.9, 1.0)])

    rig.run(script, policy=BanditPolicy(slack_factor=0.5), max_trials=9, slots=1)

    (words,) = [record.getMessage() for record in caplog.records if "reported loss" in record.getMessage()]
    assert words.startswith("Warning: early_termination: every trial has reported loss once only, so that no trial can")
    assert min(told_after) == 3


def test_a_first_batch_that_has_nobody_to_compare_with_is_told_at_the_end(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """The worse trial is first at each interval here, and over before the better one has come so far."""

    def script(launch: Launch) -> Script:
        slow = 1.0 if launch.number == 0 else 4.0
        return Script(duration_s=10.0 * slow, curve=[(slow * (step + 0.5), 9.0 / slow) for step in range(9)])

    result = rig.run(script, policy=BanditPolicy(slack_factor=0.5), max_trials=2, slots=2)

    assert states(result) == ["completed", "completed"]
    (words,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Warning")]
    assert "trial 0 would have been stopped" in words
    assert "limits.max_concurrent_trials" in words


def test_a_policy_that_stops_trials_is_not_doubted(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def script(launch: Launch) -> Script:
        return Script(duration_s=10.0, curve=[(step + 0.5, 1.0 + 8.0 * (launch.number % 2)) for step in range(9)])

    result = rig.run(script, policy=BanditPolicy(slack_factor=0.5), max_trials=6)

    assert "terminated" in states(result)
    assert "Warning" not in caplog.text
