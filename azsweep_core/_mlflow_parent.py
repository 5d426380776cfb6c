"""The sweep's own run in MLflow, and its experiment: found again, or made. Knows no trial's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from azsweep_core._mlflow_names import SWEEP_NAME_CHARACTERS, TAG_CHARACTERS, parameter_names, shortened
from azsweep_core._mlflow_store import is_transient, redacted
from azsweep_core.errors import AzsweepError, Problem

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["PARENT_TAG", "find_experiment", "find_parent", "job_name", "job_tags", "open_children", "refuse_deleted"]

PARENT_TAG = "mlflow.parentRunId"
_RUNS_A_PAGE = 500
_DESCRIPTION = "mlflow.note.content"


def job_name(job: Mapping[str, Any]) -> str | None:
    """What AzureML's users know a job by: its display_name; None if it has none."""
    name = job.get("display_name")
    return shortened(name, SWEEP_NAME_CHARACTERS) if isinstance(name, str) and name.strip() else None


def job_tags(job: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a job, and its description where MLflow shows it.

    >>> job_tags({"tags": {"team": "a"}, "description": "Iris, again."})
    {'team': 'a', 'mlflow.note.content': 'Iris, again.'}
    """
    given = job.get("tags")
    tags = {str(key): value for key, value in given.items()} if isinstance(given, Mapping) else {}
    accepted = parameter_names(tags)
    found = {accepted[key]: "" if value is None else str(value) for key, value in tags.items()}
    if job.get("description"):
        found[_DESCRIPTION] = str(job["description"])
    found.pop("mlflow.runName", None)  # which would contradict the run's own
    return {key: shortened(value, TAG_CHARACTERS) for key, value in found.items()}


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
    refuse_deleted(name, experiment.lifecycle_stage)
    return str(experiment.experiment_id)


def refuse_deleted(name: str, lifecycle_stage: str) -> None:
    """See to it that an experiment takes runs.

    Raises:
        AzsweepError: if it was deleted.
    """
    if lifecycle_stage != "active":
        fix = "Restore it with `mlflow experiments restore`, or choose another name."
        rule = "must not name a deleted MLflow experiment"
        raise AzsweepError(str(Problem("experiment_name", rule, name, fix)))


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
