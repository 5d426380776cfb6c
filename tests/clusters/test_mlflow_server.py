"""docs/mlflow_server.md, followed word by word: PostgreSQL, a real `mlflow server` on it, and a sweep on that."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient

from azsweep_core.history import History
from azsweep_core.ledger import read_ledger
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import RESULTS
from azsweep_core.trial import Trial
from tests.clusters import postgres
from tests.clusters.slurm import wait_until
from tests.plugin.conftest import App

PAGE = Path(__file__).parents[2] / "docs" / "mlflow_server.md"
AT_ONCE = 8
LOGS = f"""
import mlflow
(out() / "started").write_text("")
while len(list(out().parent.glob("*/started"))) < {AT_ONCE}:  # so many log at once
    time.sleep(0.02)
for epoch in range(10):
    mlflow.log_metric("loss", cfg.x / (epoch + 1), step=epoch)
"""
SUDO = """#!/bin/sh
test "$1 $2" = "-u postgres" || exit 1
shift 2
exec env PGUSER=postgres PGHOST={socket} "$@"
"""


class Reader:
    """Somebody who follows the page on one host, with a host name, ports, a password and directories of their own."""

    def __init__(self, directory: Path, database: postgres.Postgres) -> None:
        self.directory = directory
        self.address = f"localhost:{postgres.free_port()}"
        self.own = {
            "login1:5000": self.address,
            "--host 0.0.0.0 --port 5000": f"--host 127.0.0.1 --port {self.address.partition(':')[2]}",
            "change-me": "Rosenkohl-23",
            "/srv/mlflow": str(directory / "artifacts"),
        }
        programs = directory / "programs"
        programs.mkdir()
        (programs / "sudo").write_text(SUDO.format(socket=database.directory), encoding="utf-8")
        (programs / "sudo").chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "HYDRA_", "PG"))}
        self.environment = {
            **clean,
            "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
            "HOME": str(directory),
            "PGPORT": str(database.port),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def block(self, beginning: str) -> str:
        """The page's only block of commands in which a line begins so, as this reader types it."""
        blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        (block,) = (each for each in blocks if re.search(f"^{re.escape(beginning)}", each, flags=re.MULTILINE))
        for theirs, mine in self.own.items():
            block = block.replace(theirs, mine)
        return str(block)

    def types(self, beginning: str) -> str:
        """Run such a block, which must end well, and return what it prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.block(beginning)],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def keeps_running(self, beginning: str) -> Iterator[Path]:
        """Run such a block until this ends; its output is in a file."""
        log = self.directory / "server.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.block(beginning)],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            yield log
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def database() -> Iterator[postgres.Postgres]:
    programs = postgres.programs()
    if isinstance(programs, str):
        if postgres.REQUIRED:
            pytest.fail(programs)
        pytest.skip(programs)
    with postgres.running(programs) as running:
        yield running


def shown_after(command: str) -> str:
    """What the page shows as the output of the block that begins so."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^```sh\n{re.escape(command)}.*?^```text\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def trials_in(ledger: Path) -> list[Trial]:
    history = History(Objective("loss", Goal.MINIMIZE))
    for event in read_ledger(ledger):
        history.apply(event)
    return list(history.trials)


def history_in(client: MlflowClient, trial: Trial) -> Mapping[int, float]:
    assert trial.mlflow_run_id is not None
    return {each.step: each.value for each in client.get_metric_history(trial.mlflow_run_id, "loss")}


def test_what_the_page_says_makes_a_server_on_postgresql_that_takes_a_sweep(
    tmp_path: Path, database: postgres.Postgres
) -> None:
    app = App(tmp_path)
    limits = {"max_total_trials": 20, "max_concurrent_trials": AT_ONCE}
    app.write(
        LOGS,
        {"x": 1.0},
        sweeper={"tracking": "mlflow", "limits": limits, "search_space": {"x": "uniform(1, 2)"}},
        files={"experiment/sweep": {}},
    )
    reader = Reader(tmp_path, database)

    reader.types("sudo -u postgres psql")
    installed = shlex.split(reader.block("pip install"))[2:]
    with reader.keeps_running("mlflow server") as log:
        wait_until(lambda: "Application startup complete" in log.read_text(), f"the server, {log}", timeout_s=120)
        answer = reader.types("curl")
        reader.types("python train.py")
        runs = reader.types("psql")
        client = MlflowClient(f"http://{reader.address}")
        trials = trials_in(tmp_path / "sweep" / "sweep.jsonl")
        stored = [history_in(client, trial) for trial in trials]

    assert [version(package) for package in installed]  # each is there
    assert answer.startswith(shown_after("curl").removesuffix("...\n"))
    assert runs == shown_after("psql")
    assert len(trials) == 20
    assert [{each.step: each.value for each in trial.measurements} for trial in trials] == stored
    assert [trial.value for trial in trials] == [min(values.values()) for values in stored]
    kept = {path.name for path in (tmp_path / "artifacts").rglob("*.*")}
    assert kept >= {"sweep_spec.yaml", *(Path(name).name for name in RESULTS)}
    assert not (tmp_path / "mlflow.db").exists()
