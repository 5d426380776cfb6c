"""Whatever a task does with MLflow ends up in its trial's run, or below it; in real processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from azsweep_core.tracking import MlflowTracker
from tests.core.tracking.conftest import OBJECTIVE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


class Observed(NamedTuple):
    """What a trial's process saw and left."""

    seen: dict[str, Any]
    run: Run
    run_id: str
    second_run_id: str
    store: str
    experiment_id: str


def observe(script: str, directory: Path, empty_store: Path) -> Observed:
    """Run the script beside this file in the process of a trial of a new sweep."""
    store = f"sqlite:///{shutil.copy(empty_store, directory / 'mlflow.db')}"
    tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", store)
    tracker.start_sweep({})
    run_id, environment = tracker.start_trial(0, {})
    second_run_id, _ = tracker.start_trial(1, {})
    assert run_id is not None
    assert second_run_id is not None
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name(script)],
        cwd=directory,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
            **environment,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OTHER_STORE": f"sqlite:///{shutil.copy(empty_store, directory / 'other.db')}",
            "SECOND_RUN_ID": second_run_id,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    run = MlflowClient(store).get_run(run_id)
    return Observed(seen, run, run_id, second_run_id, store, environment["MLFLOW_EXPERIMENT_ID"])


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Observed:
    return observe("imports_mlflow_in_the_task.py", tmp_path_factory.mktemp("task"), empty_store)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Observed:
    return observe("forks_after_using_mlflow.py", tmp_path_factory.mktemp("fork"), empty_store)


class TestTaskThatImportsMlflow:
    def test_the_guard_does_not_import_mlflow_itself(self, task: Observed) -> None:
        assert task.seen["imported by the guard"] is False

    def test_another_experiment_is_a_warning_given_once_and_the_trials_own_wins(self, task: Observed) -> None:
        assert task.seen["experiment set"] == ["experiment", "experiment", "experiment"]
        assert task.seen["warnings"] == [
            (
                "mlflow.set_experiment('other') has no effect in a trial: its run belongs to the sweep's experiment "
                "'experiment'. Set experiment_name of the sweep to change that."
            )
        ]

    def test_the_first_run_is_the_trials_own(self, task: Observed) -> None:
        assert task.seen["runs"]["first"] == task.run_id
        assert task.run.data.metrics["loss"] == 0.5

    @pytest.mark.parametrize("which", ["nested", "second", "made by the client"])
    def test_every_further_run_becomes_a_child_of_it(self, task: Observed, which: str) -> None:
        assert task.seen["runs"][which] == task.run_id

    def test_all_of_them_are_in_the_sweeps_experiment(self, task: Observed) -> None:
        assert task.seen["runs"]["experiments"] == [task.experiment_id]

    def test_what_the_task_says_explicitly_is_respected(self, task: Observed) -> None:
        runs = task.seen["runs"]

        assert (runs["with a parent given"], runs["resumed by id"], runs["in another store"]) == (True, True, None)

    def test_autolog_logs_into_the_trials_run(self, task: Observed) -> None:
        assert task.run.data.params["fit_intercept"] == "True"

    def test_the_sweeps_own_store_may_be_named_again(self, task: Observed) -> None:
        """As it is, by a relative path, or as none; the process may have changed its directory."""
        assert task.seen["accepted"] == ["", "", "", ""]

    def test_another_store_is_an_error_that_says_what_to_set(self, task: Observed) -> None:
        assert task.seen["foreign"] == (
            "AzsweepError: mlflow.set_tracking_uri: a trial must log to the store of its sweep, "
            f"{task.store}; got http://***@other:5000. "
            "Set MLFLOW_TRACKING_URI to your store before the sweep starts, or take the call out of the task."
        )

    def test_a_variable_set_by_the_task_changes_nothing(self, task: Observed) -> None:
        assert task.seen["store"] == task.store

    def test_a_process_can_be_bound_to_the_next_trial(self, task: Observed) -> None:
        assert task.seen["bound again"] == task.second_run_id


class TestAppThatUsedMlflowBeforeTheFork:
    def test_the_trials_store_and_run_win_over_the_apps(self, fork: Observed) -> None:
        trial = fork.seen["trial"]

        assert (trial["store"], trial["first run"]) == (fork.store, fork.run_id)
        assert fork.run.data.metrics == {"loss": 0.5}

    def test_names_imported_from_mlflow_before_are_guarded_too(self, fork: Observed) -> None:
        trial = fork.seen["trial"]

        assert (trial["experiment of the second"], trial["parent of the second"]) == (fork.experiment_id, fork.run_id)

    def test_the_app_goes_on_with_its_own_run(self, fork: Observed) -> None:
        assert fork.seen["app"] == [1.0, 2.0]
