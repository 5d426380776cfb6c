"""What a line of the ledger says: events as JSON and back, of this schema version and of earlier ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from azsweep_core._json_values import as_float, from_json, number_to_json, to_json
from azsweep_core.events import (
    AttemptLost,
    EndingKind,
    Event,
    StopRequested,
    SweepEnded,
    SweepResumed,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.trial import EarlierTrial, Measurement, StopRequest, TrialState

__all__ = ["SCHEMA_VERSION", "TornLineError", "decode", "encode"]

SCHEMA_VERSION = 2
"""1 knew no SweepResumed: whether the user had ended a sweep, or a trial with it, stands in the reason only."""

_EVENTS: Mapping[str, type[Any]] = {
    "sweep_started": SweepStarted,
    "sweep_resumed": SweepResumed,
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
_STARTS = (SweepStarted, SweepResumed)


class TornLineError(ValueError):
    """The line is no JSON: it was being written when the sweep, or its machine, died."""


def encode(event: Event) -> dict[str, Any]:
    """The event as JSON can hold it; that of a start names the schema."""
    document: dict[str, Any] = {"event": _NAMES[type(event)]}
    if isinstance(event, _STARTS):
        document["schema"] = SCHEMA_VERSION
    return {**document, **_encode_fields(event)}


def decode(line: bytes) -> Event:
    """The event of a line.

    Raises:
        TornLineError: if it is no JSON.
        ValueError: if it is no event, or one of a later schema.
    """
    try:
        document = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise TornLineError(str(error)) from error
    try:
        return _event(document)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _event(document: dict[str, Any]) -> Event:
    name = document.pop("event")
    event = _EVENTS[name]
    if event in _STARTS and not 1 <= _whole(schema := document.pop("schema")) <= SCHEMA_VERSION:
        raise ValueError(f"schema {schema}; this version reads schema {SCHEMA_VERSION} and earlier ones")
    if name in _UPGRADES:
        _UPGRADES[name](document)
    decoded: Event = event(**_decode_fields(event, document))
    return decoded


def _upgrade_trial_end(document: dict[str, Any]) -> None:
    if "by_user" not in document:
        document["by_user"] = document["state"] == "cancelled" and document["reason"].startswith("stopped by ")


def _upgrade_sweep_end(document: dict[str, Any]) -> None:
    if "kind" not in document:
        reason = document["stop_reason"]
        user, timeout = reason.startswith("stopped by "), reason.startswith("limits.timeout of ")
        document["kind"] = "user" if user else "timeout" if timeout else "finished"


_UPGRADES: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "trial_ended": _upgrade_trial_end,
    "sweep_ended": _upgrade_sweep_end,
}


def _encode_fields(record: Event | EarlierTrial) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in _FIELDS[type(record)]}
    return {name: _ENCODERS[name](value) if name in _ENCODERS else value for name, value in values.items()}


def _decode_fields(record: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    """What the record knows of the document; fields of a later version are left out."""
    return {name: _DECODERS[name](document[name]) for name in _FIELDS[record] if name in document}


_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    record: tuple(field.name for field in fields(record)) for record in (*_EVENTS.values(), EarlierTrial)
}

_ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "spec": lambda spec: to_json(dict(spec)),
    "state": lambda state: state.value,
    "kind": lambda kind: kind.value,
    "request": lambda each: {"state": each.state.value, "reason": each.reason, "by_user": each.by_user},
    "measurements": lambda found: [[each.step, number_to_json(each.value), each.time_s] for each in found],
    "parameters": lambda parameters: to_json(dict(parameters)),
    "trials": lambda trials: [_encode_fields(trial) for trial in trials],
}


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"not a whole number: {value!r}")
    return value


def _seconds(value: Any) -> float:
    number = as_float(value)
    if not math.isfinite(number):
        raise ValueError(f"not a time: {value!r}")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not text: {value!r}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"neither true nor false: {value!r}")
    return value


def _or_null(decoder: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else decoder(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return {_text(key): from_json(item) for key, item in value.items()}


def _request(value: Any) -> StopRequest:
    return StopRequest(TrialState(value["state"]), _text(value["reason"]), _flag(value.get("by_user", False)))


def _measurements(found: Any) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(_step(step), as_float(value), _seconds(at)) for step, value, at in map(_list, _list(found))
    )


def _step(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(f"not a step: {value!r}")
    return value


_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "time_s": _seconds,
    "used_s": _seconds,
    "spec": _mapping,
    "command": lambda words: tuple(_text(word) for word in _list(words)),
    "working_dir": _text,
    "tracking_uri": _or_null(_text),
    "mlflow_run_id": _or_null(_text),
    "number": _whole,
    "attempt": _whole,
    "directory": _or_null(_text),
    "state": TrialState,
    "kind": EndingKind,
    "reason": _text,
    "stop_reason": _text,
    "failure": _or_null(_text),
    "by_user": _flag,
    "with_sweep": _flag,
    "returned": _flag,
    "request": _request,
    "measurements": _measurements,
    "parameters": _mapping,
    "trials": lambda trials: tuple(EarlierTrial(**_decode_fields(EarlierTrial, trial)) for trial in _list(trials)),
    "source": _text,
    "value": as_float,
    "last_value": as_float,
    "reports": _whole,
}
