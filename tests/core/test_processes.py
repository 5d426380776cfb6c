"""Real processes: each ends as it should, is reported once, and leaves nothing behind."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from azsweep_core._linux import children
from azsweep_core.processes import ChildRequest, ProcessHelper

DEADLINE_S = 20.0


class Host:
    """A helper that runs one of the functions below by name, and the exits it has told of."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        before = children(os.getpid())  # servers of the session, perhaps
        atexit.register(print, "handler of the parent")
        self.helper: ProcessHelper[str] = ProcessHelper(lambda name: BODIES[name](directory))
        atexit.unregister(print)
        (self.pid,) = set(children(os.getpid())) - set(before)
        self.exits: dict[str, int] = {}

    def waiting_child(self) -> int:
        """Pid of the child that waits for a request, as soon as there is one and nothing else runs."""
        return int(until(lambda: " ".join(str(pid) for pid in children(self.pid) if alive(pid))))

    def start(self, name: str, **environment: str) -> None:
        self.helper.start(ChildRequest(name, self.directory / f"{name}.log", environment, name))

    def wait(self, *names: str) -> list[int]:
        deadline = time.monotonic() + DEADLINE_S
        while not set(names) <= set(self.exits):
            assert time.monotonic() < deadline, f"still running: {set(names) - set(self.exits)}"
            self.exits |= {each.key: each.status for each in self.helper.poll(0.5)}
        return [self.exits[name] for name in names]

    def output(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(encoding="utf-8")

    def wait_for(self, name: str, text: str = "") -> str:
        """Text of a file in the directory as soon as it is there."""
        path = self.directory / name
        return until(lambda: path.read_text() if path.exists() and text in path.read_text() else "")


def until(look: Callable[[], str]) -> str:
    """What `look` gives as soon as that is something; polls real processes."""
    deadline = time.monotonic() + DEADLINE_S
    while not (seen := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return seen


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


def gone(*pids: int) -> None:
    """These processes, which were sent SIGKILL, are gone as soon as the kernel has got round to it."""
    until(lambda: "" if any(map(alive, pids)) else "gone")


def _segfault(_: Path) -> None:
    ctypes.string_at(0)


def _exit_handlers(_: Path) -> None:
    atexit.register(print, "handler ran")
    threading.Timer(0.2, print, ["thread ended"]).start()
    print("body ended")


def _grandchild(directory: Path) -> None:
    inside = subprocess.Popen(["sleep", "600"])
    outside = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (directory / "pids").write_text(f"{inside.pid} {outside.pid}")


def _sleeper(directory: Path) -> None:
    child = subprocess.Popen(["sleep", "600"])
    draft = directory / "draft"
    draft.write_text(f"{os.getpid()} {child.pid}")
    draft.rename(directory / "sleeper.pids")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def _inherited(directory: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        print(number.name, signal.getsignal(number))
    print("stdin", sys.stdin.read() == "", os.environ["GREETING"])


BODIES: dict[str, Callable[[Path], object]] = {
    "fine": lambda _: print("hello"),
    "raises": lambda _: 1 / 0,
    "exits": lambda _: sys.exit(3),
    "exits_hard": lambda _: os._exit(4),
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "segfaults": _segfault,
    "exit_handlers": _exit_handlers,
    "grandchild": _grandchild,
    "sleeper": _sleeper,
    "inherited": _inherited,
    "says_its_pid": lambda _: print(os.getpid()),
    "tells_a_length": lambda _: print(len(os.environ["LONG"])),
    "spams": lambda _: sys.stdout.write("x" * 10_000_000) and None,
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.helper.close()


@pytest.mark.parametrize(
    ("name", "status", "output"),
    [
        pytest.param("fine", 0, "hello", id="returns"),
        pytest.param("raises", 1, "ZeroDivisionError", id="raises"),
        pytest.param("exits", 3, "", id="sys.exit"),
        pytest.param("exits_hard", 4, "", id="os._exit"),
        pytest.param("killed", -signal.SIGKILL, "", id="sigkill"),
        pytest.param("segfaults", -signal.SIGSEGV, "Segmentation fault", id="segfault-shows-where"),
    ],
)
def test_each_way_to_end_is_reported_and_its_output_kept(host: Host, name: str, status: int, output: str) -> None:
    host.start(name)

    assert host.wait(name) == [status]
    assert output in host.output(name)


@pytest.mark.parametrize(("name", "status"), [("fine", 0), ("raises", 1), ("spams", 0)])
def test_one_whose_output_is_on_a_full_disk_ends_as_it_would(host: Host, name: str, status: int) -> None:
    host.helper.start(ChildRequest(name, Path("/dev/full"), {}, name))

    assert host.wait(name) == [status]


def test_a_signal_is_for_the_child_alone(host: Host) -> None:
    host.start("sleeper")
    pids = [int(pid) for pid in host.wait_for("sleeper.pids").split()]

    host.helper.interrupt("sleeper", signal.SIGTERM)  # which it ignores, and its child would not
    host.helper.interrupt("nobody", signal.SIGKILL)
    host.start("fine")
    host.wait("fine")

    assert [alive(pid) for pid in pids] == [True, True]
    host.helper.interrupt("sleeper", signal.SIGINT)
    assert host.wait("sleeper") == [1]


def test_one_childs_death_does_not_touch_its_neighbours(host: Host) -> None:
    names = ("killed", "segfaults", "fine", "exits_hard")
    for name in names:
        host.start(name)

    assert host.wait(*names) == [-signal.SIGKILL, -signal.SIGSEGV, 0, 4]


def test_a_child_ends_as_a_script_does(host: Host) -> None:
    """Non-daemon threads are joined, the task's own exit handlers run, the parent's do not, streams are flushed."""
    host.start("exit_handlers")
    host.wait("exit_handlers")

    assert host.output("exit_handlers").splitlines() == ["body ended", "thread ended", "handler ran"]


def test_a_child_inherits_no_signal_handlers_and_no_terminal(host: Host) -> None:
    host.start("inherited", GREETING="hi")
    host.wait("inherited")

    lines = host.output("inherited").splitlines()
    assert lines[0] == f"SIGINT {signal.default_int_handler}"
    assert {line.split(maxsplit=1)[1] for line in lines[1:4]} == {str(signal.SIG_DFL)}
    assert lines[4] == "stdin True hi"


def test_much_output_blocks_nobody(host: Host) -> None:
    host.start("spams")

    assert host.wait("spams") == [0]
    assert len(host.output("spams")) == 10_000_000


def test_what_a_child_leaves_behind_is_killed_with_it(host: Host) -> None:
    """In its own process group, and in a session of its own."""
    host.start("grandchild")
    host.wait("grandchild")

    gone(*map(int, host.wait_for("pids").split()))


def test_kill_ends_a_child_that_ignores_sigterm_and_all_it_started(host: Host) -> None:
    host.start("sleeper")
    pids = [int(pid) for pid in host.wait_for("sleeper.pids").split()]

    host.helper.kill("sleeper")

    assert host.wait("sleeper") == [-signal.SIGKILL]
    gone(*pids)


def test_a_kill_right_after_the_start_is_not_lost(host: Host) -> None:
    for _ in range(10):
        host.exits.clear()
        host.start("sleeper")
        host.helper.kill("sleeper")
        assert host.wait("sleeper") == [-signal.SIGKILL]


class TestTheForkAhead:
    """One child waits for the next request, so that a trial need not wait for its process."""

    def test_it_is_there_before_it_is_needed_and_takes_the_next_request(self, host: Host) -> None:
        first = host.waiting_child()

        host.start("says_its_pid")
        host.wait("says_its_pid")

        assert int(host.output("says_its_pid")) == first
        assert host.waiting_child() != first

    def test_one_that_died_is_replaced(self, host: Host) -> None:
        for _ in range(5):
            host.exits.clear()
            killed = host.waiting_child()
            os.kill(killed, signal.SIGKILL)
            gone(killed)
            host.start("fine")

            assert host.wait("fine") == [0]

    def test_its_end_is_nobodys_end(self, host: Host) -> None:
        killed = host.waiting_child()
        os.kill(killed, signal.SIGKILL)
        gone(killed)

        assert host.waiting_child() != killed
        assert list(host.helper.poll(0.0)) == []

    def test_a_request_may_be_larger_than_a_pipe_holds(self, host: Host) -> None:
        host.start("tells_a_length", LONG="x" * 100_000)

        assert host.wait("tells_a_length") == [0]
        assert host.output("tells_a_length").strip() == "100000"

    def test_it_goes_with_its_helper(self, tmp_path: Path) -> None:
        host = Host(tmp_path)
        pid = host.waiting_child()

        host.helper.close()

        assert not alive(pid)


def test_close_leaves_nothing_running(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.start("sleeper")
    pids = [int(pid) for pid in host.wait_for("sleeper.pids").split()]

    host.helper.close()
    host.helper.close()

    assert not any(map(alive, pids))


def test_nothing_outlives_a_coordinator_that_is_killed(tmp_path: Path) -> None:
    coordinator = os.fork()
    if coordinator == 0:
        host = Host(tmp_path)
        host.start("sleeper")
        time.sleep(600)
        os._exit(0)
    pids = [int(pid) for pid in until(_reader(tmp_path / "sleeper.pids")).split()]
    helpers = children(coordinator)

    os.kill(coordinator, signal.SIGKILL)
    os.waitpid(coordinator, 0)

    assert len(helpers) == 1
    until(lambda: "" if any(map(alive, [*pids, *helpers])) else "gone")


def _reader(path: Path) -> Callable[[], str]:
    return lambda: path.read_text() if path.exists() else ""
