"""The configuration of the app that a job's command is: made from the job, and read back in its trials. Runs nothing.

Its top keys are the job's parameters; below `inputs` are the values of the job's inputs, below `trial` what is run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import as_argument
from azsweep_core.job_file import Job
from azsweep_core.job_task import PATH_TYPES, RESERVED_NAMES, JobTask, is_remote, local_path

__all__ = ["CommandConfig", "app_config"]

_INTERPOLATION = re.compile(r"(\\*)\$\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandConfig:
    """What each trial runs: the key `trial` of the app's configuration.

    Args:
        name: of the app.
        experiment: in MLflow, if nothing else says one; "" for the name.
        code: the source folder, or what only AzureML has.
        inputs: type, and path as the job has it, of each input that is a path or has no value there.
        outputs: types by name.
        nested: the children of each parameter that is a nested choice.
        parameters_in: what the command calls parameters: `search_space`, or `inputs`.
    """

    name: str
    command: str
    code: str | None
    environment_variables: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, str | None]]
    outputs: Mapping[str, str]
    nested: Mapping[str, list[str]]
    parameters_in: str
    distribution: Mapping[str, Any] | None
    experiment: str = ""

    @classmethod
    def read(cls, config: DictConfig) -> CommandConfig:
        """Of an app's configuration."""
        plain: Any = OmegaConf.to_container(config.trial, resolve=True)
        return cls(**plain)

    def values(self, config: DictConfig, started_in: Path) -> dict[str, str]:
        """What stands for each placeholder; none for what was not drawn. Outputs are left out.

        Args:
            started_in: what relative paths are relative to.
        """
        inputs = {
            f"inputs.{name}": os.path.normpath(started_in / text)
            if self.is_path(name) and not is_remote(text)
            else text
            for name, text in self.input_values(config).items()
        }
        return inputs | {f"{self.parameters_in}.{name}": text for name, text in self.parameters(config).items()}

    def is_path(self, name: str) -> bool:
        """Whether an input is one."""
        return name in self.inputs and (
            self.inputs[name]["path"] is not None or self.inputs[name]["type"] in PATH_TYPES
        )

    def parameters(self, config: DictConfig) -> dict[str, str]:
        """The values of parameters, by name, as the command has them: as they were drawn, whatever is in them."""
        raw: Any = OmegaConf.to_container(config)
        given = {
            name: value
            for name, value in raw.items()
            if name not in RESERVED_NAMES and value is not None and value != MISSING
        }
        for name in self.nested:
            drawn = self._branch(name, given)
            if name not in given and drawn:
                given[name] = drawn
        return {name: _as_text(value) for name, value in given.items()}

    def input_values(self, config: DictConfig) -> dict[str, str]:
        """The values of inputs, by name, as they are in the configuration."""
        known: DictConfig = config.inputs
        given = {str(name): known[name] for name in known if not OmegaConf.is_missing(known, name)}
        return {
            name: _as_text(OmegaConf.to_object(value) if OmegaConf.is_config(value) else value)
            for name, value in given.items()
            if value is not None
        }

    def _branch(self, parent: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was drawn of a nested choice."""
        drawn: dict[str, Any] = {}
        for child in self.nested[parent]:
            if child in given:
                drawn[child] = given[child]
            elif child in self.nested and (inner := self._branch(child, given)):
                drawn[child] = inner
        return drawn


def app_config(job: Job, task: JobTask) -> dict[str, Any]:
    """The primary configuration of the app.

    Raises:
        SpecError: if a parameter cannot have its key in it.
    """
    nested: dict[str, list[str]] = {}
    names = list(dict.fromkeys(_parameters(job.spec_mapping["search_space"], nested)))
    if taken := [name for name in names if name in RESERVED_NAMES]:
        rule = "is a key of its own in the configuration of a job that is run: another name is needed"
        raise SpecError(job.located(Problem(f"search_space.{name}", rule) for name in taken))
    inputs: dict[str, Any] = dict.fromkeys(task.unset)
    for name, given in task.inputs.items():
        if given.path is None:
            inputs[name] = given.value
        else:
            inputs[name] = MISSING if given.is_remote else _absolute(given.path, task.folder)
    return {
        "defaults": ["_self_", {"override hydra/sweeper": "azsweep"}],
        **dict.fromkeys(names, MISSING),
        "inputs": _literal({name: value for name, value in inputs.items() if name not in names}),
        "trial": _literal(asdict(_command_config(job, task, names, nested))),
        "hydra": {"job": {"name": _app_name(job)}},
    }


def _command_config(
    job: Job, task: JobTask, parameters: Collection[str], nested: Mapping[str, list[str]]
) -> CommandConfig:
    paths = {name: given for name, given in task.inputs.items() if given.path is not None}
    return CommandConfig(
        name=_app_name(job),
        command=task.command.text,
        code=task.code,
        environment_variables=dict(task.environment_variables),
        inputs={
            **{name: {"type": kind, "path": None} for name, kind in task.unset.items() if name not in parameters},
            **{name: {"type": given.type, "path": given.path} for name, given in paths.items()},
        },
        outputs=dict(task.outputs),
        nested=nested,
        parameters_in=task.placeholder("").rstrip("."),
        distribution=None if task.distribution is None else dict(task.distribution),
        experiment=str(job.raw.get("experiment_name") or ""),
    )


def _parameters(space: Mapping[str, Any], nested: dict[str, list[str]]) -> Iterator[str]:
    """Names of parameters, those of branches too; `nested` gets the children of each that has branches."""
    for name, expression in space.items():
        yield name
        values = expression.get("values") if isinstance(expression, Mapping) else None
        branches = [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []
        for branch in branches:
            nested[name] = list(dict.fromkeys([*nested.get(name, []), *branch]))
            yield from _parameters(branch, nested)


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / local_path(path))


def _app_name(job: Job) -> str:
    """What Hydra calls the app, in names of files too."""
    for given in (job.raw.get("experiment_name"), job.raw.get("display_name"), job.name):
        if isinstance(given, str) and (name := re.sub(r"[^\w.-]+", "_", given).strip("._")):
            return name
    return job.path.stem


def _literal(value: Any) -> Any:
    """The value with texts that OmegaConf reads back as they are."""
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return _INTERPOLATION.sub(r"\1\1\\${", value) if isinstance(value, str) else value


def _as_text(value: Any) -> str:
    """A value as the command has it: lists and mappings as JSON, all else as AzureML writes it."""
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return as_argument(value)
