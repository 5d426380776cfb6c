"""Writes into MLflow's runs how a sweep and its trials stand. Every call is safe to repeat after it failed half-way."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from azsweep_core._mlflow_names import (
    PARAMETER_CHARACTERS,
    TAG_CHARACTERS,
    accepted_name,
    parameter_names,
    shortened,
)
from azsweep_core._secrets import text_without_secrets
from azsweep_core.trial import Measurement, Trial, TrialState

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["best_tags", "close_run", "write_best", "write_end"]

_STATUS = {
    TrialState.COMPLETED: "FINISHED",
    TrialState.FAILED: "FAILED",
    TrialState.TIMED_OUT: "FAILED",
    TrialState.TERMINATED: "KILLED",
    TrialState.CANCELLED: "KILLED",
}
_METRICS_A_REQUEST = 1000


def write_best(client: MlflowClient, parent_id: str, metric: str, trial: Trial, step: int, time_ms: int) -> None:
    """`trial`, which has a value, is the best now: a point in the chart of the sweep's run, and its tags."""
    from mlflow.entities import Metric, RunTag

    assert trial.value is not None
    tags = [RunTag(name, text) for name, text in best_tags(trial).items()]
    client.log_batch(parent_id, metrics=[Metric(metric, trial.value, time_ms, step)], tags=tags)


def best_tags(best: Trial | None) -> dict[str, str]:
    """What the sweep's run says of its best trial; nothing, if that has no value or no run."""
    if best is None or best.value is None or best.mlflow_run_id is None:
        return {}
    return {"best_child_run_id": best.mlflow_run_id, "best_metric": repr(best.value)}


def write_end(
    client: MlflowClient,
    trial: Trial,
    primary_metric: str,
    returned: Mapping[str, float],
    reported: Sequence[tuple[str, Measurement]],
) -> None:
    """How a trial ended. What its run holds already is left alone."""
    from mlflow.entities import Metric, Param, RunTag

    run_id = str(trial.mlflow_run_id)
    there = client.get_run(run_id).data
    ended_ms = int((time.time() if trial.ended_s is None else trial.ended_s) * 1000)
    names = parameter_names(trial.parameters)
    params = [
        Param(names[key], shortened(str(value), PARAMETER_CHARACTERS))
        for key, value in trial.parameters.items()
        if names[key] not in there.params
    ]
    numbers = {accepted_name(name or primary_metric): value for name, value in returned.items()}
    metrics = [Metric(name, value, ended_ms, 0) for name, value in numbers.items() if name not in there.metrics]
    tags = [RunTag("azsweep.state", trial.state.value)]
    if trial.reason:
        tags.append(RunTag("azsweep.reason", shortened(text_without_secrets(trial.reason), TAG_CHARACTERS)))
    for first in range(0, len(reported), _METRICS_A_REQUEST):  # what is there already, the store keeps once
        some = [
            Metric(accepted_name(name), each.value, int(1000 * each.time_s), each.step or 0)
            for name, each in reported[first : first + _METRICS_A_REQUEST]
        ]
        client.log_batch(run_id, metrics=some)
    client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
    client.set_terminated(run_id, _STATUS[trial.state], end_time=ended_ms)


def close_run(client: MlflowClient, run_id: str, status: str, tags: Mapping[str, str]) -> None:
    """End a run with these tags."""
    from mlflow.entities import RunTag

    if tags:
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    client.set_terminated(run_id, status)
