"""`azsweep run`: starts a sweep with this Python, of an app or of a job file. Everything else is Hydra's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from azsweep_core._reading import nearest
from azsweep_core.cli._click import Command, job_options, paths
from azsweep_core.cli._resume import replace_process
from azsweep_core.command_line import hydra_text, is_override, key_of, with_overrides
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.run_again import JOB_APP

__all__ = ["JobRun", "run", "started_command"]

_APART = ("-P",) if sys.version_info >= (3, 11) else ()
"""Modules that lie in the working directory are the command's, and are not to be taken for Python's own."""
_OF_JOBS = "only a job file has it; for an app, give overrides"
_SHOW_ONLY = {"--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc", "--version"}
"""Hydra takes none of them together with --multirun."""
_COPY = Path(".azsweep", "code")
"""In a sweep's directory: the source of its trials."""


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[APP.py | JOB.yml] [OVERRIDES]...", nargs=-1, shell_complete=paths("file"))
@click.option("-m", "--module", metavar="MODULE", help="The app is a module: -m package.train for APP.py.")
@click.option("--detach", is_flag=True, help="In the background, independent of this terminal.")
@job_options
def run(
    words: Sequence[str], module: str | None, detach: bool, inputs: Sequence[str], code: str | None, node: str | None
) -> None:
    """Start the sweep of a Hydra app, or of an AzureML sweep job.

    For an app, the same as `python APP.py --multirun OVERRIDES`. For a job file, each trial runs the job's command with
    this Python, in a directory of its own with a copy of the code; everything of the sweep can be overridden. With
    --detach the command returns as soon as the sweep has begun, which then goes on without the terminal. Options of
    Hydra's (--config-name, ...) are passed on.

    DIR/best/azsweep_best.yaml of a job's sweep runs its best trial once more.

    Examples:
      azsweep run train.py +experiment=sweep
      azsweep run --detach train.py +experiment=sweep 'lr=loguniform(-6.9,-2.3)'
      azsweep run -m package.train --config-name sweep
      azsweep run sweep.yml --input iris_csv=./iris.csv hydra.sweeper.limits.max_total_trials=4
      azsweep run pipeline.yml --node tune hydra/launcher=submitit_slurm

    Exit codes:
      0  a trial has a value; with --detach: the sweep has begun
      1  none has, or the sweep was refused
      130  it was stopped
    """
    detached = ["hydra.sweeper.detach=true"] if detach else []
    replace_process(started_command(words, module, detached, inputs, code, node))


def started_command(
    words: Sequence[str],
    module: str | None,
    added: Sequence[str],
    inputs: Sequence[str],
    code: str | None,
    node: str | None,
) -> list[str]:
    """The command that starts the sweep of an app or of a job file, with these overrides added.

    Raises:
        click.UsageError: if neither is named.
        AzsweepError: if what is named is neither, or has not what the options speak of.
    """
    if module is None and not words:
        raise click.UsageError("Missing argument 'APP.py', 'JOB.yml', or -m MODULE.")
    if module is None and words[0].lower().endswith((".yml", ".yaml")):
        return JobRun(Path(words[0]), inputs, code, node).command(words[1:], added)
    for option, given in (("--input", inputs), ("--code", code), ("--node", node)):
        if given:
            raise AzsweepError(str(Problem(option, _OF_JOBS, None, None)))
    if module is not None:
        app, overrides = ["-m", module], words
    else:
        app, overrides = [words[0]], words[1:]
        _check(words[0])
    return with_overrides([sys.executable, *app, *_mode(overrides), *overrides], added)


def _mode(words: Sequence[str]) -> Sequence[str]:
    """What makes a sweep of a run; nothing if an option of Hydra's is given that shows something instead of a run."""
    return [] if any(word.partition("=")[0] in _SHOW_ONLY for word in words) else ["--multirun"]


def _check(app: str) -> None:
    if not Path(app).is_file():
        rule = "must be the Python file of a Hydra app, or a job file"
        fix = "It comes first, before overrides and options of Hydra's."
        raise AzsweepError(str(Problem("APP.py", rule, app, fix)))
    if b"hydra" not in Path(app).read_bytes().lower():  # it would run as it is, and know nothing of a sweep
        rule = "must be the Python file of a Hydra app; nothing in it speaks of hydra"
        fix = "If it calls an app that is elsewhere, name that one: -m MODULE."
        raise AzsweepError(str(Problem("APP.py", rule, app, fix)))


