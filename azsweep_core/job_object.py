"""Sweep jobs that are objects of azure-ai-ml, as what their file would be. Judges as little as their constructors do.

AzureML's rules for files are not applied: `Choice([True, False])` is legal in an object.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azsweep_core._job_rules import SPEC_KEYS
from azsweep_core._reading import shown
from azsweep_core._yaml_lines import YamlFile
from azsweep_core.azureml_objects import as_plain, class_name
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_file import Job
from azsweep_core.job_task import is_remote

__all__ = ["read_job_object"]

_TEXTS = ("name", "display_name", "description", "experiment_name", "compute", "tags", "properties")
_OF_TRIAL = ("command", "environment", "environment_variables", "distribution", "resources", "queue_settings")
_SCALARS = (bool, int, float, str, Mapping)


def read_job_object(thing: object) -> Job:
    """The sweep that a `SweepJob`, or what `.sweep()` of a command gives, describes.

    Relative paths are relative to the working directory, or to the file that the object was loaded from.

    Raises:
        SpecError: if it is neither, or holds what has no value before AzureML runs it.
    """
    name = class_name(thing)
    if name not in ("SweepJob", "Sweep"):
        rule = "must be a SweepJob of azure-ai-ml, or what .sweep() of a command gives"
        fix = "Call .sweep(...) on it." if name == "Command" else None
        raise SpecError([Problem("job", rule, f"an object of class {type(thing).__name__}", fix)])
    job: Any = thing
    problems: list[Problem] = []
    folder = _folder(job, Path.cwd())
    raw = _raw(job, name, folder, problems)
    if problems:
        raise SpecError(problems)
    return Job(
        file=YamlFile(folder / name, raw, name=name),
        name=None,
        spec_mapping={key: raw[key] for key in SPEC_KEYS if key in raw},
        trial=raw["trial"],
        inputs=raw["inputs"],
        raw=raw,
    )


def _raw(job: Any, name: str, folder: Path, problems: list[Problem]) -> dict[str, Any]:
    """What the job's file would hold; as AzureML sends it, so what the job lacks is taken from its trial."""
    of_job = {key: as_plain(getattr(job, key, None)) for key in (*_TEXTS, "queue_settings", "resources", *SPEC_KEYS)}
    raw = {"type": "sweep", **{key: value for key, value in of_job.items() if value not in (None, {})}}
    raw = {"search_space": {}, "limits": {}, **raw}
    for key in ("search_space", "limits"):
        if not isinstance(raw[key], Mapping):
            problems.append(Problem(f"{name}: {key}", "must be a mapping", shown(raw[key])))
            return raw
    trial = job.trial
    if trial is None:
        problems.append(Problem(f"{name}: trial", "is required"))
    raw["trial"] = trial if isinstance(trial, str) else _trial(trial, raw["search_space"], folder)
    if "compute" not in raw and getattr(trial, "compute", None):
        raw["compute"] = trial.compute
    timeout = getattr(getattr(trial, "limits", None), "timeout", None)
    if timeout:
        raw["limits"] = {"trial_timeout": timeout, **raw["limits"]}
    raw["inputs"] = _inputs(job, name, raw["search_space"], problems)
    raw["outputs"] = {**_of(trial, "outputs"), **_of(job, "outputs")}
    return raw


def _folder(thing: Any, default: Path) -> Path:
    """What relative paths in an object are relative to."""
    base = getattr(thing, "base_path", None)
    return default / base if isinstance(base, (str, os.PathLike)) else default


def _trial(trial: Any, parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    given = {key: as_plain(getattr(trial, key, None)) for key in _OF_TRIAL}
    mapping = {key: value for key, value in given.items() if value not in (None, {})}
    code = as_plain(getattr(trial, "code", None))
    if isinstance(code, str):
        mapping["code"] = code if is_remote(code) else str(_folder(trial, folder) / code)
    if isinstance(mapping.get("command"), str):
        mapping["command"] = _with_parameters(mapping["command"], parameters)
    return mapping


def _with_parameters(command: str, parameters: Mapping[str, Any]) -> str:
    """The command with parameters where it has inputs of their names, as a command that was turned into a sweep has."""

    def named(placeholder: re.Match[str]) -> str:
        return f"${{{{search_space.{placeholder[1]}}}}}" if placeholder[1] in parameters else placeholder[0]

    return re.sub(r"\$\{\{\s*inputs\.(\w+)\s*\}\}", named, command)


def _inputs(job: Any, name: str, parameters: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The inputs that have a value: the job's, and those that its trial declares with a default."""
    found = _of(job.trial, "inputs") | {key: value for key, value in _of(job, "inputs").items() if value is not None}
    inputs: dict[str, Any] = {}
    for key, value in found.items():
        if key in parameters or not _has_value(value):
            continue
        if not isinstance(value, _SCALARS):
            rule, got = "must be a value or an Input", f"an object of class {type(value).__name__}"
            fix = "What a pipeline or another of its nodes provides has no value yet."
            problems.append(Problem(f"{name}: inputs.{key}", rule, got, fix))
        inputs[key] = value
    return inputs


def _of(thing: Any, key: str) -> dict[str, Any]:
    """Inputs or outputs as they were given; nodes of pipelines keep what they make of them beside."""
    given = getattr(thing, f"_job_{key}", None) or getattr(thing, key, None)
    return as_plain(given) if isinstance(given, Mapping) else {}


def _has_value(value: Any) -> bool:
    return not isinstance(value, Mapping) or bool(value.keys() & {"path", "default"})
