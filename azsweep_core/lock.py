"""Who coordinates a sweep: at most one process at a time, on a file system that several hosts may share.

The lock is the highest number in `.azsweep/lock/`. Whoever takes it over makes the next one, by a hard link, which one
process alone succeeds with on NFS too; a number is never used again. So there is no moment at which the lock of a
process that is gone could be removed together with that of one that has just come.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from azsweep_core import _linux
from azsweep_core.control import write_atomically
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["Holder", "SweepLock", "current_holder", "refuse_held"]

log = logging.getLogger("azsweep")

_BEAT_EVERY_S = 1.0
_TRIES = 100
_KINDS = {
    **dict.fromkeys(("host", "machine", "boot", "namespace", "started", "slurm_job"), str),
    **dict.fromkeys(("pid", "slurm_restarts"), int),
    "since_s": float,
    "released": bool,
}
_LATEST_S = 1e11
"""So late nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has, or had, the lock.

    Args:
        host, machine, boot, namespace: where its pid means something: host name, machine id, boot id, pid namespace.
        started: tells it from other processes with its pid.
        slurm_job: of which it is a part, if any.
        slurm_restarts: how often SLURM had started that job again.
        since_s: when it took the lock; seconds since the epoch.
        seen_s: its last sign of life.
        released: it has ended as it should.
    """

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    started: str
    slurm_job: str
    slurm_restarts: int
    since_s: float
    seen_s: float = 0.0
    released: bool = False

    @property
    def is_alive(self) -> bool | None:
        """Whether it still has the lock; None if that cannot be told from here."""
        if self.released:
            return False
        here = _this_process()
        if self.slurm_job and self.slurm_job == here.slurm_job and self.slurm_restarts < here.slurm_restarts:
            return False
        if (self.host, self.machine) != (here.host, here.machine):
            return None
        if self.boot != here.boot:
            return False
        if self.namespace != here.namespace:
            return None
        return _started(self.pid) == self.started

    def __str__(self) -> str:
        job = f", SLURM job {self.slurm_job}" if self.slurm_job else ""
        return f"process {self.pid} on {self.host}{job}"


class SweepLock:
    """The right to coordinate the sweep in a directory; held until `release`, or the end of this process.

    Args:
        break_lock: take it from a process of which nobody here can tell whether it lives.
    Raises:
        AzsweepError: if another process has it.
    """

    def __init__(self, directory: Path, *, break_lock: bool = False) -> None:
        self.earlier: Holder | None = None
        self._place = _place(directory)
        self._place.mkdir(parents=True, exist_ok=True)
        self._me = _this_process()
        self._beat_at = 0.0
        self._path = self._take(directory, break_lock)
        for older in _numbers(self._place):
            if older < int(self._path.name):
                (self._place / str(older)).unlink(missing_ok=True)

    def beat(self) -> None:
        """Give a sign of life, every second: until then the sweep has surely run."""
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + _BEAT_EVERY_S
            now = time.time()  # not the file server's clock
            with contextlib.suppress(OSError):  # said by whoever has something to write
                os.utime(self._path, (now, now))

    def release(self) -> None:
        """Let go. Where nothing can be written, the end of this process says it as well."""
        with contextlib.suppress(OSError):
            write_atomically(self._path, _text(self._me, released=True))

    def _take(self, directory: Path, break_lock: bool) -> Path:
        draft = self._place / f".{self._me.host}.{self._me.pid}.{secrets.token_hex(4)}"
        draft.write_text(_text(self._me), encoding="utf-8")
        try:
            for _ in range(_TRIES):
                number = max(_numbers(self._place), default=0)
                earlier = None if number == 0 else _read(self._place / str(number))
                if number and (earlier is None or earlier.is_alive is not False):
                    _insist(directory, earlier, break_lock)
                path = self._place / str(number + 1)
                if _make(path, draft):
                    self.earlier = earlier
                    if earlier is not None and not earlier.released:
                        log.info("the lock of %s is taken over", earlier)
                    return path
        finally:
            draft.unlink(missing_ok=True)
        raise AzsweepError(str(Problem("hydra.sweep.dir", "its lock must be free", str(directory))))


def current_holder(directory: Path) -> Holder | None:
    """Who has the lock, or had it last; None if nobody ever did, or it cannot be read."""
    number = max(_numbers(_place(directory)), default=0)
    return None if number == 0 else _read(_place(directory) / str(number))


def refuse_held(directory: Path, *, break_lock: bool) -> None:
    """See to it, without a trace, that the lock could be taken.

    Raises:
        AzsweepError: as SweepLock.
    """
    holder = current_holder(directory)
    is_alive = holder.is_alive if holder is not None else None if _numbers(_place(directory)) else False
    if is_alive or (is_alive is None and not break_lock):
        _insist(directory, holder, break_lock=False)


def _place(directory: Path) -> Path:
    return directory / ".azsweep" / "lock"


def _numbers(place: Path) -> list[int]:
    try:
        return [int(entry.name) for entry in place.iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _insist(directory: Path, holder: Holder | None, break_lock: bool) -> None:
    """Go on only if nobody is known to live, and the user says that nobody does."""
    if holder is not None and holder.is_alive:
        fix = f"`azsweep attach {directory}` follows it, `azsweep stop {directory}` ends it."
        rule = "must not hold a sweep that is running"
        raise AzsweepError(str(Problem("hydra.sweep.dir", rule, f"{directory}, which {holder} coordinates", fix)))
    whose = "a process that did not write down who it is" if holder is None else str(holder)
    if break_lock:
        log.warning("Warning: the lock of %s is broken, as hydra.sweeper.break_lock says", whose)
        return
    seen = "" if holder is None else f", last seen {max(time.time() - holder.seen_s, 0):.0f} s ago"
    rule = "must not hold a sweep that may be running elsewhere"
    fix = "If you know that it does not run any more, set hydra.sweeper.break_lock=true."
    raise AzsweepError(str(Problem("hydra.sweep.dir", rule, f"{directory}, locked by {whose}{seen}", fix)))


def _make(path: Path, draft: Path) -> bool:
    """Make the lock file if nobody has; False if somebody was quicker."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return draft.stat().st_nlink == 2  # NFS: made, but the answer was lost and the request repeated
    except OSError:  # a file system without hard links
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(draft.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def _text(holder: Holder, *, released: bool = False) -> str:
    document = asdict(holder)
    del document["seen_s"]
    return json.dumps({**document, "released": released})


def _read(path: Path) -> Holder | None:
    """Who wrote the file; None if it cannot be made out."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(document[name], kind) for name, kind in _KINDS.items()):
            return None
        is_a_time = 0 <= document["since_s"] < _LATEST_S
        return Holder(**{**document, "seen_s": path.stat().st_mtime}) if is_a_time else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _this_process() -> Holder:
    pid = os.getpid()
    return Holder(
        host=socket.gethostname(),
        machine=_first_line("/etc/machine-id"),
        boot=_first_line("/proc/sys/kernel/random/boot_id"),
        namespace=_link("/proc/self/ns/pid"),
        pid=pid,
        started=_started(pid) or "",
        slurm_job=os.environ.get("SLURM_JOB_ID", ""),
        slurm_restarts=int(os.environ.get("SLURM_RESTART_COUNT", "0")),
        since_s=time.time(),
    )


def _started(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return _linux.started(pid)
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _first_line(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="utf-8").strip()
    return ""


def _link(path: str) -> str:
    with contextlib.suppress(OSError):
        return str(Path(path).readlink())
    return ""
