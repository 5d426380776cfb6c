"""Sweeps of real Hydra apps that log to real MLflow stores: what a user finds there, and what trials may do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from azsweep_core.report import RESULTS
from tests.core.tracking import conftest as stores
from tests.plugin.conftest import App
from tests.plugin.recorded import Recorded, artifacts, tracked, with_tables

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


OBSERVED = """
mine = MlflowClient().get_run(os.environ["MLFLOW_RUN_ID"])
(out() / "seen.json").write_text(json.dumps({
    "environment": {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")},
    "status": mine.info.status, "tags": mine.data.tags, "params": mine.data.params,
}))
return getattr(mlflow_habits, cfg.habit)()
"""

VALUED = {
    "fluent": "0.9",
    "fluent_in_a_run": "0.9",
    "client": "0.9",
    "late_at_an_earlier_step": "0.9",
    "autolog": "1.0",
    "another_experiment": "0.9",
    "a_second_run": "0.9",
    "nested_runs": "0.9",
    "a_forked_rank": "0.9",
    "nan_before_a_number": "0.9",
    "a_number_returned_too": "0.9",
    "a_number_returned_instead": "0.9",
    "several_returned": "0.9",
    "parameters_of_its_own": "0.9",
}

MISSING = "the task never logged the primary metric 'training_score'; it logged "

FAILED = {
    "only_nan": "training_score was nan whenever it was reported",
    "only_infinity": "training_score was inf whenever it was reported",
    "another_name": MISSING + "accuracy, train_score; did you mean 'train_score'?",
    "in_the_folds_only": MISSING + "training_score (in a child run); "
    "what counts is the trial's own run, the first that the task starts",
    "another_store": "AzsweepError: mlflow.set_tracking_uri: a trial must log to the store of its sweep, {store}; "
    "got http://***@elsewhere:5000. "
    "Set MLFLOW_TRACKING_URI to your store before the sweep starts, or take the call out of the task.",
    "a_crash_at_the_end": "RuntimeError: out of memory",
}


@pytest.fixture(scope="module")
def habits(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Recorded:
    """One sweep over everything that tasks do with MLflow; nothing says which store or experiment."""
    app = App(tmp_path_factory.mktemp("habits"))
    store = with_tables(app, empty_store)
    shutil.copy(Path(__file__).with_name("mlflow_habits.py"), app.directory)
    tracked(
        app,
        OBSERVED,
        {"habit": "", "batch": 16},
        preamble="import mlflow_habits\nfrom mlflow import MlflowClient",
        objective={"primary_metric": "training_score", "goal": "maximize"},
        limits={"max_concurrent_trials": 3},
        search_space={"habit": {"type": "choice", "values": [*VALUED, *FAILED]}},
    )
    return Recorded(app.sweep(), MlflowClient(store))


class TestHabits:
    """A task uses MLflow as it would without a sweep."""

    @pytest.mark.parametrize(("habit", "value"), VALUED.items(), ids=VALUED)
    def test_the_value_is_the_best_that_was_logged_however_it_was_logged(
        self, habits: Recorded, habit: str, value: str
    ) -> None:
        row = habits.row(habit=habit)

        assert (row["state"], row["value"], row["reason"]) == ("completed", value, "")

    @pytest.mark.parametrize(("habit", "reason"), FAILED.items(), ids=FAILED)
    def test_a_trial_that_fails_says_what_to_mend(self, habits: Recorded, habit: str, reason: str) -> None:
        row = habits.row(habit=habit)

        store = f"sqlite:///{habits.sweep.sweep.parent}/mlflow.db"
        assert (row["state"], row["reason"].splitlines()[0]) == ("failed", reason.format(store=store))

    def test_further_runs_are_children_of_the_trials_run(self, habits: Recorded) -> None:
        children = {
            habit: sorted(dict(run.data.metrics).items())
            for habit in VALUED
            for run in habits.children(habits.run(habit=habit))
        }

        assert children == {"a_second_run": [("fold_score", 1.0)], "nested_runs": [("fold_score", 0.5)]}

    def test_a_number_returned_beside_others_is_recorded_as_a_metric(self, habits: Recorded) -> None:
        metrics = {
            habit: habits.run(habit=habit).data.metrics for habit in ("a_number_returned_too", "several_returned")
        }

        assert metrics == {
            "a_number_returned_too": {"training_score": 0.5},
            "several_returned": {"training_score": 0.9, "seconds": 2.0},
        }

    def test_parameters_are_recorded_at_the_end_unless_the_task_did(self, habits: Recorded) -> None:
        params = [
            habits.run(habit=habit).data.params for habit in ("fluent", "a_crash_at_the_end", "parameters_of_its_own")
        ]

        assert habits.seen(habit="fluent")["params"] == {}
        assert params == [{"habit": "fluent"}, {"habit": "a_crash_at_the_end"}, {"habit": "mine", "batch": "16"}]

    def test_another_experiment_is_not_made_and_the_task_is_told(self, habits: Recorded) -> None:
        output = (Path(habits.row(habit="another_experiment")["dir"]) / "output.log").read_text(encoding="utf-8")

        assert {experiment.name for experiment in habits.client.search_experiments()} == {"Default", "train"}
        assert "mlflow.set_experiment('other') has no effect in a trial" in output


class TestRuns:
    """The store shows the sweep as a run, and under it a run for each trial."""

    def test_a_trials_run_is_there_before_the_trial_starts(self, habits: Recorded) -> None:
        row, seen = habits.row(habit="fluent"), habits.seen(habit="fluent")

        assert seen["status"] == "RUNNING"
        assert seen["tags"]["mlflow.parentRunId"] == habits.parent.info.run_id
        assert seen["tags"]["mlflow.runName"] == f"{habits.sweep.sweep.name}_{row['number']}"
        assert json.loads(seen["tags"]["azsweep.params"]) == {"habit": "fluent"}

    def test_its_process_has_everything_to_find_it(self, habits: Recorded) -> None:
        seen = habits.seen(habit="fluent")["environment"]

        assert {name: value for name, value in seen.items() if "TELEMETRY" not in name} == {
            "MLFLOW_TRACKING_URI": f"sqlite:///{habits.sweep.sweep.parent}/mlflow.db",
            "MLFLOW_EXPERIMENT_ID": habits.parent.info.experiment_id,
            "MLFLOW_EXPERIMENT_NAME": "train",
            "MLFLOW_RUN_ID": habits.row(habit="fluent")["mlflow_run_id"],
        }

    def test_every_trial_has_one_and_its_status_says_how_it_ended(self, habits: Recorded) -> None:
        trials = habits.children(habits.parent)

        statuses = {json.loads(run.data.tags["azsweep.params"])["habit"]: run.info.status for run in trials}
        assert len(trials) == len(habits.sweep.trials)
        assert statuses == dict.fromkeys(VALUED, "FINISHED") | dict.fromkeys(FAILED, "FAILED")
        assert habits.run(habit="a_crash_at_the_end").data.tags["azsweep.reason"] == "RuntimeError: out of memory"

    def test_the_sweeps_run_names_the_best_and_shows_how_it_came_about(self, habits: Recorded) -> None:
        parent, best = habits.parent, habits.row(habit="autolog")["mlflow_run_id"]

        chart = [point.value for point in habits.client.get_metric_history(parent.info.run_id, "best_training_score")]
        assert parent.info.status == "FINISHED"
        assert (parent.data.tags["best_child_run_id"], parent.data.tags["best_metric"]) == (best, "1.0")
        assert json.loads(parent.data.tags["primary_metric_config"]) == {"name": "training_score", "goal": "maximize"}
        assert chart == sorted(set(chart))
        assert chart[-1] == 1.0
        assert habits.sweep.results["best_trial"]["mlflow_run_id"] == best

    def test_the_sweeps_run_keeps_the_specification(self, habits: Recorded, tmp_path: Path) -> None:
        path = habits.client.download_artifacts(habits.parent.info.run_id, "sweep_spec.yaml", str(tmp_path))

        ledger = (habits.sweep.sweep / "sweep.jsonl").read_text(encoding="utf-8")
        assert yaml.safe_load(Path(path).read_text(encoding="utf-8")) == json.loads(ledger.splitlines()[0])["spec"]

    def test_the_sweeps_run_keeps_the_results_and_why_it_ended(self, habits: Recorded) -> None:
        kept = artifacts(habits)

        written = {name: (habits.sweep.sweep / name).read_text(encoding="utf-8") for name in RESULTS}
        assert {name: kept[name] for name in RESULTS} == written
        assert kept["best/overrides.txt"] == "habit=autolog\n"
        assert habits.parent.data.tags["azsweep.reason"] == habits.sweep.results["stop_reason"]

    def test_the_summary_tells_the_command_that_shows_them(self, habits: Recorded) -> None:
        store = f"sqlite:///{habits.sweep.sweep.parent}/mlflow.db"

        assert f"mlflow ui --backend-store-uri {store}\n" in habits.sweep.out


LATE = """
import mlflow
from mlflow import log_metric, set_experiment
set_experiment("of the task")
log_metric("loss", cfg.x)
(out() / "seen.json").write_text(json.dumps({"store": mlflow.get_tracking_uri()}))
"""


class TestStore:
    """MLFLOW_TRACKING_URI says where, if the user set it."""

    def test_a_server_found_through_the_environment(self, app: App, server: str) -> None:
        tracked(app, LATE, {"x": 0})

        run = app.sweep(
            "x=choice(2)", environment={"MLFLOW_TRACKING_URI": server, "MLFLOW_EXPERIMENT_NAME": "from outside"}
        )

        recorded = Recorded(run, MlflowClient(server))
        experiment = recorded.client.get_experiment_by_name("from outside")
        assert experiment is not None
        child = recorded.run(x="2")
        parent = recorded.client.get_run(child.data.tags["mlflow.parentRunId"])
        assert (child.info.status, child.data.metrics, child.data.params) == ("FINISHED", {"loss": 2.0}, {"x": "2"})
        assert child.info.experiment_id == parent.info.experiment_id == experiment.experiment_id
        assert parent.data.tags["best_child_run_id"] == child.info.run_id
        assert not (app.directory / "mlflow.db").exists()
        assert f"{server}/#/experiments/{experiment.experiment_id}/runs/{parent.info.run_id}\n" in run.out
        assert run.out.count("/#/experiments/") == 2  # as the sweep starts, and when it has ended

    def test_a_store_out_of_reach_is_refused_and_leaves_the_way_free_for_another(
        self, app: App, empty_store: Path
    ) -> None:
        """The second start is in the same directory, with a relative address that the trial's own directory changes."""
        tracked(app, LATE, {"x": 0}, experiment_name="mine")
        address = f"http://127.0.0.1:{stores.free_port()}"

        refused = app.run("--multirun", "x=choice(2)", environment={"MLFLOW_TRACKING_URI": address})

        assert refused.code == 1
        assert refused.err.splitlines()[0] == (
            "tracking: the MLflow store must be reachable; "
            f"got {address} ([Errno 111] Connection refused). "
            "Start it, set MLFLOW_TRACKING_URI to another store, or set tracking: none."
        )
        assert "Traceback" not in refused.text
        assert "Retrying" not in refused.text
        assert not refused.sweep.exists()

        shutil.copy(empty_store, app.directory / "own.db")
        environment = {"MLFLOW_TRACKING_URI": "sqlite:///own.db", "MLFLOW_EXPERIMENT_NAME": "from outside"}
        run = app.sweep("x=choice(2)", "hydra.job.chdir=true", environment=environment)

        recorded = Recorded(run, MlflowClient(f"sqlite:///{app.directory}/own.db"))
        assert recorded.run(x="2").data.metrics == {"loss": 2.0}
        assert recorded.seen(x="2") == {"store": f"sqlite:///{app.directory}/own.db"}
        assert {each.name for each in recorded.client.search_experiments()} == {"Default", "mine"}


def test_without_tracking_mlflow_is_not_even_imported(app: App) -> None:
    imported = 'print("mlflow" in sys.modules, any("MLFLOW_R" in name for name in os.environ))'
    app.write(f"{imported}\nreturn 1.0", {"x": 0}, preamble=f"import atexit\natexit.register(lambda: {imported})")

    run = app.sweep("x=choice(1)")

    assert run.out.endswith("\nFalse False\n")
    assert (run.sweep / "0" / "output.log").read_text(encoding="utf-8").endswith("\nFalse False\n")
    assert run.trials[0]["mlflow_run_id"] == ""
    assert not (app.directory / "mlflow.db").exists()
