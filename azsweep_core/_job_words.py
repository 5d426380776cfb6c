"""The words of earlier notations of a sweep, each beside today's: tables, and how values change with their words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from azsweep_core.distributions import DISTRIBUTIONS

__all__ = ["DROPPED", "LEVELS", "PREVIEW", "RENAMED", "REST", "SNAKE_CASE", "USER_DECIDES", "V1", "WIRE", "Word"]
__all__ += ["expression_of", "policy", "sampler", "seconds_of"]

PREVIEW = "AzureML's preview of 2021"
V1 = "AzureML's SDK v1"
REST = "AzureML's REST API"
WIRE = "AzureML's REST API and SDK v1"

_POLICIES = {
    "banditpolicy": "bandit",
    "bandit": "bandit",
    "medianstoppingpolicy": "median_stopping",
    "medianstopping": "median_stopping",
    "median": "median_stopping",
    "truncationselectionpolicy": "truncation_selection",
    "truncationselection": "truncation_selection",
    "truncation": "truncation_selection",
    "noterminationpolicy": "",
    "notermination": "",
    "default": "",
}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.0+)?S)?)?")


class Word(NamedTuple):
    """One word.

    Args:
        notation: in which it is written so.
        old, new: dotted paths; `*` is any key.
        value: what becomes of the value; ValueError if the user must decide.
        also: a key beside the new one, and its value unless it has one.
    """

    notation: str
    old: str
    new: str
    value: Callable[[Any], Any] = lambda value: value
    also: tuple[str, str] | None = None


def _minutes(value: Any) -> int:
    seconds = float(value) * 60
    if isinstance(value, bool) or seconds != int(seconds):
        raise ValueError(value)
    return int(seconds)


def seconds_of(duration: Any) -> int:
    """Of an ISO 8601 duration.

    >>> seconds_of("PT1H30M"), seconds_of("P7D")
    (5400, 604800)
    """
    parts = _DURATION.fullmatch(duration) if isinstance(duration, str) and len(duration) > 2 else None
    if parts is None:
        raise ValueError(duration)
    units = (86400, 3600, 60, 1)
    return sum(int(part or 0) * unit for part, unit in zip(parts.groups(), units, strict=True))


def _goal(value: Any) -> str:
    """`PrimaryMetricGoal.MAXIMIZE`, `MAX` ... in today's words."""
    word = str(value).lower().rpartition(".")[2]
    for goal in ("maximize", "minimize"):
        if word in (goal, goal[:3], goal[:-2] + "se"):
            return goal
    raise ValueError(value)


def policy(value: Any) -> str:
    """Today's type of a policy; "" for none."""
    named = _POLICIES.get(str(value).lower().replace("_", ""))
    if named is None:
        raise ValueError(value)
    return named


def sampler(value: Any) -> str:
    """`RandomParameterSampling`, `RANDOM` ... in today's words."""
    word = str(value).lower().removesuffix("parametersampling").removesuffix("sampling")
    if word not in ("random", "grid", "bayesian"):
        raise ValueError(value)
    return word


def _resource(value: Any) -> Any:
    return f"azureml:{value}" if isinstance(value, str) and value.startswith("/") else value


def expression_of(kind: Any, arguments: Any) -> Mapping[str, Any]:
    """The expression that has these arguments, by their position."""
    distribution = DISTRIBUTIONS.get(str(kind).lower())
    if distribution is None or not isinstance(arguments, list):
        raise ValueError(kind)
    name = distribution.kind
    if name == "choice":
        return {"type": name, "values": arguments[0] if arguments and isinstance(arguments[0], list) else arguments}
    return {"type": name, **dict(zip(distribution.__match_args__, arguments, strict=True))}


