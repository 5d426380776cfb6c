"""A sweep that was killed, stopped or cut short goes on as if nothing had happened."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core.early_termination import BanditPolicy
from azsweep_core.errors import AzsweepError
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, read_ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.replay import replay
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import read_space
from azsweep_core.testing.simulation import Script
from azsweep_core.trial import TrialState
from tests.core.resuming import Resuming, table

OBJECTIVE = Objective("loss", Goal.MINIMIZE)
SPACES: dict[str, dict[str, Any]] = {
    "infinite": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "finite": {"x": {"type": "choice", "values": [1, 2, 3]}, "y": {"type": "choice", "values": ["a", "b"]}},
}


def sampler(kind: SamplerType, space: str, rule: SamplingRule = SamplingRule.RANDOM) -> Sampler:
    return make_sampler(SamplingAlgorithm(kind, seed=7, rule=rule), read_space(SPACES[space]), OBJECTIVE)


SAMPLERS = {
    "random": lambda: sampler(SamplerType.RANDOM, "infinite"),
    "random-without-repetition": lambda: sampler(SamplerType.RANDOM, "finite"),
    "sobol": lambda: sampler(SamplerType.RANDOM, "infinite", SamplingRule.SOBOL),
    "grid": lambda: sampler(SamplerType.GRID, "finite"),
}


def script(launch: Launch) -> Script:
    """Trials of different lengths that log and return; some fail, some say nothing."""
    number = launch.number
    if number % 5 == 3:
        return Script(duration_s=0.5, state=TrialState.FAILED, reason="ValueError: x", failure="ValueError: x")
    curve = [(0.3 * step + 0.1, math.cos(number) + 1 / (step + 1)) for step in range(number % 4 + 1)]
    return Script(duration_s=0.7 + number % 3, curve=curve, returned={"": math.sin(number)} if number % 2 else {})


def undisturbed(directory: Path, **arguments: Any) -> list[tuple[object, ...]]:
    result = Resuming(directory / "undisturbed", script, **arguments).run()
    assert result is not None
    return table(result.history)


@pytest.mark.parametrize("kind", SAMPLERS)
@given(
    kills=st.lists(st.fixed_dictionaries({"events": st.integers(0, 25), "seconds": st.floats(0, 4)}), max_size=6),
    lost=st.lists(st.integers(0, 400), min_size=6, max_size=6),
    slots=st.integers(1, 4),
    outlive=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kills_at_any_event_and_torn_ledgers_leave_no_trace_in_the_table(
    kind: str,
    kills: list[dict[str, Any]],
    lost: list[int],
    slots: int,
    outlive: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Up to 400 bytes of each ledger are cut off, which is more than its last two lines."""
    directory = tmp_path_factory.mktemp("sweep")
    known: dict[str, Any] = {"sampler": SAMPLERS[kind], "slots": slots, "max_trials": 6}
    sweep = Resuming(directory / "sweep", script, outlive=outlive, **known)

    for kill, bytes_ in zip(kills, lost, strict=False):
        if sweep.run(**kill) is not None:
            break
        sweep.cut(max(sweep.size - bytes_, 0))
    result = sweep.run()

    assert result is not None
    assert table(result.history) == undisturbed(directory, **known)
    assert all(trial.attempt <= 1 + len(kills) for trial in result.trials)
    recorded = replay(sweep.directory)
    assert recorded is not None
    assert table(recorded.history) == table(result.history)


@pytest.mark.parametrize("events", [9, 17])
def test_a_ledger_cut_at_any_byte_of_its_last_two_lines_loses_nothing(tmp_path: Path, events: int) -> None:
    expected = undisturbed(tmp_path)
    killed = Resuming(tmp_path / "probe", script)
    killed.run(events=events)
    data = (killed.directory / LEDGER).read_bytes()
    last_two = len(b"".join(data.splitlines(keepends=True)[:-2]))

    for size in range(last_two, len(data) + 1):
        sweep = Resuming(tmp_path / f"sweep-{size}", script)
        sweep.run(events=events)
        sweep.cut(size)
        result = sweep.run()
        assert result is not None
        assert table(result.history) == expected, f"cut after byte {size}"
        assert len({(e.number) for e in result.trials}) == 5


