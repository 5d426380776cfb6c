"""What a task and its sweep tell each other: which trial it is, what it reports (`metrics.jsonl`). Judges nothing."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from azsweep_core._json_values import as_float
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError
from azsweep_core.trial import Measurement, Parameters

__all__ = ["OUTPUT_VARIABLE", "VARIABLE", "CurrentTrial", "MetricsReader", "current_trial", "log_metric"]

VARIABLE = "AZSWEEP_TRIAL_DIR"
"""Names the attempt's control directory to its process and to all that it starts."""
OUTPUT_VARIABLE = "AZSWEEP_TRIAL_OUTPUT"
"""Names them the trial's own directory."""

_STEPS = 2**63
_LATEST_S = 1e11
"""MLflow can store no later time, and no further step."""

_END_BYTES = 65536

_open_file: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class CurrentTrial:
    """The trial whose process this is. Outside of a sweep it is false, and stands in for one that nobody stops.

    Args:
        number: 0 outside of a sweep.
        attempt: 1, or more if the infrastructure has lost earlier attempts; what they saved is in the same directory.
        directory: the trial's own, absolute; outside of a sweep the working directory.
        sweep_dir: the sweep's, absolute; None outside.
        mlflow_run_id: the trial's run; None without MLflow, and outside.
        parameters: what the sweep chose, by Hydra key without `+`; empty outside.
    """

    number: int
    attempt: int
    directory: Path
    sweep_dir: Path | None = None
    mlflow_run_id: str | None = None
    parameters: Parameters = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.sweep_dir is not None

    @property
    def stop_requested(self) -> bool:
        """Whether the trial is to end, asked anew each time: for loops that `TrialStopped` cannot interrupt."""
        if self.sweep_dir is None:
            return False
        try:
            return ControlDir.of(self.sweep_dir, self.number, self.attempt).stop_request() is not None
        except OSError:  # a file system that is away for a while; the stop comes by other roads too
            return False


def current_trial() -> CurrentTrial:
    """The trial that this process, or the one that started it, runs for; a stand-in outside of a sweep.

    >>> trial = current_trial()  # here, outside
    >>> bool(trial), trial.number, trial.attempt, trial.stop_requested, trial.directory == Path.cwd()
    (False, 0, 1, False, True)
    """
    control = os.environ.get(VARIABLE)
    if control is None:
        return CurrentTrial(number=0, attempt=1, directory=Path.cwd())
    path = Path(control)
    try:
        launch = ControlDir(path).launch() or {}
    except (AzsweepError, OSError):  # damaged, or away; the task need not suffer for it
        launch = {}
    return CurrentTrial(
        number=int(path.parent.name),
        attempt=int(path.name),
        directory=Path(os.environ.get(OUTPUT_VARIABLE) or Path.cwd()),
        sweep_dir=path.parents[3],
        mlflow_run_id=launch.get("mlflow_run_id"),
        parameters={key.lstrip("+"): value for key, value in launch.get("parameters", {}).items()},
    )


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Report a metric of the running trial: seen by early termination within a poll, and with no MLflow at all.

    Each call is one report, in any process of the trial. Outside of a sweep nothing happens, so that the same program
    runs by itself.

    Args:
        value: a number; NaN and infinities are reports that cannot win.
    Raises:
        TypeError: if `value` is no number, or `name` no text.
        OSError: naming the file, if the report cannot be written.
    """
    number = _as_float(value)
    if not isinstance(name, str):
        raise TypeError(f"log_metric: name must be text; got {name!r}.")
    control = os.environ.get(VARIABLE)
    if control is None:
        return
    report = {
        "name": name,
        "value": number if math.isfinite(number) else str(number),
        "step": None if step is None else int(step),
        "time_s": time.time(),
    }
    line = (json.dumps(report) + "\n").encode()
    try:
        lacks = errno.ENOSPC if os.write(_descriptor(control), line) < len(line) else None
    except OSError as error:
        lacks = error.errno
    if lacks is not None:
        raise OSError(lacks, os.strerror(lacks), str(ControlDir(Path(control)).metrics_file))


def _as_float(value: object) -> float:
    if isinstance(value, (str, bytes, bool)):
        raise TypeError(f"log_metric: value must be a number; got {value!r}.")
    try:
        return float(value)  # type: ignore[arg-type]  # a float, or what a library has in its place
    except (TypeError, ValueError):
        raise TypeError(f"log_metric: value must be a number; got {value!r}.") from None


def _descriptor(control: str) -> int:
    """Of the file, opened once: what is appended in one write stays one line, whoever else writes."""
    global _open_file  # noqa: PLW0603 - one file a process, for as long as it lives
    if _open_file is None or _open_file[0] != control:
        path = ControlDir(Path(control)).metrics_file
        _open_file = (control, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666))
    return _open_file[1]


@dataclass(slots=True)
class MetricsReader:
    """Reads the file as it grows: each line once."""

    path: Path
    _offset: int = 0

    def news(self) -> list[tuple[str, Measurement]]:
        """Metric names and what was reported since the last call; a line that is still being written comes later."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except OSError:  # not there yet, or a file system that is away for a while
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [report for line in whole.splitlines() if (report := _read(line)) is not None]

    def all(self) -> list[tuple[str, Measurement]]:
        """Everything in the file."""
        return replace(self, _offset=0).news()

    def last(self, name: str) -> Measurement | None:
        """The last report of a metric, if it is near the end of the file; nothing else is read."""
        try:
            end = replace(self, _offset=max(self.path.stat().st_size - _END_BYTES, 0))
        except OSError:
            return None
        return next((report for each, report in reversed(end.news()) if each == name), None)


def _read(line: bytes) -> tuple[str, Measurement] | None:
    """A report, or None if the line is none: somebody else may have written to the file."""
    try:
        report = json.loads(line)
        name, step, time_s = report["name"], report["step"], as_float(report["time_s"])
        measurement = Measurement(step, as_float(report["value"]), time_s)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    makes_sense = isinstance(name, str) and (step is None or type(step) is int) and 0 <= time_s < _LATEST_S
    return (name, measurement) if makes_sense and abs(step or 0) < _STEPS else None
