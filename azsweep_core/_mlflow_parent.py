"""The sweep's own run in MLflow, and its experiment: found again, or made. Knows no trial's metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azsweep_core._mlflow_store import is_transient, redacted
from azsweep_core.errors import AzsweepError, Problem

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["PARENT_TAG", "find_experiment", "find_parent", "open_children"]

PARENT_TAG = "mlflow.parentRunId"
_RUNS_A_PAGE = 500


def find_experiment(client: MlflowClient, name: str) -> str:
    """Id of the experiment, which is made if it is not there.

    Raises:
        AzsweepError: if it was deleted.
    """
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another sweep may have made it a moment ago
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        fix = "Restore it with `mlflow experiments restore`, or choose another name."
        rule = "must not name a deleted MLflow experiment"
        raise AzsweepError(str(Problem("experiment_name", rule, name, fix)))
    return str(experiment.experiment_id)


def find_parent(client: MlflowClient, tracking_uri: str, run_id: str | None, trial_run_id: str) -> Run:
    """The parent run of a sweep that goes on, from its id or else from that of any trial's run.

    Raises:
        AzsweepError: if it is not in this store.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id or client.get_run(trial_run_id).data.tags[PARENT_TAG])
    except (MlflowException, KeyError) as error:
        if isinstance(error, MlflowException) and is_transient(error):
            raise
        rule = "must be the store that this sweep's runs were recorded in"
        missing = run_id or trial_run_id
        fix = f"Start again from the directory of the first start, or set it to the store with run {missing}."
        raise AzsweepError(str(Problem("MLFLOW_TRACKING_URI", rule, redacted(tracking_uri), fix))) from error


def open_children(client: MlflowClient, parent: Run) -> list[str]:
    """Ids of the trials' runs that have not ended."""
    wanted = f"attributes.status = 'RUNNING' AND tags.`{PARENT_TAG}` = '{parent.info.run_id}'"
    found: list[str] = []
    token: str | None = None
    while True:
        page = client.search_runs([parent.info.experiment_id], wanted, max_results=_RUNS_A_PAGE, page_token=token)
        found += [str(run.info.run_id) for run in page]
        token = page.token
        if not token:
            return found
