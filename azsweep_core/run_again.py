"""The commands that run a trial of a recorded sweep once more, on its own. Decided from the sweep's command alone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from azsweep_core.command_line import TAKE_A_VALUE, is_override, key_of

__all__ = ["JOB_APP", "as_a_shell_takes_it", "best_config_command", "overrides_command"]

JOB_APP = "hydra_plugins.hydra_azsweep_sweeper._command_job"
"""The app that is the sweep of a job file."""
_OF_THE_SWEEP = re.compile(r"hydra\.(?:sweeper|launcher|sweep|mode|job\.(?:num|id))(?:[.@].*)?")
_STARTS = {"--multirun", "-m", "--run", "-r"}


def best_config_command(command: Sequence[str], best: Path) -> list[str]:
    """What runs the configuration in the directory `best/` of a sweep; empty if its command is not known.

    >>> print(*best_config_command(["/usr/bin/python3", "train.py", "-m", "lr=1,2"], Path("/sweep/best")))
    python train.py --config-dir /sweep/best --config-name azsweep_best
    """
    program, _ = _program_of(command)
    if JOB_APP in program:
        return ["azsweep", "run", str(best / "azsweep_best.yaml")]
    return [*program, "--config-dir", str(best), "--config-name", "azsweep_best"] if program else []


def overrides_command(command: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """What runs the sweep's app with the overrides of one trial; empty if there is no such command, as for a job.

    >>> command = ("python", "-m", "a.train", "-m", "lr=1,2", "hydra.sweep.dir=x", "hydra.job.chdir=true", "-cn", "b")
    >>> print(*overrides_command(command, ["lr=2"]))
    python -m a.train hydra.job.chdir=true lr=2 -cn b
    """
    program, given = _program_of(command)
    if not program or JOB_APP in program:
        return []
    of_hydra: list[str] = []
    options: list[str] = []
    for index, word in enumerate(given):
        if index and given[index - 1] in TAKE_A_VALUE:
            options.append(word)
        elif is_override(word):
            key = key_of(word)
            of_hydra += [word] if key.startswith(("hydra.", "hydra/")) and not _OF_THE_SWEEP.fullmatch(key) else []
        elif word not in _STARTS:
            options.append(word)
    return [*program, *of_hydra, *overrides, *options]


def as_a_shell_takes_it(command: Sequence[str], working_dir: str, here: Path | None = None) -> str:
    """The command as one types it.

    Args:
        working_dir: where the sweep was started.
        here: where the command is to be typed; None if that may be anywhere.

    >>> print(as_a_shell_takes_it(["python", "a.py", "x=a b"], "/apps"))
    cd /apps && python a.py 'x=a b'
    """
    if not command:
        return ""
    typed = shlex.join(command)
    is_anywhere = command[0] == "azsweep"
    return typed if is_anywhere or str(here) == working_dir else f"cd {shlex.quote(working_dir)} && {typed}"


def _program_of(command: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """What starts the app (a script, a module, or a command installed with it), and the words that it is given."""
    end = 1
    while end < len(command) and command[end].startswith("-") and command[end] != "-m":
        end += 2 if command[end] in TAKE_A_VALUE else 1
    end += 2 if end < len(command) and command[end] == "-m" else 1
    if end > len(command):
        return [], []
    script = Path(command[end - 1])
    if command[end - 2] != "-m" and script.suffix != ".py" and script.parent == Path(command[0]).parent:
        return [script.name], command[end:]
    return ["python", *command[1:end]], command[end:]
