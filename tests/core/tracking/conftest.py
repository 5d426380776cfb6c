"""Real MLflow stores: an SQLite file for each test, and servers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from azsweep_core.objective import Goal, Objective
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Parameters, Trial, TrialState

collect_ignore = ["forks_after_using_mlflow.py", "imports_mlflow_in_the_task.py"]  # run as processes by the tests

OBJECTIVE = Objective("loss", Goal.MINIMIZE)


@pytest.fixture(autouse=True)
def quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """No telemetry, and nothing of the developer's own settings."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in [name for name in os.environ if name.startswith("MLFLOW_") and "TELEMETRY" not in name]:
        monkeypatch.delenv(name)


@dataclass
class Bench:
    """A tracker whose sweep has started, and what a trial's process would do with its run."""

    tracker: MlflowTracker
    client: MlflowClient
    trials: dict[int, Trial] = field(default_factory=dict)

    def start(self, number: int = 0, **parameters: object) -> Trial:
        return self.start_with(parameters, number)

    def start_with(self, parameters: Parameters, number: int = 0) -> Trial:
        run_id, _ = self.tracker.start_trial(number, parameters)
        return Trial(
            number=number,
            parameters=parameters,
            attempt=1,
            state=TrialState.RUNNING,
            submitted_s=0.0,
            mlflow_run_id=run_id,
        )

    def log(self, trial: Trial, value: float, *, step: int = 0, time_ms: int = 1000, name: str = "loss") -> None:
        self.client.log_metric(run_id_of(trial), name, value, timestamp=time_ms, step=step)

    def end(self, trial: Trial, state: TrialState = TrialState.COMPLETED, reason: str = "", **returned: float) -> Run:
        self.tracker.end_trial(replace(trial, state=state, reason=reason, ended_s=5.0), returned)
        return self.run(trial)

    def run(self, trial: Trial) -> Run:
        return self.client.get_run(run_id_of(trial))

    def parent(self) -> Run:
        """The sweep's own run: the only one without a parent."""
        (experiment,) = [e for e in self.client.search_experiments() if e.name == "experiment"]
        (parent,) = [
            run
            for run in self.client.search_runs([experiment.experiment_id])
            if "mlflow.parentRunId" not in run.data.tags
        ]
        return parent


def run_id_of(trial: Trial) -> str:
    assert trial.mlflow_run_id is not None
    return trial.mlflow_run_id


@pytest.fixture
def store(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty SQLite store in the test's own directory, which is the working directory."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def bench(store: str) -> Bench:
    tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep")
    tracker.start_sweep({"limits": {"max_total_trials": 4}})
    return Bench(tracker, MlflowClient(store))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running_server(directory: Path, port: int) -> Iterator[str]:
    """An `mlflow server` on the store in the directory, whatever name it is asked by; it is killed at the end."""
    options = ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--workers", "1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--allowed-hosts", "*", *options],
        cwd=directory,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_healthy(address), give_up_after_s=120)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def wait_until(condition: Callable[[], bool], give_up_after_s: float) -> None:
    pause = threading.Event()
    for _ in range(int(give_up_after_s / 0.1)):
        if condition():
            return
        pause.wait(0.1)
    pytest.fail(f"waited {give_up_after_s} s in vain")


@dataclass
class Gate:
    """An address in front of the server; closed, it hangs up on every request, and counts them; or it never answers."""

    address: str
    is_open: bool = True
    refused: int = 0
    answers: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def gate(server: str) -> Iterator[Gate]:
    with gate_to(server) as gate:
        yield gate


@contextmanager
def gate_to(server: str) -> Iterator[Gate]:
    here = Gate("")
    here.answers.set()

    class Forward(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not here.is_open:
                here.refused += 1
                self.close_connection = True
                return
            here.answers.wait()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            request = urllib.request.Request(server + self.path, body or None, kind, method=self.command)
            try:
                with urllib.request.urlopen(request) as answer:
                    status, content = answer.status, answer.read()
            except urllib.error.HTTPError as refusal:
                with refusal:
                    status, content = refusal.code, refusal.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names are http.server's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Forward) as forwarder:
        here.address = f"http://127.0.0.1:{forwarder.server_address[1]}"
        thread = threading.Thread(target=forwarder.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield here
        here.answers.set()
        forwarder.shutdown()
        thread.join()
