"""What MLflow shows of trials and sweeps that were stopped, and of a sweep that could not go on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.plugin.conftest import App
from tests.plugin.recorded import Recorded, artifacts, tracked, with_tables

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


ENDS = """
assert Path.cwd() == out()
mlflow.log_artifact(out() / ".hydra" / "config.yaml")
if cfg.kind == "hangs": time.sleep(300)
for step in range(40):  # the good one is soon ahead: trials are compared after as many reports
    mlflow.log_metric("loss", 9.0 if cfg.kind == "bad" else 1.0, step=step)
    if cfg.kind == "bad": time.sleep(0.3)
"""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """An app that changes its directory, in a place without any store; two of its three trials must be stopped."""
    app = App(tmp_path_factory.mktemp("stopped"))
    app.write(
        ENDS,
        {},
        preamble="import mlflow",
        defaults=({"db@backup": "sqlite"},),
        files={"db/sqlite": {"port": 0}, "db/postgres": {"port": 5432}},
        sweeper={
            "tracking": "mlflow",
            "sampling_algorithm": "grid",
            "poll_interval": 0.1,
            "limits": {"max_concurrent_trials": 3, "trial_timeout": 6},
            "early_termination": {"type": "bandit", "slack_factor": 0.5},
            "search_space": {
                "+kind": {"type": "choice", "values": ["good", "bad", "hangs"]},
                "+opt.lr": {"type": "choice", "values": [1e-3]},
                "db@backup": {"type": "choice", "values": ["postgres"]},
            },
        },
    )
    run = app.sweep("hydra.job.chdir=true")
    return Recorded(run, MlflowClient(f"sqlite:///{app.directory}/mlflow.db"))


class TestStoppedTrials:
    @pytest.mark.parametrize(
        ("kind", "state", "status"),
        [("good", "completed", "FINISHED"), ("bad", "terminated", "KILLED"), ("hangs", "timed_out", "FAILED")],
    )
    def test_the_status_of_the_run_says_so(self, stopped: Recorded, kind: str, state: str, status: str) -> None:
        run = stopped.run(kind=kind)

        assert (stopped.row(kind=kind)["state"], run.info.status) == (state, status)
        assert run.data.tags["azsweep.state"] == state
        assert run.info.end_time is not None

    def test_keys_that_mlflow_refuses_become_names_that_it_accepts(self, stopped: Recorded) -> None:
        params = stopped.run(kind="hangs").data.params

        assert params == {"kind": "hangs", "opt.lr": "0.001", "db_backup": "postgres"}

    def test_store_and_artifacts_are_where_the_command_was_started(self, stopped: Recorded) -> None:
        app = stopped.sweep.sweep.parent

        assert {path.name for path in app.iterdir()} >= {"mlflow.db", "mlruns"}
        assert [*app.glob("sweep/*/mlflow.db"), *app.glob("sweep/*/mlruns")] == []
        assert len(list(app.glob("mlruns/**/config.yaml"))) == 3


def test_ctrl_c_leaves_no_run_open(app: App, empty_store: Path) -> None:
    store = with_tables(app, empty_store)
    body = 'mlflow.log_metric("loss", cfg.x)\n(out() / "started").touch()\ntime.sleep(300)'
    tracked(app, body, {"x": 0}, preamble="import mlflow", limits={"max_concurrent_trials": 2})

    run = app.interrupt(signal.SIGINT, "x=1,2,3")

    recorded = Recorded(run, MlflowClient(store))
    assert run.code == 130, run.text
    assert [child.info.status for child in recorded.children(recorded.parent)] == ["KILLED", "KILLED"]
    assert recorded.parent.info.end_time is not None
    assert (recorded.parent.info.status, recorded.parent.data.tags["azsweep.reason"]) == (
        "FINISHED",
        "stopped by Ctrl-C",
    )
    assert artifacts(recorded)["trials.csv"] == (run.sweep / "trials.csv").read_text(encoding="utf-8")


def test_a_fault_ends_the_sweeps_run_and_a_resumed_sweep_opens_it_again(app: App, empty_store: Path) -> None:
    store = with_tables(app, empty_store)
    tracked(app, '(out().parent / "trials.csv").mkdir()\nreturn cfg.x', {"x": 0})
    broken = app.run("--multirun", "x=choice(1)")
    parent = Recorded(broken, MlflowClient(store)).parent
    (broken.sweep / "trials.csv").rmdir()

    mended = Recorded(app.sweep("x=choice(1)"), MlflowClient(store)).parent

    assert (broken.code, parent.info.status) == (1, "FAILED")
    assert "trials.csv" in parent.data.tags["azsweep.reason"]
    assert (mended.info.run_id, mended.info.status) == (parent.info.run_id, "FINISHED")
    assert mended.data.tags["azsweep.reason"] == "all 1 trials are done"
