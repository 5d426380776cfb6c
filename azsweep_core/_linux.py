"""What Linux offers beyond POSIX (prctl, /proc) to keep processes from being left behind; no-ops elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

__all__ = ["become_subreaper", "children", "descendants_with_variable", "die_with_parent", "holders", "started"]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """SIGKILL this process when its parent dies; at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def children(pid: int) -> list[int]:
    """Pids of the children of a process, by a look at /proc; empty where there is none."""
    try:
        lists = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it is gone, or the kernel keeps no lists
        return [child for child in _pids() if _parent(child) == pid]
    return [int(child) for found in lists for child in found.split()]


def descendants_with_variable(pid: int, name: str, value: str, but: Collection[int] = ()) -> set[int]:
    """Those descendants whose initial environment held `name=value`: programs that a certain process started.

    Args:
        but: children that are not looked at, nor what descends from them.
    """
    wanted = f"{name}={value}".encode()
    found = set()
    waiting = [child for child in children(pid) if child not in but]
    while waiting:
        descendant = waiting.pop()
        waiting += children(descendant)
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{descendant}/environ").read_bytes().split(b"\0"):
                found.add(descendant)
    return found


def holders(directory: Path) -> dict[int, bool]:
    """Pids of other processes whose output goes to a file below a directory (True), or that have a folder there open.

    Only those of which this user may know. Whoever reads a file there is none of them.
    """
    below = f"{directory.resolve()}{os.sep}"
    found: dict[int, bool] = {}
    for pid in _pids():
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                target, writes = entry.readlink(), entry.name in ("1", "2")
                if pid != os.getpid() and str(target).startswith(below) and (writes or target.is_dir()):
                    found[pid] = found.get(pid, False) or writes
    return found


def started(pid: int) -> str | None:
    """When a process started, as a text that no other process with its pid has; None if there is none."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else fields[19]  # a zombie is a process no more


def _pids() -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: state, parent ..."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()


def _prctl(option: int, argument: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)
