"""An app that uses MLflow when it is imported, then forks a trial's process: prints what both saw as JSON."""

from __future__ import annotations

import json
import os
from typing import Any

import mlflow
from mlflow import MlflowClient, set_experiment

trial = {name: os.environ.pop(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")}
mlflow.set_tracking_uri(os.environ["OTHER_STORE"])
set_experiment("one more, so that the app's has another id than the sweep's")
set_experiment("the app's own")
apps_run = mlflow.start_run()
mlflow.log_metric("app", 1.0)


def in_the_trial() -> dict[str, Any]:
    from azsweep_core import _mlflow_guard

    os.environ.update(trial)
    _mlflow_guard.install(trial["MLFLOW_TRACKING_URI"], trial["MLFLOW_EXPERIMENT_ID"], trial["MLFLOW_RUN_ID"])
    with mlflow.start_run() as first:
        mlflow.log_metric("loss", 0.5)
    set_experiment("imported by name")
    with mlflow.start_run() as second:
        pass
    return {
        "store": mlflow.get_tracking_uri(),
        "first run": first.info.run_id,
        "experiment of the second": second.info.experiment_id,
        "parent of the second": MlflowClient().get_run(second.info.run_id).data.tags.get("mlflow.parentRunId"),
    }


reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    with os.fdopen(writing, "w") as pipe:
        json.dump(in_the_trial(), pipe)
    os._exit(0)
os.close(writing)
with os.fdopen(reading) as pipe:
    seen = json.loads(pipe.read() or "null")
os.waitpid(pid, 0)
mlflow.log_metric("app", 2.0, step=1)
app_points = MlflowClient().get_metric_history(apps_run.info.run_id, "app")
mlflow.end_run()
print(json.dumps({"trial": seen, "app": [point.value for point in app_points]}))
