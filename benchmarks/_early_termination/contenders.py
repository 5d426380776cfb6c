"""Who takes part: our policies with some settings each, and Optuna's pruners. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner

from benchmarks._early_termination.curves import EPOCHS

__all__ = ["OURS", "PRESETS", "THEIRS", "UNTOUCHED"]

_FOLDER = Path(__file__).parents[2] / "configs" / "hydra" / "sweeper" / "early_termination"

PRESETS: Mapping[str, Mapping[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.yaml"))
}
"""The policies that any app can choose by name."""

UNTOUCHED = "none"
_LATER = {"delay_evaluation": 5}


def _truncation(percentage: int, every: int, delay: int) -> Mapping[str, Any]:
    settings = {"truncation_percentage": percentage, "evaluation_interval": every, "delay_evaluation": delay}
    return {"type": "truncation_selection", **settings}


def _asha(grace: int, factor: int) -> Mapping[str, Any]:
    return {"type": "asha", "grace_period": grace, "reduction_factor": factor}


OURS: Mapping[str, Mapping[str, Any] | None] = {
    UNTOUCHED: None,
    "bandit, slack_factor 0.02": {"type": "bandit", "slack_factor": 0.02, **_LATER},
    "bandit, slack_factor 0.1": {"type": "bandit", "slack_factor": 0.1, **_LATER},
    "bandit, slack_factor 0.5": {"type": "bandit", "slack_factor": 0.5, **_LATER},
    "bandit, slack_amount 0.05": {"type": "bandit", "slack_amount": 0.05, **_LATER},
    "median stopping": {"type": "median_stopping", "evaluation_interval": 1, **_LATER},
    "median stopping, from 10": {"type": "median_stopping", "delay_evaluation": 10},
    "truncation, 20 %": _truncation(20, 1, 5),
    "truncation, 20 % every 5": _truncation(20, 5, 5),
    "truncation, 35 % every 5": _truncation(35, 5, 5),
    "truncation, 50 % every 5": _truncation(50, 5, 5),
    "truncation, 50 % every 10, from 10": _truncation(50, 10, 10),
    "asha, grace 1, factor 4": _asha(1, 4),
    "asha, grace 1, factor 3": _asha(1, 3),
    "asha, grace 1, factor 2": _asha(1, 2),
    "asha, grace 5, factor 3": _asha(5, 3),
    "asha, grace 5, factor 2": _asha(5, 2),
    "asha, grace 10, factor 2": _asha(10, 2),
}
"""By title. Where nothing else is said, they judge from the 5th epoch of 50 on."""

THEIRS: Mapping[str, Callable[[], BasePruner]] = {
    "Optuna MedianPruner": MedianPruner,
    "Optuna MedianPruner, 5 warm-up steps": lambda: MedianPruner(n_warmup_steps=5),
    "Optuna SuccessiveHalvingPruner": SuccessiveHalvingPruner,
    "Optuna SuccessiveHalvingPruner, min 1": lambda: SuccessiveHalvingPruner(min_resource=1),
    "Optuna SuccessiveHalvingPruner, min 5, factor 3": lambda: SuccessiveHalvingPruner(
        min_resource=5, reduction_factor=3
    ),
    "Optuna HyperbandPruner": lambda: HyperbandPruner(max_resource=EPOCHS),
}
"""By title; their defaults where nothing is said, and Hyperband told the length, as its documentation advises."""
