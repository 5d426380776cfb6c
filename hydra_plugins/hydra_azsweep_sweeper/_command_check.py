"""Decides whether a job's command could run here: its inputs, its source and its program. Runs and changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from omegaconf import MISSING

from azsweep_core.distributions import Choice
from azsweep_core.errors import Problem
from azsweep_core.job_command import JobCommand
from azsweep_core.job_task import distribution_problem, is_remote, name_of_copy
from azsweep_core.search_space import SearchSpace
from hydra_plugins.hydra_azsweep_sweeper._command_config import CommandConfig

__all__ = ["problems_of"]

_FILES, _FOLDERS = ("uri_file",), ("uri_folder", "mltable", "mlflow_model", "triton_model")
_ANY = "\0"
"""Stands for a value that is not known yet."""


def problems_of(
    task: CommandConfig, values: Mapping[str, str], space: SearchSpace | None, search_path: str
) -> Iterator[Problem]:
    """What keeps the command from being run, told by the paths of a job file.

    Args:
        values: by placeholder, of what is not drawn.
        space: None if it is not known.
        search_path: where programs are looked for.
    """
    drawn = frozenset[str]() if space is None else frozenset(key.lstrip("+") for key in space.keys)
    yield from _input_problems(task, values, drawn)
    if space is not None:
        yield from _lacking(task, values, space)
        yield from _undrawable(space)
    if task.distribution is not None and (problem := distribution_problem(task.distribution)) is not None:
        yield problem
    code_problems = list(_code_problems(task))
    yield from code_problems
    yield from _program_problems(task, search_path, code_is_known=not code_problems)


def _input_problems(task: CommandConfig, values: Mapping[str, str], drawn: frozenset[str]) -> Iterator[Problem]:
    """Of inputs that the command uses: paths that are not on this machine, or not there."""
    used = JobCommand(task.command).placeholders
    for name, declared in task.inputs.items():
        placeholder, kind, path = f"inputs.{name}", str(declared["type"]), declared["path"]
        if placeholder not in used or placeholder in drawn or name in drawn:
            continue
        given = values.get(placeholder)
        where = f"inputs.{name}"
        is_path = task.is_path(name)
        if given is None and path is None:
            continue  # it may be optional, else `_lacking` tells
        if given is None or (is_path and is_remote(given)):
            remote = str(given or path)
            fix = f"Say where it is here: --input {name}=./{name_of_copy(remote, name)}."
            yield Problem(where, "must be on this machine to be run here", remote, fix)
        elif kind in _FILES and not Path(given).is_file():
            yield Problem(where, "must be a file", _state_of(given), f"--input {name}=FILE names another.")
        elif kind in _FOLDERS and not Path(given).is_dir():
            yield Problem(where, "must be a folder", _state_of(given), f"--input {name}=FOLDER names another.")
        elif is_path and not Path(given).exists():
            yield Problem(where, "must be there", given, f"--input {name}=PATH names another.")


def _state_of(path: str) -> str:
    is_other = Path(path).exists()
    return f"{path}, which is {'a folder' if Path(path).is_dir() else 'a file'}" if is_other else f"{path} (not there)"


def _lacking(task: CommandConfig, values: Mapping[str, str], space: SearchSpace) -> Iterator[Problem]:
    """Placeholders outside of `$[[...]]` that have no value, or not in every trial."""
    always = {key.lstrip("+") for key in space.keys_always}
    always |= {name for name in task.nested if name in {key.lstrip("+") for key in space.parameters}}
    sometimes = {*(key.lstrip("+") for key in space.keys), *task.nested} - always
    for placeholder in JobCommand(task.command).required:
        kind, _, name = placeholder.partition(".")
        if placeholder in values or placeholder in always or (kind == "outputs" and name in task.outputs):
            continue
        if kind == task.parameters_in and name in always:
            continue
        shown_as = f"${{{{{placeholder}}}}}"
        if kind == task.parameters_in and name in sometimes:
            rule = f"{name} is drawn in some branches only, and the command needs it in all"
            yield Problem("trial.command", rule, shown_as, f"Write $[[--{name} {shown_as}]].")
        elif kind == "inputs" and name in task.inputs and task.inputs[name]["path"] is None:
            yield Problem("trial.command", "needs a value", shown_as, f"--input {name}=VALUE gives it one.")
        elif kind == task.parameters_in and name not in task.inputs:
            yield Problem("trial.command", "needs a value", shown_as, f"{name}=VALUE gives it one.")


def _undrawable(space: SearchSpace) -> Iterator[Problem]:
    """Texts that are no values to Hydra."""
    for each in space.dimensions:
        values = each.distribution.values if isinstance(each.distribution, Choice) else ()
        if isinstance(values, (list, tuple)) and MISSING in values:
            yield Problem(f"search_space.{each.key}", "cannot be what stands for no value in a configuration", MISSING)


def _code_problems(task: CommandConfig) -> Iterator[Problem]:
    where = "trial.code"
    if task.code is None:
        return
    if is_remote(task.code):
        yield Problem(where, "must be on this machine to be run here", task.code, "Say where it is here: --code DIR.")
    elif not Path(task.code).is_dir():
        yield Problem(where, "must be a folder", _state_of(task.code), "--code DIR names another.")


def _program_problems(task: CommandConfig, search_path: str, *, code_is_known: bool) -> Iterator[Problem]:
    """That the program is not there, or the script that Python is to run."""
    command = JobCommand(task.command)
    where = "trial.command"
    if faults := list(command.validate(where)):
        yield from faults
        return
    words = command.render(dict.fromkeys(command.placeholders, _ANY)).words
    program = words[0]
    if program in ("python", "python3"):
        script = words[1] if len(words) > 1 else ""
        is_known = script.endswith(".py") and _ANY not in script and code_is_known
        if is_known and not Path(task.code or os.devnull, script).is_file():
            fix = "--code DIR names another folder." if task.code else "Set trial.code, or give --code DIR."
            yield Problem(
                where,
                "its script must be in the folder of the code",
                f"no {script} in {task.code}" if task.code else script,
                fix,
            )
    elif _ANY in program:
        return
    elif "/" in program:
        file = Path(task.code or os.devnull, program)
        if code_is_known and not (file.is_file() and os.access(file, os.X_OK)):
            yield Problem(where, "its program must be there, and executable", program)
    elif shutil.which(program, path=search_path) is None:
        rule = "needs a program that is not on the PATH" if program != "bash" else "needs bash, for it is a shell's"
        yield Problem(where, rule, program)
