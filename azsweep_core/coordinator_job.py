"""Submits the process that coordinates a sweep as a job of SLURM's. Decides nothing about the sweep."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from azsweep_core.coordinator import COORDINATOR_LOG
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.slurm import OUTSIDE, outside_of_job, variables_of_slurm

__all__ = ["coordinator_header", "option_problems", "submit_coordinator"]

_WHERE = "hydra.sweeper.detach"
_DEFAULTS: Mapping[str, object] = {"requeue": True, "signal": "B:TERM@60"}
"""Should its node fail, SLURM starts it again, and it goes on; it is told to stop before its time limit."""
_FIXED = {"array", "chdir", "error", "input", "open-mode", "output", "parsable", "test-only", "wait", "wrap"}
_COMMAND_TIMEOUT_S = 60.0


def submit_coordinator(
    command: Sequence[str], working_dir: Path, sweep_dir: Path, options: Mapping[str, object]
) -> str:
    """Have SLURM run the command as a job, with the environment of this process; gives the job's number.

    The command takes the place of the job's shell, and so hears SLURM's signals itself. What it prints is added to
    `.azsweep/coordinator.log`.

    Args:
        options: of `sbatch`, by their long names: texts and whole numbers, True for one without a value, False for one
            that is not wanted. `signal` is when the command is told to stop: a minute before the time limit, unless the
            user has it otherwise.
    Raises:
        SpecError: if an option cannot be one.
        AzsweepError: if `sbatch` refuses, in its words.
    """
    problems = list(option_problems(options, _WHERE))
    if problems:
        raise SpecError(problems)
    log_file = sweep_dir / ".azsweep" / COORDINATOR_LOG
    log_file.parent.mkdir(parents=True, exist_ok=True)
    environment = outside_of_job(os.environ)
    outside = {OUTSIDE: json.dumps(variables_of_slurm(environment))}
    words = _sbatch(
        ["--parsable", "--open-mode=append", f"--output={_literal(log_file)}", f"--chdir={working_dir}"],
        [f"--{each}" for each in _asked(sweep_dir, options)],
        script=f"#!/bin/sh\nexec {shlex.join(command)}\n",
        environment=environment | outside,
    )
    return words.partition(";")[0].strip()  # a cluster's name may follow


def coordinator_header(sweep_dir: Path, options: Mapping[str, object]) -> list[str]:
    """What the job would ask of SLURM, which has been asked whether it would take it; nothing is submitted.

    Raises:
        AzsweepError: if `sbatch` refuses, in its words.
    """
    asked = _asked(sweep_dir, options)
    _sbatch(
        ["--test-only", *(f"--{each}" for each in asked)],
        script="#!/bin/sh\ntrue\n",
        environment=outside_of_job(os.environ),
    )
    return asked


def _asked(sweep_dir: Path, options: Mapping[str, object]) -> list[str]:
    """The user's options of sbatch and our own defaults, without dashes in front."""
    chosen = {name: value for name, value in _DEFAULTS.items() if f"no-{name}" not in options}
    chosen |= {"job-name": f"azsweep-{_safe(sweep_dir.name)}", **options}
    return [name if value is True else f"{name}={value}" for name, value in chosen.items() if value is not False]


def option_problems(options: Mapping[str, object], where: str) -> Iterator[Problem]:
    """What no option of sbatch looks like, or would make of the job what it is not."""
    for name, value in options.items():
        here = f"{where}.{name}"
        if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
            fix = "Write it as sbatch has it, without the two dashes in front: cpus-per-task, for instance."
            yield Problem(where, "the name of an option of sbatch is letters and dashes", repr(name), fix)
        elif name in _FIXED:
            yield Problem(here, "cannot be chosen for the job that coordinates a sweep", repr(value))
        elif not isinstance(value, (str, int)):
            fix = 'Put into quotes what YAML takes for something else: time: "7-00:00:00".'
            yield Problem(here, "must be a text, a whole number, true or false", repr(value), fix)
        elif not str(value).isprintable():
            yield Problem(here, "must be printable, on one line", repr(value))


def _safe(name: str) -> str:
    """The name without what a job's name should not have.

    >>> _safe("12-30-00"), _safe("my sweep; rm *")
    ('12-30-00', 'my_sweep__rm__')
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _literal(path: Path) -> str:
    """The path for `--output`, which fills in what follows a percent sign unless there is a backslash in it."""
    return str(path).replace("\\", "\\\\") if "\\" in str(path) else str(path).replace("%", "%%")


def _sbatch(*arguments: Sequence[str], script: str, environment: Mapping[str, str]) -> str:
    """What sbatch prints.

    Raises:
        AzsweepError: if it fails.
    """
    command = ["sbatch", *(each for some in arguments for each in some)]
    try:
        done = subprocess.run(
            command,
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            start_new_session=True,  # a terminal's Ctrl-C would leave a job that nobody knows
        )
    except FileNotFoundError:
        rule, fix = "slurm needs SLURM's commands on this host", "Start the sweep where jobs are submitted from."
        raise AzsweepError(str(Problem(_WHERE, rule, "no sbatch", fix))) from None
    except subprocess.TimeoutExpired:
        rule, fix = "SLURM must answer", "Look with squeue whether the job was submitted before you try again."
        raise AzsweepError(str(Problem(_WHERE, rule, f"no answer for {_COMMAND_TIMEOUT_S:g} s", fix))) from None
    if done.returncode:
        lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in done.stderr.splitlines()]
        words = "; ".join(lines) or f"exit code {done.returncode}"
        raise AzsweepError(str(Problem(_WHERE, "SLURM must take the job that coordinates the sweep", words)))
    return done.stdout
