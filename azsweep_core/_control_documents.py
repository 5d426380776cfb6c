"""Which documents of an attempt can be believed: tasks and broken disks write what they like. Reads no files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from azsweep_core._json_values import as_float, from_json
from azsweep_core.trial import FINAL_STATES, TrialState

__all__ = ["Document", "exit_of", "heartbeat_of", "launch_error_of", "launch_of", "result_of", "stop_of"]

Document = dict[str, Any]
_Rules = Mapping[str, Callable[[Any], bool]]

_LARGEST = 2**63


def heartbeat_of(document: Document) -> Document | None:
    """A sign of life: it says at least when the task began, and where."""
    return _believed(document, {"began_s": _is_time, "directory": _is_path})


def result_of(document: Document) -> Document | None:
    """How a task ended; it has returned only what is numbers with names."""
    outcome = document.get("outcome")
    return _believed(document, _OUTCOMES[outcome]) if isinstance(outcome, str) and outcome in _OUTCOMES else None


def launch_error_of(document: Document) -> Document | None:
    """An exception as text."""
    return _believed(document, _EXCEPTION)


def stop_of(document: Document) -> Document | None:
    """A stop: which state the trial will have, why, and the time it has."""
    return _believed(document, {"state": _is_final, "reason": _is_text, "grace_s": _is_time})


def exit_of(document: Document) -> int | None:
    """An exit status."""
    believed = _believed(document, {"status": _is_whole})
    return None if believed is None else int(believed["status"])


def launch_of(document: Document) -> Document | None:
    """What an attempt was given, its parameters as they were."""
    believed = _believed(document, {"parameters": lambda value: isinstance(value, dict), "mlflow_run_id": _is_id})
    if believed is None:
        return None
    try:
        return {**believed, "parameters": {key: from_json(value) for key, value in believed["parameters"].items()}}
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _believed(document: Document, needed: _Rules) -> Document | None:
    """The document if it has what it needs, without what else makes no sense."""
    if not all(name in document and rule(document[name]) for name, rule in needed.items()):
        return None
    return {name: value for name, value in document.items() if name not in _MAY_BE or _MAY_BE[name](value)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_id(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < _LARGEST


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST and math.isfinite(value)


def _is_final(value: Any) -> bool:
    return value in [state.value for state in FINAL_STATES - {TrialState.COMPLETED}]


def _is_metrics(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        for number in value.values():
            as_float(number)
    except (TypeError, OverflowError):
        return False
    return True


_EXCEPTION: _Rules = {"exception": _is_text, "message": _is_text}
_OUTCOMES: Mapping[str, _Rules] = {
    "returned": {"returned": _is_metrics},
    "raised": _EXCEPTION,
    "stopped": {"reason": _is_text},
    "judged": {"state": _is_final, "reason": _is_text, "failure": _is_id},
}
_MAY_BE: _Rules = {
    "began_s": _is_time,
    "directory": _is_path,
    "ended_s": _is_time,
    "beat_s": _is_time,
    "idle_s": _is_time,
    "output_from": lambda value: _is_whole(value) and value >= 0,
    "returned_instead": _is_text,
    "by_user": lambda value: isinstance(value, bool),
}
"""What is believed where it makes sense, and else is as if it were not there."""
