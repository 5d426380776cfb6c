"""Settings that are objects of azure-ai-ml, as the plain values that a YAML file would hold. Judges none of them.

An object is told by the names of its class and module, so that azure-ai-ml is needed by nobody who does not use it.
Its constructors check nothing, and have values of their own for what is not set: these are left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from azsweep_core.distributions import DISTRIBUTIONS

__all__ = ["as_plain", "class_name"]

_CADENCE = ("type", "evaluation_interval", "delay_evaluation")
_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Objective": ("primary_metric", "goal"),
    "SweepJobLimits": ("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"),
    "BanditPolicy": (*_CADENCE, "slack_factor", "slack_amount"),
    "MedianStoppingPolicy": _CADENCE,
    "TruncationSelectionPolicy": (*_CADENCE, "truncation_percentage"),
    "RandomSamplingAlgorithm": ("type", "rule", "seed", "logbase"),
    "GridSamplingAlgorithm": ("type",),
    "BayesianSamplingAlgorithm": ("type",),
    "Input": ("type", "path", "mode", "default", "optional"),
    "Output": ("type", "path", "mode"),
    "Environment": ("name", "version", "image", "conda_file"),
    "JobResourceConfiguration": (
        "instance_count",
        "instance_type",
        "max_instance_count",
        "shm_size",
        "docker_args",
        "locations",
        "properties",
    ),
    "QueueSettings": ("job_tier", "priority"),
    "MpiDistribution": ("type", "process_count_per_instance"),
    "PyTorchDistribution": ("type", "process_count_per_instance"),
    "TensorFlowDistribution": ("type", "parameter_server_count", "worker_count"),
    "RayDistribution": ("type", "port", "address", "include_dashboard", "dashboard_port"),
    **{cls.__name__: ("type", *cls.__match_args__) for cls in DISTRIBUTIONS.values()},
}
"""What is read of each class, by the names that the YAML has, too."""

_JOBS = ("SweepJob", "Sweep", "Command")
_ZERO_IS_UNSET = frozenset(
    ("evaluation_interval", "delay_evaluation", "slack_factor", "slack_amount", "truncation_percentage")
)
"""Where the constructors of policies have 0 for what is not given."""


def class_name(thing: object) -> str | None:
    """The class of azure-ai-ml that `thing` is of, one that can be read here; None for everything else."""
    for base in type(thing).__mro__:
        if base.__module__.startswith("azure.ai.ml") and (base.__name__ in _ATTRIBUTES or base.__name__ in _JOBS):
            return base.__name__
    return None


def as_plain(value: Any) -> Any:
    """`value` with a mapping in the place of each object of azure-ai-ml, at any depth; other values as they are.

    What is None there, or 0 in a policy, is left out: it is at its default.
    """
    attributes = _ATTRIBUTES.get(class_name(value) or "")
    if attributes is not None:
        given = {name: getattr(value, name, None) for name in attributes}
        return {name: as_plain(each) for name, each in given.items() if _is_set(name, each)}
    if isinstance(value, Mapping):
        return {key: as_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        plain = [as_plain(each) for each in value]
        return plain if isinstance(value, list) else tuple(plain)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _is_set(name: str, value: Any) -> bool:
    if name in _ZERO_IS_UNSET and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value != 0
    return value is not None
