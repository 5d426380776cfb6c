"""Forks trials from a small helper process, reaps them, and leaves nothing behind. Knows nothing about sweeps.

The helper is forked from the coordinator before that starts threads of its own, so a trial is a fork of a quiet,
single-threaded process that has imported what the app imports. One fork is always ahead: it waits for the next trial
while others run. The helper holds one end of a pipe: when the coordinator is gone, however it went, it reads
end-of-file and kills every trial's process group and every stray.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from azsweep_core import _linux
from azsweep_core._output import write_output_to
from azsweep_core._spawned import pickled, replace_process
from azsweep_core.errors import AzsweepError

__all__ = ["ChildExit", "ChildRequest", "ProcessHelper", "exit_words"]

Payload = TypeVar("Payload")

_HELPER_GONE = "the helper process that runs the trials was killed; the sweep cannot go on"


@dataclass(frozen=True, slots=True)
class ChildRequest(Generic[Payload]):
    """One child to fork.

    Args:
        key: names the child in `ChildExit` and `kill`; unique while it lives.
        output: file that takes its stdout and stderr (appended).
        environment: variables to add to its environment.
        payload: picklable argument for the helper's `run`.
    """

    key: str
    output: Path
    environment: Mapping[str, str]
    payload: Payload


@dataclass(frozen=True, slots=True)
class ChildExit:
    """A child is gone, and so is its process group. `status` is as `os.waitstatus_to_exitcode` gives it."""

    key: str
    status: int


def exit_words(status: int) -> str:
    """The exit status in words.

    >>> exit_words(1), exit_words(-11)
    ('exited with code 1', 'was killed by SIGSEGV')
    """
    if status >= 0:
        return f"exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}"


class ProcessHelper(Generic[Payload]):
    """The coordinator's end: asks the helper for children and hears of their ends.

    Args:
        run: called in each child with its payload; what it returns is dropped, an exception ends the child with
            code 1, and the child then ends as a script would.
        preload: each called once in the helper, to do there what every child would do for itself.
        spawn: give each child a fresh interpreter instead of a copy of this one.
    Raises:
        AzsweepError: on a platform without fork; or if `run` cannot be pickled, as `spawn` needs.
    """

    def __init__(
        self,
        run: Callable[[Payload], object],
        preload: Sequence[Callable[[], object]] = (),
        *,
        spawn: bool = False,
    ) -> None:
        if not hasattr(os, "fork"):
            raise AzsweepError("hydra.sweeper: trials need a platform with fork (Linux, macOS); got " + sys.platform)
        job = pickled(run) if spawn else run
        ours, theirs = Pipe(duplex=True)
        _flush()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _Helper(theirs, job).serve_and_exit(() if spawn else preload)
        theirs.close()
        self._pipe = ours
        self._open = True

    def start(self, request: ChildRequest[Payload]) -> None:
        """Fork a child for `request`."""
        self._send(("start", request))

    def kill(self, key: str) -> None:
        """SIGKILL the child's whole process group; no effect if it is gone."""
        self._send(("kill", key))

    def interrupt(self, key: str, number: int) -> None:
        """Send a signal to the child alone; no effect if it is gone."""
        self._send(("interrupt", (key, number)))

    def poll(self, timeout_s: float) -> Iterator[ChildExit]:
        """Children that ended since the last call; waits up to `timeout_s` for the first.

        Raises:
            AzsweepError: if the helper itself was killed; its trials are gone with it.
        """
        while wait([self._pipe], max(timeout_s, 0.0)):
            try:
                yield self._pipe.recv()
            except EOFError:
                self._open = False
                raise AzsweepError(_HELPER_GONE) from None
            timeout_s = 0.0

    def close(self) -> None:
        """Kill what still runs and wait until the helper has gone."""
        if self._pipe.closed:
            return
        self._pipe.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _send(self, message: tuple[str, object]) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise AzsweepError(_HELPER_GONE) from error


