"""Reads `early_termination`: which policy, with which settings; whether they make sense is the policy's to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azsweep_core._reading import MappingReader, nearest, shown
from azsweep_core.azureml_objects import as_plain
from azsweep_core.early_termination._asha import AshaPolicy
from azsweep_core.early_termination._bandit import BanditPolicy
from azsweep_core.early_termination._base import Policy
from azsweep_core.early_termination._median_stopping import MedianStoppingPolicy
from azsweep_core.early_termination._truncation_selection import TruncationSelectionPolicy
from azsweep_core.errors import Problem, SpecError

__all__ = ["read_policy"]

_Fields = Mapping[str, Callable[[MappingReader, str], Any]]
_CADENCE: _Fields = {"evaluation_interval": MappingReader.integer, "delay_evaluation": MappingReader.integer}
_FIELDS: Mapping[type[Policy], _Fields] = {
    BanditPolicy: {**_CADENCE, "slack_factor": MappingReader.number, "slack_amount": MappingReader.number},
    MedianStoppingPolicy: _CADENCE,
    TruncationSelectionPolicy: {
        **_CADENCE,
        "truncation_percentage": MappingReader.integer,
        "exclude_finished_jobs": MappingReader.boolean,
    },
    AshaPolicy: {"grace_period": MappingReader.integer, "reduction_factor": MappingReader.integer},
}
_NAMES = tuple(policy.type for policy in _FIELDS)


def read_policy(given: object, where: str = "early_termination") -> Policy:
    """The policy a mapping, or an object of azure-ai-ml, describes; its type in any case, with or without underscore.

    Raises SpecError with every problem of names and types.

    >>> read_policy({"type": "MedianStopping", "delay_evaluation": 5})
    MedianStoppingPolicy(evaluation_interval=1, delay_evaluation=5)
    """
    mapping = as_plain(given)
    policy = _policy_named(mapping, where)
    problems: list[Problem] = []
    reader = MappingReader(mapping, where, ("type", *_FIELDS[policy]), problems)
    settings = reader.read(_FIELDS[policy])
    if policy is TruncationSelectionPolicy and "truncation_percentage" not in reader:
        reader.problem("truncation_percentage", "is required for truncation_selection", None)
    if problems:
        raise SpecError(problems)
    return policy(**_without_default_slack(settings))


def _without_default_slack(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings without the slack that azure-ai-ml writes as 0 beside the one that was given."""
    slacks = {name: slack for name, slack in settings.items() if name.startswith("slack_")}
    zeros = [name for name, slack in slacks.items() if slack == 0]
    if len(slacks) == 2 and len(zeros) == 1:
        return {name: value for name, value in settings.items() if name != zeros[0]}
    return settings


def _policy_named(mapping: object, where: str) -> type[Policy]:
    """The class for the mapping's type; without one nothing else in the mapping can be judged."""
    if not isinstance(mapping, Mapping):
        example = "For instance {type: median_stopping, delay_evaluation: 5}."
        raise SpecError([Problem(where, "must be a mapping with a type", shown(mapping), example)])
    named = mapping.get("type")
    for policy in _FIELDS:
        if isinstance(named, str) and named.lower().replace("_", "") == policy.type.replace("_", ""):
            return policy
    rule = f"must be one of {', '.join(_NAMES)}"
    raise SpecError([Problem(f"{where}.type", rule, shown(named), nearest(named, _NAMES))])
