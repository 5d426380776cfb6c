"""Where runs are recorded and metrics read: MLflow, or nowhere. Never decides anything about the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from azsweep_core._mlflow_earlier import read_parent_run
from azsweep_core._mlflow_look import StoreLook, look_at_store
from azsweep_core._mlflow_parent import job_name, job_tags
from azsweep_core._mlflow_store import chosen_uri, configured_uri, is_bound_to_host, redacted
from azsweep_core._mlflow_tracker import MlflowTracker
from azsweep_core._secrets import without_credentials
from azsweep_core.history import History
from azsweep_core.trial import Measurement, Parameters, Trial

__all__ = [
    "MlflowTracker",
    "NullTracker",
    "StoreLook",
    "chosen_uri",
    "configured_uri",
    "is_bound_to_host",
    "job_name",
    "job_tags",
    "look_at_store",
    "read_parent_run",
    "redacted",
    "without_credentials",
]


class NullTracker:
    """For `tracking: none`: no runs, and no metrics of its own. Never imports mlflow."""

    how_to_open = ""
    how_to_log = "Without MLflow (tracking: none) return it from the task, or report it with azsweep_core.log_metric"

    def preload(self) -> None:
        """Nothing to import."""

    tracking_uri = ""
    run_id = None

    def start_sweep(
        self, spec: Mapping[str, Any], *, run_id: str | None = None, trial_run_id: str | None = None
    ) -> None:
        """Nothing to make ready."""

    def start_trial(
        self, number: int, parameters: Parameters, lost_run_id: str | None = None
    ) -> tuple[str | None, Mapping[str, str]]:
        """No run, no environment."""
        return None, {}

    def left_open(self, history: History) -> Sequence[int]:
        """None, ever."""
        return ()

    def new_measurements(self, trials: Sequence[Trial]) -> Mapping[int, tuple[Measurement, ...]]:
        """None, ever."""
        return {}

    def final_measurements(self, trial: Trial) -> tuple[Measurement, ...]:
        """None, ever."""
        return ()

    def metric_names(self, trial: Trial) -> Sequence[str]:
        """None are known."""
        return ()

    def note_best(self, trial: Trial) -> None:
        """Nothing to record it in."""

    def end_trial(
        self, trial: Trial, returned: Mapping[str, float], reported: Sequence[tuple[str, Measurement]] = ()
    ) -> None:
        """Nothing to record it in."""

    def end_sweep(self, best: Trial | None, *, failed: bool, reason: str) -> None:
        """Nothing to record it in."""

    def give_up(self, reason: str) -> None:
        """Nothing to record it in."""

    def keep(self, directory: Path, names: Sequence[str]) -> None:
        """They are kept where they are."""
