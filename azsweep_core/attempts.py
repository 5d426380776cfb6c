"""The files of an attempt over its life: made ready, and at its end turned into one report. Starts and stops nothing.

Every launcher judges its attempts here (result file, heartbeat, exit status, stop request), so a trial ends alike
wherever it ran.
"""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import Any

from azsweep_core.control import NO_RESULT, ControlDir
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import TrialEnded
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.processes import exit_words
from azsweep_core.trial import StopRequest, TrialState

__all__ = [
    "WITH_SWEEP",
    "began",
    "conclude",
    "ended",
    "judged",
    "last_words",
    "left_behind",
    "prepare",
    "refuse_job_of_another",
]

_OUTLIVING = {"slurm_job": "SLURM job", "ray_owner": "task of the Ray actor"}
"""What `ControlDir.job` holds of attempts that outlive their coordinator, and in words."""

WITH_SWEEP = StopRequest(TrialState.CANCELLED, "the sweep was killed while it ran", by_user=True)
"""What ends an attempt of which no coordinator will hear; the trial runs again when the sweep is resumed."""

_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
"""Deaths that Python's fault handler reports."""


def prepare(sweep_dir: Path, launch: Launch, config_folder: str | None) -> ControlDir:
    """Make the control directory of a new attempt.

    Args:
        config_folder: name of the folder of the trial's own directory that holds its config. With the logs there it is
            kept among the files of the attempt before, for this one writes its own in their place.
    """
    if launch.attempt > 1:
        _keep_what_is_left(ControlDir.of(sweep_dir, launch.number, launch.attempt - 1), config_folder)
    control = ControlDir.create(sweep_dir, launch.number, launch.attempt)
    control.note_launch(launch)
    return control


def _keep_what_is_left(control: ControlDir, config_folder: str | None) -> None:
    heartbeat = control.heartbeat()
    if heartbeat is None:  # its task did not begin
        return
    directory = Path(heartbeat["directory"])
    for log_file in directory.glob("*.log"):
        if not log_file.is_symlink():
            shutil.copy2(log_file, control.path)
    if config_folder is not None and (directory / config_folder).is_dir():
        shutil.copytree(directory / config_folder, control.path / config_folder, dirs_exist_ok=True)


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
    if result is not None and result["outcome"] == "judged":
        state, reason, failure = TrialState(result["state"]), str(result["reason"]), result["failure"]
        return TrialReport(**base, state=state, reason=reason, failure=failure)
    if request is not None:
        killed = (
            "" if result is not None else f" (it did not stop by itself and {exit_words(status)})" if status < 0 else ""
        )
        return TrialReport(**base, state=request.state, reason=request.reason + killed, by_user=request.by_user)
    if heartbeat is None or status == NO_RESULT:
        return TrialReport(**base, **_why_lost(control, status), lost=True)
    reason = f"its process {last_words(control, status)}"
    return TrialReport(**base, state=TrialState.FAILED, reason=reason, failure=exit_words(status))


def last_words(control: ControlDir, status: int) -> str:
    """How a process of the attempt ended by itself, and what it printed last."""
    hint = ", as happens when memory runs out" if -status == signal.SIGKILL else ""
    return f"{exit_words(status)}{hint}{_quote(control, status)}"


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
        return TrialReport(**base, state=request.state, reason=request.reason + killed, by_user=request.by_user)
    error = control.launch_error()
    if error is not None:
        return TrialReport(**base, **_why_lost(control, 1), lost=True)
    if state is None:
        return TrialReport(**base, reason=words, failure=words, lost=True)
    output = control.last_output()
    reason = f"{words}; its last output:\n{output}" if output else words
    return TrialReport(**base, state=state, reason=reason, failure=words)


def left_behind(control: ControlDir, number: int) -> TrialReport:
    """What became of an attempt whose coordinator is gone, and with it all that ran of the attempt.

    If it has left no word of its end it is lost, for how its process ended nobody has seen; what may yet start of it
    is told not to.
    """
    if control.result() is not None:
        return ended(control, number, 0, None)
    if control.launch_error() is not None:
        return ended(control, number, 1, None)
    status = control.exit_status()
    if status is not None:
        return ended(control, number, status, None)
    if control.path.is_dir():
        control.request_stop(WITH_SWEEP, 0.0)  # for a job that its coordinator had no time to note
    return TrialReport(**_ended(control, number), lost=True, with_sweep=True, reason=WITH_SWEEP.reason)


def refuse_job_of_another(control: ControlDir, number: int, own: str = "") -> None:
    """See to it that an attempt does not run where the launcher of now cannot see it.

    Args:
        own: the entry of `ControlDir.job` that the launcher's own attempts have.
    Raises:
        AzsweepError: if it may.
    """
    if control.result() is not None:
        return
    for kind, words in _OUTLIVING.items():
        if kind != own and kind in control.job():
            rule = f"trial {number} may still run as {words} {control.job()[kind]}"
            fix = f"Resume with the launcher that it was started with; or end it, and remove {control.job_file}."
            raise AzsweepError(str(Problem("hydra/launcher", rule, None, fix)))


def conclude(control: ControlDir, end: TrialEnded) -> None:
    """Write the result file of a trial that is over and could not do so itself; one that will run again gets none."""
    if end.by_user or not control.path.is_dir() or control.result() is not None:
        return
    judged = {"outcome": "judged", "state": end.state.value, "reason": end.reason, "failure": end.failure}
    control.write_result({**(control.heartbeat() or {}), **judged, "ended_s": time.time()})


def _ended(control: ControlDir, number: int) -> dict[str, Any]:
    """What every report of an end says."""
    heartbeat = control.result() or control.heartbeat()
    base: dict[str, Any] = {"number": number, "ended": True}
    if heartbeat is not None and heartbeat.keys() >= {"began_s", "directory"}:
        base |= {"began_s": heartbeat["began_s"], "directory": heartbeat["directory"]}
    return base


def _raised(document: dict[str, Any]) -> dict[str, Any]:
    message = document["message"]
    words = f"{document['exception']}: {message}" if message else document["exception"]
    if document["exception"] == "sys.exit":
        words = f"the task called sys.exit({message})"
    return {"reason": words, "failure": words}


def _why_lost(control: ControlDir, status: int) -> dict[str, Any]:
    """Why the task did not begin (the launcher's exception, or how the process went), or left no result."""
    error = control.launch_error()
    if error is not None:
        words = _raised(error)["reason"]
        return {"reason": f"the launcher failed before the task began: {words}", "failure": words}
    if status == NO_RESULT:
        reason = f"{control.result_file} could not be written: the disk is full, read-only or out of reach"
        return {"reason": reason, "failure": "no result file"}
    words = exit_words(status)
    return {"reason": f"its process {words} before the task began{_quote(control, status)}", "failure": words}


def _quote(control: ControlDir, status: int) -> str:
    """What the attempt printed last; of a crash, where it happened."""
    output = (control.crash_report() if -status in _CRASHES else "") or control.last_output()
    return f"; its last output:\n{output}" if output else ""
