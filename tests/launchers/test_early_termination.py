"""Policies act on what real trials log to a real MLflow store: bad ones die early, and what they logged is kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from azsweep_core.events import Event, StopRequested, TrialEnded
from azsweep_core.ledger import read_ledger
from azsweep_core.trial import TrialState
from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

EPOCHS = 20

LEARNS = """
try:
    for epoch in range(cfg.epochs):
        with (out() / "epochs").open("a") as epochs:
            epochs.write(f"{epoch}\\n")
        mlflow.log_metric("loss", cfg.x + 1 / (epoch + 1), step=epoch)
        time.sleep(0.01 if cfg.x < 1 else 0.3)
finally:
    (out() / "finally").touch()
    if cfg.late is not None and cfg.x > 0:
        mlflow.log_metric("loss", cfg.late, step=cfg.epochs)
"""

WITH_HELPERS = f"""
import subprocess
child = subprocess.Popen(["sleep", "600"])
stray = subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True)
(out() / "processes.json").write_text(json.dumps([os.getpid(), child.pid, stray.pid]))
deadline = time.monotonic() + 5
while (left := left_by("50.0")) and cfg.x == 0.5 and time.monotonic() < deadline:
    time.sleep(0.02)
(out() / "left.json").write_text(json.dumps(left))
{LEARNS.strip()}
"""

LEFT_BY = """
import mlflow

def left_by(x: str) -> list[str]:
    notes = out().parent / x / "processes.json"
    return [pid for pid in json.loads(notes.read_text()) if Path(f"/proc/{pid}").exists()] if notes.exists() else []
"""


def write(app: LauncherApp, empty_store: Path, body: str = LEARNS, **sweeper: Any) -> None:
    """Write an app whose sweeps log to a store that has its tables already."""
    shutil.copy(empty_store, app.directory / "mlflow.db")
    fixed = {"tracking": "mlflow", "sampling_algorithm": "grid", "poll_interval": 0.1}
    app.write(body, {"x": 0, "epochs": EPOCHS, "late": None}, preamble=LEFT_BY, sweeper={**fixed, **sweeper})


def epochs(row: dict[str, str]) -> int:
    """How many epochs the trial itself says that it trained."""
    return len((Path(row["dir"]) / "epochs").read_text(encoding="utf-8").splitlines())


def events(run: Run, kind: type[Event], number: int) -> list[Any]:
    """What the ledger says of a trial."""
    found = [event for event in read_ledger(run.sweep / "sweep.jsonl") if isinstance(event, kind)]
    return [event for event in found if event.number == number]  # type: ignore[union-attr]


def test_a_bad_trial_dies_early_and_what_it_logged_is_kept(any_app: LauncherApp, empty_store: Path) -> None:
    """Under every launcher, with all that it had started, while the sweep goes on."""
    policy = {"type": "bandit", "slack_amount": 1, "delay_evaluation": 5}
    write(any_app, empty_store, WITH_HELPERS, early_termination=policy, limits={"max_concurrent_trials": 1})

    run = any_app.sweep("x=0.0,50.0,0.5", "hydra.sweep.subdir=${x}")

    good, bad, later = run.trials
    assert [row["state"] for row in run.trials] == ["completed", "terminated", "completed"], run.text
    assert (epochs(good), epochs(later)) == (EPOCHS, EPOCHS)
    assert 5 <= epochs(bad) < EPOCHS

    assert re.fullmatch(r"bandit: 50\.\d+ at interval \d+ is above .* = best .* \+ 1", bad["reason"])
    (stop,) = events(run, StopRequested, 1)
    (end,) = events(run, TrialEnded, 1)
    assert (stop.request.state, stop.request.reason) == (TrialState.TERMINATED, bad["reason"])
    assert (end.state, end.reason) == (TrialState.TERMINATED, bad["reason"])
    assert f"trial 1: stopping: {bad['reason']}\n" in run.out
    assert re.search(rf"trial 1 terminated  loss=50\.\d+  x=50 .*{re.escape(bad['reason'])}", run.out)

    client = MlflowClient(f"sqlite:///{any_app.directory}/mlflow.db")
    recorded = client.get_run(bad["mlflow_run_id"])
    logged = client.get_metric_history(bad["mlflow_run_id"], "loss")
    assert recorded.info.status == "KILLED"
    assert recorded.data.tags["azsweep.reason"] == bad["reason"]
    assert epochs(bad) - len(logged) in (0, 1)  # the stop may come between the two
    assert float(bad["value"]) == min(metric.value for metric in logged)

    assert (Path(bad["dir"]) / "finally").exists()
    assert json.loads((Path(later["dir"]) / "left.json").read_text()) == []
    assert any_app.processes() == []


@pytest.mark.parametrize(
    ("policy", "algorithm"),
    [
        pytest.param({"type": "bandit", "slack_factor": 0.2}, {"type": "random", "seed": 1}, id="bandit-random"),
        pytest.param({"type": "median_stopping"}, {"type": "grid"}, id="median-grid"),
        pytest.param(
            {"type": "truncation_selection", "truncation_percentage": 50},
            {"type": "bayesian", "seed": 1, "n_startup_trials": 2},
            id="truncation-bayesian",
        ),
    ],
)
def test_each_policy_saves_epochs_and_not_the_best_trial(
    app: LauncherApp, empty_store: Path, policy: dict[str, Any], algorithm: dict[str, Any]
) -> None:
    """With two trials at a time and each kind of sampling: what the best trial finds is what it would find alone."""
    write(app, empty_store, early_termination={"delay_evaluation": 3, **policy}, sampling_algorithm=algorithm)

    run = app.sweep("x=choice(0,10,20,30)", "hydra.sweeper.limits={max_total_trials: 4, max_concurrent_trials: 2}")

    assert run.results["best_params"] == {"x": 0}
    assert run.results["best_value"] == 1 / EPOCHS
    stopped = [row for row in run.trials if row["state"] == "terminated"]
    assert run.results["trials"] == {"completed": 4 - len(stopped), "terminated": len(stopped)}
    assert stopped
    assert all(row["reason"].startswith(f"{policy['type']}: ") for row in stopped)
    assert all(3 <= epochs(row) < EPOCHS for row in stopped)
    assert ("Warning: early_termination: AzureML's SDK v1" in run.out) == (algorithm["type"] == "bayesian")


def test_a_terminated_trial_counts_for_best_with_all_that_it_logged(app: LauncherApp, empty_store: Path) -> None:
    """Even with what it logs while it ends, as AzureML has it; the best that completed is named beside it."""
    policy = {"type": "bandit", "slack_amount": 1}
    write(app, empty_store, early_termination=policy, limits={"max_concurrent_trials": 1})

    run = app.sweep("x=0,50", "late=-1.0")

    assert [(row["state"], row["value"]) for row in run.trials] == [("completed", "0.05"), ("terminated", "-1.0")]
    assert (run.results["best_value"], run.results["best_trial"]["number"]) == (-1.0, 1)
    assert run.results["best_completed_trial"]["number"] == 0
    assert "\nBest trial:     1: loss = -1 with x=50\nBest completed: 0: loss = 0.05\n" in run.out