class JobRun:
    """A file to run, and what the command line says of its inputs and its source."""

    def __init__(self, path: Path, inputs: Sequence[str], code: str | None, node: str | None) -> None:
        self._path = path
        self._inputs = inputs
        self._code = code
        self._node = node

    def command(self, words: Sequence[str], wishes: Sequence[str]) -> list[str]:
        """The command that runs the file, with the user's further words and overrides of a sweep's own settings.

        Raises:
            AzsweepError: if the file is none, or has not what the options speak of.
        """
        from azsweep_core._yaml_lines import read_yaml
        from azsweep_core.job_file import read_job
        from azsweep_core.job_task import PATH_TYPES, read_task

        document = read_yaml(self._path).content
        is_best = isinstance(document.get("trial"), Mapping) and not document.keys() & {"type", "search_space"}
        if is_best and "parameters_in" in document["trial"]:
            return self._once(document, words, wishes)
        job = read_job(self._path, self._node)
        task = read_task(job)
        paths = {name: given.path is not None for name, given in task.inputs.items()}
        paths |= {name: kind in PATH_TYPES for name, kind in task.unset.items()}
        file = hydra_text(os.path.abspath(self._path))  # noqa: PTH100 - as it was named, but for `..`
        named = file if self._node is None else f"{{file:{file},node:{hydra_text(self._node)}}}"
        added = [f"hydra.sweeper.job={named}", *self._overrides(paths), *wishes]
        return self._started([*_mode(words), *words], added)

    def _once(self, document: Mapping[str, Any], words: Sequence[str], wishes: Sequence[str]) -> list[str]:
        """A run of the best trial's configuration, with the source that the sweep has had."""
        if self._node is not None or wishes:
            rule, fix = (
                "is the best trial of a sweep, and no sweep",
                "It runs once, here: azsweep run, without options.",
            )
            raise AzsweepError(str(Problem(str(self._path), rule, None, fix)))
        folder = Path(os.path.abspath(self._path)).parent  # noqa: PTH100
        known = document.get("inputs")
        typed = document["trial"].get("inputs") or {}
        paths = {str(name): _is_path(typed.get(name)) for name in (known if isinstance(known, Mapping) else {})}
        added = list(self._overrides(paths))
        copy = folder.parent / _COPY
        if self._code is None and document["trial"].get("code") is not None and copy.is_dir():
            added.append(f"trial.code={hydra_text(str(copy))}")
        added.append(f"hydra.job.name={hydra_text(str(document['trial'].get('name')))}")
        options = ["--config-dir", str(folder), "--config-name", self._path.stem]
        return [*self._started(words, added), *options]

    def _overrides(self, is_path: Mapping[str, bool]) -> Iterator[str]:
        """What the options come to."""
        from azsweep_core.job_task import is_remote

        for given in self._inputs:
            name, equals, value = given.partition("=")
            if not equals:
                raise AzsweepError(str(Problem("--input", "must be NAME=VALUE", given)))
            if name not in is_path:
                fix = nearest(name, tuple(is_path)) if is_path else "The job has no inputs."
                raise AzsweepError(str(Problem("--input", "must name an input of the job", name, fix)))
            is_local = is_path[name] and not is_remote(value)
            yield f"inputs.{name}={hydra_text(os.path.abspath(value) if is_local else value)}"  # noqa: PTH100
        if self._code is not None:
            if not Path(self._code).is_dir():
                raise AzsweepError(str(Problem("--code", "must be a folder", self._code)))
            yield f"trial.code={hydra_text(os.path.abspath(self._code))}"  # noqa: PTH100

    def _started(self, words: Sequence[str], added: Sequence[str]) -> list[str]:
        keys = [key_of(each) for each in added]
        twice = {key for key in keys if keys.count(key) > 1} | _keys(words) & set(keys)
        if twice:
            raise AzsweepError(str(Problem(min(twice), "is given twice", None, "Say it once.")))
        return with_overrides([sys.executable, *_APART, "-m", JOB_APP, *words], added)


def _is_path(declared: object) -> bool:
    """Whether an input is one, as the best trial's configuration has it."""
    from azsweep_core.job_task import PATH_TYPES

    if not isinstance(declared, Mapping):
        return False
    return declared.get("path") is not None or declared.get("type") in PATH_TYPES


def _keys(words: Sequence[str]) -> set[str]:
    return {key_of(word) for word in words if is_override(word)}
