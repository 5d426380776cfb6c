"""Dry runs of an app in this process, and what their page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.plugin.conftest import App, Run
from tests.plugin.in_process import HYDRAS_HINT, refuse

END = "Nothing was started, and nothing written. Without dry_run the sweep can start.\n"
TRIAL = re.compile(r"  (\d+) +(.*)")


def tree(directory: Path) -> dict[str, tuple[int, bytes]]:
    """All files and folders, with times and contents."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in directory.rglob("*")
    }


def dry(app: App, capsys: pytest.CaptureFixture[str], *arguments: str, trials: int = 5) -> Run:
    """A dry run in this process, which leaves everything as it is; a task that is called raises."""
    before = tree(app.directory)
    run = refuse(app, capsys, *arguments, f"hydra.sweeper.dry_run={trials}")
    assert tree(app.directory) == before
    assert (run.code == 0) == run.out.endswith(END)
    return run


def section(run: Run, title: str) -> list[str]:
    """The lines of the page below a title that starts so."""
    found = [block.splitlines() for block in run.out.split("\n\n") if block.startswith(title)]
    return found[0][1:] if found else []


def shown_trials(run: Run) -> dict[int, list[str]]:
    """Overrides by number, as a shell takes them."""
    lines = [*section(run, "First"), *section(run, "Next")]
    found = [match for line in lines if (match := TRIAL.fullmatch(line))]
    return {int(match[1]): shlex.split(match[2]) for match in found}


def problems(run: Run) -> list[str]:
    return run.err.removesuffix(HYDRAS_HINT).splitlines()
