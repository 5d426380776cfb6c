"""Stop latency: how soon a trial is over once the value that condemns it is in the store. Prints one table."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from azsweep_core.events import StopRequested, TrialBegan, TrialEnded
from azsweep_core.ledger import read_ledger
from benchmarks._sweeps import azsweep, needs, run_sweep, say
from benchmarks._table import machine, table

_GOAL_S = 2


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one stop: from logging the value to the decision, to the exception in the task, to the end."""

    decided_s: float
    raised_s: float
    ended_s: float

    @property
    def total_s(self) -> float:
        return self.decided_s + self.raised_s + self.ended_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 stops with the basic launcher, to see that it runs")
    parser.add_argument("--stops", type=int, default=20, help="trials to stop in each sweep (20)")
    parser.add_argument("--launchers", default="basic,joblib,submitit_local,ray,submitit_slurm", help="which of these")
    options = parser.parse_args()
    stops = 3 if options.quick else options.stops
    with tempfile.TemporaryDirectory(prefix="azsweep-stop-latency-") as directory:
        rows = [
            _row(launcher, at_once, stops, Path(directory))
            for launcher, at_once in _sweeps(["basic"] if options.quick else options.launchers.split(","))
            if not (options.quick and at_once != 1)
        ]
    print(_report(rows, stops))


def _sweeps(launchers: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Launchers, and how many trials they run at once."""
    packages = {"joblib": "joblib", "ray": "ray", "submitit_local": "submitit", "submitit_slurm": "submitit"}
    for launcher in launchers:
        if launcher == "submitit_slurm" and "SLURM_CONF" not in os.environ:
            say("submitit_slurm is left out: SLURM_CONF is not set")
            continue
        if launcher in packages:
            needs(f"hydra-{packages[launcher]}-launcher")
        for at_once in (1, 4, 16) if launcher == "basic" else (4,):
            yield launcher, at_once


def _row(launcher: str, at_once: int, stops: int, directory: Path) -> list[str]:
    sweep = directory / f"{launcher}-{at_once}"
    init = ("address=local", f"num_cpus={at_once}", "include_dashboard=false")
    ray = [f"++hydra.launcher.ray.init.{each}" for each in init if launcher == "ray"]
    policy = "hydra.sweeper.early_termination={type: bandit, slack_amount: 0.5}"
    contender = azsweep(at_once, f"hydra/launcher={launcher}", *ray, "hydra.sweeper.tracking=mlflow", policy)
    with _server(directory) if launcher == "submitit_slurm" else _file(directory) as address:
        run_sweep(contender, "stopped", stops + 1, sweep, {"MLFLOW_TRACKING_URI": address})
    found = read_latencies(sweep)
    say(f"{launcher}, {at_once} at once: worst of {len(found)} stops {max(each.total_s for each in found):.2f} s")
    parts = [[each.decided_s for each in found], [each.raised_s for each in found], [each.ended_s for each in found]]
    cells = [f"{median(part):.2f} ({max(part):.2f})" for part in [*parts, [each.total_s for each in found]]]
    return [launcher, str(at_once), str(len(found)), *cells]


def read_latencies(sweep: Path) -> list[Latency]:
    """Of the trials that were stopped in a sweep directory of the app `stopped`."""
    directories: dict[int, str] = {}
    requested: dict[int, float] = {}
    found = []
    for event in read_ledger(sweep / "sweep.jsonl"):
        match event:
            case TrialBegan():
                directories[event.number] = event.directory
            case StopRequested():
                requested[event.number] = event.time_s
            case TrialEnded() if event.number in requested:
                times = json.loads(Path(directories[event.number], "times.json").read_text(encoding="utf-8"))
                marks = (times["logged_s"], requested[event.number], times["stopped_s"], event.time_s)
                found.append(Latency(*(after - before for before, after in pairwise(marks))))
    return found


@contextmanager
def _file(directory: Path) -> Iterator[str]:
    """The address of a store in a file, the same for all sweeps: to make its tables takes seconds."""
    yield f"sqlite:///{directory}/mlflow.db"


@contextmanager
def _server(directory: Path) -> Iterator[str]:
    """The address of an MLflow server by this host's name: jobs of a cluster are not given a file."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--backend-store-uri", f"sqlite:///{directory}/server.db", "--workers", "1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "0.0.0.0", "--allowed-hosts", "*", *options],
        cwd=directory,
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://{socket.gethostname()}:{port}"
        _wait_for(f"{address}/health", process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"mlflow server has ended with code {process.returncode}")


def _report(rows: Sequence[Sequence[str]], stops: int) -> str:
    columns = ["launcher", "at once", "stops", "decision, s", "exception, s", "end, s", "in all, s"]
    note = (
        f"A good trial, then {stops} that log one bad value at any time between two looks at the metrics, and wait; a "
        "bandit policy stops them. *Decision*: from their call of `mlflow.log_metric` to `stop_requested` in the "
        "ledger, with the default `poll_interval` of 1 s, a SQLite file as the store and, for SLURM, a server before "
        "one. *Exception*: from there to `TrialStopped` in the task. *End*: from there to `trial_ended` in the ledger, "
        "when the process is gone. Median and, in brackets, the worst. The goal is that none takes more than "
        f"{_GOAL_S} s on one machine."
    )
    return table("Stop latency: from the deciding value to the end of the trial", columns, rows, f"{note} {machine()}")


if __name__ == "__main__":
    main()
