"""Sweeps that are over, and what MLflow's store holds of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from tests.plugin.conftest import App, Run


@dataclass(frozen=True)
class Recorded:
    """A sweep that is over, and what its store holds."""

    sweep: Run
    client: MlflowClient

    @property
    def parent(self) -> MlflowRun:
        """The sweep's own run: the only one without a parent."""
        (parent,) = [run for run in self.all() if "mlflow.parentRunId" not in run.data.tags]
        return parent

    def all(self) -> list[MlflowRun]:
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.search_runs(experiments))

    def row(self, **point: str) -> dict[str, str]:
        """The line of `trials.csv` with these parameters."""
        (row,) = [row for row in self.sweep.trials if point.items() <= row.items()]
        return row

    def run(self, **point: str) -> MlflowRun:
        return self.client.get_run(self.row(**point)["mlflow_run_id"])

    def children(self, parent: MlflowRun) -> list[MlflowRun]:
        mine = parent.info.run_id
        return [run for run in self.all() if run.data.tags.get("mlflow.parentRunId") == mine]

    def seen(self, **point: str) -> dict[str, Any]:
        """What the task wrote down."""
        text = (Path(self.row(**point)["dir"]) / "seen.json").read_text(encoding="utf-8")
        seen: dict[str, Any] = json.loads(text)
        return seen


def artifacts(recorded: Recorded) -> dict[str, str]:
    """Text of each artifact of the sweep's run, by its path there."""
    place = Path(recorded.client.download_artifacts(recorded.parent.info.run_id, ""))
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_text(encoding="utf-8") for path in files}


def tracked(app: App, body: str, config: dict[str, Any], *, preamble: str = "", **sweeper: Any) -> None:
    """Write an app whose sweeps are tracked as they are by default."""
    sweeper = {"tracking": "mlflow", "sampling_algorithm": "grid", **sweeper}
    app.write(body, config, preamble=preamble, sweeper=sweeper)


def with_tables(app: App, empty_store: Path) -> str:
    """Put a store where the app's sweeps find it; to make its tables would take two seconds."""
    shutil.copy(empty_store, app.directory / "mlflow.db")
    return f"sqlite:///{app.directory}/mlflow.db"
