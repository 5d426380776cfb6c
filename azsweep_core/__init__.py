"""Hyperparameter sweeps with AzureML semantics, independent of Hydra. What a task may use is named here."""

from azsweep_core.metrics_file import CurrentTrial, current_trial, log_metric
from azsweep_core.trial_process import TrialStopped

__all__ = ["CurrentTrial", "TrialStopped", "__version__", "current_trial", "log_metric"]

__version__ = "0.1.0.dev0"
