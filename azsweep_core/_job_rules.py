"""AzureML's own rules for the shape of a sweep job file: required keys, types of values, names. Judges no meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from azsweep_core._reading import join, nearest, shown
from azsweep_core.errors import Problem
from azsweep_core.expressions import is_expression

__all__ = ["SPEC_KEYS", "job_problems", "node_problems"]

SPEC_KEYS = ("search_space", "sampling_algorithm", "objective", "limits", "early_termination")
_TEXT_KEYS = ("name", "display_name", "description", "experiment_name", "compute")
_MAPPING_KEYS = ("inputs", "outputs", "tags", "properties", "services", "identity", "queue_settings", "resources")
_WRITTEN_BY_AZUREML = ("id", "status", "creation_context", "log_files")
_JOB_KEYS = ("$schema", "type", "trial", *SPEC_KEYS, *_TEXT_KEYS, *_MAPPING_KEYS, *_WRITTEN_BY_AZUREML)
_TRIAL_MAPPING_KEYS = ("environment_variables", "distribution", "resources", "queue_settings")
_TRIAL_KEYS = ("command", "environment", "code", *_TRIAL_MAPPING_KEYS)
_LIMITS = ("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ENVIRONMENT = re.compile(r"azureml:.|.*\.ya?ml$")


def job_problems(job: Mapping[Any, Any]) -> Iterator[Problem]:
    """What AzureML's client would refuse about a sweep job of its own, beyond what a node of a pipeline must keep."""
    yield from _unknown_keys(job, "", _JOB_KEYS)
    yield from _type_problems(job, "", _TEXT_KEYS, (str,), "must be text")
    yield from _type_problems(job, "", _MAPPING_KEYS, (Mapping,), "must be a mapping")
    for name in ("tags", "properties"):
        texts = _mapping(job.get(name))
        yield from _type_problems(texts, name, texts, (str, type(None)), "must be text")
    yield from _trial_problems(job.get("trial"), "trial")


def node_problems(node: Mapping[Any, Any]) -> Iterator[Problem]:
    """What AzureML's client would refuse about the sweep itself, be it a job or a node of a pipeline."""
    yield from _required(node, "", ("trial", "objective", "limits", "search_space"))
    yield from _type_problems(node, "", ("objective", "limits", "search_space"), (Mapping,), "must be a mapping")
    yield from _type_problems(node, "", ("trial",), (Mapping, str), "must be a mapping or name a component")
    yield from _null_problems(node, "", ("sampling_algorithm", "early_termination"))
    yield from _algorithm_problems(_mapping(node.get("sampling_algorithm")), "sampling_algorithm")
    if isinstance(node.get("limits"), Mapping):
        yield from _limits_problems(node["limits"], "limits")
    for key, expression in _mapping(node.get("search_space")).items():
        yield from _parameter_problems(key, expression, "search_space")
    inputs, outputs = _mapping(node.get("inputs")), _mapping(node.get("outputs"))
    literals = (bool, int, float, str, Mapping)
    yield from _type_problems(inputs, "inputs", inputs, literals, "must be a number, a boolean, text or a mapping")
    yield from _type_problems(outputs, "outputs", outputs, (Mapping, type(None)), "must be a mapping or null")


def _mapping(value: object) -> Mapping[Any, Any]:
    """`value` if it is a mapping; what is none is reported elsewhere."""
    return value if isinstance(value, Mapping) else {}


def _unknown_keys(mapping: Mapping[Any, Any], where: str, known: Collection[str]) -> Iterator[Problem]:
    for key in mapping:
        if key not in known:
            yield Problem(join(where, key), "unknown key", None, nearest(key, known))


def _type_problems(
    mapping: Mapping[Any, Any], where: str, keys: Iterable[Any], types: tuple[type, ...], rule: str
) -> Iterator[Problem]:
    """Keys that are there with a value of none of these types."""
    for key in keys:
        if key in mapping and not isinstance(mapping[key], types):
            fix = "Put it in quotes." if rule == "must be text" else None
            yield Problem(join(where, key), rule, shown(mapping[key]), fix)


