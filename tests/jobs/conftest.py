"""AzureML job files with their source in a temporary directory, run as users run them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import App, Run

FAST = ("hydra.sweep.dir=sweep", "hydra.sweeper.tracking=none", "hydra.sweeper.poll_interval=0.1")
"""What most tests can do without: MLflow, which takes a script seconds to import."""


class JobApp(App):
    """`job.yml` with its source in `src`, started by `azsweep run`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.options: tuple[str, ...] = FAST

    def write_job(
        self,
        command: str,
        space: Mapping[str, Any],
        files: Mapping[str, str],
        *,
        trial: Mapping[str, Any] | None = None,
        **job: Any,
    ) -> None:
        """Write the job, which is a grid unless it says otherwise, and the files of its source."""
        document = {
            "type": "sweep",
            "trial": {"command": command, "code": "src", "environment": "azureml:train:1", **(trial or {})},
            "search_space": space,
            "sampling_algorithm": "grid",
            "objective": {"primary_metric": "loss", "goal": "minimize"},
            "limits": {"max_total_trials": 20, "max_concurrent_trials": 2},
            **job,
        }
        (self.directory / "job.yml").write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
        for name, text in files.items():
            path = self.directory / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        given = [each for each in arguments if each != "--multirun"]  # which it says by itself
        return self.azsweep("run", "job.yml", *self.options, *given)

    def azsweep(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "azsweep_core", *arguments]

    def work(self, trial: int) -> Path:
        """The working directory of a trial."""
        return self.directory / "sweep" / str(trial) / "work"

    @property
    def rows(self) -> list[dict[str, str]]:
        return Run(0, "", "", self.directory / "sweep").trials


def choice(*values: Any) -> dict[str, Any]:
    """The expression, as a job file has it."""
    return {"type": "choice", "values": list(values)}


@pytest.fixture
def job(tmp_path: Path) -> JobApp:
    return JobApp(tmp_path)
