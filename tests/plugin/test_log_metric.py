"""Reports with `azsweep_core.log_metric`: they decide about running trials, with MLflow and without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.plugin.conftest import App, Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

LEARNS = """
for epoch in range(60):
    log_metric("loss", cfg.x / (epoch + 1), step=epoch)
    log_metric("seconds", epoch)
    (out() / "epochs").write_text(str(epoch + 1))
    time.sleep(0.3 if cfg.x > 1 else 0.03)
"""
IMPORT = "from azsweep_core import TrialStopped, current_trial, log_metric"
POLICY = {"early_termination": {"type": "bandit", "slack_factor": 0.2, "delay_evaluation": 5}}


def epochs(run: Run) -> list[int]:
    return [int((Path(row["dir"]) / "epochs").read_text()) for row in run.trials]


@pytest.fixture
def learner(app: App) -> App:
    app.write(LEARNS, {"x": 1.0}, preamble=IMPORT, sweeper={"sampling_algorithm": "grid", **POLICY})
    return app


def test_a_policy_needs_no_mlflow(learner: App) -> None:
    run = learner.sweep("x=1,50", "hydra.sweeper.limits.max_concurrent_trials=2")

    assert [row["state"] for row in run.trials] == ["completed", "terminated"]
    assert run.trials[1]["reason"].startswith("bandit: ")
    assert epochs(run)[0] == 60
    assert 5 <= epochs(run)[1] < 60
    assert float(run.trials[0]["value"]) == 1 / 60
    assert not (learner.directory / "mlflow.db").exists()


def test_reports_are_kept_in_the_trials_run_too(learner: App, empty_store: Path) -> None:
    shutil.copy(empty_store, learner.directory / "mlflow.db")
    run = learner.sweep("x=choice(1)", "hydra.sweeper.tracking=mlflow")

    client = MlflowClient(f"sqlite:///{learner.directory}/mlflow.db")
    history = client.get_metric_history(run.trials[0]["mlflow_run_id"], "loss")
    assert sorted((each.step, each.value) for each in history) == [(epoch, 1 / (epoch + 1)) for epoch in range(60)]
    assert client.get_run(run.trials[0]["mlflow_run_id"]).data.metrics["seconds"] == 59.0


def test_a_task_knows_its_trial_and_may_save_what_it_has(app: App) -> None:
    app.write(
        """
trial = current_trial()
assert trial.sweep_dir == out().parent, trial
try:
    time.sleep(600)
except TrialStopped:
    (out() / "saved.json").write_text(json.dumps([trial.number, trial.attempt]))
    raise
""",
        {"x": 1.0},
        preamble=IMPORT,
    )

    run = app.run("--multirun", "x=choice(1)", "hydra.sweeper.limits.trial_timeout=1")

    assert json.loads((Path(run.trials[0]["dir"]) / "saved.json").read_text()) == [0, 1]


def test_without_a_sweep_the_program_runs_by_itself(app: App) -> None:
    app.write("log_metric('loss', 1)\nassert not current_trial()", {"x": 1.0}, preamble=IMPORT)

    assert app.run().code == 0
