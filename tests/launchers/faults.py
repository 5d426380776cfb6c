"""What goes wrong in trials, one function a row of the fault matrix; each is called in a trial's working directory.

A function that leaves something behind, or whose end is to be checked, says so by files in the directory it is given.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["FAULTS", "MARK", "train"]

Task = Callable[[Path], Any]

MARK = "AZSWEEP_TEST_MARK"
"""Variable that every process of a test's sweep inherits."""

_FOREVER_S = 600.0
_MEGABYTE = 2**20


def neighbour(directory: Path) -> float:
    """A healthy trial; notes what it sees of its process."""
    seen = {
        "cwd": str(Path.cwd()),
        "mark": os.environ[MARK],
        "variables": sorted(name for name in os.environ if not name.startswith(("AZSWEEP", "SOME"))),
        "threads": threading.active_count(),
        "sigterm": str(signal.getsignal(signal.SIGTERM)),
        "limit": resource.getrlimit(resource.RLIMIT_AS),
    }
    (directory / "seen.json").write_text(json.dumps(seen), encoding="utf-8")
    return 0.25


def raises(_: Path) -> NoReturn:
    raise ValueError("bad lr")


def kills_itself(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def allocates_beyond_its_limit(_: Path) -> int:
    _limit_memory()
    return len(bytearray(4096 * _MEGABYTE))


def dies_of_its_memory_limit(_: Path) -> None:
    """As native code does that trusts malloc."""
    _limit_memory()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.memset(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(4096 * _MEGABYTE))), 1, 1)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + 64 * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def hangs(_: Path) -> None:
    time.sleep(_FOREVER_S)


def swallows_exceptions(_: Path) -> NoReturn:
    while True:
        try:
            time.sleep(_FOREVER_S)
        except Exception:  # noqa: BLE001 - the fault
            continue


def swallows_everything(_: Path) -> NoReturn:
    while True:
        try:
            time.sleep(_FOREVER_S)
        except BaseException:  # noqa: BLE001 - the fault
            continue


def ignores_sigterm(_: Path) -> None:
    """By libc's own call, which works in any thread."""
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal(signal.SIGTERM, 1)  # SIG_IGN
    time.sleep(_FOREVER_S)


def blocks_every_signal(_: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(_FOREVER_S)


def holds_the_gil(_: Path) -> None:
    """No thread of the process runs, the watchdog's neither."""
    ctypes.PyDLL(None).sleep(60)


def writes_much(_: Path) -> float:
    for _each in range(50):
        sys.stdout.write("x" * _MEGABYTE)
    return 0.5


def writes_much_and_dies(directory: Path) -> NoReturn:
    writes_much(directory)
    sys.stdout.flush()
    os._exit(1)


def leaves_a_child(_: Path) -> float:
    subprocess.Popen(["sleep", "600"])
    return 0.5


def leaves_a_child_in_its_own_session(_: Path) -> float:
    subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True)
    return 0.5


def raises_what_cannot_be_pickled(_: Path) -> NoReturn:
    class LocalError(Exception):
        handle = threading.Lock()

    raise LocalError("it holds a lock")


def returns_what_cannot_be_pickled(_: Path) -> dict[str, Any]:
    return {"loss": 0.5, "lock": threading.Lock(), "function": lambda: 0}


def changes_its_surroundings(_: Path) -> float:
    os.chdir("/")
    os.environ.clear()
    os.umask(0o777)
    os.environ["HOME"] = "/nowhere"
    return 0.5


def registers_exit_handlers(directory: Path) -> float:
    atexit.register((directory / "handler").write_text, "ran")
    return 0.5


def registers_exit_handlers_and_raises(directory: Path) -> NoReturn:
    atexit.register((directory / "handler").write_text, "ran")
    raise ValueError("after its handler was registered")


def starts_a_thread(directory: Path) -> float:
    """The thread is not a daemon, and still at work when the task returns."""

    def work() -> None:
        time.sleep(0.5)
        (directory / "thread").write_text("joined", encoding="utf-8")

    threading.Thread(target=work).start()
    return 0.5


def train(_: Path | None = None) -> float:
    """Train with two OpenMP threads."""
    import lightgbm
    import numpy as np

    features = np.random.default_rng(0).random((500, 4))
    options = {"objective": "regression", "num_threads": 2, "verbose": -1}
    model = lightgbm.train(options, lightgbm.Dataset(features, features[:, 0]), num_boost_round=2)
    return float(np.mean(model.predict(features)))


FAULTS: dict[str, Task] = {
    "nothing": neighbour,
    "raise": raises,
    "sys.exit(3)": lambda _: sys.exit(3),
    "os._exit(1)": lambda _: os._exit(1),
    "SIGKILL": kills_itself,
    "segfault": lambda _: ctypes.string_at(0),
    "memory limit": allocates_beyond_its_limit,
    "killed by memory limit": dies_of_its_memory_limit,
    "hangs": hangs,
    "swallows Exception": swallows_exceptions,
    "swallows BaseException": swallows_everything,
    "ignores SIGTERM": ignores_sigterm,
    "blocks every signal": blocks_every_signal,
    "holds the GIL": holds_the_gil,
    "NaN": lambda _: float("nan"),
    "inf": lambda _: float("inf"),
    "text": lambda _: "0.5",
    "returns nothing": lambda _: None,
    "50 MB on stdout": writes_much,
    "50 MB on stdout and os._exit(1)": writes_much_and_dies,
    "grandchild": leaves_a_child,
    "grandchild in its own session": leaves_a_child_in_its_own_session,
    "unpicklable exception": raises_what_cannot_be_pickled,
    "unpicklable return value": returns_what_cannot_be_pickled,
    "cwd and environment": changes_its_surroundings,
    "atexit": registers_exit_handlers,
    "atexit and raise": registers_exit_handlers_and_raises,
    "non-daemon thread": starts_a_thread,
    "OpenMP after OpenMP at import": train,
    "nothing again": neighbour,
}
