"""Writes `optimization_results.yaml`, `trials.csv` and `best/` of a sweep directory, each atomically."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from azsweep_core._json_values import finite
from azsweep_core.control import write_atomically
from azsweep_core.events import Event, SweepEnded, TrialEnded
from azsweep_core.history import History
from azsweep_core.ports import Clock
from azsweep_core.trial import Parameters, Trial, TrialState

__all__ = [
    "RESULTS",
    "ResultFiles",
    "column_of",
    "parameter_keys",
    "plain_key",
    "trials_csv",
    "write_best",
]

RESULTS = ("optimization_results.yaml", "best/overrides.txt", "best/azsweep_best.yaml", "trials.csv", "report.html")
"""What a sweep's directory holds for its reader, those that others make included; the smallest first."""

_COLUMNS = ("number", "state", "reason", "value", "attempt", "duration_s", "dir", "mlflow_run_id")
_REFRESH_EVERY_S = 5.0
_AND_PER_TRIAL_S = 0.005


def plain_key(key: str) -> str:
    """A Hydra key without its `+`, as files name parameters.

    >>> plain_key("++opt.lr")
    'opt.lr'
    """
    return key.lstrip("+")


class ResultFiles:
    """Keeps the two result files of a running sweep fresh: every few seconds, and at its end.

    A refresh writes a line for every trial. It gets rarer as they grow in number, so that it costs each the same.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._table = _Table()
        self._written_s = -math.inf

    def notice(self, event: Event, history: History) -> None:
        over = isinstance(event, SweepEnded)
        pause_s = _REFRESH_EVERY_S + _AND_PER_TRIAL_S * len(history)
        due = isinstance(event, TrialEnded) and self._clock.now() >= self._written_s + pause_s
        if over or due:
            self.write(history)
            self._written_s = self._clock.now()

    def write(self, history: History) -> None:
        """Write both files as the sweep stands now."""
        write_atomically(self._directory / "trials.csv", self._table.text(history))
        write_atomically(self._directory / "optimization_results.yaml", _results(history))


def write_best(directory: Path, config_yaml: str, overrides: Sequence[str]) -> None:
    """Write `best/`: a config to run the best trial again, and its overrides, one a line."""
    best = directory / "best"
    best.mkdir(exist_ok=True)
    write_atomically(best / "azsweep_best.yaml", config_yaml)
    write_atomically(best / "overrides.txt", "".join(f"{override}\n" for override in overrides))


def _results(history: History) -> str:
    import yaml

    best, completed = history.best, history.best_completed()
    document: dict[str, Any] = {
        "name": "azsweep",
        "best_value": None if best is None else best.value,
        "best_params": None if best is None else _named(best.parameters),
        "best_trial": None if best is None else _pointer(best),
    }
    if best is not None and completed is not None and completed.number != best.number:
        document["best_completed_trial"] = {**_pointer(completed), "value": completed.value}
    document["trials"] = {state.value: history.count(state) for state in TrialState if history.count(state)}
    document["stop_reason"] = history.stop_reason
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _pointer(trial: Trial) -> dict[str, Any]:
    return {"number": trial.number, "dir": trial.directory, "mlflow_run_id": trial.mlflow_run_id}


def _named(parameters: Parameters) -> dict[str, Any]:
    return {plain_key(key): value for key, value in parameters.items()}


class _Table:
    """`trials.csv` as text. The line of a trial that is over is made once: most of a long sweep's trials are."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._lines: dict[int, str] = {}
        self._ended = 0

    def text(self, history: History) -> str:
        """The whole table: a line for each trial that has begun, by number."""
        ended = history.finished_since(self._ended)
        self._ended += len(ended)
        if not parameter_keys([*ended, *history.active]).keys() <= self._keys.keys():
            trials = [trial for trial in history.trials if trial.state is not TrialState.PENDING]
            self._keys = parameter_keys(trials)
            ended = [trial for trial in trials if trial.state.is_final]
        self._lines |= {trial.number: _row(trial, self._keys) for trial in ended}
        lines = self._lines | {trial.number: _row(trial, self._keys) for trial in history.active}
        return _header(self._keys) + "".join(lines[number] for number in sorted(lines))


def trials_csv(trials: Iterable[Trial], keys: Iterable[str]) -> str:
    """Trials as lines of `trials.csv` with its header.

    Args:
        keys: the parameters to show, as `parameter_keys` names them.
    """
    keys = list(keys)
    return _header(keys) + "".join(_row(trial, keys) for trial in trials)


def column_of(key: str) -> str:
    """What the column of a parameter is called.

    >>> column_of("lr"), column_of("value")
    ('lr', 'params.value')
    """
    return f"params.{key}" if key in _COLUMNS else key


def parameter_keys(trials: Iterable[Trial]) -> dict[str, None]:
    """Names of the parameters that any of the trials has, in the order of their first appearance."""
    return dict.fromkeys(plain_key(key) for trial in trials for key in trial.parameters)


def _header(keys: Iterable[str]) -> str:
    return _csv([*_COLUMNS, *map(column_of, keys)])


def _row(trial: Trial, keys: Iterable[str]) -> str:
    named = _named(trial.parameters)
    return _csv([*_fixed_cells(trial), *(_cell(named[key]) if key in named else "" for key in keys)])


def _csv(cells: Sequence[str]) -> str:
    """One line of the file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _fixed_cells(trial: Trial) -> list[str]:
    duration = "" if trial.duration_s is None else f"{trial.duration_s:.3f}"
    value = "" if trial.value is None else repr(trial.value)
    return [
        str(trial.number),
        trial.state.value,
        trial.reason,
        value,
        str(trial.attempt),
        duration,
        trial.directory or "",
        trial.mlflow_run_id or "",
    ]


def _cell(value: Any) -> str:
    """Text as it is, numbers as Python's repr, all else as JSON (with NaN and infinities as text)."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    return json.dumps(finite(value), ensure_ascii=False)
