"""The sweep's append-only record: one event a line of JSON, written by the coordinator alone. Decides nothing."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from azsweep_core.errors import AzsweepError
from azsweep_core.history import (
    AttemptLost,
    Event,
    StopRequested,
    SweepEnded,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.trial import EarlierTrial, Measurement, StopRequest, TrialState

__all__ = ["SCHEMA_VERSION", "Ledger", "read_ledger"]

SCHEMA_VERSION = 1

_EVENTS: Mapping[str, type[Any]] = {
    "sweep_started": SweepStarted,
    "warm_started": WarmStarted,
    "trial_submitted": TrialSubmitted,
    "trial_began": TrialBegan,
    "trial_measured": TrialMeasured,
    "stop_requested": StopRequested,
    "attempt_lost": AttemptLost,
    "trial_ended": TrialEnded,
    "sweep_ended": SweepEnded,
}
_NAMES = {event: name for name, event in _EVENTS.items()}


class Ledger:
    """Appends events to `sweep.jsonl`. A line is whole or, after a crash, the torn last one.

    Raises:
        AzsweepError: if the file is there already: another sweep's record is never continued by mistake.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_synced = True
        try:
            self._stream = path.open("x", encoding="utf-8")
        except FileExistsError:
            raise AzsweepError(
                f"hydra.sweep.dir: must not hold another sweep; got {path.parent}, which has a {path.name}. "
                "Choose another directory, or move that one away."
            ) from None

    def append(self, event: Event) -> None:
        """Write the event; durable after the next `sync`."""
        self._stream.write(json.dumps(_encode(event), allow_nan=False) + "\n")
        self._stream.flush()
        self._is_synced = False

    def sync(self) -> None:
        """Have every event so far on the disk; costs nothing if they are."""
        if not self._is_synced:
            os.fsync(self._stream.fileno())
            self._is_synced = True

    def close(self) -> None:
        """Leaves no file without events: no sweep has begun."""
        is_unused = not self._stream.closed and self._stream.tell() == 0
        self._stream.close()
        if is_unused:
            self.path.unlink()


def read_ledger(path: Path) -> Iterator[Event]:
    """The events of a ledger in order; a torn last line is left out.

    Raises:
        AzsweepError: naming the line, if one before the last cannot be read or the schema is of another version.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    whole, tail = lines[:-1], lines[-1]
    for number, line in enumerate(whole, start=1):
        try:
            yield _decode(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            if number == len(whole) and not tail:
                return
            raise AzsweepError(f"{path}:{number}: must be an event of a sweep; got {line[:80]!r} ({error}).") from error


def _encode(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = {"event": _NAMES[type(event)]}
    if isinstance(event, SweepStarted):
        document["schema"] = SCHEMA_VERSION
    return {**document, **_encode_fields(event)}


def _encode_fields(record: Event | EarlierTrial) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: _ENCODERS[name](value) if name in _ENCODERS else value for name, value in values.items()}


def _decode(document: dict[str, Any]) -> Event:
    event = _EVENTS[document.pop("event")]
    if event is SweepStarted and (schema := document.pop("schema")) != SCHEMA_VERSION:
        raise ValueError(f"schema {schema}; this version reads schema {SCHEMA_VERSION}")
    decoded: Event = event(**_decode_fields(event, document))
    return decoded


def _decode_fields(record: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    """What the record knows of the document; fields of a later version are left out."""
    known = {field.name for field in fields(record)}
    values = {name: value for name, value in document.items() if name in known}
    return {name: _DECODERS[name](value) if name in _DECODERS else value for name, value in values.items()}


def _number(value: float) -> float | str:
    """JSON has no NaN and no infinities: they are written as text, which `float` reads back."""
    return value if math.isfinite(value) else str(value)


_FLOAT = "__float__"


def _plain(value: Any) -> Any:
    """JSON-able twin of a parameter's value; non-finite floats are marked so that text stays text."""
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        return float(value[_FLOAT]) if set(value) == {_FLOAT} else {key: _unplain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unplain(item) for item in value]
    return value


_ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "spec": lambda spec: _plain(dict(spec)),
    "state": lambda state: state.value,
    "request": lambda request: {"state": request.state.value, "reason": request.reason},
    "measurements": lambda found: [[each.step, _number(each.value), each.time_s] for each in found],
    "parameters": lambda parameters: _plain(dict(parameters)),
    "trials": lambda trials: [_encode_fields(trial) for trial in trials],
}

_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "spec": _unplain,
    "state": TrialState,
    "request": lambda request: StopRequest(TrialState(request["state"]), request["reason"]),
    "measurements": lambda found: tuple(Measurement(step, float(value), time_s) for step, value, time_s in found),
    "parameters": lambda parameters: {key: _unplain(value) for key, value in parameters.items()},
    "trials": lambda trials: tuple(EarlierTrial(**_decode_fields(EarlierTrial, trial)) for trial in trials),
}
