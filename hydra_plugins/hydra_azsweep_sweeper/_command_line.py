"""The command that the user typed, as far as it can be told: to be kept with the sweep, and to be typed again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from azsweep_core.command_line import hydra_text, with_overrides
from azsweep_core.tracking import without_credentials

__all__ = ["as_typed", "kept", "rerun"]


def as_typed(arguments: Sequence[str]) -> tuple[str, ...]:
    """The whole command with its interpreter; empty if the sweep was not started from a command line.

    Args:
        arguments: what Hydra makes of it: the overrides of the sweep.
    """
    given = sys.argv[1:]
    if not sys.orig_argv or any(argument not in given for argument in arguments):
        return ()  # called by a program or in a notebook, whose own arguments are no sweep's
    return (sys.executable, *sys.orig_argv[1:])


def kept(command: Sequence[str]) -> tuple[str, ...]:
    """The command as a file may hold it: without user and password in addresses."""
    return tuple(without_credentials(word) for word in command)


def rerun(command: Sequence[str], sweep_dir: Path) -> list[str]:
    """The command that goes on with the sweep in the foreground, wherever its directory was said to be before."""
    directory = f"hydra.sweep.dir={hydra_text(os.fspath(sweep_dir))}"
    return with_overrides(command, [directory, "hydra.sweeper.detach=false"])
