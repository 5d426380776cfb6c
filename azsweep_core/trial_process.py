"""What runs inside a trial's process: the watchdog that hears the stop, and the result file. Decides nothing."""

from __future__ import annotations

import contextlib
import ctypes
import math
import numbers
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from azsweep_core._linux import children
from azsweep_core.control import NO_RESULT, ControlDir
from azsweep_core.metrics_file import OUTPUT_VARIABLE, VARIABLE
from azsweep_core.trial import TrialState

__all__ = ["STOP_SIGNAL", "TaskFailed", "TrialStopped", "run_task"]

STOP_SIGNAL = signal.SIGRTMIN + 5 if hasattr(signal, "SIGRTMIN") else signal.SIGTERM
"""Interrupts blocking calls of the main thread. SIGUSR1 is Lightning's and SIGUSR2 is submitit's."""

_LOOK_EVERY_S = 0.1
_BEAT_EVERY_S = 5.0
_LAST_BEAT_S = 1.0
_TRANSACTIONS = ("mlflow.store.", "sqlalchemy.")
_IDLE_SHARE = 0.05
"""A process that uses less of a core than this between two beats is idle: its watchdog alone uses less."""
_MESSAGE_CHARACTERS = 2000


class TrialStopped(BaseException):
    """Raised in the task when its trial is to stop. Catch it to save a checkpoint, then raise it again.

    A BaseException, so that a task's own `except Exception` does not swallow it.
    """


class TaskFailed(Exception):  # noqa: N818 - said of the task, as TrialStopped of the trial
    """Raised by a task that knows better than a traceback why it failed.

    Args:
        failure: the same for all that fail alike.
        code: what the process exits with.
    """

    def __init__(self, reason: str, failure: str, code: int = 1) -> None:
        super().__init__(reason)
        self.failure = failure
        self.code = code


def run_task(control: ControlDir, task: Callable[[], Any], directory: str) -> Any:
    """Run the task under the watchdog and write `result.json` before anyone else hears of its end.

    Args:
        directory: the trial's own output directory.
    Raises:
        BaseException: whatever the task raised, after it was recorded.
        SystemExit: with NO_RESULT, if that is not possible.
    """
    began_s = time.time()
    result: dict[str, Any] = {"began_s": began_s, "directory": directory, "output_from": control.output_size()}
    control.beat(result)
    try:
        with _named_to_all(control, directory), _Watchdog(control, result):
            value = task()
    except TrialStopped as stopped:
        _record(control, {**result, "outcome": "stopped", "reason": str(stopped)})
        raise
    except TaskFailed as failed:
        judged = {"outcome": "judged", "state": TrialState.FAILED.value, "reason": str(failed)}
        _record(control, {**result, **judged, "failure": failed.failure})
        raise SystemExit(failed.code) from None
    except SystemExit as exit_:
        if exit_.code in (None, 0):
            _record(control, {**result, "outcome": "returned", "returned": {}})
        else:
            _record(control, {**result, **_failure(exit_)})
        raise
    except BaseException as error:  # a record of every way a task can end, whatever it raises; raised again
        stop = _stop_behind(error)
        end = _failure(error) if stop is None else {"outcome": "stopped", "reason": str(stop)}
        _record(control, {**result, **end})
        raise
    _record(control, {**result, **_returned(value)})
    return value


def _record(control: ControlDir, end: Mapping[str, Any]) -> None:
    try:
        control.write_result({**end, "ended_s": time.time()})
    except OSError as error:
        with contextlib.suppress(OSError):  # it may go the same way
            print(f"azsweep: the trial's result could not be written: {error}", file=sys.stderr, flush=True)
        raise SystemExit(NO_RESULT) from error


