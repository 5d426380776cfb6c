"""What the user is shown of a sweep that is over, and what can be done with it. Decides nothing."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from azsweep_core.events import EndingKind
from azsweep_core.history import History
from azsweep_core.report import summary
from azsweep_core.sweep_plan import SweepResult
from azsweep_core.trial import TrialState
from hydra_plugins.hydra_azsweep_sweeper._request import SweepHooks

__all__ = ["hints", "output", "program", "show", "why_without_result"]


def show(history: History, directory: Path, hints: Sequence[tuple[str, str]] = ()) -> None:
    """Print the summary."""
    with output() as stream:
        summary(history, directory=directory, stream=stream, hints=hints)


@contextmanager
def output() -> Iterator[TextIO]:
    """Standard output, or what takes its place where nobody reads it: that ends nothing."""
    if sys.stdout is None:
        yield io.StringIO()
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        # As Python's documentation has it: what the interpreter would flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def hints(
    result: SweepResult, directory: Path, how_to_open: str, hooks: SweepHooks | None = None
) -> list[tuple[str, str]]:
    """What the user can do with the result."""
    found = []
    if result.best is not None:
        best = shlex.quote(str(directory / "best"))
        command = f"{program()} --config-dir {best} --config-name azsweep_best"
        found.append(("Run it again", command if hooks is None else hooks.run_again(best)))
    if result.ending.kind is EndingKind.USER:
        found.append(("Go on", f"azsweep resume {shlex.quote(str(directory))}"))
    if how_to_open:
        found.append(("MLflow", how_to_open))
    return found


def program() -> str:
    """What starts the app, as a shell takes it: a script, a module, or a command that was installed with it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    path = Path(sys.argv[0])
    return f"python {shlex.quote(sys.argv[0])}" if path.suffix == ".py" else shlex.quote(path.name)


def why_without_result(result: SweepResult) -> str:
    """The last words of a sweep that ends with exit code 1."""
    if result.ending.kind is EndingKind.FAILURES:
        return f"The sweep was stopped: {result.ending.reason}."
    failed = next((trial for trial in result.trials if trial.state is TrialState.FAILED), None)
    why = "" if failed is None else f" Trial {failed.number} failed: {failed.reason}"
    return f"No trial has a value.{why}"
