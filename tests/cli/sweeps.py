"""Directories of sweeps made by hand, and the command run on them in this process or in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from azsweep_core.cli._main import commands
from azsweep_core.control import ControlDir
from azsweep_core.events import (
    Ending,
    EndingKind,
    Event,
    SweepEnded,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
)
from azsweep_core.ledger import Ledger
from azsweep_core.lock import SweepLock
from azsweep_core.trial import Measurement, Parameters, TrialState

ROOT = Path(__file__).parents[2]
NOON_S = 1_700_049_600.0
"""2023-11-15 12:00:00 UTC: when the sweeps made here start, unless they run now."""
SPEC: Mapping[str, Any] = {
    "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 9}},
    "sampling_algorithm": {"type": "random", "seed": 1},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 5, "timeout": 7200.0, "max_retries": 1, "max_failure_rate": 1.0, "fail_fast": 3},
}
FINISHED = Ending(EndingKind.FINISHED, "all 5 trials are done")


class SweepDir:
    """A sweep's directory, as a coordinator would have left or be leaving it."""

    def __init__(self, path: Path, *, start_s: float = NOON_S) -> None:
        self.path = path
        self.start_s = start_s
        self.path.mkdir(parents=True, exist_ok=True)

    def write(self, *events: Event) -> None:
        """Add events to the ledger."""
        file = self.path / "sweep.jsonl"
        with contextlib.closing(Ledger(file, keep=file.stat().st_size if file.exists() else 0)) as ledger:
            for event in events:
                ledger.append(event)

    def start(self, *, command: tuple[str, ...] = (), working_dir: str = "/", spec: Mapping[str, Any] = SPEC) -> None:
        self.write(SweepStarted(time_s=self.start_s, spec=spec, command=command, working_dir=working_dir))

    def begin(self, number: int, *, after_s: float, attempt: int = 1, parameters: Parameters | None = None) -> None:
        """A trial's attempt is submitted, and begins a second later."""
        at_s = self.start_s + after_s
        submitted = TrialSubmitted(time_s=at_s, number=number, attempt=attempt, parameters=parameters or {"x": number})
        self.write(submitted, TrialBegan(time_s=at_s + 1, number=number, directory=str(self.path / str(number))))
        ControlDir.create(self.path, number, attempt)

    def end_trial(
        self,
        number: int,
        value: float | None,
        *,
        after_s: float,
        state: TrialState = TrialState.COMPLETED,
        reason: str = "",
        by_user: bool = False,
    ) -> None:
        at_s = self.start_s + after_s
        if value is not None:
            self.write(TrialMeasured(number=number, measurements=(Measurement(None, value, at_s),)))
        self.write(TrialEnded(time_s=at_s, number=number, state=state, reason=reason, by_user=by_user))

    def end(self, ending: Ending = FINISHED, *, after_s: float = 100.0) -> None:
        self.write(SweepEnded(time_s=self.start_s + after_s, stop_reason=ending.reason, kind=ending.kind))

    def lock(self, **changes: object) -> SweepLock:
        """This process coordinates the sweep; or another one, if what it wrote of itself is changed."""
        lock = SweepLock(self.path)
        file = max((self.path / ".azsweep" / "lock").iterdir(), key=lambda path: int(path.name))
        document = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(document | {"since_s": self.start_s} | changes), encoding="utf-8")
        os.utime(file, (self.start_s + 90, self.start_s + 90))
        return lock

    def output(self, number: int, attempt: int, text: str) -> None:
        """More of what an attempt prints."""
        with ControlDir.of(self.path, number, attempt).output_file.open("a", encoding="utf-8") as stream:
            stream.write(text)

    def output_of_attempt(self, number: int, attempt: int, text: str) -> None:
        """What an attempt prints, which the ledger need not know."""
        ControlDir.create(self.path, number, attempt)
        self.output(number, attempt, text)

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """Every file below with its content and the time of its last change."""
        files = [path for path in self.path.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def sweep_now(path: Path) -> SweepDir:
    """A sweep that began 100 s ago."""
    return SweepDir(path, start_s=time.time() - 100)


def azsweep(*arguments: str | Path) -> Result:
    """Run the command in this process; it must not end with a traceback."""
    result = CliRunner().invoke(commands, [str(each) for each in arguments], prog_name="azsweep")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def azsweep_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "azsweep_core", *(str(each) for each in arguments)]


@contextlib.contextmanager
def started(*arguments: str | Path, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own that hears Ctrl-C, and is killed if it is still there at the end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it puts aside without it
    with subprocess.Popen(
        azsweep_command(*arguments),
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}
