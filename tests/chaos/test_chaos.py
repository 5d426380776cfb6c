"""Whatever kills a sweep's coordinator: the same command goes on, and nothing is lost, done twice or left running.

`make chaos` kills more often. AZSWEEP_CHAOS_SEED and AZSWEEP_CHAOS_KILLS say when and how often.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.events import StopRequested, TrialEnded
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import TrialState
from tests.chaos.chaos import TRIALS, Chaos, Moment, cut_the_ledger, outcome, results_of, write_app
from tests.clusters.apps import SlurmApp
from tests.clusters.slurm import Slurm
from tests.launchers.conftest import LauncherApp

SEED = int(os.environ.get("AZSWEEP_CHAOS_SEED", "1"))
KILLS = int(os.environ.get("AZSWEEP_CHAOS_KILLS", "20"))
ANY_MOMENT = (Moment.WHILE_IT_STARTS, Moment.LATER, Moment.AT_A_LINE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the sweep comes to if nobody kills it."""
    app = LauncherApp(tmp_path_factory.mktemp("undisturbed"))
    write_app(app)
    return outcome(app.sweep().sweep)


@pytest.fixture(params=["basic", "submitit_local"])
def local_app(tmp_path: Path, request: pytest.FixtureRequest) -> LauncherApp:
    app = LauncherApp(tmp_path, request.param)
    write_app(app)
    return app


@pytest.fixture
def slurm_app(tmp_path: Path, slurm: Slurm) -> Iterator[SlurmApp]:
    app = SlurmApp(tmp_path, slurm)
    write_app(app)
    yield app
    slurm.cancel(app.name)


def assert_whole(chaos: Chaos) -> None:
    """Every trial has ended once and has one result file, and nothing of the sweep runs any more."""
    once = dict.fromkeys(range(TRIALS), 1)
    assert Counter(event.number for event in chaos.events if isinstance(event, TrialEnded)) == once
    assert {number: len(results_of(chaos.sweep, number)) for number in range(TRIALS)} == once
    assert chaos.recorded is not None
    assert chaos.recorded.is_over
    assert chaos.app.processes() == []


def test_a_sweep_that_is_killed_again_and_again_comes_to_what_it_would_have(
    local_app: LauncherApp, undisturbed: dict[str, Any]
) -> None:
    chaos = Chaos(local_app, SEED)

    chaos.kill_often(KILLS - 1, *ANY_MOMENT)
    chaos.kill_at(Moment.AT_THE_END)
    chaos.finish()

    assert_whole(chaos)
    assert outcome(chaos.sweep) == undisturbed
    assert chaos.lost_attempts != []


def test_on_slurm_trials_that_run_are_taken_over(slurm_app: SlurmApp, undisturbed: dict[str, Any]) -> None:
    """An attempt is lost only if its coordinator died while it was being submitted."""
    chaos = Chaos(slurm_app, SEED)

    chaos.kill_often(KILLS - 1, *ANY_MOMENT)
    chaos.kill_at(Moment.AT_THE_END)
    chaos.finish()

    assert_whole(chaos)
    assert outcome(chaos.sweep) == undisturbed
    assert slurm_app.queue == {}
    assert [lost for lost in chaos.lost_attempts if lost.heartbeat() is not None] == []


def test_a_ledger_that_was_cut_in_its_last_two_lines_is_made_whole(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    app = LauncherApp(tmp_path)
    write_app(app)
    chaos = Chaos(app, SEED)

    chaos.kill_often(max(KILLS // 3, 1), Moment.LATER, Moment.AT_A_LINE, damage=cut_the_ledger)
    chaos.finish()

    assert_whole(chaos)
    assert outcome(chaos.sweep) == undisturbed


def test_a_policy_stops_trials_that_run_and_no_others(tmp_path: Path) -> None:
    """Each trial is refused by its launcher once, too, which is another attempt like those that kills cost."""
    app = LauncherApp(tmp_path, "some")
    policy = {"type": "truncation_selection", "truncation_percentage": 40, "delay_evaluation": 1}
    write_app(app, early_termination=policy, poll_interval=0.05)
    chaos = Chaos(app, SEED, ("hydra.launcher.refusals=1", "steps=8"))

    chaos.kill_often(max(KILLS // 3, 1), *ANY_MOMENT)
    chaos.finish()

    assert_whole(chaos)
    stopped = judged_trials(chaos)
    states = {trial.number: trial.state for trial in chaos.trials}
    assert {*states.values()} == {TrialState.COMPLETED, TrialState.TERMINATED}
    assert {number for number, state in states.items() if state is TrialState.TERMINATED} <= stopped.keys()
    assert {*stopped.values()} == {TrialState.RUNNING}
    assert min(trial.attempt for trial in chaos.trials) == 2


def judged_trials(chaos: Chaos) -> dict[int, TrialState]:
    """The trials that the policy wanted to stop, and the state that each was in."""
    history = History(Objective("loss", Goal.MINIMIZE))
    found = {}
    for event in chaos.events:
        if isinstance(event, StopRequested):
            found[event.number] = history[event.number].state
        history.apply(event)
    return found
