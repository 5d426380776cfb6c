"""AzureML's own rules for the shape of a sweep job file: required keys, types of values, names. Judges no meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from azsweep_core._job_component_rules import component, mistaken_paths, node_outputs
from azsweep_core._job_shapes import (
    Shape,
    anything,
    ignored,
    mapping_of,
    named,
    nullable,
    one_of,
    record,
    refused,
    snake_case,
    text,
    whole,
)
from azsweep_core._job_trial_rules import (
    identity,
    inputs,
    outputs,
    queue_settings,
    resources,
    services,
    trial,
)
from azsweep_core._reading import join, shown
from azsweep_core.errors import ONLY_HERE, Problem
from azsweep_core.expressions import is_expression

__all__ = ["SPEC_KEYS", "job_problems", "node_problems", "refused_there_alone"]

_LONGEST_S = 86_400_000_000_000
"""The client cannot write a longer time."""

_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_INPUT = re.compile(r"\$\{\{inputs\.([\w.-]+)\}\}")
_TAKEN = re.compile(r"[\w.\s-]*\$\{\{inputs\.[\w.-]+\}\}")
"""What the client takes for optional."""

SPEC_KEYS = ("search_space", "sampling_algorithm", "objective", "limits", "early_termination")


def job_problems(job: Mapping[Any, Any]) -> Iterator[Problem]:
    """What AzureML's client would refuse about a sweep job."""
    return record(_JOB_FIELDS, _REQUIRED)(job, "")


def node_problems(node: Mapping[Any, Any]) -> Iterator[Problem]:
    """What AzureML's client would refuse about a pipeline's node; keys that no sweep has are not judged there."""
    foreign = dict.fromkeys((key for key in node if isinstance(key, str)), anything)
    yield from record({**foreign, **_NODE_FIELDS}, _REQUIRED)(node, "")
    yield from mistaken_paths(node)


def refused_there_alone(sweep: Mapping[Any, Any], *, is_node: bool) -> Iterator[Problem]:
    """What AzureML's client refuses although it can be run here, in a job or node without other problems."""
    policy, ran = sweep.get("early_termination"), sweep.get("trial")
    if isinstance(policy, Mapping) and "exclude_finished_jobs" in policy:
        where = "early_termination.exclude_finished_jobs"
        yield Problem(where, "AzureML's client does not know it, though its documents do", None, ONLY_HERE)
    if not isinstance(ran, Mapping):
        return
    environment = ran.get("environment")
    if isinstance(environment, str) and not environment.startswith(("azureml:", "file:")):
        fix = f"Write file:{environment}."
        yield Problem("trial.environment", "AzureML's client wants file: before the name of a file", environment, fix)
    known = sweep.get("inputs") or {}
    for part in () if is_node else _OPTIONAL.findall(ran.get("command", "")):
        missing = [name for name in _INPUT.findall(part) if name not in known]
        if missing and not _TAKEN.fullmatch(part):
            rule = "AzureML's client requires the input of an optional part, unless it ends a part of plain words"
            yield Problem("trial.command", rule, f"$[[{part}]]", f"Give {missing[0]} a value there.")


def _mapping(value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield refused(value, where, "must be a mapping")


def _algorithm(value: Any, where: str) -> Iterator[Problem]:
    """What reading the algorithm lets pass: null, and keys that AzureML's bayesian does not have."""
    if value is None:
        yield refused(value, where, "")
    if not isinstance(value, Mapping):
        return
    for key in ("seed", "rule", "logbase"):
        if key in value and value[key] is None:
            yield refused(None, join(where, key), "")
    if str(value.get("type")).lower() == "bayesian":
        for key in (key for key in ("seed", "n_startup_trials", "surrogate") if key in value):
            yield Problem(join(where, key), f"AzureML's bayesian has no {key}", shown(value[key]), "Leave it out.")


def _policy(value: Any, where: str) -> Iterator[Problem]:
    """What reading the policy lets pass: null, and types that AzureML does not have or writes otherwise."""
    if value is None:
        yield refused(value, where, "")
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        known = ("bandit", "median_stopping", "truncation_selection")
        yield from one_of(*known, fold=snake_case)(value["type"], join(where, "type"))


def _seconds(value: Any, where: str) -> Iterator[Problem]:
    if any(whole(value, where)):
        yield refused(value, where, "must be a whole number of seconds", "Two hours, for instance, are 7200.")
    elif abs(int(value)) > _LONGEST_S:
        yield refused(value, where, "must be a time that ends")


_LIMITS = record(
    {
        "max_total_trials": whole,
        "max_concurrent_trials": whole,
        "timeout": _seconds,
        "trial_timeout": _seconds,
    },
    required=["max_total_trials"],
)


def _search_space(value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield refused(value, where, "must be a mapping")
        return
    for key, expression in value.items():
        for problem in named(key, where):
            fix = "Map it to a Hydra key in the command, as in optimizer.lr=${{search_space.lr}}."
            yield Problem(problem.where, problem.rule, problem.got, fix)
        if not isinstance(expression, Mapping):
            fix = "For instance {type: uniform, min_value: 0, max_value: 1}."
            yield Problem(join(where, key), "must be a mapping with a type", shown(expression), fix)
        else:
            yield from _choice(expression, join(where, key))


def _choice(expression: Mapping[Any, Any], where: str) -> Iterator[Problem]:
    """What a choice cannot hold, at any depth; other expressions have nothing to add here."""
    values = expression.get("values")
    if str(expression.get("type")).lower() != "choice" or "values" not in expression:
        return
    if not isinstance(values, list):
        yield refused(values, f"{where}.values", "must be a list")
        return
    for index, value in enumerate(values):
        at = f"{where}.values[{index}]"
        if not isinstance(value, Mapping):
            yield from _value(value, at)
            continue
        for key, child in value.items():
            if is_expression(child):
                yield from _choice(child, join(at, key))
            else:
                yield from _value(child, join(at, key))


def _value(value: object, where: str) -> Iterator[Problem]:
    rule = "must be a number, text or a mapping of expressions"
    if isinstance(value, bool):
        yield Problem(where, rule, shown(value), f"Put it in quotes: '{shown(value)}'.")
    elif not isinstance(value, (int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
        yield Problem(where, rule, shown(value))


_SWEEP_FIELDS: Mapping[str, Shape] = {
    "search_space": _search_space,
    "sampling_algorithm": _algorithm,
    "objective": _mapping,
    "limits": _LIMITS,
    "early_termination": _policy,
    "queue_settings": queue_settings,
    "resources": resources,
}
_TEXTS = mapping_of(nullable(text))
_NODE_FIELDS: Mapping[str, Shape] = {
    **_SWEEP_FIELDS,
    "trial": component,
    "inputs": inputs,
    "outputs": node_outputs,
    "properties": _TEXTS,
    **dict.fromkeys(("compute", "comment"), text),
}
_JOB_FIELDS: Mapping[str, Shape] = {
    **_SWEEP_FIELDS,
    "type": anything,
    "trial": trial,
    "inputs": inputs,
    "outputs": outputs,
    "tags": _TEXTS,
    "properties": _TEXTS,
    "services": services,
    "identity": identity,
    **dict.fromkeys(("name", "display_name", "description", "experiment_name", "compute"), text),
    **dict.fromkeys(("$schema", "id", "status", "creation_context", "log_files"), ignored),
}
_REQUIRED = ("trial", "objective", "limits", "search_space")
