"""What the trials of a job run: command, source, inputs, outputs and variables. Checks no path, runs nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core._reading import join, shown
from azsweep_core._yaml_lines import YamlFile, read_yaml
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import JobCommand
from azsweep_core.job_file import Job

__all__ = [
    "PATH_TYPES",
    "RESERVED_NAMES",
    "JobInput",
    "JobTask",
    "distribution_problem",
    "is_remote",
    "local_path",
    "name_of_copy",
    "read_task",
]

PATH_TYPES = ("uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model")
"""AzureML's words for inputs that are paths."""

RESERVED_NAMES = ("inputs", "trial", "hydra", "defaults")
"""What no parameter of a job that is run can be called: its configuration has keys of these names."""

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|azureml:|git\+|/subscriptions/[^/]+/resource[gG]roups/")
_OF_PIPELINE = re.compile(r"\$\{\{\s*parent\.inputs\.(\w+)\s*\}\}")
_ELSEWHERE = re.compile(r"\$\{\{.*\}\}")


def is_remote(path: str) -> bool:
    """Whether only AzureML, or the network, has what is there.

    >>> [is_remote(path) for path in ("azureml:iris:1", "wasbs://a@b/c.csv", "git+ssh://x", "./iris.csv", "C.csv")]
    [True, True, True, False, False]
    """
    return _REMOTE.match(path) is not None and not path.startswith("file://")


def local_path(path: str) -> str:
    """A path of this machine as it is without the `file:` that AzureML's files may have before it.

    >>> local_path("file:./iris.csv"), local_path("file:///data/iris.csv"), local_path("./iris.csv")
    ('./iris.csv', '/data/iris.csv', './iris.csv')
    """
    return path.removeprefix("file://").removeprefix("file:")


def name_of_copy(remote: str, name: str) -> str:
    """What somebody may call a copy of it.

    >>> [name_of_copy(path, "data") for path in ("https://a/b/iris.csv?v=1", "azureml:iris:3", "${{parent.jobs.a}}")]
    ['iris.csv', 'iris', 'data']
    """
    last = re.split(r"[?#]", remote)[0].rstrip("/").rpartition("/")[2]
    last = last.removeprefix("azureml:").partition(":")[0].partition("@")[0]
    return last if re.fullmatch(r"[\w.-]+", last) else name


def distribution_problem(distribution: Mapping[str, Any]) -> Problem | None:
    """Why a trial that is spread over processes by AzureML cannot be run here; None for a single process."""
    count = distribution.get("process_count_per_instance", distribution.get("worker_count", 1))
    if str(distribution.get("type", "")).lower() != "ray" and str(count) == "1":
        return None
    fix = "Let the command start them itself: torchrun --nproc-per-node 2 train.py instead of python train.py."
    return Problem("trial.distribution", "only a single process can be started here", shown(dict(distribution)), fix)


