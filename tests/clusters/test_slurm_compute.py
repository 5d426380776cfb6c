"""A job that names a compute of AzureML's runs on the cluster that this name stands for."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clusters.slurm import Slurm
from tests.plugin.conftest import App

ASK = """
import subprocess
told = subprocess.run(["scontrol", "show", "job", os.environ["SLURM_JOB_ID"]], capture_output=True, text=True)
(out() / "told").write_text(told.stdout)
return cfg.x
"""
TABLE = {
    "cpu-cluster": {
        "hydra/launcher": "azsweep_slurm",
        "partition": "debug",
        "name": "compute-test",
        "job_tier": {"spot": {"partition": "low"}},
        "priority": {"low": {"additional_parameters": {"nice": 1000}}},
    }
}
JOB = {
    "type": "sweep",
    "compute": "azureml:cpu-cluster",
    "search_space": {"x": {"type": "choice", "values": [1]}},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "sampling_algorithm": "grid",
    "limits": {"max_total_trials": 1, "trial_timeout": 900},
    "queue_settings": {"job_tier": "spot", "priority": "low"},
    "trial": {"command": "python train.py x=${{search_space.x}}", "environment": "azureml:e:1"},
}


def test_compute_tier_priority_and_time_limit_are_slurms(tmp_path: Path, slurm: Slurm) -> None:
    app = App(tmp_path)
    app.write(ASK, {"x": 0})
    table = tmp_path / "home" / "azsweep" / "compute.yaml"
    table.parent.mkdir(parents=True)
    table.write_text(json.dumps(TABLE), encoding="utf-8")
    (tmp_path / "job.yml").write_text(json.dumps(JOB), encoding="utf-8")
    environment = app.environment(**slurm.environment, XDG_CONFIG_HOME=str(tmp_path / "home"))

    run = app.run("--multirun", "hydra.sweeper.job=job.yml", environment=environment)

    assert run.code == 0, run.text
    told = (Path(run.trials[0]["dir"]) / "told").read_text()
    assert {"JobName=compute-test", "Partition=low", "Nice=1000", "TimeLimit=00:19:00"} <= set(told.split())
