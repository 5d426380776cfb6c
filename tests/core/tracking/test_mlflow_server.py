"""The same on a real MLflow server, and what happens while it is away."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from azsweep_core.errors import StoreUnreachable
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Measurement, TrialState
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
