"""The report's data as one JSON text without secrets, of history, timeline, starts. What is over is told once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core._secrets import data_without_secrets, text_without_secrets
from azsweep_core.control import directory_now
from azsweep_core.history import History
from azsweep_core.report._curves import curve
from azsweep_core.report._files import plain_key
from azsweep_core.report._plain import cut, plain
from azsweep_core.report._setting import Setting
from azsweep_core.report._timeline import Timeline
from azsweep_core.trial import Trial, TrialState

__all__ = ["Document", "Moment"]

_FEWEST_TRIALS = 64
_REPORTS, _MOST_REPORTS, _FEWEST_REPORTS = 131_072, 2000, 8
_CHARACTERS, _MOST_CHARACTERS, _FEWEST_CHARACTERS = 2_000_000, 10_000, 100
"""In all trials together, and in one: so that the file does not grow with what each of them says."""
_MOST_OVERRIDES_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a report says that neither history nor timeline knows.

    Args:
        written_s: seconds since the epoch.
        state: how the sweep stands then.
        state_in_words: what else is to be said of that; without times, which the page tells by its reader's clock.
        until_s: when it ended, or was last heard of; None while it runs.
        is_final: nothing more will happen, unless it is resumed.
    """

    written_s: float
    state: str
    state_in_words: str
    until_s: float | None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class _Room:
    """How much there is for one trial: reports of its curve, and characters of a parameter's value or of its reason."""

    reports: int
    value: int
    reason: int

    @classmethod
    def among(cls, trials: int, parameters: int) -> _Room:
        """Their share, which stays the same until there are twice as many trials."""
        count = max(_FEWEST_TRIALS, 1 << (trials - 1).bit_length())
        values = _CHARACTERS // (count * max(parameters, 1))
        return cls(
            max(min(_REPORTS // count, _MOST_REPORTS), _FEWEST_REPORTS),
            max(min(values, _MOST_CHARACTERS), _FEWEST_CHARACTERS),
            max(min(_CHARACTERS // 2 // count, _MOST_CHARACTERS), _FEWEST_CHARACTERS),
        )


class Document:
    """Makes the report's document, again and again; a trial that has not changed since costs next to nothing."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._rows: dict[int, tuple[Trial, _Room, str]] = {}
        self._overrides: tuple[tuple[int, int] | None, Sequence[str] | None] = (None, None)

    def prepare(self, history: History, is_enough: Callable[[], bool]) -> bool:
        """Put trials that are over into words until it is enough; whether all of them are."""
        trials = list(history.trials)
        room = self._room(trials)
        for trial in trials:
            if trial.state.is_final and self._made(trial, room) is None:
                if is_enough():
                    return False
                self._row(trial, room)
        return True

    def text(self, history: History, timeline: Timeline, moment: Moment, importances: Mapping[str, Any]) -> str:
        """The document as JSON text, of ASCII characters alone."""
        trials = list(history.trials)
        points = [trial.parameters for trial in trials]
        axes = self.setting.axes
        room = self._room(trials)
        drawn = timeline.document(moment.until_s)
        until_s = moment.written_s if moment.until_s is None else moment.until_s
        document = {
            **self.setting.document(),
            "written_s": round(moment.written_s, 3),
            "state": moment.state,
            "state_in_words": text_without_secrets(moment.state_in_words),
            "is_final": moment.is_final,
            "started_s": _rounded(timeline.started_s),
            "ended_s": _rounded(moment.until_s),
            "used_s": _rounded(max(until_s - (until_s if history.started_s is None else history.started_s), 0.0)),
            "slots": self.setting.slots(len(drawn["rows"])),
            "objective": {"metric": history.objective.primary_metric, "goal": history.objective.goal.value},
            "counts": {state.value: history.count(state) for state in TrialState if history.count(state)},
            "parameters": axes.document(points, room.value),
            "timeline": drawn,
            "importances": importances,
            **self._best(history, room, moment),
        }
        rows = ",".join(self._row(trial, room) for trial in trials)
        return f'{json.dumps(document, allow_nan=False)[:-1]}, "trials": [{rows}]}}'

    def _room(self, trials: Sequence[Trial]) -> _Room:
        return _Room.among(len(trials), len(self.setting.axes.keys([trial.parameters for trial in trials])))

    def _made(self, trial: Trial, room: _Room) -> str | None:
        made = self._rows.get(trial.number)
        return None if made is None or made[0] is not trial or made[1] != room else made[2]

    def _row(self, trial: Trial, room: _Room) -> str:
        text = self._made(trial, room)
        if text is None:
            text = json.dumps(self._trial(trial, room), allow_nan=False, separators=(",", ":"))
            self._rows[trial.number] = (trial, room, text)
        return text

    def _trial(self, trial: Trial, room: _Room) -> dict[str, Any]:
        links = self.setting.links
        return {
            "number": trial.number,
            "state": trial.state.value,
            "reason": cut(text_without_secrets(trial.reason), room.reason),
            "value": trial.value,
            "attempt": trial.attempt,
            "submitted_s": _rounded(trial.submitted_s),
            "started_s": _rounded(trial.started_s),
            "ended_s": _rounded(trial.ended_s),
            "duration_s": _rounded(trial.duration_s),
            "parameters": _parameters(trial, room),
            "dir": data_without_secrets(trial.directory),
            "href": links.directory(trial.directory),
            "run_id": trial.mlflow_run_id,
            "run_url": links.run(trial.mlflow_run_id),
            "reports": curve(trial, room.reports),
            "reports_total": trial.reports,
        }

    def _best(self, history: History, room: _Room, moment: Moment) -> dict[str, Any]:
        best, completed = history.best, history.best_completed()
        links = self.setting.links
        found = (
            None
            if best is None
            else {
                "number": best.number,
                "value": best.value,
                "parameters": _parameters(best, room),
                "run_again": self.setting.run_again() if moment.is_final else None,  # only then `best/` is this trial's
                "overrides": self.setting.with_overrides(self._overrides_of(best, history)),
                "href": links.directory(best.directory),
                "run_url": links.run(best.mlflow_run_id),
            }
        )
        return {"best": found, "best_completed": None if completed is None else completed.number}

    def _overrides_of(self, best: Trial, history: History) -> Sequence[str] | None:
        """The overrides that Hydra has noted in the trial's directory or, after the end, those in `best/`."""
        which = (best.number, best.attempt)
        if self._overrides[0] != which or self._overrides[1] is None:
            directory = directory_now(self.setting.links.sweep_dir, best.directory)
            noted = None if directory is None else _read(directory / ".hydra" / "overrides.yaml", _listed)
            if noted is None and history.ending is not None:
                of_best = self.setting.links.sweep_dir / "best" / "overrides.txt"
                noted = _read(of_best, str.splitlines, since_s=history.last_s)
            self._overrides = (which, noted)
        return self._overrides[1]


def _rounded(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, 3)


def _parameters(trial: Trial, room: _Room) -> dict[str, Any]:
    shown = data_without_secrets(trial.parameters)
    return {plain_key(key): cut(plain(value), room.value) for key, value in shown.items()}


def _read(path: Path, reader: Callable[[str], list[str]], since_s: float = 0.0) -> list[str] | None:
    """What the file lists; None if that cannot be told, is older than `since_s`, or would fill the page."""
    try:
        about = path.stat()
        if about.st_size > _MOST_OVERRIDES_BYTES or about.st_mtime < since_s:
            return None
        return reader(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _listed(text: str) -> list[str]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError("no list of overrides")
    return found
