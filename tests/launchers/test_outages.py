"""A directory that can no longer be written, a tracking server that is away: nothing that was known is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from azsweep_core.replay import Recorded, replay
from tests.core.tracking import conftest as stores
from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

Mount = Callable[..., None]

TASK = """
def note(word):  # in the working directory, which no disk's end concerns
    with open(f"{cfg.role}.notes", "a") as notes:
        notes.write(word + " ")

note("began")
if Path("mended").exists():
    return 2.0
try:
    if cfg.role == "fills":
        while not (Path("waits.notes").exists() and Path("ends.notes").exists()):
            time.sleep(0.02)
        with open(out() / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        Path("broken").touch()
    if cfg.role == "ends":
        while not Path("broken").exists():
            time.sleep(0.02)
        return 1.0
    time.sleep(300)
except TrialStopped as stopped:
    note(f"stopped: {stopped}")
    raise
"""


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts something on a directory until the test is over."""
    mounted: list[Path] = []

    def mount(directory: Path, *options: str) -> None:
        directory.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *options, str(directory)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        mounted.append(directory)

    yield mount
    for directory in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(directory)], capture_output=True, check=False)


def write(app: LauncherApp, *roles: str) -> None:
    """An app whose sweep has three trials at a time, and starts a fourth as soon as `ends` has ended."""
    app.write(
        TASK,
        {"role": ""},
        preamble="import contextlib\nfrom azsweep_core import TrialStopped",
        sweeper={
            "sampling_algorithm": "grid",
            "stop_grace": 5,
            "limits": {"max_concurrent_trials": 3},
            "search_space": {"role": {"type": "choice", "values": [*roles, "ends", "late"]}},
        },
    )


def notes(app: LauncherApp, role: str) -> str:
    return (app.directory / f"{role}.notes").read_text(encoding="utf-8")


def recorded(app: LauncherApp) -> Recorded:
    found = replay(app.directory / "sweep")
    assert found is not None
    return found


def assert_ended_in_words(app: LauncherApp, run: Run, cause: str) -> None:
    assert run.code == 1, run.text
    (said,) = [line for line in run.err.splitlines() if line.startswith("hydra.sweep.dir: ")]
    assert said.startswith(f"hydra.sweep.dir: must be a directory that can be written ({cause}); got {run.sweep}")
    assert said.endswith(
        ". Once it can, the same command with this directory goes on: trials that have ended are in its sweep.jsonl."
    )
    assert "Traceback" not in run.text
    assert app.processes() == []
    assert not recorded(app).is_over


def assert_completes(app: LauncherApp) -> None:
    """Once mended, the sweep goes on; what has ended does not run again."""
    (app.directory / "mended").touch()
    run = app.sweep()

    assert [row["state"] for row in run.trials] == ["completed"] * 4, run.text
    assert {row["role"]: row["value"] for row in run.trials} == {
        row["role"]: "1.0" if row["role"] == "ends" and notes(app, "ends").count("began") == 1 else "2.0"
        for row in run.trials
    }


def test_a_full_disk_stops_the_sweep_in_words_and_loses_nothing(app: LauncherApp, mount: Mount) -> None:
    mount(app.directory / "sweep", "-t", "tmpfs", "-o", "size=500k", "none")
    write(app, "fills", "waits")

    run = app.run("--multirun")

    assert_ended_in_words(app, run, "No space left on device")
    assert [notes(app, role).split()[:2] for role in ("fills", "waits")] == [["began", "stopped:"]] * 2
    assert "the sweep could not go on" in notes(app, "waits")

    (run.sweep / "0" / "filler").unlink()
    assert_completes(app)
    assert notes(app, "ends").count("began") == 1


def test_a_directory_that_becomes_read_only_stops_the_sweep_in_words_and_loses_nothing(
    app: LauncherApp, mount: Mount
) -> None:
    write(app, "waits", "waits_too")
    with app.started() as process:
        app.wait_for("waits_too.notes")
        app.wait_for("ends.notes")
        mount(app.directory / "sweep", "--bind", "-o", "ro", str(app.directory / "sweep"))
        (app.directory / "broken").touch()
        out, err = process.communicate(timeout=60)
    run = Run(process.returncode, out, err, app.directory / "sweep")

    assert_ended_in_words(app, run, "Read-only file system")
    for role in ("waits", "waits_too"):
        assert notes(app, role) == "began stopped: its sweep cannot go on "

    subprocess.run(["umount", str(app.directory / "sweep")], check=True)
    assert_completes(app)


LOGS = """
Path(f"began-{cfg.role}").touch()
def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.02)

if cfg.role == "returns":  # and ends while the server is away
    wait_for("away")
    return 1.0
if cfg.role == "logs":
    wait_for("back")
mlflow.log_metric("loss", {"logs": 2.0, "late": 3.0}[cfg.role])
"""


def test_a_tracking_server_that_is_away_for_a_while_misses_nothing(app: LauncherApp, server: str) -> None:
    """Trials go on, one ends meanwhile, another is to begin; in the end everything is there, and was said once."""
    sweeper = {
        "tracking": "mlflow",
        "sampling_algorithm": "grid",
        "experiment_name": "away for a while",
        "limits": {"max_concurrent_trials": 2},
    }
    app.write(LOGS, {"role": ""}, preamble="import mlflow", sweeper=sweeper)

    with (
        stores.gate_to(server) as gate,
        app.started("role=returns,logs,late", environment={"MLFLOW_TRACKING_URI": gate.address}) as process,
    ):
        app.wait_for("began-logs")
        app.wait_for("began-returns")
        gate.is_open = False
        (app.directory / "away").touch()
        app.wait_for("sweep/.azsweep/trials/0/1/result.json")
        stores.wait_until(lambda: gate.refused > 4, give_up_after_s=60)  # a call is two requests
        gate.is_open = True
        (app.directory / "back").touch()
        out, err = process.communicate(timeout=60)

    run = Run(process.returncode, out, err, app.directory / "sweep")
    assert run.code == 0, run.text
    assert run.text.count("The MLflow store does not answer; the sweep goes on meanwhile") == 1
    assert run.text.count("The MLflow store answers again") == 1
    assert [(row["role"], row["state"], row["value"], row["attempt"]) for row in run.trials] == [
        ("returns", "completed", "1.0", "1"),
        ("logs", "completed", "2.0", "1"),
        ("late", "completed", "3.0", "1"),
    ]
    client = MlflowClient(server)
    runs = [client.get_run(row["mlflow_run_id"]) for row in run.trials]
    found = [(each.info.status, each.data.params, each.data.metrics) for each in runs]
    assert found == [("FINISHED", {"role": row["role"]}, {"loss": float(row["value"])}) for row in run.trials]
    parent = client.get_run(runs[0].data.tags["mlflow.parentRunId"])
    assert (parent.info.status, parent.data.tags["best_metric"]) == ("FINISHED", "1.0")
    assert len(client.search_runs([parent.info.experiment_id])) == 4