@contextlib.contextmanager
def _named_to_all(control: ControlDir, directory: str) -> Iterator[None]:
    """While entered, this process and what it starts know whose trial they are."""
    names = {VARIABLE: str(control.path), OUTPUT_VARIABLE: directory}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _stop_behind(error: BaseException) -> TrialStopped | None:
    """The stop whose cleaning up raised `error`, if that is how it came about."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, TrialStopped):
        seen = seen.__cause__ or seen.__context__
    return seen


def _failure(error: BaseException) -> dict[str, Any]:
    """The exception as plain text: it need not be picklable, and its own `str` may fail."""
    kind = type(error).__qualname__
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - the exception is user code
        message = f"(its message cannot be shown: {type(broken).__name__})"
    if isinstance(error, SystemExit):
        kind, message = "sys.exit", repr(error.code)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__)) if message else kind
    return {
        "outcome": "raised",
        "exception": kind,
        "message": message[:_MESSAGE_CHARACTERS],
        "traceback": text[-20 * _MESSAGE_CHARACTERS :],
    }


def _returned(value: Any) -> dict[str, Any]:
    """The numbers in what the task returned, by metric name ("" for a bare one), with a note on what is of no use."""
    if isinstance(value, Mapping):
        named = {str(name): _number(item) for name, item in value.items()}
        metrics = {name: number for name, number in named.items() if number is not None}
    else:
        number = _number(value)
        metrics = {} if number is None else {"": number}
    note = "" if metrics or value is None else type(value).__name__
    encoded = {name: number if math.isfinite(number) else str(number) for name, number in metrics.items()}
    return {"outcome": "returned", "returned": encoded, "returned_instead": note}


def _number(value: Any) -> float | None:
    """`value` as a float if it is a real number, including numpy's and one-element tensors; no text, no booleans."""
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Real):
        return float(value)
    item = getattr(value, "item", None)
    if item is None or getattr(value, "size", 1) == 0:
        return None
    try:
        scalar = item()
    except (TypeError, ValueError, RuntimeError):  # more than one element
        return None
    return float(scalar) if isinstance(scalar, numbers.Real) and not isinstance(scalar, bool) else None


def _is_in_transaction(frame: FrameType | None) -> bool:
    """True while MLflow writes to a database: a connection left there in the middle keeps others out for good."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_TRANSACTIONS):
            return True
        frame = frame.f_back
    return False


class _Watchdog:
    """A thread that reads the stop file, raises TrialStopped in the thread that entered, and writes heartbeats."""

    def __init__(self, control: ControlDir, heartbeat: Mapping[str, Any]) -> None:
        self._control = control
        self._heartbeat = heartbeat
        self._over = threading.Event()
        self._task_thread = threading.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._is_asked = False
        self._reason = "its sweep cannot go on"
        self._thread = threading.Thread(target=self._watch, name="azsweep-watchdog", daemon=True)

    def __enter__(self) -> None:
        if self._is_main:
            signal.signal(STOP_SIGNAL, self._raise)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._is_main:
            signal.signal(STOP_SIGNAL, signal.SIG_IGN)
        self._thread.join(_LAST_BEAT_S)  # on a full disk, the result takes the heartbeat's place

    def _raise(self, _: int, frame: FrameType | None) -> None:
        self._is_asked = True  # by the signal alone, where no file can be written
        if not self._over.is_set() and not _is_in_transaction(frame):
            self._over.set()
            raise TrialStopped(self._reason)

    def _watch(self) -> None:
        next_beat = busy_at = time.monotonic() + _BEAT_EVERY_S
        used_s = time.process_time()
        while not self._over.wait(_LOOK_EVERY_S):
            if self._has_to_stop():
                self._interrupt()
                continue  # again, until it was heard outside of a transaction
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + _BEAT_EVERY_S
                is_busy = time.process_time() - used_s > _IDLE_SHARE * _BEAT_EVERY_S
                if is_busy or children(os.getpid()):  # whoever waits for another process is no hanging fork
                    busy_at = time.monotonic()
                used_s = time.process_time()
                beat = {"beat_s": time.time(), "idle_s": max(time.monotonic() - busy_at, 0.0)}
                with contextlib.suppress(OSError):  # this thread must live, for it hears the stop
                    self._control.beat({**self._heartbeat, **beat})

    def _has_to_stop(self) -> bool:
        with contextlib.suppress(OSError):  # a file system that is away for a while
            request = self._control.stop_request()
            if request is not None:
                self._is_asked, self._reason = True, request.reason
        return self._is_asked

    def _interrupt(self) -> None:
        if self._is_main:
            signal.pthread_kill(self._task_thread, STOP_SIGNAL)
        elif not _is_in_transaction(sys._current_frames().get(self._task_thread)):  # noqa: SLF001 - as documented
            self._over.set()  # it is raised at the next bytecode: whoever started us kills what never comes there
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._task_thread), ctypes.py_object(TrialStopped)
            )
