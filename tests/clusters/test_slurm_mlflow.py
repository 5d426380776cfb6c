"""A sweep on SLURM as docs/slurm.md has it: a real `mlflow server`, whose metrics decide which trials go on."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.clusters.apps import SlurmApp, SlurmJobApp
from tests.clusters.slurm import Slurm

EXAMPLES = Path(__file__).parents[2] / "examples"
PASSWORD = "pw0815"

LEARNS = """
import mlflow
for epoch in range(cfg.epochs):
    mlflow.log_metric("loss", cfg.x / (epoch + 1), step=epoch)
    (out() / "epochs").write_text(str(epoch + 1))
    time.sleep(0.5 if cfg.x > 2 else 0.1)
"""


@pytest.fixture
def server_by_name(server: str) -> str:
    """Its address by this host's name, as other hosts would know it."""
    name = socket.gethostname()
    try:
        is_loopback = socket.gethostbyname(name).startswith("127.")
    except OSError:
        is_loopback = False
    if not is_loopback:
        pytest.skip(f"the name of this host, {name}, is not one of loopback, where the test's server listens")
    return server.replace("127.0.0.1", name)


def test_jobs_log_to_the_server_and_bad_ones_are_terminated(tmp_path: Path, slurm: Slurm, server_by_name: str) -> None:
    """The server's address has a password in it, which no file of the sweep has: those that jobs are given neither."""
    app = SlurmApp(tmp_path, slurm)
    policy = {"type": "bandit", "slack_factor": 0.2, "delay_evaluation": 5}
    sweeper = {"sampling_algorithm": "grid", "tracking": "mlflow", "early_termination": policy}
    app.write(LEARNS, {"x": 1.0, "epochs": 60}, sweeper=sweeper)

    run = app.sweep(
        "x=1,1.01,50", environment={"MLFLOW_TRACKING_URI": server_by_name.replace("//", f"//me:{PASSWORD}@")}
    )

    assert [row["state"] for row in run.trials] == ["completed", "completed", "terminated"], run.text
    epochs = int((Path(run.trials[2]["dir"]) / "epochs").read_text())
    assert 5 <= epochs < 60
    client = MlflowClient(server_by_name)
    runs = [client.get_run(row["mlflow_run_id"]) for row in run.trials]
    assert [each.info.status for each in runs] == ["FINISHED", "FINISHED", "KILLED"]
    assert len(client.get_metric_history(runs[0].info.run_id, "loss")) == 60
    assert runs[0].data.params["x"] == "1"
    assert app.queue == {}
    files = [path for path in app.directory.rglob("*") if path.is_file()]
    assert any(path.suffix == ".pkl" for path in files)
    assert PASSWORD not in run.text
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("example", "arguments", "metric"),
    [
        pytest.param("azureml_hello_sweep", (), "annoyance", id="hello"),
        pytest.param("azureml_lightgbm_iris", ("--input", "iris_csv=iris.csv"), "test-multi_logloss", id="iris"),
    ],
)
def test_the_sweep_jobs_of_the_examples_run_as_they_are(
    tmp_path: Path, slurm: Slurm, server_by_name: str, example: str, arguments: tuple[str, ...], metric: str
) -> None:
    shutil.copytree(EXAMPLES / example, tmp_path, dirs_exist_ok=True)
    (tmp_path / "sweep.yml").rename(tmp_path / "job.yml")
    job = SlurmJobApp(tmp_path, slurm)
    job.options = tuple(each for each in job.options if "tracking" not in each)

    run = job.run(
        "hydra.sweeper.limits.max_total_trials=1", *arguments, environment={"MLFLOW_TRACKING_URI": server_by_name}
    )

    assert (run.code, [row["state"] for row in job.rows]) == (0, ["completed"]), run.text
    assert f"{metric}=" in run.text
