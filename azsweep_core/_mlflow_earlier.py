"""Reads what an earlier sweep left in MLflow: its objective, and its trials' points and values. Never writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from azsweep_core._mlflow_parent import PARENT_TAG
from azsweep_core._mlflow_store import (
    bounded_requests,
    is_absent,
    probe_database,
    redacted,
    root_cause,
    unreachable,
)
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.objective import Goal, Objective
from azsweep_core.trial import EarlierTrial, TrialState, last_usable
from azsweep_core.warm_start import EarlierSweep

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["read_parent_run"]


_CALL_TIMEOUT_S = 10
_RUNS_A_SEARCH = 500
_UNKNOWN_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def read_parent_run(tracking_uri: str, run_id: str) -> EarlierSweep:
    """The sweep whose parent run has this id; it may be going on. A store that is not there is not made.

    Args:
        tracking_uri: absolute.
    Raises:
        SpecError: if there is no such run, or it is not the parent run of a sweep.
        AzsweepError: if the store cannot be reached within seconds.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if is_absent(tracking_uri):
        raise _not_there(tracking_uri, run_id)
    try:
        with bounded_requests(_CALL_TIMEOUT_S):
            probe_database(tracking_uri)
            client = MlflowClient(tracking_uri=tracking_uri)
            try:
                parent = client.get_run(run_id)
            except MlflowException as error:
                if error.error_code in _UNKNOWN_RUN:
                    raise _not_there(tracking_uri, run_id) from error
                raise
            return _sweep(client, parent, _objective(parent))
    except AzsweepError:
        raise
    except Exception as error:  # whatever a store, a driver or a plug-in of MLflow raises
        raise AzsweepError(unreachable(tracking_uri, root_cause(error))) from error


def _not_there(tracking_uri: str, run_id: str) -> SpecError:
    rule = f"must name runs of the MLflow store of this sweep, {redacted(tracking_uri)}"
    fix = "Set MLFLOW_TRACKING_URI to the store that has it, or name the earlier sweep's directory."
    return SpecError([Problem("warm_start", rule, run_id, fix)])


def _objective(parent: Run) -> Objective:
    """As the sweep's own run records it."""
    tags = parent.data.tags
    try:
        config = json.loads(tags["primary_metric_config"])
        return Objective(str(config["name"]), Goal(config["goal"]))
    except (KeyError, ValueError, TypeError) as error:
        rule = "a run must be the parent run of a sweep"
        is_trial = "azsweep.trial" in tags and PARENT_TAG in tags
        got = (
            f"{parent.info.run_id}, which is the run of a trial" if is_trial else f"{parent.info.run_id}, which is none"
        )
        fix = f"The parent run of that sweep is {tags[PARENT_TAG]}." if is_trial else None
        raise SpecError([Problem("warm_start", rule, got, fix)]) from error


def _sweep(client: MlflowClient, parent: Run, objective: Objective) -> EarlierSweep:
    source = f"MLflow run {parent.info.run_id}"
    attempts = sorted(_children(client, parent), key=lambda run: run.info.start_time)
    newest = {int(run.data.tags["azsweep.trial"]): run for run in attempts}
    over = [(number, run, state) for number, run in newest.items() if (state := _final_state(run.data.tags))]
    found = [
        _trial(client, source, number, run, state, objective)
        for number, run, state in sorted(over, key=lambda each: each[0])
    ]
    trials = [trial for trial in found if trial is not None]
    return EarlierSweep(
        source=source,
        objective=objective,
        trials=trials,
        without_value=len(over) - len(trials),
        unfinished=len(newest) - len(over),
    )


def _children(client: MlflowClient, parent: Run) -> Iterator[Run]:
    """The runs of the sweep's trials; every attempt has one."""
    wanted = f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'"
    token: str | None = None
    while True:
        page = client.search_runs([parent.info.experiment_id], wanted, max_results=_RUNS_A_SEARCH, page_token=token)
        yield from (run for run in page if run.data.tags.get("azsweep.trial", "").isdecimal())
        token = page.token
        if not token:
            return


def _trial(
    client: MlflowClient, source: str, number: int, run: Run, state: TrialState, objective: Objective
) -> EarlierTrial | None:
    """None if the trial has no value."""
    logged = client.get_metric_history(run.info.run_id, objective.primary_metric)
    values = [metric.value for metric in sorted(logged, key=lambda metric: (metric.timestamp, metric.step))]
    value, last_value = objective.best(values), last_usable(values)
    if value is None or last_value is None:
        return None
    return EarlierTrial(
        source=source,
        number=number,
        parameters=_parameters(run.data.tags),
        state=state,
        value=value,
        last_value=last_value,
        reports=len(values),
    )


def _final_state(tags: Mapping[str, str]) -> TrialState | None:
    """What a trial's run says once the trial is over; a lost attempt's never does."""
    try:
        state = TrialState(tags.get("azsweep.state"))
    except ValueError:
        return None
    return state if state.is_final else None


def _parameters(tags: Mapping[str, str]) -> dict[str, Any]:
    """The point; empty, which fits nowhere, if somebody has changed it beyond recognition."""
    try:
        point = json.loads(tags["azsweep.params"])
    except (KeyError, ValueError):
        return {}
    return point if isinstance(point, dict) else {}
