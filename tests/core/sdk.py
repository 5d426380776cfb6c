"""Stand-ins for objects of azure-ai-ml, which is not there: classes of the same names, in modules of the same names."""

from __future__ import annotations

from typing import Any

__all__ = ["sdk"]

_DEFAULTS: dict[str, dict[str, Any]] = {
    "BanditPolicy": {
        "type": "bandit",
        "evaluation_interval": 0,
        "delay_evaluation": 0,
        "slack_factor": 0,
        "slack_amount": 0,
    },
    "MedianStoppingPolicy": {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 0},
    "TruncationSelectionPolicy": {
        "type": "truncation_selection",
        "evaluation_interval": 0,
        "delay_evaluation": 0,
        "truncation_percentage": 0,
    },
    "RandomSamplingAlgorithm": {"type": "random", "rule": None, "seed": None, "logbase": None},
    "GridSamplingAlgorithm": {"type": "grid"},
    "BayesianSamplingAlgorithm": {"type": "bayesian"},
    "SweepJob": {"trial": None, "base_path": None, "inputs": {}, "outputs": {}},
    "Sweep": {"trial": None, "base_path": None},
}


def sdk(name: str, **attributes: Any) -> Any:
    """An object that looks like one of azure-ai-ml's, which checks nothing either."""
    thing = type(name, (), {"__module__": "azure.ai.ml.entities"})()
    named = name.lower() if name.lower().endswith(("choice", "uniform", "normal", "randint")) else None
    for key, value in {"type": named, **_DEFAULTS.get(name, {}), **attributes}.items():
        setattr(thing, key, value)
    return thing
