"""What is read of an earlier sweep in MLflow; on a real SQLite store, as the tracker left it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from azsweep_core.errors import AzsweepError, SpecError
from azsweep_core.objective import Goal, Objective
from azsweep_core.tracking import MlflowTracker, read_parent_run
from azsweep_core.trial import EarlierTrial, TrialState
from tests.core.tracking.conftest import OBJECTIVE, Bench, run_id_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

UNKNOWN = "0123456789abcdef0123456789abcdef"


def parent_id(bench: Bench) -> str:
    run_id: str = bench.parent().info.run_id
    return run_id


class TestTrials:
    """A trial's point comes from its tag, its values from the metric's whole history."""

    @pytest.mark.parametrize("state", [state for state in TrialState if state.is_final])
    def test_a_trial_that_is_over_has_its_best_and_its_last_value(
        self, bench: Bench, store: str, state: TrialState
    ) -> None:
        trial = bench.start(3, lr=0.1, units=[1, 2], note="a,b")
        for step, value in enumerate((0.5, 0.25, 0.375)):
            bench.log(trial, value, step=step, time_ms=1000 + step)
        bench.end(trial, state)

        found = read_parent_run(store, parent_id(bench))

        assert (found.source, found.objective) == (f"MLflow run {parent_id(bench)}", OBJECTIVE)
        assert list(found.trials) == [
            EarlierTrial(
                source=found.source,
                number=3,
                parameters={"lr": 0.1, "units": [1, 2], "note": "a,b"},
                state=state,
                value=0.25,
                last_value=0.375,
                reports=3,
            )
        ]
        assert (found.without_value, found.unfinished) == (0, 0)

    def test_a_returned_number_is_a_value(self, bench: Bench, store: str) -> None:
        bench.end(bench.start(), loss=0.5)

        (trial,) = read_parent_run(store, parent_id(bench)).trials

        assert (trial.value, trial.reports) == (0.5, 1)

    def test_trials_that_are_not_over_or_have_no_usable_value_are_counted(self, bench: Bench, store: str) -> None:
        """An infinity comes back from a SQL store as the largest number."""
        running, failed, infinite, tagged = (bench.start(number, lr=0.1) for number in range(4))
        bench.log(running, 0.5)
        bench.log(tagged, 0.5)
        bench.client.set_tag(run_id_of(tagged), "azsweep.state", "running")
        bench.end(failed, TrialState.FAILED)
        bench.log(infinite, math.inf)
        bench.end(infinite)

        found = read_parent_run(store, parent_id(bench))

        assert (list(found.trials), found.without_value, found.unfinished) == ([], 2, 2)

    def test_trials_come_by_number_and_of_each_the_last_attempt(self, bench: Bench, store: str) -> None:
        late, first = bench.start(10, lr=0.1), bench.start(2, lr=0.2)
        second, _ = bench.tracker.start_trial(2, {"lr": 0.2}, lost_run_id=first.mlflow_run_id)
        bench.end(late, loss=0.5)
        assert second is not None
        bench.client.update_run(second, status="RUNNING")
        bench.client.log_metric(second, "loss", 0.25)
        bench.client.set_tag(second, "azsweep.state", "completed")

        found = read_parent_run(store, parent_id(bench))

        assert [(trial.number, trial.value) for trial in found.trials] == [(2, 0.25), (10, 0.5)]
        assert (found.without_value, found.unfinished) == (0, 0)

    def test_runs_of_other_sweeps_and_runs_below_a_trial_are_left_out(self, bench: Bench, store: str) -> None:
        trial = bench.start(0, lr=0.1)
        fold = bench.client.create_run(
            bench.run(trial).info.experiment_id, tags={"mlflow.parentRunId": run_id_of(trial), "azsweep.trial": "1"}
        )
        bench.client.log_metric(fold.info.run_id, "loss", 0.0)
        bench.end(trial, loss=0.5)
        other = MlflowTracker(OBJECTIVE, "experiment", "other")
        other.start_sweep({})
        other.start_trial(1, {"lr": 0.3})
        parent = bench.run(trial).data.tags["mlflow.parentRunId"]

        found = read_parent_run(store, parent)

        assert [trial.number for trial in found.trials] == [0]
        assert found.unfinished == 0

    def test_more_trials_than_one_answer_holds_are_all_read(
        self, bench: Bench, store: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("azsweep_core._mlflow_earlier._RUNS_A_SEARCH", 2)
        for number in range(5):
            bench.end(bench.start(number), loss=float(number))

        found = read_parent_run(store, parent_id(bench))

        assert [trial.value for trial in found.trials] == [0.0, 1.0, 2.0, 3.0, 4.0]

    @pytest.mark.parametrize("tag", ["", "no json", "[1]", None])
    def test_a_point_that_somebody_destroyed_is_none(self, bench: Bench, store: str, tag: str | None) -> None:
        trial = bench.start(0, lr=0.1)
        bench.end(trial, loss=0.5)
        if tag is None:
            bench.client.delete_tag(run_id_of(trial), "azsweep.params")
        else:
            bench.client.set_tag(run_id_of(trial), "azsweep.params", tag)

        (found,) = read_parent_run(store, parent_id(bench)).trials

        assert found.parameters == {}

    def test_a_server_gives_the_same(self, server: str) -> None:
        tracker = MlflowTracker(OBJECTIVE, "earlier", "sweep", server)
        tracker.start_sweep({})
        bench = Bench(tracker, MlflowClient(server))
        trial = bench.start(0, lr=0.1)
        parent = bench.run(trial).data.tags["mlflow.parentRunId"]
        bench.log(trial, 0.25)
        bench.log(trial, 0.5, step=1, time_ms=1001)
        bench.end(trial)

        (found,) = read_parent_run(server, parent).trials

        assert (found.parameters, found.value, found.last_value) == ({"lr": 0.1}, 0.25, 0.5)
        with pytest.raises(SpecError, match=f"got {UNKNOWN}"):
            read_parent_run(server, UNKNOWN)

    def test_the_objective_is_the_sweeps_own(self, store: str) -> None:
        objective = Objective("val/acc", Goal.MAXIMIZE)
        tracker = MlflowTracker(objective, "experiment", "sweep")
        tracker.start_sweep({})
        trial_id, _ = tracker.start_trial(0, {"lr": 0.1})
        assert trial_id is not None
        client = MlflowClient(store)
        for value in (0.5, 0.75, 0.25):
            client.log_metric(trial_id, "val/acc", value)
        client.set_tag(trial_id, "azsweep.state", "terminated")

        found = read_parent_run(store, client.get_run(trial_id).data.tags["mlflow.parentRunId"])

        assert found.objective == objective
        assert [(trial.value, trial.state) for trial in found.trials] == [(0.75, TrialState.TERMINATED)]


class TestWrongRuns:
    """Refused in words."""

    def test_a_run_that_the_store_does_not_know(self, bench: Bench, store: str) -> None:
        error = (
            f"warm_start: must name runs of the MLflow store of this sweep, {store}; got {UNKNOWN}. "
            "Set MLFLOW_TRACKING_URI to the store that has it, or name the earlier sweep's directory."
        )

        with pytest.raises(SpecError, match=f"^{re.escape(error)}$"):
            read_parent_run(store, UNKNOWN)

    @pytest.mark.parametrize("uri", ["sqlite:///{}/no.db", "{}/mlruns", "file:{}/mlruns"])
    def test_a_store_that_is_not_there_is_not_made(self, tmp_path: Path, uri: str) -> None:
        with pytest.raises(SpecError, match=f"got {UNKNOWN}"):
            read_parent_run(uri.format(tmp_path), UNKNOWN)

        assert list(tmp_path.iterdir()) == []

    def test_the_run_of_a_trial_tells_its_parent(self, bench: Bench, store: str) -> None:
        trial = run_id_of(bench.start())
        error = (
            f"warm_start: a run must be the parent run of a sweep; got {trial}, which is the run of a trial. "
            f"The parent run of that sweep is {parent_id(bench)}."
        )

        with pytest.raises(SpecError, match=f"^{re.escape(error)}$"):
            read_parent_run(store, trial)

    @pytest.mark.parametrize("tag", [None, "x", "3", json.dumps({"name": "loss", "goal": "up"})])
    def test_another_run(self, bench: Bench, store: str, tag: str | None) -> None:
        run: Run = bench.client.create_run("0", tags={} if tag is None else {"primary_metric_config": tag})
        error = f"warm_start: a run must be the parent run of a sweep; got {run.info.run_id}, which is none."

        with pytest.raises(SpecError, match=f"^{re.escape(error)}$"):
            read_parent_run(store, run.info.run_id)

    def test_a_store_that_does_not_answer(self) -> None:
        with pytest.raises(
            AzsweepError, match=r"^tracking: the MLflow store must be reachable; got http://127.0.0.1:9 "
        ):
            read_parent_run("http://127.0.0.1:9", UNKNOWN)