@dataclass(frozen=True, slots=True)
class JobInput:
    """An input of a job: a value, or a path.

    Args:
        type: AzureML's word for it: `literal` for a value, else `uri_file`, `uri_folder`, `mltable`, ...
        value: a number, a boolean or text; None for a path.
        path: as it is written; relative ones are relative to the job file. None for a value.
    """

    type: str
    value: Any = None
    path: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether the path is none of this machine: AzureML's, the network's, or another job's output."""
        return self.path is not None and (is_remote(self.path) or _ELSEWHERE.search(self.path) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask:
    """What each trial runs, as the files say it.

    Args:
        file: that the command is written in.
        trial: the dotted path there of the mapping that holds the command; "" for a component's file.
        folder: of the job file; what relative paths of inputs are relative to.
        code: the source folder, absolute, or what only AzureML has; None if there is none.
        environment_variables: to start the command with.
        inputs: those with a value, by name; a component's defaults among them.
        unset: types, by name, of the inputs that a component declares and the job gives no value; parameters too.
        outputs: types of the folders and files that the command writes, by name.
        parameters_are_inputs: the command calls parameters `inputs.x`, as a pipeline's does.
        distribution: as the file has it.
    """

    file: YamlFile
    trial: str
    folder: Path
    command: JobCommand
    code: str | None
    environment_variables: Mapping[str, str]
    inputs: Mapping[str, JobInput]
    unset: Mapping[str, str]
    outputs: Mapping[str, str]
    parameters_are_inputs: bool
    distribution: Mapping[str, Any] | None = None

    @property
    def where(self) -> str:
        """The command, as problems name it."""
        at = join(self.trial, "command")
        return f"{self.file.place(at)}: {at}"

    def placeholder(self, parameter: str) -> str:
        """What the command calls a parameter of the search space."""
        return f"{'inputs' if self.parameters_are_inputs else 'search_space'}.{parameter}"


def read_task(job: Job) -> JobTask:
    """What the trials of a job run.

    Raises:
        SpecError: if a pipeline's node refers to a component that cannot be read here, or that has no command.
    """
    trial, file, where = _trial(job)
    folder = file.path.parent
    command = trial.get("command")
    if not isinstance(command, str):
        fix = "Only a component of type command can be run." if job.name else None
        raise SpecError(file.located([Problem("command", "must be text", shown(command), fix)], where))
    declared = _mapping(trial, "inputs")
    inputs = {name: _declared(each) for name, each in declared.items() if _has_default(each)}
    inputs |= {name: _input(each, job.pipeline_inputs) for name, each in job.inputs.items()}
    outputs = {**_mapping(job.raw, "outputs"), **_mapping(trial, "outputs")}
    code = trial.get("code")
    if isinstance(code, str) and not is_remote(code):
        code = str((folder / local_path(code)).resolve())
    return JobTask(
        file=file,
        trial=where,
        folder=job.path.parent.resolve(),
        command=JobCommand(command),
        code=code if isinstance(code, str) else None,
        environment_variables={
            str(name): _as_text(value) for name, value in _mapping(trial, "environment_variables").items()
        },
        inputs=inputs,
        unset={name: _type_of(each) for name, each in declared.items() if name not in inputs},
        outputs={name: _type_of(each) for name, each in outputs.items()},
        parameters_are_inputs=job.name is not None,
        distribution=trial.get("distribution"),
    )


def _as_text(value: Any) -> str:
    """A variable's value as AzureML's client sends it."""
    return value if isinstance(value, str) else str(value)


def _trial(job: Job) -> tuple[Mapping[str, Any], YamlFile, str]:
    """The trial's mapping, the file that it is written in, and its dotted path there."""
    if not isinstance(job.trial, str):
        return job.trial, job.file, join(job.where, "trial")
    named = local_path(job.trial)
    if is_remote(named) or not named.endswith((".yml", ".yaml")):
        rule, fix = "must be a component of this machine", "Name its file, or write it out below trial."
        raise SpecError(job.located([Problem("trial", rule, job.trial, fix)]))
    file = read_yaml(Path(os.path.normpath(job.path.parent / named)))
    if file.repeated:
        raise SpecError(file.repeated)
    return file.content, file, ""


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _type_of(declared: object) -> str:
    """AzureML's word for what is declared; a folder where it says nothing."""
    given = declared.get("type") if isinstance(declared, Mapping) else None
    return given if isinstance(given, str) else "uri_folder"


def _has_default(declared: object) -> bool:
    return isinstance(declared, Mapping) and declared.get("default") is not None


def _declared(declared: Mapping[str, Any]) -> JobInput:
    """An input that a component declares with a default, which only a value can have."""
    return JobInput("literal", declared["default"])


def _input(given: Any, pipeline_inputs: Mapping[str, Any]) -> JobInput:
    """An input as a job, or a node of a pipeline, gives it."""
    if isinstance(given, str):
        named = _OF_PIPELINE.fullmatch(given.strip())
        if named is not None and named[1] in pipeline_inputs:
            return _input(pipeline_inputs[named[1]], {})
        if _ELSEWHERE.fullmatch(given.strip()):
            return JobInput("uri_folder", path=given.strip())  # what another job writes
    if not isinstance(given, Mapping):
        return JobInput("literal", given)
    if "path" in given:
        return JobInput(str(given.get("type", "uri_folder")), path=str(given["path"]))
    return JobInput("literal", given.get("value", given.get("default")))
