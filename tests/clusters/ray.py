"""Rays for tests: one that a sweep starts for itself, and a cluster of two nodes, on two addresses of this host."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from azsweep_core._linux import children
from tests.clusters.slurm import wait_until
from tests.launchers.conftest import ROOT, LauncherApp

ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
SECOND = "127.0.0.2"

WAITS = """
pid = out() / "pid"
assert not pid.exists() or not Path("/proc", pid.read_text()).exists(), "an earlier attempt still runs"
pid.write_text(str(os.getpid()))
with (out() / "began").open("a") as stream: stream.write("x")
while not (out().parent.parent / f"go{cfg.x}").exists(): time.sleep(0.05)
return cfg.x ** 2
"""
"""A task that returns when it is let go."""


@dataclass(frozen=True)
class Cluster:
    """A head with one CPU, where sweeps are typed, and a second node with two."""

    address: str
    mark: str

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        head = ["--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=1", "--include-dashboard=false"]
        for options in (head, [f"--address={self.address}", f"--node-ip-address={SECOND}", "--num-cpus=2"]):
            _start(options, self.mark)

    def end(self) -> None:
        wait_until(lambda: not _kill_all(self.mark), "the cluster to end")

    def run(self, program: str, *arguments: str) -> None:
        """Run a program that has joined it, which must end well."""
        joined = f"import ray\nray.init(address={self.address!r}, log_to_driver=False)\n{program}"
        done = subprocess.run(
            [sys.executable, "-c", joined, *arguments],
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def kill(self, node: str) -> None:
        """Kill everything that runs on a node: what Ray calls a node is a raylet with its workers."""
        raylets = [pid for pid, line in _processes(self.mark) if f"--node_ip_address={node}" in line]
        assert raylets, f"no raylet on {node}"
        for raylet in raylets:
            _kill(raylet)

    def runs(self) -> bool:
        return any("gcs_server" in line for _, line in _processes(self.mark))

    def owners(self) -> list[int]:
        """Pids of the actors that own the tasks of sweeps."""
        return [pid for pid, line in _processes(self.mark) if line.startswith("ray::TaskOwner")]

    def kill_owners(self) -> None:
        for owner in self.owners():
            _kill(owner)


class RayApp(LauncherApp):
    """An app under hydra-ray-launcher."""

    def __init__(self, directory: Path, cluster: Cluster | None = None) -> None:
        super().__init__(directory, "ray")
        self.cpus = 1
        self.cluster = cluster

    def command(self, *arguments: str) -> list[str]:
        if self.cluster is None:
            return super().command(*arguments)
        address = f"hydra.launcher.ray.init.address={self.cluster.address}"
        return [sys.executable, "train.py", *arguments, "hydra/launcher=ray", address]

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**ENVIRONMENT, **more)

    @property
    def ledger(self) -> str:
        """What the ledger holds so far."""
        path = self.directory / "sweep" / "sweep.jsonl"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def results(self) -> int:
        """How many attempts have left a result."""
        return len(list(self.directory.glob("sweep/.azsweep/trials/*/*/result.json")))

    def let_go(self, *numbers: int) -> None:
        """Let trials of WAITS return."""
        for number in numbers:
            (self.directory / f"go{number}").touch()

    def begun(self, trials: int) -> list[str]:
        """An x for each time that a trial of WAITS began, by number."""
        return [(self.directory / "sweep" / str(number) / "began").read_text() for number in range(trials)]


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster; everything of it is killed at the end."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Cluster(f"127.0.0.1:{port}", f"AZSWEEP_TEST_CLUSTER={uuid.uuid4().hex}")
    try:
        started.start()
        yield started
    finally:
        started.end()


def _start(options: list[str], mark: str) -> None:
    name, _, value = mark.partition("=")
    done = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "start", *options, "--object-store-memory=80000000"],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _kill_all(mark: str) -> bool:
    """Kill what lives, and say whether anything did."""
    found = _processes(mark)
    for pid, _ in found:
        _kill(pid)
    return bool(found)


def _kill(pid: int) -> None:
    """And what it has started: Ray's agents write over their environment, so that they bear no mark."""
    started = children(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for child in started:
        _kill(child)


def _processes(mark: str) -> list[tuple[int, str]]:
    """Pid and command line of every process that was given the mark."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append((int(process.name), line))
    return found
