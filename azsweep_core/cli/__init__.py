"""The command `azsweep`: what a person types about a sweep, from any shell."""

from azsweep_core.cli._main import main

__all__ = ["main"]