RENAMED: tuple[Word, ...] = (
    Word(PREVIEW, "algorithm", "sampling_algorithm"),
    Word(PREVIEW, "max_total_trials", "limits.max_total_trials"),
    Word(PREVIEW, "max_concurrent_trials", "limits.max_concurrent_trials"),
    Word(PREVIEW, "timeout_minutes", "limits.timeout", _minutes),
    Word(PREVIEW, "trial_timeout_minutes", "limits.trial_timeout", _minutes),
    Word(PREVIEW, "limits.timeout_minutes", "limits.timeout", _minutes),
    Word(PREVIEW, "limits.trial_timeout_minutes", "limits.trial_timeout", _minutes),
    Word(PREVIEW, "early_termination.policy_type", "early_termination.type", policy),
    Word(PREVIEW, "trial.code.local_path", "trial.code"),
    Word(PREVIEW, "trial.compute.instance_count", "resources.instance_count"),
    Word(PREVIEW, "trial.compute.target", "compute"),
    Word(PREVIEW, "compute.instance_count", "resources.instance_count"),
    Word(PREVIEW, "compute.target", "compute"),
    Word(PREVIEW, "trial.environment.docker.image", "trial.environment.image"),
    Word(PREVIEW, "inputs.*.file", "inputs.*.path", also=("type", "uri_file")),
    Word(PREVIEW, "inputs.*.folder", "inputs.*.path", also=("type", "uri_folder")),
    Word(V1, "primary_metric_name", "objective.primary_metric"),
    Word(V1, "primary_metric_goal", "objective.goal", _goal),
    Word(V1, "max_total_runs", "limits.max_total_trials"),
    Word(V1, "max_total_jobs", "limits.max_total_trials"),
    Word(V1, "max_concurrent_runs", "limits.max_concurrent_trials"),
    Word(V1, "max_concurrent_jobs", "limits.max_concurrent_trials"),
    Word(V1, "max_duration_minutes", "limits.timeout", _minutes),
    Word(REST, "jobType", "type", lambda value: "sweep" if value == "Sweep" else str(value).lower()),
    Word(REST, "computeId", "compute", _resource),
    Word(REST, "sampling_algorithm.samplingAlgorithmType", "sampling_algorithm.type"),
    Word(REST, "early_termination.policyType", "early_termination.type", policy),
    Word(REST, "trial.codeId", "trial.code", _resource),
    Word(REST, "trial.environmentId", "trial.environment", _resource),
    Word(REST, "trial.distribution.distributionType", "trial.distribution.type"),
    Word(REST, "inputs.*.jobInputType", "inputs.*.type"),
    Word(REST, "inputs.*.uri", "inputs.*.path"),
    Word(REST, "outputs.*.jobOutputType", "outputs.*.type"),
    Word(REST, "outputs.*.uri", "outputs.*.path"),
)

DROPPED: Mapping[str, str] = {"limits.jobLimitsType": REST, "isArchived": REST}
"""What has no successor and needs none."""

USER_DECIDES: Mapping[str, tuple[str, str]] = {
    "estimator": (V1, "Write the script's command, code and environment below trial."),
    "run_config": (V1, "Write the script's command, code and environment below trial."),
    "resume_from": (V1, "Leave it out: AzureML has no successor. Here hydra.sweeper.warm_start is one."),
    "resume_child_runs": (V1, "Leave it out: AzureML has no successor."),
    "inputs.*.data": (PREVIEW, "Write path in its place, and type: uri_file, uri_folder or mltable."),
}

SNAKE_CASE: Mapping[str, str] = {
    re.sub(r"_([a-z])", lambda letter: letter[1].upper(), word): word
    for word in (
        *("search_space", "sampling_algorithm", "early_termination", "display_name", "experiment_name"),
        *("queue_settings", "max_total_trials", "max_concurrent_trials", "trial_timeout", "primary_metric"),
        *("delay_evaluation", "evaluation_interval", "slack_factor", "slack_amount", "truncation_percentage"),
        *("exclude_finished_jobs", "environment_variables", "instance_count", "instance_type", "shm_size"),
        *("docker_args", "process_count_per_instance", "job_tier", "max_instance_count"),
    )
}
"""REST's words that differ from today's in their spelling alone."""

LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("sampling_algorithm",),
    ("limits",),
    ("objective",),
    ("early_termination",),
    ("trial",),
    ("trial", "resources"),
    ("trial", "distribution"),
    ("resources",),
    ("queue_settings",),
)
"""Where such words stand."""
