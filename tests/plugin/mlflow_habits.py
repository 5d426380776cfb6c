"""What tasks do with MLflow, each habit a function; copied beside an app, which runs the one a trial is to show."""

from __future__ import annotations

import math
import multiprocessing
import os

import mlflow
from mlflow import MlflowClient

METRIC = "training_score"  # as scikit-learn's autologging calls it


def log(value: float, step: int = 0) -> None:
    mlflow.log_metric(METRIC, value, step=step)


def fluent() -> None:
    for step, value in enumerate([0.5, 0.9, 0.7]):
        log(value, step)


def fluent_in_a_run() -> None:
    with mlflow.start_run():
        log(0.9)


def client() -> None:
    MlflowClient().log_metric(os.environ["MLFLOW_RUN_ID"], METRIC, 0.9)


def late_at_an_earlier_step() -> None:
    log(0.5, 9)
    log(0.9, 1)


def autolog() -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.autolog(log_models=False)
    LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def another_experiment() -> None:
    mlflow.set_experiment("other")
    with mlflow.start_run():
        log(0.9)


def a_second_run() -> None:
    with mlflow.start_run():
        log(0.9)
    with mlflow.start_run():
        mlflow.log_metric("fold_score", 1.0)


def nested_runs() -> None:
    with mlflow.start_run():
        with mlflow.start_run(nested=True):
            mlflow.log_metric("fold_score", 0.5)
        log(0.9)


def a_forked_rank() -> None:
    rank = multiprocessing.get_context("fork").Process(target=log, args=(0.9,))
    rank.start()
    rank.join()


def nan_before_a_number() -> None:
    log(math.nan)
    log(0.9, 1)


def a_number_returned_too() -> float:
    log(0.5)
    return 0.9


def a_number_returned_instead() -> float:
    return 0.9


def several_returned() -> dict[str, float]:
    return {METRIC: 0.9, "seconds": 2.0}


def parameters_of_its_own() -> None:
    mlflow.log_params({"habit": "mine", "batch": 16})
    log(0.9)


def only_nan() -> None:
    log(math.nan)


def only_infinity() -> None:
    log(math.inf)


def another_name() -> None:
    mlflow.log_metric("train_score", 0.9)
    mlflow.log_metric("accuracy", 0.9)


def in_the_folds_only() -> None:
    with mlflow.start_run(), mlflow.start_run(nested=True):
        log(0.9)


def another_store() -> None:
    mlflow.set_tracking_uri("http://me:secret@elsewhere:5000")


def a_crash_at_the_end() -> None:
    log(0.95)
    raise RuntimeError("out of memory")
