"""What ends up in MLflow of a sweep and its trials, and what is read back; on a real SQLite store."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from azsweep_core.errors import AzsweepError
from azsweep_core.tracking import MlflowTracker, job_name, job_tags
from azsweep_core.trial import Measurement, Trial, TrialState
from tests.core.tracking.conftest import OBJECTIVE, Bench, run_id_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


class TestSweep:
    def test_the_parent_run_bears_the_sweeps_name_and_objective(self, bench: Bench) -> None:
        tags = bench.parent().data.tags

        assert tags["mlflow.runName"] == "sweep"
        assert json.loads(tags["primary_metric_config"]) == {"name": "loss", "goal": "minimize"}

    def test_the_parent_run_bears_the_tags_and_the_description_of_its_job(self, bench: Bench) -> None:
        job = {
            "description": "Iris, again.",
            "tags": {"team": "a", "a@b": 1, "long": "x" * 9000, "mlflow.runName": "y"},
        }

        tracker = MlflowTracker(OBJECTIVE, "of a job", "named", tags=job_tags(job))
        tracker.start_sweep({})

        assert tracker.run_id is not None
        tags = bench.client.get_run(tracker.run_id).data.tags
        assert (tags["mlflow.runName"], tags["mlflow.note.content"]) == ("named", "Iris, again.")
        assert (tags["team"], tags["a_b"]) == ("a", "1")
        assert tags["long"].endswith("x... (cut from 9000 characters)")

    @pytest.mark.parametrize(
        ("job", "name"),
        [
            ({"display_name": "iris"}, "iris"),
            ({"display_name": "i" * 300}, f"{'i' * 211}... (cut from 300 characters)"),
            ({"display_name": " "}, None),
            ({}, None),
        ],
        ids=["named", "long", "blank", "none"],
    )
    def test_a_sweep_is_called_what_its_job_is_called(self, job: dict[str, str], name: str | None) -> None:
        assert job_name(job) == name

    def test_the_parent_run_keeps_the_spec_as_an_artifact(self, bench: Bench) -> None:
        path = bench.client.download_artifacts(bench.parent().info.run_id, "sweep_spec.yaml")

        assert Path(path).read_text(encoding="utf-8") == "limits:\n  max_total_trials: 4\n"

    def test_artifacts_of_a_new_experiment_do_not_depend_on_the_working_directory(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        assert bench.run(bench.start()).info.artifact_uri.startswith(f"{tmp_path}/mlruns/")

    @pytest.mark.parametrize(("failed", "status"), [(False, "FINISHED"), (True, "FAILED")])
    def test_the_parent_run_ends_with_the_sweep(self, bench: Bench, failed: bool, status: str) -> None:
        bench.tracker.end_sweep(None, failed=failed, reason="all done")

        assert bench.parent().info.status == status

    def test_the_parent_run_names_the_best_trial_at_the_end(self, bench: Bench) -> None:
        best = replace(bench.start(), value=0.25)

        bench.tracker.end_sweep(best, failed=False, reason="all done")

        tags = bench.parent().data.tags
        assert (tags["best_child_run_id"], tags["best_metric"]) == (best.mlflow_run_id, "0.25")

    def test_every_new_best_is_a_point_of_the_parents_chart(self, bench: Bench) -> None:
        trial = bench.start()

        for value in (0.5, 0.25):
            bench.tracker.note_best(replace(trial, value=value))

        points = bench.client.get_metric_history(bench.parent().info.run_id, "best_loss")
        assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]
        assert bench.parent().data.tags["best_child_run_id"] == trial.mlflow_run_id

    def test_the_address_of_the_runs_is_told(self, bench: Bench, store: str) -> None:
        assert bench.tracker.how_to_open == f"mlflow ui --backend-store-uri {store}"

    def test_nothing_of_mlflows_state_in_this_process_changes(self, bench: Bench) -> None:
        before = (mlflow.get_tracking_uri(), dict(os.environ))

        trial = bench.start(lr=0.1)
        bench.log(trial, 0.5)
        bench.tracker.new_measurements([trial])
        bench.end(trial)
        bench.tracker.end_sweep(None, failed=False, reason="all done")

        assert (mlflow.get_tracking_uri(), dict(os.environ)) == before
        assert mlflow.active_run() is None


class TestSecondStart:
    def test_a_sweep_that_goes_on_keeps_its_parent_run(self, bench: Bench) -> None:
        trial = bench.start(0)
        bench.tracker.note_best(replace(trial, value=0.5))
        bench.tracker.end_sweep(None, failed=True, reason="all done")
        parent = bench.parent()

        again = MlflowTracker(OBJECTIVE, "experiment", "sweep")
        again.start_sweep({}, trial_run_id=trial.mlflow_run_id)
        run_id, _ = again.start_trial(1, {})
        again.note_best(replace(trial, value=0.25))

        assert run_id is not None
        assert bench.client.get_run(run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert bench.parent().info.status == "RUNNING"
        points = bench.client.get_metric_history(parent.info.run_id, "best_loss")
        assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]

    def test_the_best_trial_that_an_earlier_start_could_not_record_is_in_the_chart_at_the_end(
        self, bench: Bench
    ) -> None:
        first, better = bench.start(0), bench.start(1)
        bench.tracker.note_best(replace(first, value=0.5))
        again = MlflowTracker(OBJECTIVE, "experiment", "sweep")
        again.start_sweep({}, run_id=bench.tracker.run_id)

        again.end_sweep(replace(better, value=0.25), failed=False, reason="all done")
        again.start_sweep({}, run_id=bench.tracker.run_id)
        again.end_sweep(replace(better, value=0.25), failed=False, reason="all done")

        points = bench.client.get_metric_history(bench.parent().info.run_id, "best_loss")
        assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]

    def test_why_an_earlier_start_ended_is_no_longer_told(self, bench: Bench) -> None:
        bench.tracker.give_up("the disk is full")
        given_up = bench.parent()

        again = MlflowTracker(OBJECTIVE, "experiment", "sweep")
        again.start_sweep({}, run_id=bench.tracker.run_id)

        assert (given_up.info.status, given_up.data.tags["azsweep.reason"]) == ("FAILED", "the disk is full")
        assert bench.parent().info.status == "RUNNING"
        assert "azsweep.reason" not in bench.parent().data.tags

    def test_what_fails_after_the_end_does_not_undo_it(self, bench: Bench) -> None:
        bench.tracker.end_sweep(None, failed=False, reason="all done: password=abc")

        bench.tracker.give_up("the disk is full")

        assert bench.parent().info.status == "FINISHED"
        assert bench.parent().data.tags["azsweep.reason"] == "all done: password=***"

    def test_another_store_than_at_the_first_start_is_refused(self, bench: Bench) -> None:
        again = MlflowTracker(OBJECTIVE, "experiment", "sweep")

        with pytest.raises(AzsweepError, match=r"^MLFLOW_TRACKING_URI: must be the store that .* the first start, or"):
            again.start_sweep({}, trial_run_id="0" * 32)


class TestTrialRun:
    def test_the_run_is_a_named_child_with_the_parameters_as_json(self, bench: Bench) -> None:
        tags = bench.run(bench.start(3, lr=0.1, units=[1, 2])).data.tags

        assert tags["mlflow.parentRunId"] == bench.parent().info.run_id
        assert tags["mlflow.runName"] == "sweep_3"
        assert tags["azsweep.trial"] == "3"
        assert json.loads(tags["azsweep.params"]) == {"lr": 0.1, "units": [1, 2]}

    def test_its_environment_makes_any_mlflow_code_log_into_the_run(self, bench: Bench, store: str) -> None:
        run_id, environment = bench.tracker.start_trial(0, {})

        assert environment == {
            "MLFLOW_TRACKING_URI": store,
            "MLFLOW_EXPERIMENT_ID": bench.parent().info.experiment_id,
            "MLFLOW_EXPERIMENT_NAME": "experiment",
            "MLFLOW_RUN_ID": run_id,
        }

    def test_the_run_of_a_lost_attempt_is_closed_when_the_next_one_starts(self, bench: Bench) -> None:
        lost = bench.start(0)

        bench.tracker.start_trial(0, {}, lost_run_id=lost.mlflow_run_id)

        assert bench.run(lost).info.status == "KILLED"
        assert bench.run(lost).data.tags["azsweep.reason"] == "lost; another attempt followed"

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            (TrialState.COMPLETED, "FINISHED"),
            (TrialState.FAILED, "FAILED"),
            (TrialState.TIMED_OUT, "FAILED"),
            (TrialState.TERMINATED, "KILLED"),
            (TrialState.CANCELLED, "KILLED"),
        ],
    )
    def test_its_status_says_how_the_trial_ended(self, bench: Bench, state: TrialState, status: str) -> None:
        run = bench.end(bench.start(), state, "so it was: password=abc")

        assert (run.info.status, run.info.end_time) == (status, 5000)
        tags = run.data.tags
        assert (tags["azsweep.state"], tags["azsweep.reason"]) == (state.value, "so it was: password=***")

    def test_a_run_that_the_user_deleted_stops_nothing(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        deleted, other = bench.start(0), bench.start(1)
        bench.client.delete_run(run_id_of(deleted))

        bench.end(deleted)
        run = bench.end(other)

        assert run.info.status == "FINISHED"
        assert "MLflow must accept what a sweep records" in caplog.text


class TestParameters:
    def test_only_those_are_logged_that_the_task_did_not_log_itself(self, bench: Bench) -> None:
        trial = bench.start(lr=0.001, units=3)
        bench.client.log_param(run_id_of(trial), "lr", "1e-3")

        run = bench.end(trial)

        assert run.data.params == {"lr": "1e-3", "units": "3"}

    def test_names_and_values_become_ones_that_mlflow_accepts(self, bench: Bench) -> None:
        parameters = {"+opt.lr": None, "db@backup": True, "x" * 300: "y" * 10_000, "group/sub": "a, b"}

        params = bench.end(bench.start_with(parameters)).data.params

        assert (params["opt.lr"], params["db_backup"], params["group/sub"]) == ("None", "True", "a, b")
        (long,) = [name for name in params if name.startswith("xxx")]
        assert params[long].endswith("y... (cut from 10000 characters)")

    def test_hundreds_of_them_are_all_logged(self, bench: Bench) -> None:
        parameters = {f"p{number}": number for number in range(250)}

        assert len(bench.end(bench.start_with(parameters)).data.params) == 250


class TestReturnedNumbers:
    def test_a_bare_number_is_logged_as_the_primary_metric(self, bench: Bench) -> None:
        trial = bench.start()

        bench.tracker.end_trial(replace(trial, state=TrialState.COMPLETED), {"": 0.5})

        assert bench.run(trial).data.metrics == {"loss": 0.5}

    def test_named_numbers_are_logged_unless_the_task_did(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, 0.5)

        run = bench.end(trial, loss=0.7, accuracy=0.9)

        assert run.data.metrics == {"loss": 0.5, "accuracy": 0.9}


def poll(bench: Bench, trial: Trial) -> Trial:
    """The trial with what one poll adds to its measurements."""
    found = bench.tracker.new_measurements([trial]).get(trial.number, ())
    return replace(trial, measurements=trial.measurements + found)


def values(trial: Trial) -> list[float]:
    return [measurement.value for measurement in trial.measurements]


class TestMeasurements:
    def test_reports_come_once_in_the_order_of_their_time_and_step(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, 0.3, step=2, time_ms=2000)
        bench.log(trial, 0.2, step=1, time_ms=2000)
        bench.log(trial, 0.9, step=5, time_ms=1500)

        once = poll(bench, trial)

        assert once.measurements == (Measurement(5, 0.9, 1.5), Measurement(1, 0.2, 2.0), Measurement(2, 0.3, 2.0))
        assert poll(bench, once) == once

    def test_every_running_trial_is_asked_and_only_the_primary_metric_counts(self, bench: Bench) -> None:
        trials = [bench.start(number) for number in range(3)]
        bench.log(trials[0], 0.5)
        bench.log(trials[1], 0.5, name="accuracy")
        bench.log(trials[2], 0.7)

        found = bench.tracker.new_measurements([*trials, replace(trials[0], number=9, mlflow_run_id=None)])

        assert found == {0: (Measurement(0, 0.5, 1.0),), 2: (Measurement(0, 0.7, 1.0),)}

    def test_the_same_value_at_a_later_step_is_another_report(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, 0.5, step=1)
        trial = poll(bench, trial)
        bench.log(trial, 0.5, step=2)

        assert values(poll(bench, trial)) == [0.5, 0.5]

    def test_a_late_report_with_an_earlier_step_and_time_is_found_by_the_tenth_poll(self, bench: Bench) -> None:
        """MLflow's newest value follows the highest step, so nothing else shows it."""
        trial = bench.start()
        bench.log(trial, 0.5, step=9, time_ms=9000)
        trial = poll(bench, trial)
        bench.log(trial, 0.1, step=1, time_ms=1000)

        for _ in range(10):
            trial = poll(bench, trial)

        assert values(trial) == [0.5, 0.1]

    def test_the_final_reading_finds_it_at_once(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, 0.5, step=9, time_ms=9000)
        trial = poll(bench, trial)
        bench.log(trial, 0.1, step=1, time_ms=1000)

        assert bench.tracker.final_measurements(trial) == (Measurement(1, 0.1, 1.0),)

    def test_nan_is_a_report_that_comes_once(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, math.nan)

        trial = poll(bench, trial)

        assert [math.isnan(value) for value in values(trial)] == [True]
        assert bench.tracker.final_measurements(trial) == ()

    @pytest.mark.parametrize("infinity", [math.inf, -math.inf])
    def test_an_infinity_stays_one(self, bench: Bench, infinity: float) -> None:
        """SQL stores give it back as the largest number."""
        trial = bench.start()
        bench.log(trial, infinity)

        assert values(poll(bench, trial)) == [infinity]

    def test_a_history_is_read_again_only_if_the_newest_value_changed(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        history = MlflowClient.get_metric_history
        trials = [bench.start(number) for number in range(3)]
        for trial in trials:
            bench.log(trial, 0.5)
        trials = [poll(bench, trial) for trial in trials]
        bench.log(trials[1], 0.4, step=1)

        def spy(client: MlflowClient, run_id: str, key: str) -> object:
            read.append(run_id)
            return history(client, run_id, key)

        monkeypatch.setattr(MlflowClient, "get_metric_history", spy)
        bench.tracker.new_measurements(trials)

        assert read == [trials[1].mlflow_run_id]


class TestMetricNames:
    def test_child_runs_count_whatever_experiment_they_are_in(self, bench: Bench) -> None:
        trial = bench.start()
        bench.log(trial, 0.5, name="accuracy")
        elsewhere = bench.client.create_experiment("lightning_logs")
        for experiment_id in (elsewhere, bench.parent().info.experiment_id):
            child = bench.client.create_run(experiment_id, tags={"mlflow.parentRunId": run_id_of(trial)})
            bench.client.log_metric(child.info.run_id, "val_loss", 0.5)

        assert bench.tracker.metric_names(trial) == ["accuracy", "val_loss (in a child run)"]
