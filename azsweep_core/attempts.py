"""Turns what an attempt left behind (result file, heartbeat, exit status, stop request) into one report. Pure reading.

Every launcher judges its attempts here, so a trial ends alike wherever it ran.
"""

from __future__ import annotations

import signal
from typing import Any

from azsweep_core.control import ControlDir
from azsweep_core.ports import TrialReport
from azsweep_core.processes import exit_words
from azsweep_core.trial import StopRequest, TrialState

__all__ = ["began", "ended", "judged"]

_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
"""Deaths that Python's fault handler reports."""


def began(control: ControlDir, number: int) -> TrialReport | None:
    """That the attempt's task has begun, or None."""
    heartbeat = control.heartbeat()
    if heartbeat is None:
        return None
    return TrialReport(number=number, began_s=heartbeat["began_s"], directory=heartbeat["directory"])


def ended(control: ControlDir, number: int, status: int, request: StopRequest | None) -> TrialReport:
    """How the attempt ended, once its process is gone.

    Args:
        status: exit code of the process, or minus the signal that killed it.
        request: the stop that was asked for, if any; it explains an end without a result of its own.
    """
    result = control.result()
    heartbeat = result or control.heartbeat()
    base = _ended(control, number)
    request = request or control.stop_request()
    if result is not None and result["outcome"] == "returned":
        metrics = {name: float(value) for name, value in result["returned"].items()}
        return TrialReport(**base, returned=metrics, returned_instead=result.get("returned_instead", ""))
    if result is not None and result["outcome"] == "raised":
        return TrialReport(**base, **_raised(result), state=TrialState.FAILED)
    if request is not None:
        killed = (
            "" if result is not None else f" (it did not stop by itself and {exit_words(status)})" if status < 0 else ""
        )
        return TrialReport(**base, state=request.state, reason=request.reason + killed)
    if heartbeat is None:
        return TrialReport(**base, **_never_began(control, status), lost=True)
    hint = ", as happens when memory runs out" if -status == signal.SIGKILL else ""
    reason = f"its process {exit_words(status)}{hint}{_quote(control, status)}"
    return TrialReport(**base, state=TrialState.FAILED, reason=reason, failure=exit_words(status))


def judged(
    control: ControlDir, number: int, state: TrialState | None, words: str, request: StopRequest | None
) -> TrialReport:
    """How an attempt without a result ended, as a scheduler tells it.

    Args:
        state: None if the infrastructure is to blame.
        request: as for `ended`.
    """
    request = request or control.stop_request()
    base = _ended(control, number)
    if request is not None:
        killed = " (it did not stop by itself)" if "began_s" in base else ""
        return TrialReport(**base, state=request.state, reason=request.reason + killed)
    error = control.launch_error()
    if error is not None:
        return TrialReport(**base, **_never_began(control, 1), lost=True)
    if state is None:
        return TrialReport(**base, reason=words, failure=words, lost=True)
    output = control.last_output()
    reason = f"{words}; its last output:\n{output}" if output else words
    return TrialReport(**base, state=state, reason=reason, failure=words)


def _ended(control: ControlDir, number: int) -> dict[str, Any]:
    """What every report of an end says."""
    heartbeat = control.result() or control.heartbeat()
    base: dict[str, Any] = {"number": number, "ended": True}
    if heartbeat is not None:
        base |= {"began_s": heartbeat["began_s"], "directory": heartbeat["directory"]}
    return base


def _raised(document: dict[str, Any]) -> dict[str, Any]:
    message = document["message"]
    words = f"{document['exception']}: {message}" if message else document["exception"]
    if document["exception"] == "sys.exit":
        words = f"the task called sys.exit({message})"
    return {"reason": words, "failure": words}


def _never_began(control: ControlDir, status: int) -> dict[str, Any]:
    """Why the task did not begin: the launcher's exception, or how the process went."""
    error = control.launch_error()
    if error is not None:
        words = _raised(error)["reason"]
        return {"reason": f"the launcher failed before the task began: {words}", "failure": words}
    words = exit_words(status)
    return {"reason": f"its process {words} before the task began{_quote(control, status)}", "failure": words}


def _quote(control: ControlDir, status: int) -> str:
    """What the attempt printed last; of a crash, where it happened."""
    output = (control.crash_report() if -status in _CRASHES else "") or control.last_output()
    return f"; its last output:\n{output}" if output else ""