def _null_problems(mapping: Mapping[Any, Any], where: str, keys: Iterable[str]) -> Iterator[Problem]:
    for key in keys:
        if key in mapping and mapping[key] is None:
            yield Problem(join(where, key), "must not be null", None, "Leave the key out.")


def _required(mapping: Mapping[Any, Any], where: str, keys: Iterable[str]) -> Iterator[Problem]:
    return (Problem(join(where, key), "is required") for key in keys if key not in mapping)


def _trial_problems(trial: object, where: str) -> Iterator[Problem]:
    if isinstance(trial, str):
        yield Problem(where, "must be a mapping", trial, "Only in a pipeline can it name a component.")
    if not isinstance(trial, Mapping):
        return
    misplaced = ("compute", "inputs", "outputs", "limits")
    for key in (key for key in misplaced if key in trial):
        yield Problem(join(where, key), "does not belong to trial", None, f"Put {key} beside trial, not below it.")
    yield from _unknown_keys(trial, where, (*_TRIAL_KEYS, *misplaced))
    yield from _required(trial, where, ("command", "environment"))
    yield from _type_problems(trial, where, ("command", "code"), (str,), "must be text")
    yield from _type_problems(trial, where, _TRIAL_MAPPING_KEYS, (Mapping,), "must be a mapping")
    yield from _type_problems(trial, where, ("environment",), (str, Mapping), "must be text or a mapping")
    environment = trial.get("environment")
    if isinstance(environment, str) and not _ENVIRONMENT.match(environment):
        fix = "Write azureml:NAME:VERSION or azureml:NAME@latest."
        yield Problem(join(where, "environment"), "must say where it comes from", environment, fix)


def _algorithm_problems(algorithm: Mapping[Any, Any], where: str) -> Iterator[Problem]:
    yield from _null_problems(algorithm, where, ("seed", "rule", "logbase"))
    if "seed" in algorithm and str(algorithm.get("type")).lower() == "bayesian":
        rule = "AzureML's bayesian has no seed"
        yield Problem(join(where, "seed"), rule, shown(algorithm["seed"]), "Leave it out.")


def _limits_problems(limits: Mapping[Any, Any], where: str) -> Iterator[Problem]:
    yield from _unknown_keys(limits, where, _LIMITS)
    yield from _null_problems(limits, where, _LIMITS)
    yield from _required(limits, where, ("max_total_trials",))


def _parameter_problems(key: object, expression: object, where: str) -> Iterator[Problem]:
    if not (isinstance(key, str) and _NAME.fullmatch(key)):
        fix = "Map it to a Hydra key in the command, as in optimizer.lr=${{search_space.lr}}."
        yield Problem(where, "names are made of letters, digits and underscores", shown(key), fix)
    if not isinstance(expression, Mapping):
        fix = "For instance {type: uniform, min_value: 0, max_value: 1}."
        yield Problem(join(where, key), "must be a mapping with a type", shown(expression), fix)
    else:
        yield from _choice_problems(expression, join(where, key))


def _choice_problems(expression: Mapping[Any, Any], where: str) -> Iterator[Problem]:
    """What a choice cannot hold, at any depth; other expressions have nothing to add here."""
    values = expression.get("values")
    if str(expression.get("type")).lower() != "choice" or not isinstance(values, list):
        return
    for index, value in enumerate(values):
        at = f"{where}.values[{index}]"
        if not isinstance(value, Mapping):
            yield from _value_problems(value, at)
            continue
        for key, child in value.items():
            if is_expression(child):
                yield from _choice_problems(child, join(at, key))
            else:
                yield from _value_problems(child, join(at, key))


def _value_problems(value: object, where: str) -> Iterator[Problem]:
    rule = "must be a number, text or a mapping of expressions"
    if isinstance(value, bool):
        yield Problem(where, rule, shown(value), f"Put it in quotes: '{shown(value)}'.")
    elif not isinstance(value, (int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
        yield Problem(where, rule, shown(value))
