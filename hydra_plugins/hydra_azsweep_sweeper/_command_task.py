"""The task of a job that is run as it is: its command, in a directory of the trial's own, with the trial's values."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

import azsweep_core
from azsweep_core._reading import shown
from azsweep_core.command_process import failure_of, run_command
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.job_command import JobCommand, Rendered
from azsweep_core.metrics_file import VARIABLE
from azsweep_core.search_space import SearchSpace
from azsweep_core.source_snapshot import Source, copy_to, is_changed, read_source
from azsweep_core.tracking import chosen_uri
from azsweep_core.trial_process import TaskFailed
from hydra_plugins.hydra_azsweep_sweeper._command_check import problems_of
from hydra_plugins.hydra_azsweep_sweeper._command_config import CommandConfig
from hydra_plugins.hydra_azsweep_sweeper._job import JobSource

__all__ = ["run_trial"]

log = logging.getLogger("azsweep")

_CODE = Path(".azsweep", "code")
"""In a sweep's directory: the source, as it was when the sweep was started."""
_WORK, _OUTPUTS = "work", "named-outputs"
_IN_COMMANDS = Path(azsweep_core.__file__).with_name("_in_commands")
_OURS = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
"""Variables that say where a trial logs; what a job has for them does not count."""
_NO_EFFECT = ("identity", "services")


def run_trial(config: DictConfig) -> None:
    """Run the command once.

    Raises:
        TaskFailed: in a sweep, if it fails.
        SystemExit: else, with its exit code.
    """
    try:
        status = _run(config)
    except TaskFailed as failed:
        if VARIABLE in os.environ:
            raise
        print(failed, file=sys.stderr, flush=True)
        raise SystemExit(failed.code) from None
    if status:
        raise SystemExit(status if status > 0 else 128 - status)


def _run(config: DictConfig) -> int:
    """The command's exit code, or minus the signal that killed it; in a sweep, only of one that has not failed."""
    hydra = HydraConfig.get()
    started_in, directory = Path(hydra.runtime.cwd), Path(hydra.runtime.output_dir)
    task = CommandConfig.read(config)
    copy = started_in / hydra.sweep.dir / _CODE
    is_sweep = hydra.mode is RunMode.MULTIRUN and copy.is_dir()  # else another sweeper's, of a best configuration
    code = copy if is_sweep else None if task.code is None else Path(task.code)
    work = _make_directories(task, code, directory)
    outputs = {f"outputs.{name}": str(directory / _OUTPUTS / name) for name in task.outputs}
    values = {**outputs, **task.values(config, started_in)}
    rendered = _rendered(task, values)
    environment = _environment(task, values, directory, started_in) | dict(rendered.environment)
    environment.setdefault("MLFLOW_EXPERIMENT_NAME", task.experiment or task.name)
    status = run_command(_with_our_python(rendered.words), work, environment)
    control = os.environ.get(VARIABLE)
    if status and control is not None:
        raise failure_of(status, ControlDir(Path(control)), directory)
    return status


class _Hooks:
    """What a job's sweep needs beside its trials."""

    def problems(self, config: DictConfig, space: SearchSpace | None, source: JobSource) -> Iterator[Problem]:
        """What keeps the command from being run here."""
        task = CommandConfig.read(config)
        return (_located(each, source) for each in problems_of(task, task.values(config, Path.cwd()), space, _path()))

    def prepare(self, config: DictConfig, directory: Path, source: JobSource) -> None:
        """Copy the source once, and say what is not as it would be in AzureML.

        Raises:
            AzsweepError: if the source cannot be read.
        """
        task = CommandConfig.read(config)
        copy = directory / _CODE
        if task.code is None:
            copy.mkdir(parents=True, exist_ok=True)
        else:
            try:
                _copy_once(read_source(Path(task.code)), copy)
            except OSError as error:
                if not str(error.filename).startswith(task.code):
                    raise
                problem = Problem("trial.code", f"must be readable ({error.strerror})", error.filename)
                raise AzsweepError(str(_located(problem, source))) from None
        for note in _differences(task, source):
            log.info(note)

    def by_hand(self, config: DictConfig) -> list[str]:
        """The job's command with a trial's values; outputs go to the working directory."""
        task = CommandConfig.read(config)
        outputs = {f"outputs.{name}": f"./{name}" for name in task.outputs}
        rendered = _rendered(task, {**outputs, **task.values(config, Path.cwd())})
        variables = [f"{name}={value}" for name, value in rendered.environment.items()]
        return [*(["env", *variables] if variables else []), *rendered.words]

    def run_again(self, best: str) -> str:
        """The command that runs the best trial once more."""
        return f"azsweep run {best}/azsweep_best.yaml"


