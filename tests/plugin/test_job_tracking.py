"""What MLflow has of a sweep that comes from an AzureML job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.plugin.conftest import App
from tests.plugin.recorded import Recorded, tracked, with_tables

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


def test_a_job_is_found_there_by_what_it_says_of_itself(app: App, empty_store: Path) -> None:
    store = with_tables(app, empty_store)
    tracked(app, "return cfg.x", {"x": 0})
    job = {
        "type": "sweep",
        "display_name": "iris",
        "description": "Again.",
        "tags": {"team": "a"},
        "experiment_name": "flowers",
        "search_space": {"x": {"type": "choice", "values": [1]}},
        "sampling_algorithm": "grid",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 1},
        "trial": {"command": "python train.py x=${{search_space.x}}", "environment": "azureml:e:1"},
    }
    (app.directory / "job.yml").write_text(json.dumps(job), encoding="utf-8")

    recorded = Recorded(app.sweep("hydra.sweeper.job=job.yml"), MlflowClient(store))

    tags = recorded.parent.data.tags
    assert (recorded.parent.info.run_name, tags["mlflow.note.content"], tags["team"]) == ("iris", "Again.", "a")
    assert [child.info.run_name for child in recorded.children(recorded.parent)] == ["iris_0"]
    assert recorded.client.get_experiment(recorded.parent.info.experiment_id).name == "flowers"
