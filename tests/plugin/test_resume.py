"""The same command with the sweep's directory goes on: what changes it takes, what it refuses, and what MLflow sees."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from azsweep_core.ledger import LEDGER
from azsweep_core.lock import current_holder
from azsweep_core.replay import replay
from tests.plugin.conftest import App, Run
from tests.plugin.in_process import refuse

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

WAITS = """
if not (out() / "done_once").exists() and cfg.x >= cfg.waits_from:
    (out() / "done_once").touch()
    (out() / "started").touch()
    time.sleep(60)
return (cfg.x - 3) ** 2
"""
"""Trials from a certain x on wait, the first time that they run."""


def first_event(directory: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((directory / LEDGER).read_text(encoding="utf-8").splitlines()[0])
    return event


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestExtended:
    """A finished sweep takes further trials; the seed that was drawn for it stays."""

    def test_a_higher_total_adds_trials_to_those_there_are(self, app: App) -> None:
        arguments = ("x=uniform(0,6)", "hydra.sweeper.limits.max_concurrent_trials=2")
        first = app.sweep(*arguments, "hydra.sweeper.limits.max_total_trials=2")
        rows = first.trials
        before = {path: path.stat().st_mtime_ns for path in (first.sweep / "0").rglob("*")}

        second = app.sweep(*arguments, "hydra.sweeper.limits.max_total_trials=4")

        assert second.trials[:2] == rows
        assert [row["state"] for row in second.trials] == ["completed"] * 4
        assert "limits.max_total_trials: 2 -> 4, from now on" in second.out
        assert {path: path.stat().st_mtime_ns for path in (first.sweep / "0").rglob("*")} == before
        recorded = replay(first.sweep)
        assert recorded is not None
        seeds = [each.spec["sampling_algorithm"]["seed"] for each in (recorded.origin, recorded.latest)]  # type: ignore[index]
        assert seeds[0] == seeds[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> App:
    app = App(tmp_path_factory.mktemp("finished"))
    app.sweep("x=1,3")
    return app


class TestChanged:
    """A directory that holds another sweep is refused, with what differs."""

    @pytest.fixture
    def swept(self, finished: App, app: App) -> App:
        """A copy of a finished sweep, and of its app."""
        shutil.copytree(finished.directory, app.directory, dirs_exist_ok=True, symlinks=True)
        return app

    def test_everything_that_differs_is_shown(self, swept: App, capsys: pytest.CaptureFixture[str]) -> None:
        swept.write("return cfg.x", {"x": 1.0, "y": 7})

        run = refuse(swept, capsys, "x=1,2", "+z=1", "hydra.sweeper.objective.goal=maximize")

        lines = run.err.splitlines()
        assert lines[0] == f"hydra.sweep.dir: must not hold another sweep; got {run.sweep}, which differs:"
        assert lines[1:5] == [
            "  search_space.x.values: [1, 3] -> [1, 2]",
            "  objective.goal: 'minimize' -> 'maximize'",
            "  y: 0 -> 7",
            "  z: not set -> 1",
        ]
        assert lines[5].startswith("Choose another directory: what its trials have reported is no value")

    def test_what_may_be_allowed_is_told_how(self, swept: App, capsys: pytest.CaptureFixture[str]) -> None:
        run = refuse(swept, capsys, "x=1,2")

        assert run.err.splitlines()[2].endswith("hydra.sweeper.allow_spec_change=true.")

    def test_with_leave_it_goes_on(self, swept: App) -> None:
        run = swept.sweep("x=1,3,5", "hydra.sweeper.allow_spec_change=true")

        assert "search_space.x.values: [1, 3] -> [1, 3, 5], from now on" in run.out
        assert sorted(row["x"] for row in run.trials) == ["1", "3", "5"]

    def test_another_metric_is_another_sweep_whatever_is_allowed(
        self, swept: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = refuse(
            swept, capsys, "x=1,3", "hydra.sweeper.objective.primary_metric=acc", "hydra.sweeper.allow_spec_change=true"
        )

        assert "  objective.primary_metric: 'loss' -> 'acc'" in run.err

    def test_a_damaged_ledger_is_an_error_that_names_the_line(
        self, swept: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = swept.directory / "sweep" / LEDGER
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([lines[0], "{", *lines[2:]]) + "\n", encoding="utf-8")

        run = refuse(swept, capsys, "x=1,3")

        assert run.err.startswith(f"{path}:2: must be an event of a sweep; got '{{'")

    @pytest.mark.parametrize("left", [None, '{"event": "swee'])
    def test_trials_without_their_ledger_are_not_started_over(
        self, swept: App, capsys: pytest.CaptureFixture[str], left: str | None
    ) -> None:
        path = swept.directory / "sweep" / LEDGER
        path.unlink()
        if left is not None:
            path.write_text(left, encoding="utf-8")

        run = refuse(swept, capsys, "x=1,3")

        assert run.code == 1
        assert "hydra.sweep.dir: must not hold trials whose sweep.jsonl is gone or empty; got" in run.err


class TestInterrupted:
    """Ctrl-C and a later start: one sweep, one parent run."""

    def test_what_was_cancelled_runs_again_and_mlflow_sees_one_sweep(self, app: App, empty_store: Path) -> None:
        shutil.copy(empty_store, app.directory / "mlflow.db")
        app.write(WAITS, {"x": 1.0, "waits_from": 2}, preamble="import mlflow", sweeper={"tracking": "mlflow"})
        arguments = ("x=1,2,3", "hydra.sweeper.limits.max_concurrent_trials=3", "hydra.sweeper.sampling_algorithm=grid")
        stopped = app.interrupt(signal.SIGINT, *arguments)
        assert stopped.code == 130
        assert f"azsweep resume {stopped.sweep}" in stopped.out

        run = app.sweep(*arguments, "hydra.sweeper.limits.max_total_trials=3")

        assert [(row["state"], row["x"]) for row in run.trials] == [("completed", x) for x in ("1", "2", "3")]
        assert [row["attempt"] for row in run.trials][1:] == ["2", "2"]
        client = MlflowClient(f"sqlite:///{app.directory}/mlflow.db")
        runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
        parents = [each for each in runs if "mlflow.parentRunId" not in each.data.tags]
        assert [each.info.status for each in parents] == ["FINISHED"]
        children = {each.info.run_id: each.info.status for each in runs if each.info.run_id != parents[0].info.run_id}
        assert [children.pop(row["mlflow_run_id"]) for row in run.trials] == ["FINISHED"] * 3
        assert set(children.values()) <= {"KILLED"}  # what was cancelled
        assert parents[0].data.tags["best_child_run_id"] == run.trials[2]["mlflow_run_id"]

    def test_nobody_else_may_coordinate_a_sweep_that_runs(self, app: App, capsys: pytest.CaptureFixture[str]) -> None:
        app.write(WAITS, {"x": 1.0, "waits_from": 0})
        with subprocess.Popen(
            app.command("--multirun", "x=1,2"), cwd=app.directory, env=app.environment(), stdout=subprocess.DEVNULL
        ) as process:
            app.wait_for("sweep/*/started")
            second = app.run("--multirun", "x=1,2")
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)

        assert second.code == 1
        assert f"which process {process.pid} on" in second.err
        assert "must not hold a sweep that is running" in second.err


class TestDetached:
    """The command returns when the sweep has begun; the sweep needs nobody any more."""

    def test_the_command_shows_the_start_and_returns(self, app: App) -> None:
        app.write(WAITS, {"x": 1.0, "waits_from": 9})
        run = app.sweep("x=1,3", "hydra.sweeper.detach=true")

        assert "2 trials" in run.out
        assert f"azsweep attach {run.sweep}" in run.out
        log = run.sweep / ".azsweep" / "coordinator.log"
        until(lambda: "Run it again:" in log.read_text(encoding="utf-8"))
        assert run.results["trials"] == {"completed": 2}

    def test_it_hears_a_stop_from_elsewhere(self, app: App) -> None:
        from azsweep_core.coordinator import request_stop

        app.write(WAITS, {"x": 1.0, "waits_from": 0})
        run = app.sweep("x=1,3", "hydra.sweeper.detach=true")
        app.wait_for("sweep/*/started")

        request_stop(run.sweep, kill=False)

        until(lambda: (holder := current_holder(run.sweep)) is not None and holder.is_alive is False)
        assert run.results["stop_reason"] == "stopped by azsweep stop"
        assert "cancelled" in run.results["trials"]

    def test_a_start_that_fails_is_told_in_the_foreground_and_leaves_nothing(self, app: App) -> None:
        app.write("return 0.0", {"x": 1.0}, sweeper={"tracking": "mlflow"})

        run = app.run(
            "--multirun",
            "x=1,3",
            "hydra.sweeper.detach=true",
            environment={"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        )

        assert run.code == 1
        assert "http://127.0.0.1:9" in run.text
        assert {path.name for path in app.directory.iterdir()} == {"train.py", "conf"}


class TestRecord:
    """What the ledger says of where a sweep came from is enough to go on, and no secret."""

    def test_the_command_and_the_store_are_kept_without_credentials(self, app: App) -> None:
        address = "http://me:secret@host/x"
        app.write("return 0.0", {"x": 1.0, "uri": ""})

        run = app.sweep("x=1,2", f"uri='{address}'")

        started = first_event(run.sweep)
        assert started["command"][1:3] == ["train.py", "--multirun"]
        assert "uri='http://***@host/x'" in started["command"]
        assert started["working_dir"] == str(app.directory)
        assert "secret" not in json.dumps([started["command"], started["tracking_uri"]])

    def test_the_store_that_the_sweep_began_with_is_found_from_elsewhere(self, app: App, empty_store: Path) -> None:
        shutil.copy(empty_store, app.directory / "mlflow.db")
        app.write("return cfg.x", {"x": 1.0}, preamble="import mlflow", sweeper={"tracking": "mlflow"})
        app.sweep("x=1,2", "hydra.sweeper.limits.max_total_trials=1")
        (app.directory / "elsewhere").mkdir()
        command = ["../train.py", "--multirun", "x=1,2", f"hydra.sweep.dir={app.directory}/sweep"]

        done = subprocess.run(
            [app.command()[0], *command],
            cwd=app.directory / "elsewhere",
            env=app.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

        run = Run(done.returncode, done.stdout, done.stderr, app.directory / "sweep")
        assert run.code == 0, run.text
        assert [row["state"] for row in run.trials] == ["completed"] * 2
        assert list((app.directory / "elsewhere").iterdir()) == []
        assert yaml.safe_load((run.sweep / "optimization_results.yaml").read_text())["best_value"] == 1.0