class _Helper(Generic[Payload]):
    """The helper's side: one loop over the pipe and SIGCHLD. It never returns to the code that forked it."""

    def __init__(self, pipe: Connection, run: Callable[[Payload], object] | bytes) -> None:
        self._pipe = pipe
        self._run = run
        self._pids: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        self._spare: _Spare[Payload] | None = None
        self._sign: int | None = None

    def serve_and_exit(self, preload: Sequence[Callable[[], object]]) -> NoReturn:
        try:
            os.setsid()  # a terminal's Ctrl-C is the coordinator's to hear
            _linux.become_subreaper()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            ended, wake = os.pipe()
            os.set_blocking(wake, False)
            os.set_blocking(ended, False)
            signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            for each in preload:
                with contextlib.suppress(Exception):  # children that need it will meet the same error, and can show it
                    each()
            if preload:
                gc.collect()
            gc.freeze()  # what is here stays shared: no child's collector writes to it
            self._serve(ended)
            self._kill_everything()
        except BaseException:  # noqa: BLE001 - the helper must never run on into the coordinator's code, whatever happened
            _show_error()
            os._exit(70)
        os._exit(0)

    def _serve(self, ended: int) -> None:
        """Until end-of-file: obey, report children that ended, and keep one fork ahead when there is nothing to do."""
        while True:
            ready = wait([self._pipe, ended], 0.0 if self._spare is None else None)
            if not ready:
                self._spare = self._fork()
            if ended in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(ended, 4096)
                self._reap()
            if self._pipe in ready:
                try:
                    message = self._pipe.recv()
                except (EOFError, ConnectionResetError):
                    return
                match message:
                    case "start", request:
                        self._start(request)
                    case "kill", key if key in self._pids:
                        self._kill_living(self._pids[key])
                    case "interrupt", (key, number) if key in self._pids:
                        os.kill(self._pids[key], number)

    def _start(self, request: ChildRequest[Payload]) -> None:
        """Hand the request to the child that waits for one; to a new one if none does, or if it has died."""
        if self._sign is None:
            self._sign = os.open(request.output.parent, os.O_RDONLY)  # that this lives, for `leftovers` to see
        spare, self._spare = self._spare or self._fork(), None
        while not spare.take(request):
            spare = self._fork()
        self._pids[request.key] = spare.pid
        self._keys[spare.pid] = request.key

    def _fork(self) -> _Spare[Payload]:
        """A child that has left this process behind and waits for its request."""
        helper = os.getpid()
        requests, ours = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._pipe.close()
            os.close(ours)
            _leave(helper)
            request: ChildRequest[Payload] = _Spare.wait(requests)
            _become(request, helper)
            if isinstance(self._run, bytes):
                replace_process(self._run, request.payload)
            _end_as_a_script(self._run, request.payload)
        os.close(requests)
        return _Spare(pid, ours)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._spare is not None and pid == self._spare.pid:
                self._spare.close()
                self._spare = None
            key = self._keys.pop(pid, None)
            if key is None:
                continue  # an orphan that a trial left behind and this helper, as subreaper, inherited
            del self._pids[key]
            _kill_group(pid)
            _kill_strays(key, living=self._keys)
            with contextlib.suppress(OSError):
                self._pipe.send(ChildExit(key, os.waitstatus_to_exitcode(status)))

    @staticmethod
    def _kill_living(pid: int) -> None:
        """Kill a child that was not reaped yet, and its group: it may not have made one, right after its fork."""
        _kill_group(pid)
        _kill(pid)

    def _kill_everything(self) -> None:
        for pid in self._keys:
            self._kill_living(pid)
        while True:
            for stray in _linux.children(os.getpid()):
                _kill(stray)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


class _Spare(Generic[Payload]):
    """A child that was forked ahead, seen by the helper: a pid, and a pipe for the one request it will get."""

    def __init__(self, pid: int, requests: int) -> None:
        self.pid = pid
        self._requests = requests

    def take(self, request: ChildRequest[Payload]) -> bool:
        """Hand over the request; False if the child is gone."""
        try:
            with os.fdopen(self._requests, "wb") as stream:
                stream.write(pickle.dumps(request))
        except BrokenPipeError:
            return False
        return True

    def close(self) -> None:
        """Send it away."""
        os.close(self._requests)

    @staticmethod
    def wait(requests: int) -> ChildRequest[Payload]:
        """In the child: the request, when it comes; the process ends if none ever does."""
        with os.fdopen(requests, "rb") as stream:
            data = stream.read()
        if not data:
            os._exit(0)
        request: ChildRequest[Payload] = pickle.loads(data)
        return request


_KEY_VARIABLE = "AZSWEEP_TRIAL_KEY"


def _key_value(helper: int, key: str) -> str:
    """What marks all that a child starts; with the helper, for a sweep may run inside another sweep's trial."""
    return f"{helper}:{key}"


def _leave(helper: int) -> None:
    """Drop what was inherited from the coordinator."""
    os.setsid()
    _linux.die_with_parent(helper)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    atexit._clear()  # noqa: SLF001 - there is no public way; handlers of the parent are the parent's to run
    atexit.register(logging.shutdown)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = os.fdopen(0, "r", closefd=False)


def _become(request: ChildRequest[Payload], helper: int) -> None:
    """Take the request's output and environment."""
    write_output_to(request.output)
    os.environ.update(request.environment)
    os.environ[_KEY_VARIABLE] = _key_value(helper, request.key)


def _end_as_a_script(run: Callable[[Payload], object], payload: Payload) -> NoReturn:
    """Call `run`, then what the interpreter does at the end of a script: threads, atexit handlers, streams."""
    code = 0
    try:
        run(payload)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - a script's own end: print the traceback, exit with 1
        _show_error()
        code = 1
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what the interpreter calls at its end
        atexit._run_exitfuncs()  # noqa: SLF001 - the same
    except BaseException:  # noqa: BLE001 - an exit handler of the task's
        _show_error()
    with contextlib.suppress(Exception):  # a closed or broken stream is no reason to stay
        _flush()
    os._exit(code & 0xFF)


def _show_error() -> None:
    with contextlib.suppress(Exception):  # its output may be on a full disk; a copy of a process must end all the same
        traceback.print_exc()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _kill_strays(key: str, living: Collection[int]) -> None:
    """Kill what a gone child has left in other groups, and look again: one may have started another meanwhile.

    What it left was handed to this helper, so it is not among the other children that live, nor below them.
    """
    killed: set[int] = set()
    value = _key_value(os.getpid(), key)
    while strays := _linux.descendants_with_variable(os.getpid(), _KEY_VARIABLE, value, living) - killed:
        for stray in strays:
            _kill(stray)
        killed |= strays


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