@pytest.mark.parametrize("events", [20, 30, 100])
def test_reading_a_ledger_gives_what_its_events_add_up_to_one_by_one(tmp_path: Path, events: int) -> None:
    sweep = Resuming(tmp_path / "sweep", script, policy=BanditPolicy(slack_amount=9.0))
    sweep.run(events=events)
    one_by_one = History(OBJECTIVE)
    for event in read_ledger(sweep.directory / LEDGER):
        one_by_one.apply(event)

    history = _history(sweep)

    assert list(history.trials) == list(one_by_one.trials)
    assert history.best == one_by_one.best
    assert any(trial.reports > 1 for trial in history.trials)


def test_what_is_over_does_not_run_again(tmp_path: Path) -> None:
    sweep = Resuming(tmp_path / "sweep", script, slots=1)
    sweep.run(events=14)
    over = {trial.number for trial in _history(sweep).trials if trial.state.is_final}
    assert over

    sweep.run()

    assert sweep.launcher is not None
    assert over.isdisjoint(number for number, _ in sweep.launcher.started)


def test_trials_that_outlive_their_coordinator_are_adopted(tmp_path: Path) -> None:
    sweep = Resuming(tmp_path / "sweep", script, outlive=True)
    sweep.run(events=8)

    result = sweep.run()

    assert result is not None
    assert [trial.attempt for trial in result.trials] == [1] * 5


def test_what_cannot_be_taken_over_is_not_waited_for(tmp_path: Path) -> None:
    sweep = Resuming(tmp_path / "sweep", script, outlive=True)
    sweep.run(events=8)
    began_s, sweep.refuses = sweep.clock.now(), "a trial may still run elsewhere"

    with pytest.raises(AzsweepError, match="elsewhere"):
        sweep.run()

    assert sweep.clock.now() == began_s


def test_a_trial_that_ended_while_nobody_looked_has_ended(tmp_path: Path) -> None:
    sweep = Resuming(tmp_path / "sweep", lambda launch: Script(duration_s=1.0, returned={"": 1.0}), slots=1)
    sweep.run(events=3)  # the first trial has begun
    sweep.clock.now_s += 1.0

    result = sweep.run()

    assert result is not None
    assert [trial.attempt for trial in result.trials] == [1] * 5


def test_kills_do_not_count_against_the_retries(tmp_path: Path) -> None:
    def lost_on(launch: Launch) -> Script:
        return Script(duration_s=5.0, lost=launch.attempt > 3, reason="node died", returned={"": 1.0})

    sweep = Resuming(tmp_path / "sweep", lost_on, slots=1, max_trials=1, limits=Limits(max_retries=1))
    for _ in range(3):
        assert sweep.run(seconds=2.0) is None

    result = sweep.run()

    assert result is not None
    assert result.trials[0].reason == "lost 2 times: node died"
    assert result.trials[0].attempt == 5
    assert result.trials[0].losses == 1


class TestStoppedByTheUser:
    """What Ctrl-C cancelled runs again; what was over, or was ended by something else, stays."""

    def test_cancelled_trials_run_again_under_their_number(self, tmp_path: Path) -> None:
        sweep = Resuming(tmp_path / "sweep", script)
        sweep.signals = ["Ctrl-C"]
        sweep.run(events=6)
        stopped = sweep.run()
        assert stopped is not None
        assert stopped.exit_code == 130

        sweep.signals = []
        result = sweep.run()

        assert result is not None
        assert table(result.history) == undisturbed(tmp_path)

    def test_a_cancelled_trial_has_no_value_until_it_runs_again(self, tmp_path: Path) -> None:
        sweep = Resuming(tmp_path / "sweep", lambda launch: Script(duration_s=9.0, curve=[(0.1, 0.5)]), max_trials=1)
        sweep.limits = Limits(timeout_s=100)
        sweep.policy = BanditPolicy(slack_amount=9.0)  # so that somebody looks at metrics
        sweep.outlive = True
        assert sweep.run(seconds=2.0) is None
        sweep.signals = ["Ctrl-C"]
        sweep.run()
        assert [trial.interrupted for trial in _history(sweep).trials] == [True]

        sweep.signals = []
        sweep.run(events=2)  # that it goes on, and that the trial waits

        (trial,) = _history(sweep).trials
        assert trial.state is TrialState.PENDING
        assert trial.value is None
        assert trial.reports == 1

    def test_trials_that_the_sweeps_timeout_cancelled_stay(self, tmp_path: Path) -> None:
        long = lambda launch: Script(duration_s=60.0)  # noqa: E731
        sweep = Resuming(tmp_path / "sweep", long, limits=Limits(timeout_s=10.0))
        first = sweep.run()
        assert first is not None
        assert {trial.state for trial in first.trials} == {TrialState.CANCELLED}

        sweep.limits = Limits(timeout_s=200.0)
        result = sweep.run()

        assert result is not None
        assert [trial.state.value for trial in result.trials] == ["cancelled"] * 2 + ["failed"] * 3


