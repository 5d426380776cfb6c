"""The same on a real MLflow server, and what happens while it is away."""

from __future__ import annotations

import json
import math
import os
import urllib.request
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from azsweep_core.errors import StoreUnreachable
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Measurement, Trial, TrialState
from tests.core.tracking.conftest import OBJECTIVE, Bench, Gate, wait_until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


def bench_at(address: str, name: str, patience_s: float = 30.0) -> Bench:
    tracker = MlflowTracker(OBJECTIVE, name, "sweep", address, patience_s=patience_s)
    tracker.start_sweep({"limits": {"max_total_trials": 1}})
    return Bench(tracker, MlflowClient(address))


def test_a_sweep_on_a_server_is_recorded_and_read_like_one_on_sqlite(server: str) -> None:
    bench = bench_at(server, "on a server")
    trial = bench.start(0, lr=0.1)
    bench.log(trial, 0.5, step=3)
    bench.log(trial, float("inf"), step=4)

    found = bench.tracker.new_measurements([trial])
    run = bench.end(trial, TrialState.TERMINATED, "bandit said so", accuracy=0.75)
    bench.tracker.end_sweep(replace(trial, value=0.5), failed=False, reason="all done")

    assert found == {0: (Measurement(3, 0.5, 1.0), Measurement(4, float("inf"), 1.0))}
    assert (run.info.status, run.data.params, run.data.metrics["accuracy"]) == ("KILLED", {"lr": "0.1"}, 0.75)
    parent = bench.client.get_run(run.data.tags["mlflow.parentRunId"])
    assert (parent.info.status, parent.data.tags["best_child_run_id"]) == ("FINISHED", trial.mlflow_run_id)
    assert [item.path for item in bench.client.list_artifacts(parent.info.run_id)] == ["sweep_spec.yaml"]
    assert bench.tracker.how_to_open == f"{server}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"


@pytest.fixture(scope="module")
def trials_of_all_ends(server: str) -> dict[TrialState, Trial]:
    """Trials that have ended in each way there is, with parameters that MLflow would not accept as they are."""
    tracker = MlflowTracker(OBJECTIVE, "ends", "sweep", server)
    tracker.start_sweep({})
    bench, trials = Bench(tracker, MlflowClient(server)), {}
    for number, state in enumerate(state for state in TrialState if state.is_final):
        trial = bench.start_with(HOSTILE, number)
        bench.end(
            trial, state, "" if state is TrialState.COMPLETED else f"why it is {state.value}: é\n\U0001f600\udce9\0"
        )
        trials[state] = trial
    return trials


HOSTILE = {
    "+opt.lr": 1e-3,
    "db@backup": "<script>'\"\n\U0001f600",
    "group/sub": "",
    "k" * 300: None,
    "long": "x" * 10_000,
    "flag": True,
    "items": [1, "two"],
    "nothing finite": math.inf,
}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (TrialState.COMPLETED, "FINISHED"),
        (TrialState.FAILED, "FAILED"),
        (TrialState.TIMED_OUT, "FAILED"),
        (TrialState.TERMINATED, "KILLED"),
        (TrialState.CANCELLED, "KILLED"),
    ],
    ids=lambda value: value.value if isinstance(value, TrialState) else value,
)
def test_what_the_server_answers_of_a_trials_end(
    server: str, trials_of_all_ends: dict[TrialState, Trial], state: TrialState, status: str
) -> None:
    run_id = trials_of_all_ends[state].mlflow_run_id
    with urllib.request.urlopen(f"{server}/api/2.0/mlflow/runs/get?run_id={run_id}") as answer:
        run = json.load(answer)["run"]

    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    params = {param["key"]: param["value"] for param in run["data"]["params"]}
    reason = None if state is TrialState.COMPLETED else f"why it is {state.value}: é\n\U0001f600\\udce9\\0"
    assert (run["info"]["status"], run["info"]["end_time"]) == (status, 5000)
    assert (tags["azsweep.state"], tags.get("azsweep.reason")) == (state.value, reason)
    (digested,) = (name for name in params if name.startswith("kkk"))
    assert len(digested) == 250
    assert params == {
        "opt.lr": "0.001",
        "db_backup": "<script>'\"\n\U0001f600",
        "group/sub": "",
        digested: "None",
        "long": "x" * 5969 + "... (cut from 10000 characters)",
        "flag": "True",
        "items": "[1, 'two']",
        "nothing finite": "inf",
    }


class TestOutage:
    def test_reading_finds_nothing_then_everything_and_says_so_once(
        self, gate: Gate, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench = bench_at(gate.address, "reading")
        trial = bench.start()
        bench.log(trial, 0.5)
        gate.is_open = False

        wait_until(lambda: bench.tracker.new_measurements([trial]) == {} and gate.refused > 4, give_up_after_s=30)
        gate.is_open = True
        back = {0: (Measurement(0, 0.5, 1.0),)}
        wait_until(lambda: bench.tracker.new_measurements([trial]) == back, give_up_after_s=30)

        assert caplog.text.count("The MLflow store does not answer; the sweep goes on meanwhile") == 1

    def test_the_end_of_a_trial_is_recorded_once_the_store_is_back(self, gate: Gate) -> None:
        bench = bench_at(gate.address, "ending")
        trial = bench.start(lr=0.1)
        gate.is_open = False
        bench.tracker.end_trial(replace(trial, state=TrialState.FAILED), {"": 0.5})
        gate.is_open = True

        bench.tracker.end_sweep(None, failed=True, reason="all done")

        run = bench.run(trial)
        assert (run.info.status, run.data.params, run.data.metrics) == ("FAILED", {"lr": "0.1"}, {"loss": 0.5})

    def test_what_cannot_wait_says_to_try_later(self, gate: Gate) -> None:
        bench = bench_at(gate.address, "trying")
        trial = bench.start()
        gate.is_open = False

        with pytest.raises(StoreUnreachable):
            bench.tracker.start_trial(1, {})
        with pytest.raises(StoreUnreachable):
            bench.tracker.final_measurements(trial)
        assert bench.tracker.metric_names(trial) == ()

    def test_the_end_of_the_sweep_waits_for_so_long_and_no_longer(
        self, gate: Gate, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench = bench_at(gate.address, "giving up", patience_s=0.5)
        trial = bench.start()
        gate.is_open = False

        bench.tracker.end_trial(replace(trial, state=TrialState.COMPLETED), {})
        bench.tracker.end_sweep(None, failed=False, reason="all done")

        assert "MLflow stayed away: 2 entries of this sweep are missing there." in caplog.text

    def test_the_bounds_on_requests_do_not_outlive_a_call(self, gate: Gate) -> None:
        before = dict(os.environ)
        bench = bench_at(gate.address, "bounds")
        trial = bench.start()
        gate.is_open = False

        bench.tracker.new_measurements([trial])

        assert dict(os.environ) == before