run_trial.azsweep_hooks = _Hooks()  # type: ignore[attr-defined]  # which `hooks_of` looks for


def _located(problem: Problem, source: JobSource) -> Problem:
    """With the line that it is about, in the job's file or that of its component."""
    if source.job is None or source.task is None:
        return problem
    if problem.where.startswith("trial.") and isinstance(source.job.trial, str):
        of_component = replace(problem, where=problem.where.removeprefix("trial."))
        return next(source.task.file.located([of_component]))
    return next(source.job.located([problem]))


def _differences(task: CommandConfig, source: JobSource) -> Iterator[str]:
    """What of the job is not here as it would be in AzureML."""
    if source.job is None or source.task is None:
        return
    job = source.job
    trial: Mapping[str, Any] = source.task.file.content if isinstance(job.trial, str) else job.trial
    if trial.get("environment") is not None:
        given = trial["environment"]
        named = (
            ", ".join(f"{key} {shown(each)}" for key, each in given.items()) if isinstance(given, Mapping) else given
        )
        yield f"environment: {named} is not made here; trials run with {sys.executable}"
    idle = [key for key in _NO_EFFECT if job.raw.get(key) or trial.get(key)]
    if idle:
        yield f"without effect here: {', '.join(idle)}"
    if taken := [name for name in task.environment_variables if name in _OURS]:
        yield f"environment_variables: {', '.join(taken)} is the sweep's to set"


def _copy_once(source: Source, copy: Path) -> None:
    if copy.exists():
        if is_changed(source, copy):
            log.info("code: %s has changed since the sweep was started; trials run what it was then", source.folder)
        return
    for warning in source.warnings():
        log.warning("Warning: %s", warning)
    copy_to(source, copy)
    size = source.in_words()
    log.info("code: %s (%s), copied for this sweep: later changes have no effect on it", source.folder, size)


def _make_directories(task: CommandConfig, code: Path | None, directory: Path) -> Path:
    """The trial's working directory, with the source, and the directories that AzureML makes beside it."""
    work = directory / _WORK
    if code is not None and not work.exists():
        copy_to(read_source(code), work)
    for name in ("outputs", "logs"):
        (work / name).mkdir(parents=True, exist_ok=True)
    for name, kind in task.outputs.items():
        output = directory / _OUTPUTS / name
        (output.parent if kind == "uri_file" else output).mkdir(parents=True, exist_ok=True)
    return work


def _rendered(task: CommandConfig, values: Mapping[str, str]) -> Rendered:
    try:
        return JobCommand(task.command).render(values)
    except KeyError as missing:
        reason = f"the command needs {missing.args[0]}, which has no value"
        raise TaskFailed(reason, reason) from None


def _with_our_python(words: tuple[str, ...]) -> tuple[str, ...]:
    return (sys.executable, *words[1:]) if words[0] in ("python", "python3") else words


def _path() -> str:
    """The PATH of a command: our Python's own programs come first."""
    return os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)))  # noqa: PTH120


def _environment(task: CommandConfig, values: Mapping[str, str], directory: Path, started_in: Path) -> dict[str, str]:
    """What the command is started with, but for the values of a shell's placeholders."""
    own = dict(os.environ)
    given = {name: value for name, value in task.environment_variables.items() if name not in _OURS}
    named = {f"AZUREML_SWEEP_{placeholder.partition('.')[2]}": text for placeholder, text in values.items()}
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **own, **named, **given}
    paths = own.get("PYTHONPATH", "").split(os.pathsep) if "PYTHONPATH" not in given else []
    absolute = [os.path.normpath(started_in / path) for path in paths if path]
    environment["PYTHONPATH"] = os.pathsep.join([str(_IN_COMMANDS), *absolute, *_entries(given.get("PYTHONPATH"))])
    environment["PATH"] = os.pathsep.join([*_stand_ins(directory), _path()])
    if "MLFLOW_RUN_ID" in own:
        environment["AZSWEEP_MLFLOW_RUN_ID"] = own["MLFLOW_RUN_ID"]
    elif VARIABLE not in own or "MLFLOW_TRACKING_URI" in own:  # in a sweep with tracking=none MLflow is not spoken of
        environment["MLFLOW_TRACKING_URI"] = chosen_uri(None, started_in)
    return environment


def _entries(path: str | None) -> list[str]:
    return [path] if path else []


def _stand_ins(directory: Path) -> Iterator[str]:
    """A folder with `python` and `python3` for a Python that has no such names beside it."""
    names = ("python", "python3")
    if all(Path(sys.executable).with_name(name).exists() for name in names):
        return
    folder = directory / ".bin"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    yield str(folder)