class TestLimits:
    """Limits go on where they were."""

    def test_only_the_time_in_which_the_sweep_ran_counts(self, tmp_path: Path) -> None:
        long = lambda launch: Script(duration_s=60.0, returned={"": 1.0})  # noqa: E731
        sweep = Resuming(tmp_path / "sweep", long, slots=1, limits=Limits(timeout_s=100.0))
        sweep.run(events=6)  # one trial is over: a minute
        sweep.clock.now_s += 1e6

        result = sweep.run()

        assert result is not None
        assert [trial.state.value for trial in result.trials] == ["completed", "cancelled"]

    def test_a_higher_total_extends_a_finished_sweep(self, tmp_path: Path) -> None:
        sweep = Resuming(tmp_path / "sweep", script, max_trials=3)
        sweep.run()

        sweep.max_trials = 5
        result = sweep.run()

        assert result is not None
        assert table(result.history) == undisturbed(tmp_path)

    def test_the_failure_limits_count_what_has_failed_before(self, tmp_path: Path) -> None:
        failing = lambda launch: Script(state=TrialState.FAILED, failure=f"x{launch.number}")  # noqa: E731
        sweep = Resuming(tmp_path / "sweep", failing, slots=1, limits=Limits(max_failed_trials=2))
        sweep.run(events=7)
        assert _history(sweep).count(TrialState.FAILED) == 2

        result = sweep.run()

        assert result is not None
        assert result.history.count(TrialState.FAILED) == 3


class TestReports:
    """What a further attempt reports again counts once; what it goes on with is added."""

    def reports(self, tmp_path: Path, second: list[tuple[float, float]]) -> list[float]:
        def attempt(launch: Launch) -> Script:
            return Script(duration_s=5.0, curve=[(0.1, 3.0), (0.2, 2.0)] if launch.attempt == 1 else second)

        sweep = Resuming(tmp_path / "sweep", attempt, slots=1, max_trials=1)
        sweep.policy = BanditPolicy(slack_amount=9.0)
        assert sweep.run(seconds=2.0) is None
        result = sweep.run()
        assert result is not None
        return [each.value for each in result.trials[0].measurements]

    def test_an_attempt_that_starts_over_starts_over(self, tmp_path: Path) -> None:
        assert self.reports(tmp_path, [(0.1, 3.0), (0.2, 2.0), (0.3, 1.0)]) == [3.0, 2.0, 1.0]

    def test_an_attempt_that_reports_nothing_keeps_what_there_is(self, tmp_path: Path) -> None:
        assert self.reports(tmp_path, []) == [3.0, 2.0]


def test_what_a_policy_had_ended_before_the_kill_is_not_run_again(tmp_path: Path) -> None:
    def attempt(launch: Launch) -> Script:
        return Script(duration_s=50.0, curve=[(1.0, float(launch.number))], stops_in_s=9.0)

    sweep = Resuming(tmp_path / "sweep", attempt, slots=2, max_trials=2, policy=BanditPolicy(slack_amount=0.5))
    while not any(trial.stopping for trial in _history(sweep).trials):
        sweep.run(events=1 if replay(sweep.directory) is None else 8)
        assert len(list(read_ledger(sweep.directory / LEDGER))) < 100

    result = sweep.run()

    assert result is not None
    assert result.trials[1].state is TrialState.TERMINATED
    assert result.trials[1].attempt == _history(sweep)[1].attempt


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    sweep = Resuming(tmp_path / "sweep", script)
    sweep.run(events=9)
    path = sweep.directory / LEDGER
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[3], lines[4] = json.dumps({**json.loads(lines[3]), "number": 99}), lines[4]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    with pytest.raises(AzsweepError, match=r"sweep\.jsonl:4: must be an event that can follow; got KeyError: 99\.$"):
        replay(sweep.directory)


def _history(sweep: Resuming) -> History:
    recorded = replay(sweep.directory)
    return History(OBJECTIVE) if recorded is None else recorded.history
