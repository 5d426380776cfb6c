"""A task that imports MLflow itself, run as a trial's process: prints what it saw as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azsweep_core._mlflow_guard import install

RUN = (os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_EXPERIMENT_ID"], os.environ["MLFLOW_RUN_ID"])
SECOND_RUN_ID = os.environ["SECOND_RUN_ID"]
seen: dict[str, Any] = {}
warnings: list[str] = []


class Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        warnings.append(record.getMessage())


def error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever MLflow raises
        return f"{type(error).__name__}: {error}"
    return ""


logging.getLogger("azsweep_core").addHandler(Listener())
install(*RUN)
seen["imported by the guard"] = "mlflow" in sys.modules

import mlflow  # noqa: E402 - the guard comes first
from mlflow import MlflowClient, start_run  # noqa: E402


def parent_of(run: mlflow.entities.Run) -> str | None:
    tags: dict[str, str] = MlflowClient().get_run(run.info.run_id).data.tags
    return tags.get("mlflow.parentRunId")


def observe_runs() -> None:
    seen["experiment set"] = [mlflow.set_experiment(name).name for name in ("other", "other", "experiment")]
    seen["warnings"] = list(warnings)
    with start_run() as first:
        mlflow.log_metric("loss", 0.5)
        with mlflow.start_run(nested=True) as nested:
            pass
    with start_run(run_name="second") as second:
        mlflow.log_metric("fold_loss", 0.25)
    made = MlflowClient().create_run(RUN[1])
    fostered = MlflowClient().create_run(RUN[1], tags={"mlflow.parentRunId": second.info.run_id})
    elsewhere = MlflowClient(os.environ["OTHER_STORE"]).create_run("0")
    with mlflow.start_run(run_id=second.info.run_id) as resumed:
        pass
    seen["runs"] = {
        "first": first.info.run_id,
        "nested": parent_of(nested),
        "second": parent_of(second),
        "made by the client": parent_of(made),
        "with a parent given": parent_of(fostered) == second.info.run_id,
        "in another store": elsewhere.data.tags.get("mlflow.parentRunId"),
        "resumed by id": resumed.info.run_id == second.info.run_id,
        "experiments": sorted({run.info.experiment_id for run in (first, nested, second, made)}),
    }


def observe_stores() -> None:
    path = RUN[0].removeprefix("sqlite:///")
    accepted = [RUN[0], f"sqlite:///{Path(path).name}", f"sqlite:///{os.path.relpath(path)}", None]
    os.chdir("/")
    seen["accepted"] = [error_of(lambda uri=uri: mlflow.set_tracking_uri(uri)) for uri in accepted]  # type: ignore[misc]
    seen["foreign"] = error_of(lambda: mlflow.set_tracking_uri("http://me:secret@other:5000"))
    os.environ["MLFLOW_TRACKING_URI"] = "http://other:5000"
    seen["store"] = mlflow.get_tracking_uri()


def observe_autolog() -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_models=False)
    LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    mlflow.sklearn.autolog(disable=True)


install(*RUN)
observe_autolog()
install(*RUN)
observe_runs()
observe_stores()
install(RUN[0], RUN[1], SECOND_RUN_ID)
with mlflow.start_run() as last:
    seen["bound again"] = last.info.run_id
print(json.dumps(seen))
